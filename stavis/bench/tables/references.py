"""What a bench's rows are held against: an oracle, which reads the truth of the synthetic data, and a floor, which reads nothing."""

import numpy as np

from stavis.bench.data import BenchData
from stavis.data.datasets.truth import read_truth
from stavis.metrics import ccc, concatenated


def references_of(found: BenchData) -> dict[str, float]:
    """CCC on the scored split by name: `oracle`, what a reader of the true valence reaches against the raters' gold, and `label mean`,
    what the mean of the training labels reaches."""
    pairs = []
    for item in found.of(found.scored):
        if item.recording.truth is None:
            return {}
        truth = read_truth(item.recording.truth)
        known = np.isfinite(item.gold)
        values = np.interp(item.gold_times[known] - found.delay, truth.times, truth.valence)
        pairs.append((values, item.gold[known]))
    return {"oracle": round(float(concatenated(ccc, pairs)), 6), "label mean": 0.0}
