"""The page about one video: what the network predicts, where it looks, what moved its prediction, and what is not known."""

import numpy as np
import pandas as pd

from stavis.attention.cue_scores import CueScores
from stavis.data.crops.build import alignment_text
from stavis.data.crops.shown import SHOWN_SIDE, Seen, ShownFrames
from stavis.data.crops.sound import sound_of
from stavis.data.crops.whole import whole_clip
from stavis.data.faces.blendshapes import signal_table
from stavis.inference.explained import ExplainedVideo
from stavis.jobs.evaluate import RunEvaluation, cue_table
from stavis.notes import Notes
from stavis.show.figures.over_time import share_over_time, valence_arousal, valence_traces
from stavis.show.figures.overlay import paint_map
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.describe import notices_of
from stavis.trust.agreement import agreement
from stavis.trust.nulls import centre, edges, smooth_random

AGREEMENT_TEXT = (
    "Mean over the frames {seen}, on the attention's grid: Spearman's correlation over cells, Jensen-Shannon divergence (0 = the "
    "same), the fraction of each map's top tenth of cells that both share. The last rows know nothing of the network: agreement that is "
    "no higher than theirs says nothing. Agreement is no proof that the attention explains the prediction: stavis verdict asks for that."
)
DENSITY_TEXT = "Density is share over area: the times what an even spread would give."
CUE_TEXT = "The truth of a synthetic face is known: which region carries the valence in each frame. One recording alone has no interval."


def explanation_report(
    explanation: ExplainedVideo,
    evaluation: RunEvaluation | None = None,
    sound: bool = True,
    context: bool = True,
    seen: Seen | None = None,
) -> HtmlReport:
    """The page about an explanation; with `evaluation` it says how good the network is. sound, context, seen: see `scrubber_of`."""
    report = HtmlReport(explanation.crops.recording, subtitle=_subtitle(explanation), provenance=explanation.provenance)
    times = explanation.crops.times
    report.add_finding(explanation.finding, _moment_images(explanation), (float(times[0]), float(times[-1])))
    report.add_scrubber("Where it looks", scrubber_of(explanation, sound, context, seen), _segment_text(explanation))
    report.add_notes(explanation.notes)
    _add_figures(report, explanation)
    agreeing = agreement_table(explanation)
    if len(agreeing):
        readable = "with a face" if explanation.crops.subject == "face" else "that could be read"
        report.add_table("Do other methods agree with the attention?", agreeing, AGREEMENT_TEXT.format(seen=readable))
    if evaluation is not None:
        more = [note for note in evaluation.notes if note not in explanation.notes]
        report.add_table("How good the network is", evaluation.scores(), " ".join((evaluation.protocol_text, *more)))
    if explanation.cue is not None:
        kinds = f" All test recordings: {evaluation.evaluation.intervals}." if evaluation is not None else ""
        report.add_table("Against the truth", _cue_table(explanation.cue, evaluation), CUE_TEXT + kinds)
    return report


def scrubber_of(explanation: ExplainedVideo, sound: bool = True, context: bool = True, seen: Seen | None = None) -> Scrubber:
    """The whole recording to scrub through: attention over the crops, shares, values and gold under them, its sound, and (context) small
    the whole images that the crops were cut from; each attribution (and the attention of layers and heads, where asked for) in the segment
    that it was computed for. seen: called with each whole image on the way."""
    crops, attention, layers = explanation.crops, explanation.reading.attention, explanation.layers
    maps = {} if attention is None else {"attention": attention}
    notes = Notes()
    shown = Scrubber.from_clip(
        whole_clip(crops),
        {**maps, **explanation.attributions, **(layers.maps if layers is not None else {})},
        explanation.prediction_of(slice(0, len(crops))),
        map_groups=layers.groups if layers is not None else None,
        curves=signal_table(crops.track),
        notices=notices_of([explanation.predictor]),
        images=ShownFrames.of(crops, slice(0, len(crops)), context=context, seen=seen),
        longest_side=SHOWN_SIDE,
        title=crops.recording,
        sound=sound_of(crops, notes=notes) if sound else None,
    )
    if notes:
        shown.clip = {**shown.clip, "messages": [*shown.clip["messages"], *notes]}
    return shown


def agreement_table(explanation: ExplainedVideo) -> pd.DataFrame:
    """One row per attribution and control map: its agreement with the attention on the explained segment; empty without attention.

    Columns: `map`, `rank correlation` in [-1,1], `divergence` in bits, `shared top` in [0,1]; NaN where a map says nothing.
    """
    attention = explanation.attention
    if attention is None or not explanation.attributions:
        return pd.DataFrame(columns=["map", "rank correlation", "divergence", "shared top"])
    clip, weights = explanation.clip, attention.weights
    maps = {name: attribution.values for name, attribution in explanation.attributions.items()}
    maps |= {
        "a random map as smooth as the attention": smooth_random(weights),
        "the edges of the image": edges(clip, weights.shape[1:]),
        "the middle of the crop": centre(weights.shape),
    }
    rows = []
    for name, values in maps.items():
        means = agreement(weights[clip.valid], values[clip.valid]).mean()
        metrics = {"rank correlation": means["spearman"], "divergence": means["jsd"], "shared top": means["top_iou"]}
        rows.append({"map": name, **{key: round(float(value), 3) for key, value in metrics.items()}})
    return pd.DataFrame(rows)


def region_table(explanation: ExplainedVideo) -> pd.DataFrame:
    """Mean share and density of each region over the valid frames."""
    names = explanation.clip.region_set.order
    means = explanation.shares[list(names)].mean()
    rows = [
        {
            "region": name.replace("_", " "),
            "mean share": round(float(means[name]), 3),
            "density": round(explanation.densities.get(name, float("nan")), 2),
        }
        for name in names
    ]
    return pd.DataFrame(rows)


def frame_table(explanation: ExplainedVideo, kind: str) -> pd.DataFrame:
    """What a table of this kind is the mean of, one row per frame: time (s), valid, and a column for each region, output, signal, or for
    "agreement" each method and measure (in the explained segment)."""
    crops, reading = explanation.crops, explanation.reading
    frames = pd.DataFrame({"time": crops.times, "valid": crops.valid})
    shares = explanation.shares[[*explanation.crops.region_names, "entropy"]].reset_index(drop=True)
    values = pd.DataFrame(reading.values, columns=[f"predicted {name}" for name in reading.dimensions])
    if kind == "agreement":
        return _frame_agreement(explanation)
    if kind == "signals":
        signals = signal_table(crops.track)
        return frames if signals is None else signals
    parts = {"regions": [shares, values], "shares": [shares], "predictions": [values]}[kind]
    return pd.concat([frames, *parts], axis=1)


def _frame_agreement(explanation: ExplainedVideo) -> pd.DataFrame:
    clip, attention = explanation.clip, explanation.attention
    found = {"time": clip.times, "valid": clip.valid}
    for name, attribution in explanation.attributions.items():
        if attention is None:
            break
        for measure, key in (("rank correlation", "spearman"), ("divergence", "jsd"), ("shared top", "top_iou")):
            found[f"{name}, {measure}"] = agreement(attention.weights, attribution.values)[key].to_numpy()
    return pd.DataFrame(found)


def _cue_table(cue: CueScores, evaluation: RunEvaluation | None) -> pd.DataFrame:
    """Attention against the truth: this recording, and all recordings of the split with intervals where they were evaluated."""
    others = evaluation.cue.items() if evaluation is not None else ()
    return cue_table({"this recording": cue, **{f"all test recordings, {name}": scores for name, scores in others}})


def _add_figures(report: HtmlReport, explanation: ExplainedVideo) -> None:
    """The scrubber shows shares and values: images of them are for paper and for where scripts are off."""
    clip, attention, prediction = explanation.clip, explanation.attention, explanation.prediction
    if attention is not None and clip.regions is not None:
        report.add_still("Attention by region", share_over_time(clip, attention), "The share of each region in the attention, by frame.")
        report.add_table("Mean attention by region", region_table(explanation), DENSITY_TEXT)
    elif clip.regions is None and clip.subject == "face":
        text = "No face was tracked: the crop is the centred square of the image, and no regions are known."
        report.add_text("Attention by region", text)
    for dimension in prediction.dimensions:
        report.add_still(f"Predicted {dimension}", valence_traces(clip, prediction, dimension=dimension))
    if {"valence", "arousal"} <= set(prediction.dimensions):
        report.add_figure("Valence and arousal", valence_arousal(prediction, clip=clip), "The path of the clip through the plane.")


def _moment_images(explanation: ExplainedVideo) -> dict[int, np.ndarray]:
    """The crop of each moment of the finding with the map that the finding is of, by frame."""
    crops, reading, segment = explanation.crops, explanation.reading, explanation.segment
    first = next(iter(explanation.attributions.values()), None)
    if reading.attention is not None:
        maps, start = reading.attention.weights, 0
    else:
        maps, start = (np.abs(first.values), segment.start) if first is not None else (np.zeros((0, 1, 1)), 0)
    top = float(np.nanpercentile(maps, 99.8)) if maps.size and np.isfinite(maps).any() else 0.0
    images = {}
    for frame in {moment.frame for moment in explanation.finding.moments}:
        image, known = np.array(crops.frames[frame]), 0 <= frame - start < len(maps) and crops.valid[frame] and top > 0
        images[frame] = paint_map(image, maps[frame - start], top=top) if known else image
    return images


def _subtitle(explanation: ExplainedVideo) -> str:
    crops = explanation.crops
    length = float(crops.times[-1] - crops.times[0])
    whole = crops.subject == "frame"
    seen = f"a face in {explanation.frames_with_face} of {len(crops)} frames, {alignment_text(crops.source)}"
    return f"{explanation.video.name}, {length:.1f} s, {'whole images' if whole else seen}, read by {explanation.predictor.name}"


def _segment_text(explanation: ExplainedVideo) -> str:
    segment, crops = explanation.segment, explanation.crops
    if segment.stop - segment.start == len(crops):
        return ""
    ends = f"{crops.times[segment.start]:.1f} to {crops.times[segment.stop - 1]:.1f}"
    return f"The whole recording; attributions and the figures below are of seconds {ends}."
