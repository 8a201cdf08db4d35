"""The metrics of a bench: both protocols, means over seeds, intervals over recordings and seeds, contrasts with the reference system.

A system is what its training makes of any seed: where it was trained with several, intervals of its means count the variance over seeds
beside that over recordings. Which differences are claimed is set beforehand in the plan: each system less the reference, in CCC under
the primary protocol, with Holm's correction over all of them.
"""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from stavis.bootstrap import Interval, holm, interval, seeds_spread
from stavis.metrics import METRICS, RANGES, SUMS, concatenated, per_recording, protocol_sums, sums_of

# fmt: off
COLUMNS = (
    "system", "seed", "protocol", "dimension", "rmse", "cc", "ccc", "ccc_low", "ccc_high", "delta_vs_sta", "delta_low", "delta_high",
    "p", "p_holm", "parameters", "train_seconds", "frames_per_second", "delay", "postprocessing",
)
# fmt: on
"""The columns of bench.csv; p and p_holm are of the contrasts alone."""
PROTOCOLS: dict[str, Callable] = {"concatenated": concatenated, "per_recording": per_recording}
REFERENCE, PRIMARY = "sta", "concatenated"
MEAN = "mean"
"""What stands in the column `seed` where the metrics are means over seeds."""
ALPHA = 0.05
"""A contrast is claimed where its p value after Holm is below this."""

Pair = tuple[np.ndarray, np.ndarray]


def pairs_by_recording(predictions: pd.DataFrame) -> dict[str, Pair]:
    """(predicted, gold) of each recording where both are known."""
    known = predictions.dropna(subset=["predicted", "gold"])
    return {str(name): (rows.predicted.to_numpy(), rows.gold.to_numpy()) for name, rows in known.groupby("recording", sort=True)}


def score(sums: np.ndarray, metric: str = "ccc", protocol: str = PRIMARY) -> Interval:
    """A system's metric, the mean over its seeds, with its interval over recordings and (where there are several) seeds.

    sums: (S,N,7), the sums of stavis.metrics.sums_of for each seed and recording.
    """
    rows, statistic = protocol_sums(PROTOCOLS[protocol], metric, sums)
    spread = seeds_spread(statistic(rows.sum(1)))
    return interval(flat_rows(rows), mean_over(len(rows), statistic), **RANGES[metric], besides=[spread] if spread else [])


def difference(sums: np.ndarray, other: np.ndarray, metric: str = "ccc", protocol: str = PRIMARY, paired: bool = False) -> Interval:
    """A system's metric less another's on the same recordings, both means over seeds.

    sums, other: (S,N,7) of the two systems. paired: whether seed k of the one goes with seed k of the other; then the variance over seeds
    is that of their differences, else the sum of both. With a single seed each, the interval is over recordings alone: it is about the
    two trained networks, not about the systems.
    """
    (rows, statistic), (others, _) = (protocol_sums(PROTOCOLS[protocol], metric, each) for each in (sums, other))
    pairs = (rows != 0).any(-1).all(0) & (others != 0).any(-1).all(0)  # a recording counts where every seed of both is defined on it
    rows, others = rows[:, pairs], others[:, pairs]
    each, its = statistic(rows.sum(1)), statistic(others.sum(1))
    spreads = [seeds_spread(each - its)] if paired else [seeds_spread(each), seeds_spread(its)]
    width = len(rows) * rows.shape[-1]
    one, two = mean_over(len(rows), statistic), mean_over(len(others), statistic)

    def less(total: np.ndarray) -> np.ndarray:
        return one(total[..., :width]) - two(total[..., width:])

    both = np.concatenate([flat_rows(rows), flat_rows(others)], 1)
    low, high = RANGES[metric].get("bounds", (-np.inf, np.inf))
    return interval(both, less, bounds=(low - high, high - low), besides=[spread for spread in spreads if spread])


def contrasts(sums: Mapping[str, np.ndarray], reference: str = REFERENCE, protocol: str = PRIMARY) -> pd.DataFrame:
    """The differences that are claimed or not: one row per system but the reference, in their order.

    Columns: system, difference, low, high, p, p_holm, claimed. Without several seeds nothing is claimed, and p is NaN.
    """
    rows = []
    for name, each in sums.items():
        if name == reference or reference not in sums:
            continue
        found = difference(each, sums[reference], protocol=protocol)
        several = min(len(each), len(sums[reference])) > 1
        p = found.p_value() if several else float("nan")
        rows.append({"system": name, "difference": found.value, "low": found.low, "high": found.high, "p": p})
    table = pd.DataFrame(rows, columns=["system", "difference", "low", "high", "p"])
    table["p_holm"] = holm(table.p)
    return table.assign(claimed=table.p_holm < ALPHA)


def flat_rows(rows: np.ndarray) -> np.ndarray:
    """Sums (S,N,M) as one row per recording: (N,S·M)."""
    return rows.transpose(1, 0, 2).reshape(rows.shape[1], rows.shape[0] * rows.shape[2])


def mean_over(seeds: int, statistic: Callable) -> Callable[[np.ndarray], np.ndarray]:
    """The mean over seeds of a statistic, of totals (...,S·M) in the order of `flat_rows`."""
    return lambda total: statistic(total.reshape(*total.shape[:-1], seeds, total.shape[-1] // seeds)).mean(-1)


def table_of(
    results: dict[str, dict[int, dict]], predictions: dict[str, dict[int, pd.DataFrame]], dimension: str, reference: str = REFERENCE
) -> pd.DataFrame:
    """The rows of bench.csv: for each system and protocol one per seed and one of means over seeds.

    results and predictions are by system and seed. Only recordings that every run has a prediction for are scored. The difference
    is CCC less that of the reference, of the same seed or of both means.
    """
    sums = metric_sums(predictions)
    if not any(each.shape[1] for each in sums.values()):
        return pd.DataFrame(columns=COLUMNS)
    tests = contrasts(sums, reference).set_index("system")
    rows = []
    for protocol in PROTOCOLS:
        for name, each in sums.items():
            seeds = list(predictions[name])
            for at, seed in enumerate(seeds):
                same = list(predictions.get(reference, ())).index(seed) if seed in predictions.get(reference, ()) else None
                other = None if same is None or name == reference else sums[reference][same : same + 1]
                row = _row(each[at : at + 1], other, protocol)
                rows.append({"system": name, "seed": seed, "protocol": protocol, **row, **_about([results[name][seed]])})
            row = _row(each, None if name == reference else sums.get(reference), protocol)
            row |= tests.loc[name, ["p", "p_holm"]].to_dict() if protocol == PRIMARY and name in tests.index else {}
            rows.append({"system": name, "seed": MEAN, "protocol": protocol, **row, **_about([results[name][seed] for seed in seeds])})
    return pd.DataFrame(rows, columns=COLUMNS).assign(dimension=dimension)


def metric_sums(predictions: dict[str, dict[int, pd.DataFrame]], group: str = "") -> dict[str, np.ndarray]:
    """(S,N,7) by system, of the recordings that every run has and whose names begin with `group`."""
    pairs = {name: [pairs_by_recording(table) for table in seeds.values()] for name, seeds in predictions.items()}
    everything = [set(one) for seeds in pairs.values() for one in seeds]
    recordings = sorted(name for name in (set.intersection(*everything) if everything else ()) if name.startswith(group))
    stacked = {name: np.array([sums_of([one[r] for r in recordings]) for one in seeds]) for name, seeds in pairs.items()}
    return {name: each.reshape(len(each), len(recordings), SUMS) for name, each in stacked.items()}


def unscored(predictions: dict[str, dict[int, pd.DataFrame]]) -> dict[str, str]:
    """The recordings that are scored in no run because some run has no prediction for them: name -> the first such run, in words."""
    found: dict[str, str] = {}
    for system, seeds in predictions.items():
        for seed, table in seeds.items():
            for name in sorted(set(table.recording.astype(str)) - set(pairs_by_recording(table))):
                found.setdefault(name, f"{system}, seed {seed}")
    return found


def _row(sums: np.ndarray, other: np.ndarray | None, protocol: str) -> dict:
    found = {metric: score(sums, metric, protocol) for metric in METRICS}
    less = Interval(float("nan")) if other is None else difference(sums, other, protocol=protocol)
    return {
        **{metric: each.value for metric, each in found.items()}, "ccc_low": found["ccc"].low, "ccc_high": found["ccc"].high,
        "delta_vs_sta": less.value, "delta_low": less.low, "delta_high": less.high,
    }  # fmt: skip


def _about(results: list[dict]) -> dict:
    """What the runs say of themselves, as means over the seeds; texts that differ are all there."""
    numbers = {name: float(np.mean([one[name] for one in results])) for name in ("train_seconds", "frames_per_second", "delay")}
    steps = list(dict.fromkeys(one["postprocessing"] for one in results))
    return {"parameters": results[0]["parameters"], **{k: round(v, 3) for k, v in numbers.items()}, "postprocessing": " | ".join(steps)}


def scores_by_group(predictions: dict[str, dict[int, pd.DataFrame]], groups: Sequence[str], reference: str = REFERENCE) -> pd.DataFrame:
    """CCC (concatenated, mean over seeds) of each system within groups of recordings, by what their names begin with.

    Columns: system, group, recordings, ccc, low, high, less_sta, less_low, less_high; groups without recordings are left out. These
    differences are for orientation: none is claimed.
    """
    rows = []
    for group in groups:
        sums = {name: each for name, each in metric_sums(predictions, group).items() if each.shape[1]}
        for name, each in sums.items():
            found = score(each)
            row = {"system": name, "group": group, "recordings": each.shape[1], "ccc": found.value, "low": found.low, "high": found.high}
            less = difference(each, sums[reference]) if reference in sums and name != reference else None
            rows.append({**row, "less_sta": less and less.value, "less_low": less and less.low, "less_high": less and less.high})
    columns = ["system", "group", "recordings", "ccc", "low", "high", "less_sta", "less_low", "less_high"]
    return pd.DataFrame(rows, columns=columns)


def plain(value: float) -> float | None:
    """A number as a JSON value, null where it is undefined."""
    return round(float(value), 6) if np.isfinite(value) else None


def plain_rows(table: pd.DataFrame) -> list[dict]:
    """The rows of a table as JSON values, undefined numbers as null."""
    return json.loads(table.to_json(orient="records", double_precision=6))
