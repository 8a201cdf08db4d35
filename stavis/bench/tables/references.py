"""What a bench's rows are held against: an oracle, which reads what is shown over time, and floors, which see single frames or nothing."""

from pathlib import Path

import numpy as np

from stavis.bench.data import BenchData
from stavis.bench.tables.bounds import bounds
from stavis.data.datasets.truth import read_truth
from stavis.metrics import ccc, concatenated
from stavis.synthetic.writer import read_spec


def references_of(found: BenchData) -> dict[str, float]:
    """CCC on the scored split by name: `oracle`, `single frames` (the best guess from one frame) and `label mean`.

    Of several scenarios together the oracle is who reads the true valence: it falls short by the raters' noise alone.
    """
    spec = read_spec(Path(found.plan.data))
    if len(spec.scenarios) == 1 and (known := bounds(spec, found.scored)):
        one = known[0]
        return {"oracle": round(one.oracle, 6), "single frames": round(one.frame, 6), "label mean": one.mean}
    pairs = []
    for item in found.of(found.scored):
        truth = read_truth(item.recording.truth)
        kept = np.isfinite(item.gold)
        values = np.interp(item.gold_times[kept] - found.delay, truth.times, truth.valence)
        pairs.append((values, item.gold[kept]))
    return {"oracle": round(float(concatenated(ccc, pairs)), 6), "label mean": 0.0}
