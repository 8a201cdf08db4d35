"""Two recordings read by one network, on one clock: what it predicts in each, and where it looks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.errors import StavisError, offer
from stavis.inference.explained import ExplainedVideo
from stavis.inference.predictor import Face, Network, Regions, Video, VideoReader
from stavis.notes import show
from stavis.progress import stages
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.clock import OneClock, on_one_clock
from stavis.show.scrubber.describe import notices_of

TABLES = ("regions", "predictions")
SECONDS = 60.0
"""The longest segment that is compared, from where both recordings have begun."""


@dataclass(frozen=True, repr=False)
class RecordingComparison:
    """Two recordings read by one network, made by `jobs.compare_recordings` or `Predictor.compare_recordings`.

    names: what the two are called; results: of each, from where both have begun, which the page shows; offset: seconds added to the
    times of the second; notes: of both; notices: what stands on top of the scrubber. Means, shares and differences are over `shared`.
    """

    names: tuple[str, str]
    results: tuple[ExplainedVideo, ExplainedVideo]
    offset: float = 0.0
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        frames = " and ".join(f"{len(one.clip)} frames of {name}" for name, one in zip(self.names, self.results, strict=True))
        return f"RecordingComparison({frames})"

    @cached_property
    def clock(self) -> OneClock:
        """Both on the times of the one with more frames a second: frames, maps and curves."""
        return on_one_clock(self.results, self.names, self.offset)

    @cached_property
    def shared(self) -> tuple[ExplainedVideo, ExplainedVideo]:
        """Both over the segment that both have. Raises StavisError where there is none with frames of both."""
        begin, end = max(one[0] for one in self._times), min(one[-1] for one in self._times)
        first, second = (_cut(one, at, begin, end) for one, at in zip(self.results, self._times, strict=True))
        if not (len(first.clip) and len(second.clip)):
            raise StavisError(
                f"{' and '.join(self.names)} have no segment with frames of both: choose another offset, or compare more seconds."
            )
        return first, second

    @property
    def _times(self) -> list[np.ndarray]:
        return [np.asarray(one.clip.times, float) + shift for one, shift in zip(self.results, (0.0, self.offset), strict=True)]

    def _lengths(self) -> list[str]:
        """What must be known where one goes on after the other has ended."""
        lasts = [one[-1] for one in self._times]
        if max(lasts) - min(lasts) <= max(float(np.median(np.diff(one))) for one in self._times) + 1e-6:
            return []
        longer = int(np.argmax(lasts))
        seconds = min(lasts) - max(one[0] for one in self._times)
        return [
            f"{self.names[longer]} goes on for {max(lasts) - min(lasts):.1f} s after {self.names[1 - longer]} has ended: "
            f"means and shares are over the {seconds:.1f} s that both have."
        ]

    def scrubber(self) -> Scrubber:
        """The frames of both side by side to scrub through, each with its map, the curves of both in one chart."""
        return Scrubber.from_results(self.results, self.names, offset=self.offset, notices=self.notices)

    def table(self, kind: str = "regions") -> pd.DataFrame:
        """A table: "regions" (the mean share of each region in either recording over the segment that both have, and the difference), or
        "predictions" (one row per time of the common clock, every output of both, NaN where a recording has no frame).

        Raises StavisError where there is no such table, or no regions are known in both.
        """
        if kind not in TABLES:
            raise StavisError(f"a comparison of recordings has no table {kind!r}: {offer(kind, TABLES)}")
        if kind == "predictions":
            names = [f"{key}, {name}" for name, one in zip(self.names, self.results, strict=True) for key in one.prediction.dimensions]
            return self.clock.curves[["time", *names]]
        if not self._has_regions:
            raise StavisError("regions are not known in both recordings: look at the predictions.")
        shares = [np.nanmean(one.clip.share(one.attention)[one.clip.valid], 0) for one in self.shared if one.attention is not None]
        regions = self.results[0].clip.region_set
        order = [regions.names.index(name) for name in regions.order]
        columns = {name: share[order] for name, share in zip(self.names, shares, strict=True)}
        named = [name.replace("_", " ") for name in regions.order]
        return pd.DataFrame({"region": named, **columns, "difference": (shares[0] - shares[1])[order]})

    @property
    def _has_regions(self) -> bool:
        known = all(one.attention is not None and one.clip.regions is not None and one.clip.valid.any() for one in self.shared)
        return known and self.results[0].clip.region_set == self.results[1].clip.region_set

    @property
    def summary(self) -> dict:
        """What is compared in numbers that JSON holds: names, frames/s, seconds of each that are shown, `shared_seconds` that both have and
        that means and shares are over, mean predictions, shares by region, notes."""
        rates = [1 / float(np.median(np.diff(one.clip.times))) for one in self.results]
        table = self.table("regions").round(6).to_json(orient="records") if self._has_regions else "null"
        return {
            "recordings": list(self.names),
            "frames_per_second": [round(rate, 3) for rate in rates],
            "seconds": [round(float(np.ptp(one.clip.times)), 3) for one in self.results],
            "shared_seconds": round(min(one[-1] for one in self._times) - max(one[0] for one in self._times), 3),
            "offset": self.offset,
            "mean_predictions": {name: _means(one) for name, one in zip(self.names, self.shared, strict=True)},
            "regions": json.loads(table),
            "notes": list(self.notes),
        }

    def save(self, path: str | Path) -> Path:
        """Write the scrubber's page, which works offline; returns its path."""
        return self.scrubber().save(path)


def compare_recordings(
    network: Network,
    videos: Sequence[Video],
    *,
    names: Sequence[str] | None = None,
    offset: float = 0.0,
    source: str = "auto",
    face: Face = "largest",
    regions: Regions = None,
    seconds: float = SECONDS,
    device: str = "auto",
    quiet: bool = False,
) -> RecordingComparison:
    """Two recordings read by one network, on one clock: frames side by side, both predictions and the shares of both in one chart.

    Parameters
    ----------
    network : str, path or module
        Anything that `stavis.load` takes, or what it gives.
    videos : sequence of two
        Paths, Recordings or arrays (T,H,W,3) of uint8, at any two frame rates.
    names : sequence of two str, optional
        What they are called; by default the recordings' names.
    offset : float
        Seconds added to the times of the second, where the two do not begin together; default 0.
    source : str
        What the crops are aligned by; default "auto".
    face : "largest", int or (x, y)
        Which face is followed in both; default the largest.
    seconds : float
        How much of longer recordings is compared, from where both have begun, in s; default 60. Where one ends earlier, the page shows
        the rest of the other; means, shares and differences are over what both have.
    device : str
        As for `stavis.load`; default "auto".
    quiet : bool
        No progress bars; default False.

    Returns
    -------
    RecordingComparison
        With `.scrubber()`, `.table("regions")`, `.table("predictions")`, `.summary`, `.save("page.html")`.

    Raises
    ------
    StavisError
        Where not two recordings are given, one cannot be read, they share no moment, one has no frame rate, or the offset is no number.

    Examples
    --------
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> both = net.compare_recordings(video, video, names=("before", "after"))
    >>> both.table("predictions").columns.tolist()
    ['time', 'valence, before', 'valence, after']
    """
    _two(videos, names, offset)
    net = VideoReader.load(network, device=device)
    read = _read(net, videos, names or ("first recording", "second recording"), quiet, source=source, face=face, regions=regions)
    labels = _named(names or [one.crops.recording for one in read])
    both = RecordingComparison(labels, _segments(read, labels, offset, seconds), offset, notices=notices_of([net]))
    return replace(both, notes=_notes(net, both))


def _notes(net: VideoReader, both: RecordingComparison) -> tuple[str, ...]:
    """What must be known of both; what is not already known of the network is shown. Raises StavisError where they share no frame."""
    notes = tuple(dict.fromkeys([note for one in both.shared for note in one.notes] + both._lengths()))
    show(note for note in notes if note not in net.notes)
    return notes


def _two(videos: Sequence[Video], names: Sequence[str] | None, offset: float) -> None:
    """Raises StavisError where there are not two recordings, names of not two, or no number of seconds between them."""
    if not np.isfinite(offset):
        raise StavisError(f"an offset of {offset} s cannot be: give the seconds that are added to the times of the second recording.")
    if not isinstance(videos, list | tuple) or len(videos) != 2:
        count = len(videos) if isinstance(videos, list | tuple) else 1
        raise StavisError(f"{count} recording{'s are' if count != 1 else ' is'} given, expected two: give [first, second].")
    if names is not None and len(names) != 2:
        raise StavisError(f"{len(names)} names are given for two recordings: give names=(first, second).")


def _read(net: VideoReader, videos: Sequence[Video], titles: Sequence[str], quiet: bool, **options) -> list[ExplainedVideo]:
    """Both recordings, the stages of each under its title."""
    with stages(quiet) as progress:
        return [
            ExplainedVideo.of(net, one, methods=(), **options, progress=_of(progress, title))
            for one, title in zip(videos, titles, strict=True)
        ]


def _of(progress: Callable[[str, int, int], None] | None, title: str) -> Callable[[str, int, int], None] | None:
    """The stages of one recording, each under its title."""
    return None if progress is None else lambda stage, done, total: progress(f"{stage}, {title}", done, total)


def _named(names: Sequence[str]) -> tuple[str, str]:
    """What the two are called, told apart where both have one name."""
    return (names[0], names[1]) if names[0] != names[1] else (f"{names[0]} (1)", f"{names[1]} (2)")


def _segments(
    read: Sequence[ExplainedVideo], names: tuple[str, str], offset: float, seconds: float
) -> tuple[ExplainedVideo, ExplainedVideo]:
    """Both over at most `seconds` from where both have begun. Raises StavisError where there is no such moment."""
    for name, one in zip(names, read, strict=True):
        if len(one.crops.times) < 2:
            raise StavisError(f"{name} has one frame, so it has no frame rate: compare recordings of two frames or more.")
    times = [np.asarray(one.crops.times, float) + shift for one, shift in zip(read, (0.0, offset), strict=True)]
    begin, end = max(one[0] for one in times), min(one[-1] for one in times)
    if begin > end:
        spans = " and ".join(f"{name} ({one[0]:.1f} to {one[-1]:.1f} s)" for name, one in zip(names, times, strict=True))
        raise StavisError(f"{spans} share no moment: choose an offset with which they do.")
    cut = []
    for name, one, at in zip(names, read, times, strict=True):
        inside = int(((at >= begin - 1e-6) & (at <= begin + seconds + 1e-6)).sum())
        if inside < 2:
            raise StavisError(f"{name} has {inside} frame in the {seconds:g} s that are compared: compare more seconds.")
        cut.append(_cut(replace(one, segment=slice(0, len(at))), at, begin, begin + seconds))
    return cut[0], cut[1]


def _cut(one: ExplainedVideo, times: np.ndarray, begin: float, end: float) -> ExplainedVideo:
    """A recording from `begin` to `end` s; times: of the frames of its segment, on the common clock."""
    first, stop = np.searchsorted(times, begin - 1e-6), np.searchsorted(times, end + 1e-6, "right")
    segment = slice(one.segment.start + int(first), one.segment.start + max(int(first), int(stop)))
    return replace(one, segment=segment, clip=one.crops.clip(segment.start, segment.stop))


def _means(one: ExplainedVideo) -> dict[str, float | None]:
    """The mean of each output over the frames that are compared."""
    values = one.prediction.values
    means = np.nanmean(values, 0) if np.isfinite(values).any() else np.full(values.shape[1], np.nan)
    return {key: round(float(mean), 6) if np.isfinite(mean) else None for key, mean in zip(one.prediction.dimensions, means, strict=True)}
