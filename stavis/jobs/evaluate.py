"""A network evaluated on one split of a data set: scores under both protocols, attention against the truth where it is known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.attention.cue_scores import CueScores, cue_scores, cue_trace
from stavis.bootstrap import Interval
from stavis.data.crops.build import alignment_text, face_model
from stavis.data.crops.crops import Crops
from stavis.data.crops.dimensions import known_dimensions
from stavis.data.crops.many import Progress, notes_of
from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.selection import data_facts, label_sources, recordings_of
from stavis.data.datasets.truth import read_truth
from stavis.errors import StavisError, offer
from stavis.evaluation.evaluate import Evaluation, write_evaluation
from stavis.evaluation.evaluate import evaluate as evaluate_model
from stavis.evaluation.finding import evaluation_finding
from stavis.evaluation.people import trained_on
from stavis.evaluation.ranges import error_by_range
from stavis.inference.finding import Finding
from stavis.inference.predictor import Network, VideoReader
from stavis.inference.reading import rates_of
from stavis.notes import Notes, show
from stavis.progress import bar
from stavis.show.figures.errors import error_figure
from stavis.show.figures.over_time import mark_gaps, valence_traces
from stavis.show.paper.figure import PaperFigure, Width, for_paper
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber.describe import notices_of
from stavis.storage.files import atomic_contents, write_json
from stavis.synthetic.embedded import folder_of
from stavis.timeline import MAX_GAP
from stavis.types import Recording

_FILLED = {"interpolate": "interpolated", "zero": "predicted as 0", "drop": "not scored"}
_TRACES = 6  # recordings whose traces the page shows
FIGURES, TABLES = ("errors", "traces"), ("scores", "attention", "predictions")


@dataclass(frozen=True, repr=False)
class RunEvaluation:
    """A network's scores on one split, with the attention scored against the truth by scenario where the recordings are synthetic.

    evaluation: scores, predictions, readings, counts; cue: attention against the truth by scenario; recordings and crops in order;
    notices: what stands on top of its page, of what the network has seen; people: whether it was trained on the people in them, in words.
    """

    evaluation: Evaluation
    cue: dict[str, CueScores]
    recordings: list[Recording]
    crops: list[Crops]
    provenance: dict[str, str]
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    people: str = ""

    def __repr__(self) -> str:
        counts = self.evaluation.counts
        return f"RunEvaluation({counts['recordings_scored']} of {counts['recordings']} recordings scored, CCC {self.score().value:.3f})"

    @property
    def finding(self) -> Finding:
        """What was found, in two sentences: the scores, the attention against the truth where it is known, what could not be scored."""
        return evaluation_finding(self.evaluation, self.cue)

    def score(self, metric: str = "ccc", protocol: str = "concatenated") -> Interval:
        """One metric of the network's first dimension."""
        return next(iter(self.evaluation.scores[protocol][metric].values()))

    def scores(self) -> pd.DataFrame:
        """Every score with its interval: protocol, metric, dimension, value, low, high."""
        rows = [
            {"protocol": protocol.replace("_", " "), "metric": metric.upper(), "dimension": dimension, **_rounded(score)}
            for protocol, metrics in self.evaluation.scores.items()
            for metric, by_dimension in metrics.items()
            for dimension, score in by_dimension.items()
        ]
        return pd.DataFrame(rows)

    def table(self, kind: str = "scores") -> pd.DataFrame:
        """A table: "scores", "attention" (against the truth, by scenario; empty where there is none), or "predictions" (one row per
        label). Raises StavisError where there is no such table."""
        if kind not in TABLES:
            raise StavisError(f"an evaluation has no table {kind!r}: {offer(kind, TABLES)}")
        return self.scores() if kind == "scores" else cue_table(self.cue) if kind == "attention" else self.evaluation.predictions

    def figure(self, kind: str = "errors", recording: int | str = 0, *, width: Width | None = None) -> go.Figure | PaperFigure:
        """A plotly figure: "errors" (RMSE where the gold is low, middling or high) or "traces" (predicted and gold values over time of
        one recording as they are scored, by its name or number). With a width ("column", "page", inches) it is drawn for a paper; either
        has `.save("f.pdf")`.

        Raises StavisError where there is no such figure or recording.
        """
        if kind not in FIGURES:
            raise StavisError(f"an evaluation has no figure {kind!r}: {offer(kind, FIGURES)}")
        if kind == "traces":
            return for_paper(self._traces(recording), width)
        predictions = self.evaluation.predictions
        dimension = predictions.dimension.iloc[0]
        name = self.provenance.get("system", "network")
        table = error_by_range({name: {0: predictions[predictions.dimension == dimension]}})
        return for_paper(error_figure(table, dimension), width)

    def _traces(self, recording: int | str) -> go.Figure:
        names = [crops.recording for crops in self.crops]
        number = names.index(recording) if recording in names else recording
        if not isinstance(number, int) or not -len(names) <= number < len(names):
            raise StavisError(f"no recording {recording!r} was evaluated: choose one of {', '.join(names[:8])}, or its number from 0.")
        clip = self.crops[number].clip(regions=False)
        prediction = self.evaluation.readings[clip.recording].prediction
        rows = self.evaluation.predictions[self.evaluation.predictions.recording == clip.recording]
        predicted, gold = (rows[name].to_numpy(float).reshape(-1, len(clip)).T for name in ("predicted", "gold"))
        # what is scored stands in frames without a face as well, which are marked all the same
        scored = replace(clip, labels=gold, dimensions=prediction.dimensions, valid=np.ones(len(clip), bool))
        figure = valence_traces(scored, replace(prediction, values=predicted), dimension=prediction.dimensions[0])
        return mark_gaps(figure, clip)

    @property
    def protocol_text(self) -> str:
        """What a reader of the scores must know: how many recordings, whether of people who were trained on, what the intervals are of."""
        counts = self.evaluation.counts
        scored, frames = counts["recordings_scored"], counts["frames_scored"]
        what = f"{scored} of {counts['recordings']} recordings{self.people}, {frames} of {counts['frames']} frames"
        text = f"{what}; {self.alignment}; {self.evaluation.intervals}."
        return f"{text} Concatenated and per recording are two protocols of the field."

    @property
    def alignment(self) -> str:
        """What the crops were aligned by, in words; of synthetic recordings also what that leaves out."""
        return alignment_text(*(crops.source for crops in self.crops))

    def report(self) -> HtmlReport:
        """The page about it: scores with intervals, attention against the truth, traces of the first recordings."""
        report = HtmlReport("How good the network is", subtitle=self.protocol_text, provenance=self.provenance)
        for notice in self.notices:
            report.add_notice(notice)
        report.add_finding(self.finding)
        report.add_table("Scores", self.scores())
        if self.cue:
            report.add_table("Attention against the truth", self.table("attention"), "An even attention has a density of 1.")
        for number in range(min(_TRACES, len(self.crops))):
            report.add_figure(self.crops[number].recording, self.figure("traces", number))
        return report

    def save(self, out: str | Path) -> Path:
        """Write metrics.json, predictions.csv, report.html and, where the truth is known, attention.json under `out`.

        Returns the page's path. Raises StavisError where `out` is a file or cannot be written.
        """
        with atomic_contents(out) as files:
            write_evaluation(self.evaluation, files, self.provenance, finding=self.finding.sentences, notices=self.notices)
            if self.cue:
                write_json(files / "attention.json", {name: _cue_json(scores) for name, scores in self.cue.items()})
            self.report().save(files / "report.html")
        return Path(out) / "report.html"


def evaluate(
    run: Network,
    data: str | Path | None = None,
    *,
    split: str = "test",
    out: str | Path | None = None,
    device: str = "auto",
    source: str = "auto",
    fill: str = "read",
    fold: int | None = None,
    exclude: str | Path | None = None,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    mirror: bool = False,
    mode: str = "window",
    limit: int | None = None,
    quiet: bool = False,
) -> RunEvaluation:
    """Evaluate a network on one split of a data set (the embedded data where none is given); with `out`, write it there.

    The delay that the run's labels were shifted by is given back to its predictions. fill: what becomes of frames without a face:
    "read" takes the network's value where the face is lost for at most 5 s at one place, and interpolates elsewhere; "interpolate",
    "zero", "drop". fold: which of AFEW-VA's folds is the test split (None: that of the run). exclude: a CSV of ranges that are left out.
    time_unit, scale, max_gap: how label files are read, as in `read_dataset`. source: what crops are aligned by;
    with "face" a synthetic recording is read as anyone's video is, without its truth, and one in which no face is found is counted
    and not scored. mirror: predictions are the mean of each video and its mirror image. mode: "window" or "stream", as
    for `stavis.load`. limit: the first so many recordings only.

    Raises StavisError where the run or the data cannot be read, the split has no labels, or `out` cannot be written.
    """
    net = VideoReader.load(run, device=device, mirror=mirror, mode=mode)
    labels = LabelConfig(time_unit, scale, max_gap)
    options: dict[str, Any] = {"split": split, "source": source, "fill": fill, "fold": fold, "exclude": exclude}
    options |= {"limit": limit, "quiet": quiet}
    notes = Notes()
    try:
        result = evaluation_of(net, data, labels=labels, notes=notes, **options)
    finally:  # what is known of the videos may be why it failed
        show(notes)
    if out is not None:
        result.save(out)
    return result


def evaluation_of(
    net: VideoReader,
    data: str | Path | None = None,
    *,
    split: str = "test",
    source: str = "auto",
    fill: str = "read",
    fold: int | None = None,
    exclude: str | Path | None = None,
    labels: LabelConfig = LabelConfig(),
    limit: int | None = None,
    notes: Notes,
    quiet: bool = False,
) -> RunEvaluation:
    """What `evaluate` gives, of a network that is loaded; nothing is written or shown: what must be known of it and of its videos is
    added to `notes`.

    Raises StavisError as `evaluate` does.
    """
    facts = data_facts(folder := folder_of(data, quiet))
    fold = net.info.get("data", {}).get("fold") if fold is None and facts.get("format") == "AFEW-VA" else fold
    recordings = recordings_of(folder, split, labelled=True, fold=fold, exclude=exclude, labels=labels)[:limit]
    recordings = known_dimensions(recordings, net.network.dimensions)
    with bar(f"cropping the {split} split", quiet) as progress:
        crops = _crops(net, recordings, source, progress)
    notes.add(*notes_of(crops))
    with bar("reading the recordings", quiet) as progress:
        delay = float(net.info.get("delay") or 0)
        evaluation = evaluate_model(net.model, crops, fill=fill, delay=delay, reader=net.read_crops, progress=progress)
    people = trained_on(net.info, recordings, facts, split)
    warnings = (people.warning,) if people.warning else ()
    rates = rates_of(net.network, net.name, crops)
    notes.add(*evaluation.notes, *warnings)
    return RunEvaluation(
        evaluation=evaluation,
        cue=_cue(evaluation, recordings, crops),
        recordings=recordings,
        crops=crops,
        provenance=net.provenance(
            data=facts["name"],
            data_hash=facts.get("hash"),
            split=split,
            fold=fold,
            recordings=len(recordings),
            labels=label_sources(recordings),
            delay=f"{delay:g} s" if delay else None,
            frames_without_face=_lost(evaluation),
            crop=net.crop_text(*(each.source for each in crops)),
        ),
        notes=(*net.notes, *rates, *evaluation.notes, *warnings),
        notices=(*warnings, *rates, *notices_of([net])),
        people=people.text,
    )


def _lost(evaluation: Evaluation) -> str:
    """How many frames show no face, and what became of them."""
    lost, bridged = (evaluation.counts[name] for name in ("frames_without_face", "frames_bridged"))
    if evaluation.fill != "read":
        return f"{lost}, {_FILLED[evaluation.fill]}"
    return f"{lost}, of which {bridged} beside sightings at one place were read and the others interpolated" if lost else "0"


def _crops(net: VideoReader, recordings: list[Recording], source: str, progress: Progress | None) -> list[Crops]:
    """The recordings' crops; for "face" as without their truth, so that one without any face stays among them, with no valid frame."""
    if source != "face" or net.network.region == "frame":  # for whole images "auto" would not look for a face
        return net.crops_many(recordings, source=source, progress=progress)
    face_model()
    return net.crops_many([replace(one, truth=None) for one in recordings], source="auto", progress=progress)


def cue_table(scored: dict[str, CueScores]) -> pd.DataFrame:
    """Attention against the truth: of, metric, value, low, high; two rows for each entry."""
    rows = []
    for name, scores in scored.items():
        rows.append({"of": name, "metric": "correlation of mouth share with mouth cue", **_rounded(scores.correlation)})
        rows.append({"of": name, "metric": "density on the informative region (even attention = 1)", **_rounded(scores.density)})
    return pd.DataFrame(rows)


def _cue(evaluation: Evaluation, recordings: list[Recording], crops: list[Crops]) -> dict[str, CueScores]:
    """Attention against the truth, by scenario ("mouth", "eyes", "switching", ...), for synthetic recordings only."""
    traces: dict[str, list] = {}
    for recording, cropped in zip(recordings, crops, strict=True):
        reading = evaluation.readings[recording.name]
        if recording.truth is None or reading.attention is None or cropped.track is None:
            continue
        truth = read_truth(recording.truth)
        if len(truth.times) != len(cropped.times):
            continue
        regions = cropped.clip().regions
        if regions is None:
            continue
        traces.setdefault(scenario_of(truth.informative), []).append(
            cue_trace(reading.attention, regions, truth.mouth_cue, truth.informative)
        )
    return {name: cue_scores(each) for name, each in traces.items()}


def scenario_of(informative: np.ndarray) -> str:
    """What a synthetic recording asks of the attention: to stay on the mouth or the eyes, or to switch."""
    seen = frozenset(np.unique(informative[informative >= 0]).tolist())
    return {frozenset({0}): "mouth", frozenset({1}): "eyes", frozenset({0, 1}): "switching"}.get(seen, "other")


def _rounded(score: Interval) -> dict[str, float]:
    return {name: round(getattr(score, name), 3) for name in ("value", "low", "high")}


def _cue_json(scores: CueScores) -> dict:
    def plain(score: Interval) -> dict:
        return {name: round(getattr(score, name), 4) if np.isfinite(getattr(score, name)) else None for name in ("value", "low", "high")}

    return {"mouth_cue_correlation": plain(scores.correlation), "cue_density": plain(scores.density)}
