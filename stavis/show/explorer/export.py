"""What a user takes away from an explorer: a frame, a clip, a table, a page; and what the files are called."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from stavis.attention.shares import shares_over_time
from stavis.data.annotations.annotations import Annotations
from stavis.data.crops.shown import ShownFrames
from stavis.errors import StavisError
from stavis.show.explorer.source import ReadResult, RecordingSource
from stavis.show.figures.over_time import share_over_time, valence_traces
from stavis.show.figures.overlay import paint_map, write_overlay
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from stavis.storage.files import atomic_file
from stavis.types import AttentionMaps, Attribution, Clip

STILL_SIDE, FILM_SIDE, GIF_SIDE = 768, 512, 224
"""The longest sides of what is written, in pixels."""


def write_frame(
    path: str | Path, clip: Clip, maps: AttentionMaps | Attribution | None, frame: int, images: np.ndarray | ShownFrames | None = None
) -> Path:
    """Writes one frame with its map, enlarged to 768 px, as PNG; returns the path.

    The colours reach their full strength at the same value in all frames of the clip. images: the clip's frames with more pixels.
    """
    image = next(_pixels(clip, images, slice(frame, frame + 1)))
    factor = STILL_SIDE / max(image.shape[:2])
    size = tuple(max(1, round(side * factor)) for side in image.shape[1::-1])
    large = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)
    if maps is not None:
        values = maps.weights if isinstance(maps, AttentionMaps) else maps.values
        tops = [np.percentile(np.abs(one), 99.7) for one in values if np.isfinite(one).all() and one.any()]
        large = paint_map(large, values[frame], top=float(np.percentile(tops, 95)) if tops else None)
    with atomic_file(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", large[..., ::-1])[1].tobytes())
    return Path(path)


def write_clip(
    path: str | Path, clip: Clip, maps: AttentionMaps | Attribution | None, frames: slice, images: np.ndarray | ShownFrames | None = None
) -> Path:
    """Writes the frames with their map as .mp4 or .gif; returns the path. images: the clip's frames with more pixels."""
    part = clip[frames]
    if maps is None:
        maps = AttentionMaps(np.zeros((len(part), 1, 1), np.float32), part.times)
    elif isinstance(maps, AttentionMaps):
        maps = AttentionMaps(maps.weights[frames], part.times)
    else:
        maps = Attribution(maps.method, maps.target, maps.values[frames], part.times)
    side = GIF_SIDE if Path(path).suffix.lower() == ".gif" else FILM_SIDE
    return write_overlay(_pixels(clip, images, frames), maps, path, longest_side=side)


def _pixels(clip: Clip, images: np.ndarray | ShownFrames | None, frames: slice) -> Iterator[np.ndarray]:
    if isinstance(images, ShownFrames):
        return iter(images.part(frames))
    return iter((clip.frames if images is None else images)[frames])


def shares_table(clip: Clip, maps: AttentionMaps | Attribution, seen: ReadResult | None, annotations: Annotations) -> pd.DataFrame:
    """One row per frame: time, face (or valid), the map's share on each region, excluded, and what was predicted in each dimension."""
    table = shares_over_time(clip, maps).assign(excluded=~annotations.kept(clip.times))
    if seen is not None and seen.prediction is not None:
        for column, name in enumerate(seen.prediction.dimensions):
            table[f"predicted {name}"] = np.where(clip.valid, seen.prediction.values[:, column], np.nan)
    return table


def write_table(path: str | Path, table: pd.DataFrame) -> Path:
    """Writes a table as CSV, yes and no as 1 and 0; returns the path."""
    plain = table.assign(**{name: table[name].astype(int) for name in table.columns if table[name].dtype == bool})
    with atomic_file(path) as temporary:
        plain.to_csv(temporary, index=False, float_format="%.6g")
    return Path(path)


def explorer_report(scrubber: Scrubber, clip: Clip, maps: dict, seen: ReadResult | None, source: RecordingSource) -> HtmlReport:
    """The page of what is shown: the scrubber with all its maps, curves and annotations, and the figures; with provenance."""
    length = float(clip.times[-1] - clip.times[0])
    subtitle = f"{len(clip)} frames from {clip.times[0]:.2f} to {clip.times[-1]:.2f} s ({length:.1f} s)"
    report = HtmlReport(source.name, subtitle=subtitle, provenance=source.provenance)
    report.add_notes(source.notes)
    report.add_scrubber("Where it looks", scrubber)
    if "attention" in maps and clip.regions is not None:
        text = "The part of the attention on each region, frame by frame."
        report.add_figure("Attention by region", share_over_time(clip, maps["attention"]), text)
    for dimension in seen.prediction.dimensions if seen is not None and seen.prediction is not None else ():
        report.add_figure(f"Predicted {dimension}", valence_traces(clip, seen.prediction, dimension=dimension))
    return report


def chosen_map(maps: dict, name: str, purpose: str) -> AttentionMaps | Attribution:
    """The shown map. Raises StavisError where none is shown."""
    if name not in maps:
        raise StavisError(f"no map is shown, so there is nothing to make {purpose} of: choose a map first.")
    return maps[name]
