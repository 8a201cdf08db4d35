"""Two networks on one video: what each predicts, where each looks, and where they differ."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError, offer
from stavis.inference.explained import SHOWN_SECONDS, middle_segment, shown_outputs
from stavis.inference.predictor import Face, Network, Regions, Video, VideoReader, as_recording
from stavis.inference.reading import Reading
from stavis.notes import show
from stavis.progress import stages
from stavis.regions import spread
from stavis.show.figures.moments import key_moments
from stavis.show.figures.over_time import figure_of
from stavis.show.paper.figure import PaperFigure, Width, for_paper
from stavis.show.paper.maps import strip_figure
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.clock import MODES
from stavis.show.scrubber.describe import notices_of
from stavis.trust.agreement import agreement
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Target

TABLES = ("regions", "agreement", "predictions")
FIGURES = ("agreement", "moments")
VIEWS = ("choose", *MODES)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two networks on the same frames, made by `stavis.compare` or `Predictor.compare`.

    names: what the two are called; readings: of each, on the frames of `clip`; notes: of both; notices: what stands on top of
    its scrubber.
    """

    names: tuple[str, str]
    readings: tuple[Reading, Reading]
    clip: Clip
    title: str
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Comparison({' and '.join(self.names)}: {len(self.clip)} frames of {self.title})"

    @property
    def maps(self) -> dict[str, AttentionMaps | Attribution]:
        """The attention of each network that has one, and of two the difference, the first less the second, on the clip's pixels."""
        found: dict[str, AttentionMaps | Attribution] = {
            f"attention, {name}": one.attention for name, one in zip(self.names, self.readings, strict=True) if one.attention is not None
        }
        if len(found) == 2:
            first, second = (spread(one.weights, self.clip.frames.shape[1:3]) for one in self._both())
            name = f"{self.names[0]} − {self.names[1]}"
            found[name] = Attribution(name, Target(), (first - second).astype(np.float32), self.clip.times)
        return found

    @property
    def prediction(self) -> Prediction:
        """Every output of both, named after its network."""
        return self._joined([list(range(len(one.dimensions))) for one in self.readings])

    def _joined(self, columns: Sequence[Sequence[int]]) -> Prediction:
        """The given outputs of each network."""
        parts = list(zip(self.names, self.readings, columns, strict=True))
        labels = tuple(f"{one.dimensions[i]}, {name}" for name, one, chosen in parts for i in chosen)
        bounds = {one.prediction.bounds for one in self.readings}
        seen = self.clip.valid[:, None]
        values = np.concatenate([np.where(seen, one.prediction.values[:, list(chosen)], np.nan) for _, one, chosen in parts], 1)
        return Prediction(self.clip.times, values, labels, bounds.pop() if len(bounds) == 1 else None)

    def scrubber(self, view: str = "choose") -> Scrubber:
        """The frames to scrub through, with both predictions under them (of a network with many outputs the highest).

        view: "choose" offers the map of each network and their difference one at a time; "side by side" shows the frames twice, left
        with the attention of the first network, right with that of the second; "wipe" shows them once, with the first on the left of a
        line that one drags and the second on its right; "difference" shows where the first looks more than the second, and less.

        Raises StavisError for another view, or where a network has no attention to stand on its side.
        """
        if view not in VIEWS:
            raise StavisError(f"a comparison has no view {view!r}: {offer(view, VIEWS)}")
        if view != "choose":
            self._both()  # raises where one has none
        shown = self._joined([shown_outputs(one.prediction.values) for one in self.readings])
        made = Scrubber.from_clip(self.clip, self.maps, shown, title=self.title, notices=self.notices)
        if view != "choose":
            made.view = {"mode": MODES[view], "second": f"attention, {self.names[1]}"}
        return made

    def _both(self) -> tuple[AttentionMaps, AttentionMaps]:
        """The attention of both. Raises StavisError where one has none."""
        first, second = (one.attention for one in self.readings)
        if first is None or second is None:
            without = [name for name, one in zip(self.names, (first, second), strict=True) if one is None]
            raise StavisError(f"{' and '.join(without)} has no attention: compare the predictions, or give attention= when it is loaded.")
        return first, second

    def figure(self, kind: str = "agreement", *, width: Width | None = None) -> go.Figure | PaperFigure:
        """A figure: "agreement", how alike the two maps are over time; "moments", both maps and their difference at key moments.

        Without a width "agreement" is a plotly figure; with one ("column", "page", inches) it is drawn for a paper, as the moments always
        are. Both have `.save("f.pdf")`, also as .svg and .png at 300 dpi.

        Raises StavisError where there is no such figure, or not both have attention.
        """
        if kind not in FIGURES:
            raise StavisError(f"a comparison has no figure {kind!r}: choose one of {', '.join(FIGURES)}.")
        if kind == "moments":
            return strip_figure(self.clip, self.maps, key_moments(self._both()[0]).tolist(), width=width or "page")
        table = self.table("agreement")
        lines = [go.Scatter(x=table["time"], y=table[name], name=name, mode="lines") for name in table.columns.drop("time")]
        figure = figure_of(*lines, xaxis={"title": "time (s)"}, yaxis={"title": "agreement of the two maps", "range": [-1, 1]})
        return for_paper(figure, width)

    def table(self, kind: str = "regions") -> pd.DataFrame:
        """A table: "regions" (the share of each region in either attention, and the difference), "agreement" (one row per
        frame: rank correlation, divergence in bits, shared top of the two maps), "predictions" (one row per frame, all outputs).

        Raises StavisError where there is no such table, or not both have attention.
        """
        if kind not in TABLES:
            raise StavisError(f"a comparison has no table {kind!r}: {offer(kind, TABLES)}")
        if kind == "predictions":
            return pd.DataFrame(self.prediction.values, columns=list(self.prediction.dimensions)).assign(time=self.clip.times)
        maps = self._both()
        if kind == "agreement":
            first, second = (one.weights for one in maps)
            if first.shape[1] < second.shape[1]:
                first, second = second, first
            found = agreement(second, first)[["spearman", "jsd", "top_iou"]]
            found = found.rename(columns={"spearman": "rank correlation", "jsd": "divergence", "top_iou": "shared top"})
            return found.mask(np.repeat(~self.clip.valid[:, None], 3, 1)).assign(time=self.clip.times)
        if self.clip.regions is None:
            reason = "no face was tracked, so no" if self.clip.subject == "face" else "no"
            raise StavisError(f"{reason} regions are known: look at the agreement by frame.")
        regions = self.clip.region_set
        order = [regions.names.index(name) for name in regions.order]
        shares = [np.nanmean(np.where(self.clip.valid[:, None], self.clip.share(one), np.nan), 0)[order] for one in maps]
        columns = dict(zip(self.names, shares, strict=True))
        names = [name.replace("_", " ") for name in regions.order]
        return pd.DataFrame({"region": names, **columns, "difference": shares[0] - shares[1]})

    @property
    def summary(self) -> dict:
        """What is compared in numbers that JSON holds: names, mean agreement of the maps and shares by region (None where it is not
        defined), notes."""
        attends = all(one.attention is not None for one in self.readings)
        means = self.table("agreement").drop(columns="time").mean() if attends else {}
        agreement = {name: None if np.isnan(value) else round(float(value), 6) for name, value in means.items()} or None
        regions = self.table("regions").round(6).to_json(orient="records") if attends and self.clip.regions is not None else "null"
        return {"networks": list(self.names), "agreement": agreement, "regions": json.loads(regions), "notes": list(self.notes)}

    def save(self, path: str | Path, view: str = "choose") -> Path:
        """Write the scrubber's page, which works offline; returns its path. view as for `scrubber`."""
        return self.scrubber(view).save(path)


def compare(
    networks: Sequence[Network],
    video: Video,
    *,
    names: Sequence[str] | None = None,
    source: str = "auto",
    face: Face = "largest",
    regions: Regions = None,
    seconds: float = SHOWN_SECONDS,
    device: str = "auto",
    quiet: bool = False,
) -> Comparison:
    """Two networks on one video: both maps and their difference, both predictions, agreement by region and over time.

    Parameters
    ----------
    networks : sequence of two
        Anything that `stavis.load` takes, or what it gives.
    video : path, Recording or array (T,H,W,3) of uint8
        As for `Predictor.read`; so are `source` and `face`.
    names : sequence of two str, optional
        What they are called; by default their own names.
    source : str
        What the crops are aligned by; default "auto".
    face : "largest", int or (x, y)
        Which face is followed; default the largest.
    seconds : float
        How much of a longer video is compared, from its middle, in s; default 20.
    device : str
        As for `stavis.load`; default "auto".
    quiet : bool
        No progress bars; default False.

    Returns
    -------
    Comparison
        With `.scrubber()`, `.scrubber("side by side")`, `.table("regions")`, `.table("agreement")`, `.figure("agreement")`,
        `.save("page.html")`.

    Raises
    ------
    StavisError
        Where not two networks are given, or one is shown the face and the other the whole image.

    Examples
    --------
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> both = stavis.compare([net, net], video, names=("mine", "yours"))
    >>> both.prediction.dimensions
    ('valence, mine', 'valence, yours')
    >>> both.table("regions").columns.tolist()
    ['region', 'mine', 'yours', 'difference']
    """
    nets = [VideoReader.load(one, device=device) for one in _two(networks)]
    labels = _named(nets, names)
    recording = video if isinstance(video, np.ndarray) else as_recording(video)
    options = {"source": source, "face": face, "regions": regions, "times": _times(recording, nets[0])}
    with stages(quiet) as progress:
        crops = [_crops(one, name, recording, options, progress) for one, name in zip(nets, labels, strict=True)]
        return _compared(nets, crops, labels, seconds, progress)


def _two(networks: Sequence[Network]) -> Sequence[Network]:
    count = len(networks) if isinstance(networks, list | tuple) else 1
    if count != 2:
        raise StavisError(f"{count} network{'s are' if count != 1 else ' is'} given, expected two: give [first, second].")
    return networks


def _named(nets: Sequence[VideoReader], names: Sequence[str] | None) -> tuple[str, str]:
    """What the two are called, told apart where both have one name."""
    if len({one.network.region for one in nets}) > 1:
        raise StavisError("one network is shown the face and the other whole images: load both with the same region=.")
    if len({one.network.framing for one in nets}) > 1 and nets[0].network.region == "frame":
        raise StavisError("the two networks are shown frames in different ways: load both with the same framing=.")
    labels = tuple(names or (one.name for one in nets))
    if len(labels) != 2:
        raise StavisError(f"{len(labels)} names are given for two networks: give names=(first, second).")
    return labels if len(set(labels)) == 2 else (f"{labels[0]} (1)", f"{labels[1]} (2)")


def _compared(nets: Sequence[VideoReader], crops: Sequence[Crops], names: tuple[str, str], seconds: float, progress=None) -> Comparison:
    """Both readings of the middle of a video, on the larger of the two crops."""
    segment = middle_segment(crops[0].times, seconds)
    first, second = (
        net.read_crops(each, segment, progress=_stage(progress, f"attention, {name}"))
        for net, each, name in zip(nets, crops, names, strict=True)
    )
    readings = (first, second)
    larger = max(crops, key=lambda each: each.frames.shape[1])
    show(note for each in crops for note in each.notes)
    of_nets = (note for net, each in zip(nets, crops, strict=True) for note in net.notes_on(each))
    notes = tuple(dict.fromkeys((*of_nets, *(note for one in readings for note in one.notes))))
    return Comparison(names, readings, larger.clip(segment.start, segment.stop), crops[0].recording, notes, notices_of(nets))


def _crops(net: VideoReader, name: str, recording: Video, options: dict, progress) -> Crops:
    return net.crops(recording, **options, progress=_stage(progress, f"crops, {name}"))


def _stage(progress: Callable[[str, int, int], None] | None, name: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(name, done, total)


def _times(video: Video, net: VideoReader) -> np.ndarray | None:
    """One clock for both, where frames without times are given: that of the first network."""
    return np.arange(len(video)) / net.network.rate if isinstance(video, np.ndarray) else None
