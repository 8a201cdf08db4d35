"""What a user would write without this package, in plain form, beside what the package does: ratios of one run.

A window of its own for every frame, captum's integrated gradients, a seek for every frame: common in published code.
"""

import tempfile
import time

import av
import captum.attr
import numpy as np
import torch

from benchmarks.targets.measure import Result, at_least, paired
from benchmarks.targets.videos import clip_alone
from stavis.attribution.methods import integrated_gradients, saliency
from stavis.data.video.io import read_frames
from stavis.inference.reading import read
from stavis.models.sta import STA
from stavis.notes import Notes
from stavis.types import Clip, Target

FRAMES, SIDE, WINDOW = 100, 112, 25
STEPS = 32


def _frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def sliding_windows(model: torch.nn.Module, frames: np.ndarray) -> np.ndarray:
    """A value for each frame (T,) from a window of its own around it."""
    values = []
    for middle in range(len(frames)):
        around = np.clip(np.arange(middle - WINDOW // 2, middle + WINDOW // 2 + 1), 0, len(frames) - 1)
        clip = torch.from_numpy(frames[around]).permute(0, 3, 1, 2).float()[None] / 255
        with torch.no_grad():
            values.append(float(model(clip)[0, WINDOW // 2, 0]))
    return np.array(values)


def peer_sliding_windows() -> Result:
    """How many times as fast a clip is read as by one window a frame."""
    model, frames = STA().eval(), _frames(FRAMES)
    times = np.arange(FRAMES) / model.config.rate
    found = paired({"peer": lambda: sliding_windows(model, frames), "ours": lambda: read(model, frames, times)}, 3)
    return at_least("peer_sliding_windows", found["peer"] / found["ours"], 1.0, "x", f"{FRAMES} frames, windows of {WINDOW}")


def peer_integrated_gradients() -> Result:
    """How many times as fast integrated gradients of a window are as captum's own loop; and saliency, the default."""
    model, frames = STA().eval(), _frames(WINDOW)
    clip = Clip(frames, np.arange(WINDOW) / model.config.rate)
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float()[None] / 255
    plain = captum.attr.IntegratedGradients(lambda batch: model(batch)[..., 0].mean(1))

    def peer():
        return plain.attribute(images, baselines=torch.zeros_like(images), n_steps=STEPS, internal_batch_size=4)

    target = Target("valence")
    ours = {"integrated": lambda: integrated_gradients(model, clip, target), "saliency": lambda: saliency(model, clip, target)}
    found = paired({"peer": peer, **ours}, 3)
    detail = f"captum with {STEPS} steps {found['peer']:.2f} s, ours to 1 % {found['integrated']:.2f} s, saliency {found['saliency']:.2f} s"
    return at_least("peer_integrated_gradients", found["peer"] / found["integrated"], 1.0, "x", detail)


def frames_by_seeks(path, times) -> list[np.ndarray]:
    """Each frame of a video by a seek of its own."""
    images = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for one in times:
            container.seek(int(one / stream.time_base), stream=stream)
            found = next(frame for frame in container.decode(stream) if frame.time >= one - 1e-3)
            images.append(found.to_ndarray(format="rgb24"))
    return images


def peer_seeks() -> Result:
    """How many times as fast the frames of a video are read in one pass as by a seek each."""
    with tempfile.TemporaryDirectory() as folder:
        path = clip_alone(folder, (480, 270), seconds=4.0)
        seen, started = Notes(), time.process_time()
        ours = [(frame.time, frame.image) for frame in read_frames(path, notes=seen)]
        taken = time.process_time() - started
        started = time.process_time()
        peers = frames_by_seeks(path, [one for one, _ in ours])
        peer = time.process_time() - started
    same = all(np.array_equal(image, other) for (_, image), other in zip(ours, peers, strict=True))
    return at_least("peer_seeks", peer / taken, 1.0, "x", f"{len(ours)} frames of 480x270, the same pixels: {same}")
