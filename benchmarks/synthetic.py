"""How fast faces are drawn: CPU time of one core a frame, drawn only and written to a data set (H.264, truth, labels)."""

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.renderer import HeadScene, sample_head
from stavis.synthetic.heads.source.model_file import head_model
from stavis.synthetic.recording import render
from stavis.synthetic.writer import write_dataset

RECORDINGS, SECONDS = 3, 8.0
MOST = 5.0  # ms a frame at 128 px
HEADS = 12  # people
SIZES = ((128, 128), (256, 256), (640, 480))


def drawn(spec: SyntheticConfig) -> float:
    """CPU seconds that drawing all recordings takes, what is decided before the first frame included."""
    started = time.process_time()
    for index in range(spec.recordings):
        for _ in render(spec, index).frames():
            pass
    return time.process_time() - started


def written(spec: SyntheticConfig) -> float:
    """CPU seconds that writing them takes; so few recordings are written in this process."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        write_dataset(Path(folder) / "set", spec)
        return time.process_time() - started


def heads() -> None:
    """Print a line per number of frames a person: people, and frames with all that a person takes, per CPU second at 112 px."""
    model, none = head_model(), np.zeros(30)
    motion = HeadMotion(np.zeros((30, 52), np.float32), none, none, none, none, none, none + 1)
    print("3D heads, 112 px: frames a person, people/s, frames/s of a person, frames/s in all; CPU time, one core")
    for count in (1, 8, 30):  # the first compiles
        people = frames = 0.0
        for index in range(HEADS):
            rng, started = np.random.default_rng([9, index]), time.process_time()
            person = sample_head(rng, model)
            covers = {"occluder_mouth": none, "occluder_eyes": none}
            scene = HeadScene(model, person, motion, rng=rng, size=(112, 112), fps=25.0, **covers)
            painted = time.process_time()
            for t in range(count):
                scene.frame(t)
            people, frames = people + painted - started, frames + time.process_time() - painted
        if count > 1:
            print(f"{count:9}{HEADS / people:9.0f}{HEADS * count / frames:9.0f}{HEADS * count / (people + frames):9.0f}")


def main() -> None:
    """Print a line a picture size: ms a frame and frames a second, drawn and written."""
    cv2.setNumThreads(1)
    print(f"{'px':>9}{'drawn':>9}{'written':>9}{'drawn':>9}{'written':>9}{'at most':>9}   ms a frame, then frames/s; CPU time, one core")
    for size in SIZES:
        spec = SyntheticConfig(scenarios=("switching", "mouth", "eyes"), recordings=RECORDINGS, seconds=SECONDS, size=size)
        frames = spec.recordings * spec.frames
        taken = [run(spec) / frames * 1000 for run in (drawn, written)]
        limit = f"{MOST:9.1f}" if size == SIZES[0] else " " * 9
        print(f"{'x'.join(map(str, size)):>9}{taken[0]:9.2f}{taken[1]:9.2f}{1000 / taken[0]:9.0f}{1000 / taken[1]:9.0f}{limit}")
    try:
        heads()
    except StavisError as error:
        print(error)
