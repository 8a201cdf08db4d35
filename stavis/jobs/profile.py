"""What explaining a video costs, stage by stage: nothing is taken from the cache, nothing is left in it."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from torch import nn

from stavis.data.crops.build import decided_source, face_model
from stavis.data.datasets.folder import recording_at
from stavis.data.faces.networks.model_file import VARIABLE
from stavis.data.faces.track_cache import load_or_track
from stavis.data.video.image_folder import images_hash, info_of
from stavis.data.video.io import read_frames
from stavis.inference.attribute import Method, chosen_methods, label_of
from stavis.inference.explained import METHODS, SHOWN_SECONDS, middle_segment
from stavis.inference.predictor import Network, VideoReader
from stavis.inference.reading import region_tables
from stavis.jobs.explain import Explanation
from stavis.notes import Notes
from stavis.printable import ShortRepr
from stavis.progress import stages
from stavis.show.figures.over_time import figure_of
from stavis.storage.cache import file_hash
from stavis.types import Recording

COLUMNS = ("stage", "frames", "cpu", "wall", "per_frame")


@dataclass(frozen=True, repr=False)
class Profile(ShortRepr):
    """What each stage of explaining one video took.

    table: one row per stage with its frames, cpu and wall (s) and per_frame (ms of CPU); stages whose names are indented are parts
    of the one above. seconds: the video's length.
    """

    video: str
    seconds: float
    table: pd.DataFrame
    _shown = ("video", "seconds", "cpu")

    @property
    def cpu(self) -> float:
        """CPU seconds of all stages together."""
        return float(self.table.cpu[~self.table.stage.str.startswith(" ")].sum())

    def __str__(self) -> str:
        lines = [f"{'stage':28}{'frames':>8}{'CPU s':>9}{'wall s':>9}{'ms a frame':>12}"]
        lines += [f"{row.stage:28}{row.frames:8}{row.cpu:9.2f}{row.wall:9.2f}{row.per_frame:12.2f}" for row in self.table.itertuples()]
        total = f"{self.cpu:.1f} s of CPU for {self.seconds:.1f} s of video: {self.cpu / max(self.seconds, 1e-9):.2f} x its length"
        return "\n".join([*lines, total])

    def figure(self) -> go.Figure:
        """CPU seconds by stage, as bars."""
        whole = self.table[~self.table.stage.str.startswith(" ")]
        bars = go.Bar(x=whole.cpu, y=whole.stage, orientation="h", hovertemplate="%{y}: %{x:.2f} s<extra></extra>")
        axes: dict[str, Any] = {"xaxis": {"title": "CPU seconds"}, "yaxis": {"autorange": "reversed"}}
        return figure_of(bars, title=f"CPU seconds, {self.video}", hovermode="closest", **axes)


@dataclass
class _Clock:
    frames: int
    rows: list[tuple] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, frames: int | None = None) -> Iterator[None]:
        """Time what happens inside."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.add(name, time.process_time() - cpu, time.perf_counter() - wall, frames)

    def add(self, name: str, cpu: float, wall: float, frames: int | None = None) -> None:
        frames = self.frames if frames is None else frames
        self.rows.append((name, frames, cpu, wall, 1000 * cpu / max(frames, 1)))


def profile(
    run: Network, video: str | Path, *, methods: Sequence[str | Method] = METHODS, device: str = "auto", quiet: bool = False
) -> Profile:
    """Explain a video with an empty cache and time every stage: decode, track, crop, the network's parts, attributions, page, overlay.

    Raises StavisError where the video cannot be read, or the network cannot be loaded.
    """
    net = VideoReader.load(run, device=device)
    chosen = chosen_methods(net.network.attention_options, methods)
    recording = recording_at(video)
    info = info_of(recording)
    clock = _Clock(len(info))
    tracked = net.network.region == "face" and decided_source(recording, "auto") == "face"
    with _empty_cache(tracked) as folder, stages(quiet) as progress:
        told = progress or (lambda *_: None)
        told("decode", 0, len(info))
        with clock.stage("decode"):
            for done, _ in enumerate(read_frames(info.path, info=info, notes=Notes()), 1):
                told("decode", done, len(info))
        if tracked:
            with clock.stage("decode and track"):
                load_or_track(info, _digest(recording), model=face_model(), progress=lambda *n: told("track", *n))
        with clock.stage("decode and crop"):
            crops = net.crops(recording)
        with _parts_timed(net.model) as parts, clock.stage("read"):
            reading = net.read_crops(crops, progress=lambda *n: told("read", *n))
        for name, (cpu, wall) in parts.items():
            clock.add(f"  {name}", cpu, wall)
        segment = middle_segment(crops.times, SHOWN_SECONDS)
        clip = crops.clip(segment.start, segment.stop)
        for method in chosen:
            with clock.stage(label_of(method), len(clip)):
                net.attribute([method], clip, progress=lambda *n: told("attributions", *n))
        with clock.stage("shares"):
            region_tables(reading, crops)
        explanation = Explanation.of(net, crops, methods=methods)
        with clock.stage("page, tables and overlay"):
            explanation.save(folder / "out", overlay=True)
    length = float(info.times[-1] - info.times[0]) if len(info) else 0.0
    return Profile(Path(video).name, length, pd.DataFrame(clock.rows, columns=COLUMNS))


def _digest(recording: Recording) -> str:
    return file_hash(recording.video) if recording.images is None else images_hash(recording.video, recording.images)


@contextmanager
def _parts_timed(model: nn.Module) -> Iterator[dict[str, list[float]]]:
    """CPU and wall seconds of each direct part of a network, filled as it runs; no hook stays."""
    spent: dict[str, list[float]] = {}
    begun: dict[str, tuple[float, float]] = {}

    def before(name: str) -> Callable:
        def hook(*_) -> None:
            begun[name] = time.process_time(), time.perf_counter()

        return hook

    def after(name: str) -> Callable:
        def hook(*_) -> None:
            total = spent.setdefault(name, [0.0, 0.0])
            total[0] += time.process_time() - begun[name][0]
            total[1] += time.perf_counter() - begun[name][1]

        return hook

    handles = []
    for name, part in model.named_children():
        handles += [part.register_forward_pre_hook(before(name)), part.register_forward_hook(after(name))]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _empty_cache(tracked: bool) -> Iterator[Path]:
    """A cache of its own inside the block; where faces are tracked, with the face model of the cache that was."""
    given = {name: os.environ.get(name) for name in ("STAVIS_CACHE", VARIABLE)}
    with tempfile.TemporaryDirectory(prefix="stavis-profile-") as folder:
        if tracked:
            os.environ[VARIABLE] = str(face_model().path)
        os.environ["STAVIS_CACHE"] = folder
        try:
            yield Path(folder)
        finally:
            for name, value in given.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
