"""Maps over images for a paper: a frame with its outlines, legend and colour bar; a strip of moments with a row for each map."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.show.figures.colours import groups_of
from stavis.show.figures.over_time import require_frames
from stavis.show.figures.overlay import paint_map
from stavis.show.paper.figure import PaperFigure, Width, inches
from stavis.types import AttentionMaps, Attribution, Clip

Maps = Mapping[str, AttentionMaps | Attribution]
_PANEL = 512
_GREY = 128


@dataclass(frozen=True)
class _Row:
    """One map as it is painted: its values (T,h,w) in its unit, the value with full colour, whether it has a sign."""

    name: str
    values: np.ndarray
    top: float
    signed: bool
    unit: str

    @classmethod
    def of(cls, name: str, maps: AttentionMaps | Attribution) -> "_Row":
        attention = isinstance(maps, AttentionMaps)
        values = np.asarray(maps.weights * maps.weights[0].size if attention else maps.values, np.float32)
        finite = np.abs(values[np.isfinite(values).all((1, 2))])
        tops = np.percentile(finite.reshape(len(finite), -1), 99.7, axis=1) if len(finite) else np.ones(1)
        top = float(np.percentile(tops[tops > 0], 95)) if (tops > 0).any() else 1.0
        signed = bool((np.nan_to_num(values) < 0).any())
        return cls(name, values, top, signed, "density" if attention else "")

    def painted(self, image: np.ndarray, frame: int) -> np.ndarray:
        return paint_map(image, self.values[frame], top=self.top, signed=self.signed)

    def bar(self) -> np.ndarray:
        """The colours from bottom to top as they lie over middle grey: (256,1,3) uint8."""
        scale = np.linspace(self.top, -self.top if self.signed else 0, 256, dtype=np.float32)
        grey = np.full((256, 1, 3), _GREY, np.uint8)
        return paint_map(grey, scale[:, None], top=self.top, signed=self.signed)


def overlay_figure(clip: Clip, maps: Maps, frame: int, *, width: Width = "column", outlines: bool = True) -> PaperFigure:
    """One frame, once without and once with each map; region outlines with a legend, a colour bar for each map.

    Raises StavisError where the clip has no frames or no such frame, or there is no map.
    """
    _check(clip, maps, [frame])
    rows = [_Row.of(name, one) for name, one in maps.items()]
    shown = outlines and clip.regions is not None
    columns, across = 1 + len(rows), inches(width)
    legend = _legend_rows(clip, across) if shown else 0
    panel = across / (columns + 0.22 * len(rows))
    aspect = (panel * _aspect(clip) + 0.2 + 0.13 * legend) / across

    def draw(figure) -> None:
        axes = figure.subplots(1, columns, squeeze=False)[0]
        image = _large(clip.frames[frame])
        for k, (axis, title) in enumerate(zip(axes, [_moment_text(clip, frame), *(row.name for row in rows)], strict=True)):
            _show(axis, image if k == 0 else rows[k - 1].painted(image, frame), title)
            if shown and k:
                _outline(axis, clip, frame)
            if k:
                _add_bar(figure, axis, rows[k - 1])
        if shown:
            _legend(figure, clip, across)

    return PaperFigure(draw, across, aspect, f"frame {frame + 1} of {clip.recording}")


def strip_figure(clip: Clip, maps: Maps, moments: Sequence[int], *, width: Width = "page") -> PaperFigure:
    """The frames at the given moments, in a row for each map over them, with the times and a colour bar for each row.

    Raises StavisError where the clip has no frames, a moment is none of them, or there is no map.
    """
    moments = [int(one) for one in moments]
    _check(clip, maps, moments)
    rows = [_Row.of(name, one) for name, one in maps.items()]
    across = inches(width)
    panel = (across - 0.55 - (0.18 if len(rows) > 1 else 0)) / len(moments)
    aspect = (len(rows) * (panel * _aspect(clip) + 0.03) + 0.16) / across

    def draw(figure) -> None:
        axes = figure.subplots(len(rows), len(moments), squeeze=False)
        for line, row in zip(axes, rows, strict=True):
            for axis, frame in zip(line, moments, strict=True):
                _show(axis, row.painted(_large(clip.frames[frame]), frame), _moment_text(clip, frame) if row is rows[0] else "")
            if len(rows) > 1:
                line[0].set_ylabel(row.name)
            _add_bar(figure, list(line), row, label=row.unit if len(rows) > 1 else f"{row.name} {row.unit}".strip())

    return PaperFigure(draw, across, aspect, f"{len(moments)} moments of {clip.recording}")


def _check(clip: Clip, maps: Maps, frames: Sequence[int]) -> None:
    name = clip.recording or "the clip"
    require_frames(clip)
    if not len(frames):
        raise StavisError(f"no moment of {name} is asked for: a figure needs at least one.")
    for frame in frames:
        if not 0 <= frame < len(clip):
            raise StavisError(f"{name} has no frame {frame}: it has {len(clip)}, counted from 0.")
    if not maps:
        raise StavisError(f"there is no map to lay over {name}: give one by its name.")
    for key, one in maps.items():
        if len(one.times) != len(clip):
            raise StavisError(f"the map {key!r} has {len(one.times)} frames for a clip of {len(clip)}: compute it on this clip.")


def _aspect(clip: Clip) -> float:
    return clip.frames.shape[1] / clip.frames.shape[2]


def _large(image: np.ndarray) -> np.ndarray:
    factor = _PANEL / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)


def _moment_text(clip: Clip, frame: int) -> str:
    text = f"{clip.times[frame]:.2f} s"
    return text if clip.valid[frame] else f"{text}, {clip.no_frame_text.removesuffix(' found')}"


def _show(axis, image: np.ndarray, title: str) -> None:
    axis.imshow(image, interpolation="antialiased")
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    if title:
        axis.set_title(title, pad=3)


def _outline(axis, clip: Clip, frame: int) -> None:
    height, width = clip.regions.shape[2:]
    size = axis.images[0].get_array().shape[:2]
    x = (np.arange(width) + 0.5) * size[1] / width - 0.5
    y = (np.arange(height) + 0.5) * size[0] / height - 0.5
    effects = importlib.import_module("matplotlib.patheffects")
    for group in groups_of(clip.region_set):
        if group.faint:
            continue
        for row in group.rows:
            mask = clip.regions[frame, row]
            if mask.any() and not mask.all():
                lines = axis.contour(x, y, mask.astype(float), [0.5], colors=[group.dark], linewidths=0.8)
                lines.set_path_effects([effects.Stroke(linewidth=1.5, foreground="#00000088"), effects.Normal()])


def _legend_rows(clip: Clip, across: float) -> int:
    count = sum(not group.faint for group in groups_of(clip.region_set))
    return -(-count // _legend_columns(count, across))


def _legend_columns(count: int, across: float) -> int:
    return max(1, min(count, int(across / 0.85)))


def _legend(figure, clip: Clip, across: float) -> None:
    line = importlib.import_module("matplotlib.lines").Line2D
    groups = [group for group in groups_of(clip.region_set) if not group.faint]
    handles = [line([], [], color=group.dark, linewidth=1.4, label=group.label) for group in groups]
    figure.legend(handles=handles, loc="outside lower center", ncols=_legend_columns(len(groups), across), columnspacing=1.2, borderpad=0.1)


def _add_bar(figure, axes, row: _Row, label: str | None = None) -> None:
    """A colour bar beside one axis or a row of them, with the colours as they are laid over an image."""
    colours = importlib.import_module("matplotlib.colors").ListedColormap(row.bar()[::-1, 0] / 255.0)
    scale = importlib.import_module("matplotlib.colors").Normalize(-row.top if row.signed else 0, row.top)
    mappable = importlib.import_module("matplotlib.cm").ScalarMappable(scale, colours)
    bar = figure.colorbar(mappable, ax=axes, fraction=0.05, pad=0.02, aspect=18)
    bar.outline.set_linewidth(0.4)
    bar.ax.locator_params(nbins=4)
    text = row.unit if label is None else label
    if text:
        bar.set_label(text, labelpad=2)
