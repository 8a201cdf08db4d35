"""One video explained: where the network looks, what moved its prediction; as an object with figures and tables, files and one page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis import notes
from stavis.data.annotations.annotations import Annotations
from stavis.data.annotations.intervals import by_intervals
from stavis.data.crops.shown import Seen
from stavis.data.faces.blendshapes import signal_table
from stavis.errors import StavisError, offer
from stavis.groups.face_maps import FaceMaps
from stavis.inference.attribute import Method
from stavis.inference.devices import memory_kept
from stavis.inference.explained import METHODS, ExplainedVideo
from stavis.inference.predictor import Face, Network, Regions, Video, VideoReader, as_recording
from stavis.jobs.evaluate import RunEvaluation
from stavis.jobs.explain_report import agreement_table, explanation_report, frame_table, region_table, scrubber_of
from stavis.progress import stages
from stavis.show.figures.moments import filmstrip, key_moments, region_time_heatmap
from stavis.show.figures.over_time import share_over_time, valence_arousal, valence_traces
from stavis.show.figures.source_overlay import write_source_overlay
from stavis.show.paper.figure import PaperFigure, Width, for_paper
from stavis.show.paper.maps import overlay_figure, strip_figure
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.page import check_pieces
from stavis.storage.files import atomic_contents, atomic_file
from stavis.types import AttentionMaps, Attribution

PAGE = "report.html"
FIGURES = ("shares", "values", "moments", "heatmap", "plane", "overlay")
TABLES = ("regions", "agreement", "shares", "predictions", "signals")


def method_names(text: str) -> tuple[str, ...]:
    """The names in a list separated by commas, as shells and notebooks give it."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


class Explanation(ExplainedVideo):
    """One video explained, made by `Predictor.explain`: to look at, as tables and figures, and as files.

    Parameters
    ----------
    reading : Reading
        Values and attention for every frame.
    segment : slice
        Which frames `clip` and the attributions are of: all of a short video, the middle of a long one.
    clip : Clip
        The frames of the segment, with their regions.
    attributions : dict of str to Attribution
        What moved the prediction, by method.
    shares : DataFrame
        One row per frame: the share of each region in the attention, in [0,1].
    densities : dict of str to float
        Mean share over area by region; 1 is what an even attention has.
    notes : tuple of str
        What a reader must know beside the numbers.

    Examples
    --------
    >>> x = stavis.load("sta-synthetic", device="cpu").explain(video, methods=())
    >>> x.table("regions").columns.tolist()
    ['region', 'mean share', 'density']
    >>> type(x.figure("shares")).__name__
    'Figure'
    """

    def scrubber(self, sound: bool = True, context: bool = True) -> Scrubber:
        """The recording to scrub through: attention and each attribution over the crops; shares, values and gold under them. sound: with
        what is heard, muted until it is switched on. context: with the whole images that the crops were cut from, small."""
        return scrubber_of(self, sound, context)

    def figure(
        self, kind: str = "shares", *, width: Width | None = None, frame: int | None = None, maps: Sequence[str] = ("attention",)
    ) -> go.Figure | PaperFigure:
        """A figure: "shares" of the regions over time, "values" over time with gold ones where known, "moments" between which the
        attention changes most, "heatmap" of regions and time, "plane" of valence and arousal, "overlay" of maps on a frame.

        Without a width it is a plotly figure. With one ("column" 3.5 in, "page" 7.16 in, or inches) it is drawn for a paper, as an
        overlay always is. Both have `.save("f.pdf")`, also as .svg and .png at 300 dpi. frame: of the overlay, from 0 in `clip`, by default
        the first key moment; maps: of the overlay and of the moments on paper, "attention" or methods.

        Raises StavisError where there is no such figure, frame or map, the figure takes none, or the network has no attention to show.
        """
        if kind not in FIGURES:
            raise StavisError(f"an explanation has no figure {kind!r}: {offer(kind, FIGURES)}")
        if not len(self.clip):
            raise StavisError(f"{self.video.name} has no frames to show: a figure needs at least one.")
        _refuse_unused(kind, width, frame, maps)
        if kind == "values":
            return for_paper(valence_traces(self.clip, self.prediction, dimension=self.prediction.dimensions[0]), width)
        if kind == "plane":
            return for_paper(valence_arousal(self.prediction, clip=self.clip), width)
        if kind == "overlay" and (self.attention is not None or "attention" not in maps):
            shown = self._maps(maps)
            moment = int(key_moments(next(iter(shown.values())), 1)[0]) if frame is None else frame
            return overlay_figure(self.clip, shown, moment, width=width or "column")
        if (attention := self.attention) is None:
            raise StavisError(f"the system {self.predictor.system} has no attention: explain a run of the system sta.")
        if kind == "moments":
            moments = key_moments(attention)
            paper = strip_figure(self.clip, self._maps(maps), moments.tolist(), width=width or "page")
            return for_paper(filmstrip(self.clip, attention, moments=moments), width, paper)
        return for_paper({"shares": share_over_time, "heatmap": region_time_heatmap}[kind](self.clip, attention), width)

    def _maps(self, names: Sequence[str]) -> dict[str, AttentionMaps | Attribution]:
        """The maps of these names. Raises StavisError where there is none of a name."""
        known = {name: one for name, one in {"attention": self.attention, **self.attributions}.items() if one is not None}
        for name in names:
            if name not in known:
                raise StavisError(f"{self.video.name} was explained without a map {name!r}: choose among {', '.join(known)}.")
        return {name: known[name] for name in names}

    def table(self, kind: str = "regions", *, by: Annotations | None = None, tiers: Sequence[str] | None = None) -> pd.DataFrame:
        """A table: "regions" (mean share and density), "agreement" (of attributions with the attention), "shares" (one row per frame),
        "predictions" (one row per frame and dimension), "signals" (the tracker's, one row per frame; empty without a track).

        by: annotations whose spans and points (of all tiers, or of those named) become the rows, with the means over their frames:
        "regions" then has the shares of the regions and the predictions, "agreement" that of each method. Excluded ranges are left out.

        Raises StavisError where there is no such table, or the annotations hold no interval.
        """
        if kind not in TABLES:
            raise StavisError(f"an explanation has no table {kind!r}: {offer(kind, TABLES)}")
        if tiers is not None and by is None:
            raise StavisError("tiers are those of annotations: give these as by=, or leave tiers out.")
        if by is not None:
            return by_intervals(frame_table(self, kind), by, tiers)
        if kind == "signals":
            signals = signal_table(self.crops.track)
            return pd.DataFrame() if signals is None else signals
        if kind == "agreement":
            return agreement_table(self)
        return region_table(self) if kind == "regions" else self.shares if kind == "shares" else self.reading.table()

    @property
    def provenance(self) -> dict[str, str]:
        """What is needed to make this explanation again, and by what delay of the raters its values are earlier than labels."""
        delay = float(self.predictor.info.get("delay") or 0)
        return {**super().provenance, **({"delay": f"{delay:g} s"} if delay else {})}

    def report(self, evaluation: RunEvaluation | None = None, *, sound: bool = True, context: bool = True) -> HtmlReport:
        """The page about it; with an evaluation it says how good the network is. sound, context: see `scrubber`."""
        return explanation_report(self, evaluation, sound, context)

    def save(
        self,
        out: str | Path,
        *,
        page: str | Path | None = None,
        evaluation: RunEvaluation | None = None,
        overlay: bool = False,
        pieces: str = "auto",
        sound: bool = True,
        context: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Write attention.npz, shares.csv, predictions.csv, explain.json and (where a face was tracked) signals.csv and face_maps.npz
        under `out`, the page there as report.html or at `page`, and with `overlay` overlay.mp4: the attention on the source video.

        pieces: where the images and maps of a long recording stand: "inside" the page, or "beside" it in a folder named after it
        (report_files), to be copied along; "auto": beside where they are more than 48 MB. sound: page and overlay hold the sound.
        context: the page shows the whole images, small, beside the crops that were cut from them.

        Returns the page's path. Raises StavisError where `out` is a file or cannot be written.
        """

        def save_page(seen: Seen | None = None) -> None:
            with atomic_contents(out) as folder:
                _write(self, folder)
                report = explanation_report(self, evaluation, sound, context, seen)
                if not report.in_pieces:
                    report.save(page or folder / PAGE, pieces)
            if report.in_pieces:
                report.save(page or Path(out) / PAGE, pieces)

        if overlay and self.reading.attention is not None:
            maps, path = self.reading.attention, Path(out) / "overlay.mp4"
            write_source_overlay(path, self.video, self.crops, maps, progress, sound=sound, reading=save_page)
        else:
            save_page()
        return Path(page or Path(out) / PAGE)


def _refuse_unused(kind: str, width: Width | None, frame: int | None, maps: Sequence[str]) -> None:
    """Raises StavisError where a figure is given what it does not take: it would be passed over in silence."""
    if frame is not None and kind != "overlay":
        raise StavisError(f"the figure {kind!r} is of no single frame: leave frame out, or ask for the overlay.")
    if not maps:
        raise StavisError("no map is named for the figure: give maps=('attention',), or leave maps out.")
    if tuple(maps) != ("attention",) and kind != "overlay" and (kind != "moments" or width is None):
        raise StavisError(f"the figure {kind!r} is of the attention alone: leave maps out, or ask for the overlay or moments with a width.")


def of_stream(video: Video, stream: int | None) -> Video:
    """A video of whose file the video stream of that number is read; None: the best by libav's rule, or the one that is chosen already."""
    return video if stream is None else replace(as_recording(video), stream=stream)


def explain(
    run: Network,
    video: Video,
    out: str | Path | None = None,
    *,
    methods: Sequence[str | Method] = METHODS,
    target: str | int | None = None,
    source: str = "auto",
    face: Face = "largest",
    regions: Regions = None,
    attention_layers: bool = False,
    heads: int | None = None,
    page: str | Path | None = None,
    evaluation: RunEvaluation | None = None,
    overlay: bool = True,
    device: str = "auto",
    mirror: bool = False,
    mode: str = "window",
    quiet: bool = False,
    stream: int | None = None,
    pieces: str = "auto",
    sound: bool = True,
    context: bool = True,
) -> Explanation:
    """Explain a video with a network, with progress bars; with `out`, write all of it there (see `Explanation.save`).

    regions: "grid:3x3", or a CSV or npz of boxes or masks in source pixels; by default the parts of the face, of whole frames a grid.
    attention_layers, heads: also the attention of each layer of a transformer, and of each head of layer `heads`.
    mirror: values and attention are the mean of the video and its mirror image. mode: "window" or "stream", as for `stavis.load`.
    stream: the number of the video stream in the file; None: the best by libav's rule. pieces, sound, context: see
    `Explanation.save`.

    Raises StavisError where the video or the run cannot be read, or `out` cannot be written.
    """
    check_pieces(pieces)
    net = VideoReader.load(run, device=device, mirror=mirror, mode=mode)
    video = of_stream(video, stream)
    with memory_kept(), stages(quiet) as progress:
        options: dict[str, Any] = {"target": target, "source": source, "face": face, "regions": regions, "heads": heads}
        explanation = Explanation.of(net, video, methods=methods, attention_layers=attention_layers, **options, progress=progress)
        if out is not None:
            told = None if progress is None else lambda done, total: progress("overlay", done, total)
            explanation.save(
                out, page=page, evaluation=evaluation, overlay=overlay, pieces=pieces, sound=sound, context=context, progress=told
            )
    notes.show(explanation.new_notes)
    return explanation


def _write(explanation: Explanation, folder: Path) -> None:
    """Write the tables and maps into a folder, each whole or not at all."""
    if explanation.reading.attention is not None:
        with atomic_file(folder / "attention.npz") as temporary:
            np.savez_compressed(temporary, weights=explanation.reading.attention.weights, times=explanation.crops.times)
    tables = {name: explanation.table(name) for name in ("shares", "predictions", "signals")}
    tables["shares"] = tables["shares"].assign(valid=tables["shares"].valid.astype(int))
    for name, table in tables.items():
        if len(table.columns):
            with atomic_file(folder / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False, float_format="%.6g")
    on_face = FaceMaps.of(explanation)
    if on_face is not None:
        on_face.write(folder)
    explanation.summary.write(folder)
