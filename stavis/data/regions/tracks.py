"""Boxes and masks over time in source pixels, as masks over what a network is shown."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from stavis.data.datasets.folder import normal
from stavis.data.regions.source import ShownVideo, painted, set_of, shown_mask
from stavis.errors import StavisError
from stavis.regions import RegionSet
from stavis.timeline import longest_gap, resample

ALWAYS = 1e15
"""The ends of all time: a region that stays where it is has one row at either."""


@dataclass(frozen=True, eq=False)
class BoxTrack:
    """One region as boxes (N,4) x0 y0 x1 y1 in source pixels at rising `at` (N,), NaN where it is not there; interpolated between.

    Between boxes further apart than three median steps, before the first and after the last one it is not there either.
    """

    at: np.ndarray
    boxes: np.ndarray

    @property
    def area(self) -> float:
        """Its mean area in px."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return float(np.nanmean(sides.prod(1))) if np.isfinite(sides).any() else 0.0

    def inside(self, video: ShownVideo, part: slice, at: np.ndarray, reach: float) -> np.ndarray:
        """Which pixels of the images lie in it: (T,S,S) bool; `at` (T,) is on the clock of its own; `reach` is how far beyond its ends an
        image still belongs to it (half a frame)."""
        ends = np.clip(at, self.at[0], self.at[-1])
        boxes = resample(self.at, self.boxes, np.where(np.abs(ends - at) <= reach, ends, at))
        out = np.zeros((len(boxes), video.size, video.size), bool)
        there = np.flatnonzero(np.isfinite(boxes).all(1))
        affine = video.affine[part]
        x = y = last = None
        for t in there:
            if last is None or not np.array_equal(affine[t], last):
                last = affine[t]
                x, y = source_coordinates(last, video.size)
            x0, y0, x1, y1 = boxes[t]
            out[t] = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        return out


@dataclass(frozen=True, eq=False)
class MaskTrack:
    """One region as masks (N,H,W) bool in source pixels at rising `at` (N,): each image takes the nearest one, none beyond a gap of three
    median steps."""

    at: np.ndarray
    values: np.ndarray

    @property
    def area(self) -> float:
        """Its mean area in px, in the frames where it is there."""
        sizes = self.values.sum((1, 2))
        return float(sizes[sizes > 0].mean()) if sizes.any() else 0.0

    def inside(self, video: ShownVideo, part: slice, at: np.ndarray, reach: float) -> np.ndarray:
        """Which pixels of the images lie in it: (T,S,S) bool; arguments as for boxes."""
        nearest = np.abs(np.asarray(at)[:, None] - self.at[None]).argmin(1)
        near = np.abs(self.at[nearest] - at) <= (longest_gap(self.at) / 2 if len(self.at) > 1 else reach)
        out = np.zeros((len(at), video.size, video.size), bool)
        for t in np.flatnonzero(near):
            mask, affine = self.values[nearest[t]].astype(np.uint8), np.asarray(video.affine[part][t], np.float64)
            out[t] = cv2.warpAffine(mask, affine, (video.size, video.size), flags=cv2.INTER_NEAREST, borderValue=0)
        return out


@dataclass(frozen=True, eq=False)
class Tracks:
    """Regions from a file, by recording ("" where the file names none) and name; `clock` is "time" (s) or "frame" (from 0).

    Where two overlap, the smaller one (by its mean area) has the pixel. lines: where in the file each track first stands.
    """

    key: str
    path: str
    clock: str
    names: tuple[str, ...]
    by_recording: dict[str, dict[str, BoxTrack | MaskTrack]] = field(hash=False)
    places: dict[tuple[str, str, int], str] = field(default_factory=dict, hash=False)

    @property
    def region_set(self) -> RegionSet:
        """The regions of the file, in their order, and the rest of the frame."""
        return set_of(self.names, self.key)

    def of(self, recording: str) -> dict[str, BoxTrack | MaskTrack]:
        """The tracks of one recording. Raises StavisError where the file has none for it."""
        found = self.by_recording.get(normal(recording), self.by_recording.get(""))
        if found is None:
            some = ", ".join(sorted(self.by_recording)[:6])
            raise StavisError(f"{self.path} has no regions of the recording {recording!r} but of {some}: correct the column recording.")
        return found

    def check(self, video: ShownVideo) -> None:
        """Raises StavisError, naming the line, where a region lies beyond the video's end or outside its frame."""
        end = float(video.times[-1]) if self.clock == "time" else float(video.indices[-1])
        step = self._frame(video)
        start = min(0.0, float(video.times[0])) if self.clock == "time" else 0.0
        unit = " s" if self.clock == "time" else ""
        width, height = video.picture
        for name, track in self.of(video.recording).items():
            for row, at in enumerate(track.at):
                where = self.places.get((normal(video.recording), name, row)) or self.places.get(("", name, row)) or self.path
                if abs(at) < ALWAYS and not start - step <= at <= end + step:
                    raise StavisError(
                        f"{where}: {name} is at {self.clock} {at:g}{unit}, the video {video.recording} goes from {start:g} to "
                        f"{end:g}{unit}: correct the {self.clock}."
                    )
                if isinstance(track, BoxTrack) and np.isfinite(track.boxes[row]).all():
                    x0, y0, x1, y1 = track.boxes[row]
                    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
                        raise StavisError(
                            f"{where}: the box of {name} ({x0:g}, {y0:g}, {x1:g}, {y1:g}) lies outside the frame of {width}x{height} px: "
                            "give pixels of the source video."
                        )
            if isinstance(track, MaskTrack) and track.values.shape[1:] != (height, width):
                raise StavisError(
                    f"{self.path}: the masks of {name} are {track.values.shape[2]}x{track.values.shape[1]} px, the video is "
                    f"{width}x{height}: give masks of its size."
                )

    def masks(self, video: ShownVideo, part: slice) -> np.ndarray:
        """The regions in some of the images: (T,R,S,S) bool, a partition of what shows the video."""
        at = np.asarray(video.times if self.clock == "time" else video.indices, np.float64)[part]
        tracks = self.of(video.recording)
        order = tuple(sorted(tracks, key=lambda name: -tracks[name].area))
        inside = {name: tracks[name].inside(video, part, at, self._frame(video) / 2) for name in order}
        return painted(inside, order, self.region_set.names, shown_mask(video))

    def _frame(self, video: ShownVideo) -> float:
        """How long a frame is shown, on the clock of the regions."""
        times = video.times
        return (float(np.median(np.diff(times))) if len(times) > 1 else 0.04) if self.clock == "time" else 0.0


def source_coordinates(affine: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the middle of each pixel of an image lies in its frame: x and y (S,S), the left edge of a frame is 0."""
    linear = np.linalg.inv(affine[:, :2])
    u, v = np.meshgrid(np.arange(size), np.arange(size))
    x, y = np.einsum("ij,jvu->ivu", linear, np.stack([u - affine[0, 2], v - affine[1, 2]]))
    return x + 0.5, y + 0.5
