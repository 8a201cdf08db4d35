"""What an evaluation is written down as: metrics.json, predictions.csv, attention.json and a page."""

from pathlib import Path

import numpy as np
import pandas as pd

from stavis.attention.cue_scores import CueScores
from stavis.bootstrap import Interval
from stavis.evaluation.evaluate import write_evaluation
from stavis.jobs.evaluate import RunEvaluation, evaluate_run
from stavis.show.figures.over_time import valence_traces
from stavis.show.reports.report import HtmlReport
from stavis.storage.files import atomic_contents, write_json

_TRACES = 6  # recordings whose traces the page shows


def evaluate(run: str | Path, data: str | Path | None = None, *, out: str | Path | None = None, **options) -> RunEvaluation:
    """Evaluate a run on one split of a folder; with `out`, write metrics.json, predictions.csv, report.html (and attention.json) there.

    `options` as in evaluate_run: split, device, source, fill, fold, exclude, quiet.

    Raises StavisError where the run or the data cannot be read, the split has no labels, or `out` cannot be written.
    """
    done = evaluate_run(run, data, **options)
    if out is not None:
        with atomic_contents(out) as files:
            write_evaluation(done.evaluation, files, done.provenance)
            if done.cue:
                write_json(files / "attention.json", {name: _cue_json(scores) for name, scores in done.cue.items()})
            evaluation_report(done).save(files / "report.html")
    return done


def evaluation_report(evaluation: RunEvaluation) -> HtmlReport:
    """The page about an evaluation: scores with intervals, attention against the truth, traces of the first recordings."""
    report = HtmlReport("How good the network is", subtitle=protocol_words(evaluation), provenance=evaluation.provenance)
    report.add_table("Scores", score_table(evaluation))
    if evaluation.cue:
        report.add_table("Attention against the truth", attention_scores(evaluation), "1 is the density that chance would give.")
    for number in range(min(_TRACES, len(evaluation.crops))):
        report.add_figure(evaluation.crops[number].recording, recording_traces(evaluation, number))
    return report


def recording_traces(evaluation: RunEvaluation, recording: int = 0):
    """Predicted and gold values of one evaluated recording over time, as a plotly figure."""
    crops = evaluation.crops[recording]
    prediction = evaluation.evaluation.readings[crops.recording].prediction
    return valence_traces(crops.clip(regions=False), prediction, dimension=prediction.dimensions[0])


def score_table(evaluation: RunEvaluation) -> pd.DataFrame:
    """Every score with its interval: protocol, metric, dimension, value, low, high."""
    rows = [
        {"protocol": protocol.replace("_", " "), "metric": metric.upper(), "dimension": dimension, **_rounded(score)}
        for protocol, metrics in evaluation.evaluation.scores.items()
        for metric, by_dimension in metrics.items()
        for dimension, score in by_dimension.items()
    ]
    return pd.DataFrame(rows)


def attention_scores(evaluation: RunEvaluation) -> pd.DataFrame:
    """Attention against the truth over all recordings of a split, by scenario; empty where the recordings are not drawn ones."""
    return cue_table_of(evaluation.cue)


def cue_table_of(scored: dict[str, CueScores]) -> pd.DataFrame:
    """Attention against the truth: of, figure, value, low, high; two rows for each entry."""
    rows = []
    for name, scores in scored.items():
        rows.append({"of": name, "figure": "correlation of mouth share with mouth cue", **_rounded(scores.correlation)})
        rows.append({"of": name, "figure": "density on the carrying region (1 = chance)", **_rounded(scores.density)})
    return pd.DataFrame(rows)


def protocol_words(evaluation: RunEvaluation) -> str:
    """What a reader of the scores must know: how many recordings, what the intervals are of."""
    counts = evaluation.evaluation.counts
    scored, frames = counts["recordings_scored"], counts["frames_scored"]
    people = f"{scored} of {counts['recordings']} recordings of people who were not trained on, {frames} of {counts['frames']} frames"
    return f"{people}; {evaluation.evaluation.intervals}. Concatenated and per recording are two protocols of the field."


def _rounded(score: Interval) -> dict[str, float]:
    return {name: round(getattr(score, name), 3) for name in ("value", "low", "high")}


def _cue_json(scores: CueScores) -> dict:
    def plain(score: Interval) -> dict:
        return {name: round(getattr(score, name), 4) if np.isfinite(getattr(score, name)) else None for name in ("value", "low", "high")}

    return {"mouth_cue_correlation": plain(scores.correlation), "cue_density": plain(scores.density)}
