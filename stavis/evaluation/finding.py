"""What an evaluation found, in two sentences: how well the predictions agree with the labels, and what a reader must mind."""

import math
from collections.abc import Mapping

from stavis.attention.cue_scores import CueScores
from stavis.bootstrap import Interval
from stavis.evaluation.evaluate import Evaluation
from stavis.inference.finding import Finding
from stavis.inference.finding.wording import listed, number, times_even


def evaluation_finding(evaluation: Evaluation, cue: Mapping[str, CueScores]) -> Finding:
    """The finding of an evaluation: the scores of its first dimension, then the attention against the truth (cue: by scenario), and
    what was not scored."""
    joined = evaluation.scores["concatenated"]
    first, *others = joined["ccc"]
    count = evaluation.counts["recordings_scored"]
    apart = evaluation.scores["per_recording"]["ccc"][first]
    sentence = (
        f"Predicted {first} agrees with the labels at a CCC of {_value(joined['ccc'][first])} over {count} "
        f"recording{'s' * (count != 1)} joined end to end, and at {_number(apart.value)} in the mean over recordings; its RMSE is "
        f"{_number(joined['rmse'][first].value)}"
    )
    if others:
        sentence += (
            f"; the CCC of {listed([f'{name} is {_number(score.value)}' for name, score in joined['ccc'].items() if name != first])}"
        )
    clauses = [_attention(cue)] if cue else []
    second = "; ".join([*clauses, _scored(evaluation)])
    return Finding((f"{sentence}.", f"{second[:1].upper()}{second[1:]}."))


def _value(score: Interval) -> str:
    """A score with its interval, in words."""
    ends = f" (95 % interval {number(score.low)} to {number(score.high)})" if score.known else ""
    return _number(score.value) + ends


def _number(value: float) -> str:
    return number(value) if math.isfinite(value) else "undefined"


def _attention(cue: Mapping[str, CueScores]) -> str:
    """How dense the attention is where the truth lies, by scenario."""
    found = [
        f"{times_even(scores.density.value) if math.isfinite(scores.density.value) else 'undefined'} ({name})"
        for name, scores in cue.items()
    ]
    return f"on the informative region the attention has a density of {listed(found)}, where an even spread has 1"


def _scored(evaluation: Evaluation) -> str:
    """What of the recordings and frames does not count."""
    counts = evaluation.counts
    lost = counts["recordings"] - counts["recordings_scored"]
    faceless, frames = counts["frames_without_face"], counts["frames"]
    texts = [f"{lost} of {counts['recordings']} recordings could not be scored"] if lost else []
    texts += [f"{faceless} of {frames} frames show no face"] if faceless else []
    return " and ".join(texts) or "every recording was scored, and every frame could be read"
