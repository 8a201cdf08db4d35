"""How far the attributions of an explanation agree with its attention, beside maps that know nothing of the network."""

import pandas as pd

from stavis.jobs.explain import Explanation
from stavis.trust.agreement import agreement
from stavis.trust.nulls import centre, edges, smooth_random

WORDS = (
    "Mean over the frames with a face, on the attention's grid: Spearman's correlation over cells, Jensen-Shannon divergence (0 = the "
    "same), the part of each map's top tenth of cells that both share. The last rows know nothing of the network: agreement that is no "
    "higher than theirs says nothing. Agreement is no proof that the attention explains the prediction: stavis verdict asks for that."
)


def agreement_table(explanation: Explanation) -> pd.DataFrame:
    """One row an attribution and null: its agreement with the attention on the explained stretch; empty without attention.

    Columns: `map`, `rank correlation` in [-1,1], `divergence` in bits, `shared top` in [0,1]; NaN where a map says nothing.
    """
    attention = explanation.attention
    if attention is None or not explanation.attributions:
        return pd.DataFrame(columns=["map", "rank correlation", "divergence", "shared top"])
    clip, weights = explanation.clip, attention.weights
    maps = {name: attribution.values for name, attribution in explanation.attributions.items()}
    maps |= {
        "a random map as smooth as the attention": smooth_random(weights),
        "the edges of the picture": edges(clip, weights.shape[1:]),
        "the middle of the crop": centre(weights.shape),
    }
    rows = []
    for name, values in maps.items():
        means = agreement(weights[clip.valid], values[clip.valid]).mean()
        figures = {"rank correlation": means["spearman"], "divergence": means["jsd"], "shared top": means["top_iou"]}
        rows.append({"map": name, **{key: round(float(value), 3) for key, value in figures.items()}})
    return pd.DataFrame(rows)
