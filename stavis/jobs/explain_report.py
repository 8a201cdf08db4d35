"""The page about one video: what the network said, where it looked, what moved its answer, and what is not known."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from stavis.data.faces.blendshapes import signal_table
from stavis.jobs.agreeing import WORDS as agreeing_words
from stavis.jobs.agreeing import agreement_table
from stavis.jobs.evaluate import RunEvaluation
from stavis.jobs.explain import Explanation, explain_video, provenance_of, summary, write_explanation
from stavis.jobs.scoring import cue_table_of, protocol_words, score_table
from stavis.progress import stages
from stavis.regions import REGIONS
from stavis.show.figures.moments import filmstrip
from stavis.show.figures.over_time import share_over_time, valence_traces
from stavis.show.figures.source_overlay import write_source_overlay
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from stavis.storage.files import atomic_contents
from stavis.types import Recording


@dataclass(frozen=True)
class Page:
    """An explanation that was written: where its page lies, and what explain.json says."""

    report: Path
    explanation: Explanation = field(repr=False)
    summary: dict = field(repr=False)


def explain(
    run: str | Path,
    video: str | Path | Recording,
    out: str | Path,
    *,
    report: str | Path | None = None,
    evaluation: RunEvaluation | None = None,
    overlay: bool = True,
    quiet: bool = False,
    **options,
) -> Page:
    """Explain a video and write all of it under `out`: the page, the tables, the maps, and overlay.mp4, the attention on the source.

    `options` go to explain_video; `report` puts the page elsewhere; with `evaluation` the page tells how good the network is.

    Raises StavisError where the video or the run cannot be read, or `out` cannot be written.
    """
    with stages(quiet) as progress:
        explanation = explain_video(run, video, progress=progress, **options)
        page = save_page(explanation, out, report=report, evaluation=evaluation)
        if overlay and explanation.reading.attention is not None:
            shown = None if progress is None else lambda done, total: progress("overlay", done, total)
            write_source_overlay(Path(out) / "overlay.mp4", explanation.video, explanation.crops, explanation.reading.attention, shown)
    return page


def save_page(
    explanation: Explanation, out: str | Path, *, report: str | Path | None = None, evaluation: RunEvaluation | None = None
) -> Page:
    """Write an explanation's tables and maps under `out`, and its page there or at `report`.

    Raises StavisError where `out` cannot be written.
    """
    with atomic_contents(out) as folder:
        write_explanation(explanation, folder)
        explanation_report(explanation, evaluation).save(report or folder / "report.html")
    return Page(Path(report or Path(out) / "report.html"), explanation, summary(explanation))


def scrubber(explanation: Explanation) -> Scrubber:
    """The explained stretch to scrub through: attention and each attribution over the crops, shares, values and gold under them."""
    maps = {} if explanation.attention is None else {"attention": explanation.attention}
    return Scrubber.from_clip(
        explanation.clip,
        {**maps, **explanation.attributions},
        explanation.prediction,
        curves=signal_table(explanation.crops.track),
        title=explanation.crops.recording,
    )


def explanation_report(explanation: Explanation, evaluation: RunEvaluation | None = None) -> HtmlReport:
    """The page about an explanation."""
    report = HtmlReport(explanation.crops.recording, subtitle=_subtitle(explanation), provenance=provenance_of(explanation))
    if explanation.checkpoint.only_synthetic:
        report.add_notice("This network has only ever seen drawn faces. What it says of real ones is an extrapolation.")
    for warning in explanation.warnings:
        report.add_warning(warning)
    report.add_scrubber("Where it looks", scrubber(explanation), _stretch_words(explanation))
    _add_figures(report, explanation)
    agreeing = agreement_table(explanation)
    if len(agreeing):
        report.add_table("Do other methods agree with the attention?", agreeing, agreeing_words)
    if evaluation is not None:
        report.add_table("How good the network is", score_table(evaluation), protocol_words(evaluation))
    if explanation.cue is not None:
        kinds = f" All test recordings: {evaluation.evaluation.intervals}." if evaluation is not None else ""
        report.add_table("Against the truth", cue_table(explanation, evaluation), _CUE_WORDS + kinds)
    return report


def cue_table(explanation: Explanation, evaluation: RunEvaluation | None = None) -> pd.DataFrame:
    """Attention against the truth: this recording, and all recordings of the split with intervals where they were evaluated."""
    others = evaluation.cue.items() if evaluation is not None else ()
    return cue_table_of({"this recording": explanation.cue, **{f"all test recordings, {name}": scores for name, scores in others}})


_CUE_WORDS = "The truth of a synthetic face is known: which region carries the valence in each frame. One recording alone has no interval."


def _add_figures(report: HtmlReport, explanation: Explanation) -> None:
    clip, attention = explanation.clip, explanation.attention
    if attention is not None and clip.regions is not None:
        words = "The part of the attention on each region, frame by frame."
        report.add_figure("Attention by region", share_over_time(clip, attention), words)
        report.add_table("Mean attention", region_table(explanation), "Density is share over area: 1 is what chance would give.")
    elif clip.regions is None:
        words = "No face was tracked: the crop is the centred square of the picture, and no regions are known."
        report.add_text("Attention by region", words)
    for dimension in explanation.prediction.dimensions:
        report.add_figure(f"Predicted {dimension}", valence_traces(clip, explanation.prediction, dimension=dimension))
    if attention is not None and len(clip) > 1:
        report.add_figure("Key moments", filmstrip(clip, attention), "Where the attention changes most.")


def region_table(explanation: Explanation) -> pd.DataFrame:
    """Mean share and density of each region over the frames with a face."""
    means = explanation.shares[list(REGIONS)].mean()
    rows = [
        {
            "region": name.replace("_", " "),
            "mean share": round(float(means[name]), 3),
            "density": round(explanation.densities.get(name, float("nan")), 2),
        }
        for name in REGIONS
    ]
    return pd.DataFrame(rows)


def _subtitle(explanation: Explanation) -> str:
    crops = explanation.crops
    length = float(crops.times[-1] - crops.times[0])
    faces = f"a face in {explanation.frames_with_face} of {len(crops)} frames"
    return f"{explanation.video.name}, {length:.1f} s, {faces}, read by {explanation.checkpoint.system}"


def _stretch_words(explanation: Explanation) -> str:
    stretch, crops = explanation.stretch, explanation.crops
    if stretch.stop - stretch.start == len(crops):
        return ""
    return f"Seconds {crops.times[stretch.start]:.1f} to {crops.times[stretch.stop - 1]:.1f}; shares.csv holds every frame of the video."
