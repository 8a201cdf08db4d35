"""The verdict on a network: does its attention explain what it predicts, on recordings of a data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML

from stavis.attention.hooks import Attention
from stavis.attention.tokens import TokenAttention
from stavis.bootstrap import interval
from stavis.data.crops.crops import Crops
from stavis.data.crops.many import notes_of
from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.selection import data_facts, recordings_of
from stavis.errors import StavisError, offer
from stavis.groups.maps import ALPHA
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.inference.finding import Finding
from stavis.inference.predictor import Network, Regions, VideoReader
from stavis.inference.reading import rates_of
from stavis.models.card import seen_renderer
from stavis.notes import show
from stavis.progress import bar
from stavis.show.figures.areas import density_figure, insertion_figure
from stavis.show.figures.faithfulness_curves import faithfulness_figure
from stavis.show.figures.moments import agreement_matrix
from stavis.show.paper.figure import PaperFigure, Width, for_paper
from stavis.show.reports.mean_maps import mean_maps
from stavis.show.reports.report import HtmlReport
from stavis.show.reports.verdict_card import card
from stavis.show.scrubber.describe import notices_of
from stavis.show.tables import HELD, with_intervals
from stavis.storage.files import atomic_contents, atomic_file, write_json
from stavis.synthetic.config import RENDERERS
from stavis.synthetic.embedded import folder_of_first
from stavis.synthetic.heads.scene.kernels import compiled
from stavis.synthetic.heads.stage import require_heads
from stavis.timeline import MAX_GAP, stride_of
from stavis.trust.answers import USED
from stavis.trust.judge import Verdict
from stavis.trust.judge import verdict as judge
from stavis.types import Clip, Prediction, Target

FIGURES = ("between", "insertion", "curves", "localisation")
TABLES = ("answers", "tests", "localisation", "insertion", "agreement", "between")

CAPTIONS = {
    "Other attentions in its place": "Change of the prediction, in its standard deviations; growth of the error after an affine refit, in "
    "standard deviations of the labels; in brackets 95 % intervals over recordings; p: exact, by sign flips of recordings; p (Holm): "
    "corrected over these rows.",
    "Where the attention lies": "Left and right as in the image. Density is share over area: 1 is what an even spread would give; "
    "image left is the fraction of the share left of the face's midline. In brackets 95 % intervals over recordings.",
    "Attended cells first": "How much of the prediction comes back as cells are shown in some order, the mean over clips: area under the "
    "insertion curve (0 at the baseline, 1 at the clip), and its height at 2 to 5 % of the cells. In brackets 95 % intervals over "
    "recordings. Of random orders and random networks the mean.",
}
"""The tables of the page, and what their columns mean."""

LIMITS = {
    "tests": dict.fromkeys(("change", "change_low", "change_high"), USED) | {"p_holm": ALPHA},
    "localisation": dict.fromkeys(("density", "density_low", "density_high"), 1.0),
}
"""By table and column, what would count: numbers are shown with the digits that tell them from it."""

ALL = ("tests", "localisation", "insertion", "first_cells")
"""The tables that are also written as CSV, with all their columns."""

SHOWN = {"flat": "flat synthetic faces", "heads": "rendered 3D heads", "both": "flat synthetic faces and rendered 3D heads"}
"""What the clips show, by who rendered them."""

CURVES_CAPTION = (
    "Cells are shown over a blurred clip (insertion, more is better) or blurred away (deletion, less is better), the most attended first; "
    "grey: in random order. Bars: 95 % intervals over recordings."
)


@dataclass(frozen=True, repr=False)
class VerdictResult:
    """A verdict with the network and the clips that it is about: to look at, as tables and a figure, and as files.

    renderer: who rendered the faces of the clips ("flat", "heads", "both"); '' for recordings that were not rendered.
    """

    verdict: Verdict
    predictor: VideoReader
    clips: tuple[Clip, ...]
    provenance: dict[str, str]
    renderer: str = ""

    def __repr__(self) -> str:
        return f"VerdictResult({', '.join(f'{one.question}: {one.answer}' for one in self.verdict.answers)}; {self.shown})"

    @property
    def shown(self) -> str:
        """How many clips it was judged on, and of what where they were rendered."""
        count = self.verdict.clips
        return f"{count} clip{'s' * (count != 1)}" + (f" of {SHOWN[self.renderer]}" if self.renderer else "")

    @property
    def unlike(self) -> tuple[str, ...]:
        """A note where the network was trained on faces of the other renderer alone; none where it was not, or may have seen others."""
        seen = seen_renderer(self.predictor.info) if self.renderer in ("flat", "heads") else ""
        if {seen, self.renderer} != {"flat", "heads"}:
            return ()
        return (f"{self.predictor.name} was trained on {SHOWN[seen]} and is judged here on {SHOWN[self.renderer]}.",)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know beside the answers."""
        return (*self.predictor.notes, *self.unlike, *self.verdict.notes)

    @property
    def notices(self) -> tuple[str, ...]:
        """What stands on top of its page, of what the network has seen."""
        return notices_of([self.predictor])

    @property
    def finding(self) -> Finding:
        """What was found, in two sentences: the four answers, and where the attention is densest."""
        return Finding(self.verdict.sentences)

    def card(self) -> HTML:
        """The four answers as a card."""
        return HTML(card(self.verdict))

    def table(self, kind: str = "answers") -> pd.DataFrame:
        """A table: "answers" (one row per question), "tests" (other attentions in its place), "localisation" (where it lies),
        "insertion" (attended cells first), "agreement" (of methods with it), "between" (methods among themselves).

        Raises StavisError where there is no such table.
        """
        if kind not in TABLES:
            raise StavisError(f"a verdict has no table {kind!r}: {offer(kind, TABLES)}")
        found = self.verdict.table() if kind == "answers" else getattr(self.verdict, kind).copy()
        found.attrs[HELD] = dict.fromkeys(("effect", "low", "high"), tuple(found.threshold)) if kind == "answers" else LIMITS.get(kind, {})
        return found

    def figure(self, kind: str = "between", *, width: Width | None = None) -> go.Figure | PaperFigure:
        """A figure: "between", how alike each pair of methods is, "insertion", the area under the insertion curve by the order of the
        cells, "curves", insertion and deletion themselves, "localisation", the density on each part; the last three with intervals.

        Without a width it is a plotly figure; with one ("column", "page", inches) it is drawn for a paper. Both have `.save("f.pdf")`.

        Raises StavisError where there is no such figure, or nothing of it was measured.
        """
        if kind not in FIGURES:
            raise StavisError(f"a verdict has no figure {kind!r}: {offer(kind, FIGURES)}")
        if kind == "between":
            return for_paper(agreement_matrix(between_matrix(self.verdict)), width)
        if kind == "curves":
            if not len(self.verdict.curves):
                raise StavisError("this verdict holds no insertion and deletion curves: judge a network whose attention can be ranked.")
            return for_paper(faithfulness_figure(self.verdict.curves), width)
        made = insertion_figure(self.verdict.insertion) if kind == "insertion" else density_figure(self.verdict.localisation)
        return for_paper(made, width)

    def report(self) -> HtmlReport:
        """The page about it: the card, the tests behind it, where the map lies, agreement by method."""
        found = self.verdict
        judged = f"Output {found.dimension}, {self.shown}" if found.dimension else self.shown
        report = HtmlReport("Does the attention explain the prediction?", subtitle=judged, provenance=self.provenance)
        for notice in self.notices:
            report.add_notice(notice)
        report.add_finding(self.finding)
        for note in (*self.predictor.notes, *self.unlike):
            report.add_warning(note)
        report.add_html("Four questions", card(found, headline=False))
        if found.maps and self.clips:
            report.add_html("The map of each clip", mean_maps(self.clips, found.maps))
        if len(found.curves):
            report.add_figure("Insertion and deletion", self.figure("curves"), CURVES_CAPTION)
        self._add_tables(report)
        if len(found.between):
            text = "Correlation of the sizes of two maps, mean over clips."
            report.add_figure("Agreement between methods", self.figure("between"), text)
        return report

    def _add_tables(self, report: HtmlReport) -> None:
        """Each value with its interval in one column; all numbers of the long table below, folded."""
        tests, places = (with_intervals(with_names(self.table(kind))) for kind in ("tests", "localisation"))
        orders = with_intervals(by_order(self.verdict))
        long = self.verdict.insertion.set_index("clip").rename(lambda clip: f"clip {clip + 1}").T if len(orders) else None
        for (heading, caption), table in zip(CAPTIONS.items(), (tests, places, orders), strict=True):
            if heading == "Where the attention lies" and not any(str(name).startswith("image left") for name in table):
                caption = "Density is share over area: 1 is what an even spread would give. In brackets 95 % intervals over recordings."
            if len(table):
                report.add_table(heading, table, caption, limits={"p_holm": ALPHA}, folded=long if table is orders else None)

    def to_json(self) -> dict:
        """The verdict in plain types, None for what is undefined, and who rendered the faces of its clips where somebody did."""
        return self.verdict.to_json() | ({"renderer": self.renderer} if self.renderer else {})

    def save(self, out: str | Path) -> Path:
        """Write verdict.json, verdict.html, agreement.csv (tidy), and each table of the page with all its columns as CSV (tests.csv,
        localisation.csv, insertion.csv, first_cells.csv; those that were measured) under `out`, each whole or not at all.

        Returns the page's path. Raises StavisError where `out` is a file or cannot be written.
        """
        with atomic_contents(out) as files:
            more = {"finding": list(self.finding.sentences), "notices": list(self.notices), "provenance": self.provenance}
            write_json(files / "verdict.json", {**self.to_json(), **more})
            with atomic_file(files / "agreement.csv") as temporary:
                self.verdict.agreement.to_csv(temporary, index=False, float_format="%.6g")
            for kind in ALL:
                if len(table := getattr(self.verdict, kind)):
                    with atomic_file(files / f"{kind}.csv") as temporary:
                        table.to_csv(temporary, index=False, float_format="%.6g")
            self.report().save(files / "verdict.html")
        return Path(out) / "verdict.html"


def verdict(
    run: Network,
    data: str | Path | None = None,
    *,
    split: str = "test",
    clips: int = 12,
    dimension: str | int | None = None,
    renderer: str | None = None,
    out: str | Path | None = None,
    regions: Regions = None,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = False,
) -> VerdictResult:
    """Judge a network's attention on one clip of each of the first `clips` recordings of a split; with `out`, write it there.

    A clip is the middle window of a recording at the network's own frame rate. `out` gets verdict.json, verdict.html, agreement.csv.
    dimension: the output that is judged, by its name or number, for all clips; by default the first, of classes alone the likeliest over
    the clips, as a note says of a network with several.
    renderer: who renders the embedded faces where no data is given, "flat" or "heads" (`stavis fetch-models --heads` gets the head
    model); by default "heads" for a network that was trained on 3D heads alone, for its answers are about faces that it reads.
    regions: as for `Predictor.explain`; time_unit, scale, max_gap: how label files are read, as in `read_dataset`.

    Raises StavisError where the network or the data cannot be read, it has no such dimension, its readings are mirrored means, or the
    head model is not available.
    """
    net = VideoReader.load(run, device=device)
    if net.mirror:  # two maps a frame, of the video and of its mirror image: the tests replace one
        what = f"{net.name} was loaded with mirror=True, and the mean of two attentions is nothing that can be replaced inside it"
        raise StavisError(f"{what}: judge net.mirrored(False), which reads videos as they are.")
    output, labels = None if dimension is None else net.dimension_of(dimension), LabelConfig(time_unit, scale, max_gap)
    folder = folder_of_first(data, split, clips, quiet, _renderer_for(net, data, renderer))
    recordings = recordings_of(folder, split, labels=labels)[:clips]
    with bar(f"cropping the {split} split", quiet) as progress:
        crops = net.crops_many(recordings, regions=regions, progress=progress)
    rates = rates_of(net.network, net.name, crops)
    show(note for note in notes_of(crops) if not note.endswith(rates))
    chosen = tuple(middle_clip(each, net.network.rate, net.network.seconds, net.network.frames) for each in crops)
    attention = _attention_of(net.network)
    facts = data_facts(folder)
    rendered = _rendered_by(facts)
    output, by_rule = (output, ()) if output is not None else _output_of(net, crops, chosen)
    with bar("judging the attention", quiet) as progress:
        found = judge(net.differentiable(), chosen, attention=attention, target=Target(output), seed=seed, progress=progress)
    found = replace(found, notes=(*rates, *found.notes, *by_rule))
    about = {"data": facts["name"], "data_hash": facts.get("hash"), "split": split, "clips": len(chosen), "dimension": output}
    about |= {"crop": net.crop_text(*(each.source for each in crops)), "seed": seed, "renderer": rendered or None}
    result = VerdictResult(found, net, chosen, net.provenance(**about), rendered)
    if out is not None:
        result.save(out)
    return result


def _output_of(net: VideoReader, crops: Sequence[Crops], clips: Sequence[Clip]) -> tuple[str, tuple[str, ...]]:
    """The output that is judged where none was named, by the rule of `explain` over all clips, and a note of it where there are several."""
    if len(net.dimensions) == 1:
        return net.dimensions[0], ()
    seen, rule = None, "the first"
    if net.network.classes and net.network.bounds == (0.0, 1.0):  # for no other network the clips need be read
        values, rule = [], "the likeliest over the clips"
        for each, clip in zip(crops, clips, strict=True):
            first, last = np.searchsorted(each.times, clip.times[[0, -1]])
            values.append(net.read_crops(each, slice(int(first), int(last) + 1)).values)
        joined = np.concatenate(values)
        seen = Prediction(np.arange(len(joined)), joined, net.dimensions, net.network.bounds)
    name = net.dimension_of(None, seen)
    return name, (f"Judged is {name}, of {len(net.dimensions)} outputs {rule}: name another with dimension= (--target).",)


def _rendered_by(facts: dict) -> str:
    """Who rendered the faces of a data set, by what is known of it; '' where nobody did."""
    spec = facts.get("spec")
    renderer = spec.get("renderer", "flat") if isinstance(spec, dict) else ""
    return renderer if renderer in SHOWN else ""


def _renderer_for(net: VideoReader, data: str | Path | None, renderer: str | None) -> str:
    """Who renders the embedded data that a network is judged on; what was given is checked before anything is rendered."""
    if renderer is not None and renderer not in RENDERERS:
        raise StavisError(f"there is no renderer {renderer!r}: {offer(renderer, RENDERERS)}")
    if data is not None:
        if renderer is not None:
            raise StavisError(f"renderer={renderer!r} is for the embedded faces, and {data} was given: leave one of the two out.")
        return "flat"
    if renderer is None and seen_renderer(net.info) == "heads":
        try:
            require_heads()
            compiled()
        except StavisError as error:
            flat = 'or judge it on flat faces with renderer="flat" (--renderer flat)'
            raise StavisError(f"{net.name} is judged on 3D heads, as it was trained; {str(error).rstrip('.')}, {flat}.") from error
        return "heads"
    if renderer in ("heads", "both"):
        require_heads()
    return renderer or "flat"


def _attention_of(network: NetworkAdapter) -> Attention | None:
    """Where a network's attention is, as the tests find it in `differentiable()`; None for a network without."""
    options = network.attention_options
    if options is None:
        return None
    if options.get("layout") is None or network.attention is None:
        return options["attention"]
    return TokenAttention((network.attention,), options["layout"])


def middle_clip(crops: Crops, rate: float, seconds: float, length: int | None = None) -> Clip:
    """The window of `seconds` (or of `length` frames) in the middle of a recording, at about `rate` frames/s; all of a shorter one."""
    frames = np.arange(0, len(crops), stride_of(crops.times, rate))
    length = length or max(1, round(seconds * rate))
    start = max(0, (len(frames) - length) // 2)
    frames = frames[start : start + length]
    return crops.clip(int(frames[0]), int(frames[-1]) + 1)[frames - frames[0]]


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """A table of a verdict with its columns called what they hold: the ends of the growth's interval by the growth's name."""
    return table.rename(columns={"low": "growth_low", "high": "growth_high"}) if "growth" in table else table


def by_order(found: Verdict) -> pd.DataFrame:
    """One row per order in which cells are shown: area under the insertion curve and height at the first cells, each the mean over clips
    with its interval over recordings; numbered orders (random networks) are one row."""
    if not len(found.insertion):
        return pd.DataFrame()
    named = found.curves.drop_duplicates("clip").set_index("clip").group if len(found.curves) else None
    groups = None if named is None else named.reindex(found.insertion["clip"]).tolist()
    columns = {"area": found.insertion} | ({"at the first cells": found.first_cells} if len(found.first_cells) else {})
    orders: dict[str, list[str]] = {}
    for name in found.insertion.columns.drop("clip"):
        orders.setdefault(re.sub(r" \d+$", "", name), []).append(name)
    rows = []
    for order, own in orders.items():
        row: dict[str, str | float] = {"order of the cells": order if len(own) == 1 else f"{order} (mean of {len(own)})"}
        for name, table in columns.items():
            each = interval(table[own].mean(axis=1).to_numpy(), groups=groups)
            row |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
        rows.append(row)
    return pd.DataFrame(rows)


def between_matrix(found: Verdict) -> pd.DataFrame:
    """How alike each pair of methods is: a square table of correlations, mean over clips, 1 on the diagonal."""
    means = found.between.groupby(["method", "other"], sort=False).cc.mean()
    names = list(dict.fromkeys([*found.between.method, *found.between.other]))
    table = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for (method, other), value in means.items():
        table.loc[method, other] = table.loc[other, method] = value
    return table
