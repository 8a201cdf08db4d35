"""The figures of a bench: both protocols, means over seeds, intervals over recordings, paired differences; all from the units' predictions.

The bootstrap is that of stavis.metrics (the same draws, the same figures), computed from each recording's sums, because there are
many figures and they share their draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stavis.metrics import Score
from stavis.metrics import interval_of as interval

# fmt: off
COLUMNS = (
    "system", "seed", "protocol", "dimension", "rmse", "cc", "ccc", "ccc_low", "ccc_high", "delta_vs_sta", "delta_low", "delta_high",
    "parameters", "train_seconds", "frames_per_second", "delay", "postprocessing",
)
# fmt: on
"""The columns of bench.csv."""
PROTOCOLS = ("concatenated", "per_recording")
REFERENCE = "sta"
MEAN = "mean"
"""What stands in the column `seed` where the figures are means over seeds."""

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sums:
    """What metrics need to know of each recording: sums (R,6) of 1, p, g, p², g², p·g over its frames."""

    values: np.ndarray

    @staticmethod
    def of(pairs: Sequence[Pair]) -> "Sums":
        """The sums of (predicted, gold), one a recording."""
        rows = [(len(p), p.sum(), g.sum(), p @ p, g @ g, p @ g) for p, g in pairs]
        return Sums(np.array(rows, np.float64))


def scores_of(sums: Sums, protocol: str, counts: np.ndarray) -> dict[str, np.ndarray]:
    """rmse, cc, ccc (K,) for K weightings of the recordings, counts (K,R)."""
    if protocol == "concatenated":
        return _metrics(counts @ sums.values)
    each = _metrics(sums.values)
    found = {}
    for name, values in each.items():
        known = np.isfinite(values)
        weight = counts[:, known].sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = np.where(weight > 0, counts[:, known] @ values[known] / weight, np.nan)
    return found


def _metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """rmse, cc and ccc of rows of sums (K,6)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n, p, g, pp, gg, pg = sums.T
        mean_p, mean_g = p / n, g / n
        var_p, var_g = np.maximum(pp / n - mean_p**2, 0), np.maximum(gg / n - mean_g**2, 0)
        covariance = pg / n - mean_p * mean_g
        flat = (var_p < 1e-14) | (var_g < 1e-14)
        return {
            "rmse": np.sqrt(np.maximum((pp - 2 * pg + gg) / n, 0)),
            "cc": np.where(flat, np.nan, covariance / np.sqrt(var_p * var_g)),
            "ccc": 2 * covariance / (var_p + var_g + (mean_p - mean_g) ** 2),
        }


def draws_of(recordings: int, draws: int = 1000, seed: int = 0) -> np.ndarray:
    """How often each recording is in each draw of the bootstrap: (draws,R), those that stavis.metrics.bootstrap makes."""
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(recordings, size=recordings), minlength=recordings) for _ in range(draws)]).astype(float)


def pairs_by_recording(predictions: pd.DataFrame) -> dict[str, Pair]:
    """(predicted, gold) of each recording where both are known."""
    known = predictions.dropna(subset=["predicted", "gold"])
    return {str(name): (rows.predicted.to_numpy(), rows.gold.to_numpy()) for name, rows in known.groupby("recording", sort=True)}


def table_of(results: dict[str, dict[int, dict]], predictions: dict[str, dict[int, pd.DataFrame]], dimension: str) -> pd.DataFrame:
    """The rows of bench.csv: for each system and protocol one a seed and one of means over seeds.

    results and predictions are by system and seed. Only recordings that every unit has a prediction for are scored. The difference
    is CCC less that of `sta`, of the same seed or of both means, on the same draws of recordings.
    """
    pairs = {name: {seed: pairs_by_recording(table) for seed, table in seeds.items()} for name, seeds in predictions.items()}
    everything = [set(one) for seeds in pairs.values() for one in seeds.values()]
    recordings = sorted(set.intersection(*everything)) if everything else []
    sums = {name: {seed: Sums.of([one[r] for r in recordings]) for seed, one in seeds.items()} for name, seeds in pairs.items()}
    if not recordings:
        return pd.DataFrame(columns=COLUMNS)
    counts = np.concatenate([np.ones((1, len(recordings))), draws_of(len(recordings))])
    rows = []
    for protocol in PROTOCOLS:
        drawn = {name: {seed: scores_of(one, protocol, counts) for seed, one in seeds.items()} for name, seeds in sums.items()}
        for name, seeds in drawn.items():
            for seed, figures in seeds.items():
                other = drawn.get(REFERENCE, {}).get(seed)
                told = results[name][seed]
                rows.append({**_row(name, seed, protocol, figures, other, len(recordings)), "dimension": dimension, **_told([told])})
            other = _mean(drawn[REFERENCE].values()) if drawn.get(REFERENCE) else None
            row = _row(name, MEAN, protocol, _mean(seeds.values()), other, len(recordings))
            rows.append({**row, "dimension": dimension, **_told([results[name][seed] for seed in seeds])})
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean(seeds) -> dict[str, np.ndarray]:
    seeds = list(seeds)
    return {metric: np.mean([one[metric] for one in seeds], 0) for metric in seeds[0]}


def _row(name: str, seed, protocol: str, figures: dict, other: dict | None, recordings: int) -> dict:
    """The figures of the first weighting (every recording once) with the interval over all others."""
    score = _score(figures["ccc"], recordings)
    difference = Score(*[float("nan")] * 3)
    if other is not None and name != REFERENCE:
        difference = _score(figures["ccc"] - other["ccc"], recordings)
    return {
        "system": name, "seed": seed, "protocol": protocol, "rmse": figures["rmse"][0], "cc": figures["cc"][0], "ccc": score.value,
        "ccc_low": score.low, "ccc_high": score.high,
        "delta_vs_sta": difference.value, "delta_low": difference.low, "delta_high": difference.high,
    }  # fmt: skip


def _score(samples: np.ndarray, recordings: int) -> Score:
    ends = interval(samples[1:]) if recordings > 1 else (float("nan"), float("nan"))
    return Score(float(samples[0]), *ends)


def _told(results: list[dict]) -> dict:
    """What the units say of themselves, as means over the seeds; texts that differ are all there."""
    numbers = {name: float(np.mean([one[name] for one in results])) for name in ("train_seconds", "frames_per_second", "delay")}
    steps = list(dict.fromkeys(one["postprocessing"] for one in results))
    return {"parameters": results[0]["parameters"], **{k: round(v, 3) for k, v in numbers.items()}, "postprocessing": " | ".join(steps)}


def scores_by_group(predictions: dict[str, dict[int, pd.DataFrame]], groups: Sequence[str]) -> pd.DataFrame:
    """CCC (concatenated, mean over seeds) of each system within groups of recordings, told by what their names begin with.

    Columns: system, group, recordings, ccc, low, high, less_sta, less_low, less_high; groups without recordings are left out.
    """
    rows = []
    for group in groups:
        sums = {}
        for name, seeds in predictions.items():
            chosen = [{r: p for r, p in pairs_by_recording(one).items() if r.startswith(group)} for one in seeds.values()]
            sums[name] = [Sums.of([one[r] for r in sorted(one)]) for one in chosen if one]
        if not sums or not all(sums.values()) or len({len(one.values) for each in sums.values() for one in each}) != 1:
            continue
        count = len(next(iter(sums.values()))[0].values)
        counts = np.concatenate([np.ones((1, count)), draws_of(count)])
        drawn = {name: np.mean([scores_of(one, "concatenated", counts)["ccc"] for one in each], 0) for name, each in sums.items()}
        for name, samples in drawn.items():
            score = _score(samples, count)
            row = {"system": name, "group": group, "recordings": count, "ccc": score.value, "low": score.low, "high": score.high}
            less = _score(samples - drawn[REFERENCE], count) if REFERENCE in drawn and name != REFERENCE else None
            rows.append({**row, "less_sta": less and less.value, "less_low": less and less.low, "less_high": less and less.high})
    columns = ["system", "group", "recordings", "ccc", "low", "high", "less_sta", "less_low", "less_high"]
    return pd.DataFrame(rows, columns=columns)


def error_by_range(predictions: dict[str, dict[int, pd.DataFrame]], edges: np.ndarray = np.linspace(-1, 1, 9)) -> pd.DataFrame:
    """How wrong each system is where the gold is low, middling or high, over all seeds: system, low, high (of the gold), labels, rmse,
    bias."""
    rows = []
    for name, seeds in predictions.items():
        table = pd.concat(list(seeds.values())).dropna(subset=["predicted", "gold"])
        place = np.clip(np.digitize(table.gold, edges) - 1, 0, len(edges) - 2)
        error = (table.predicted - table.gold).to_numpy()
        for k in range(len(edges) - 1):
            inside = error[place == k]
            if len(inside):
                found = {"labels": len(inside) // len(seeds), "rmse": float(np.sqrt(np.mean(inside**2))), "bias": float(inside.mean())}
                rows.append({"system": name, "low": edges[k], "high": edges[k + 1], **found})
    return pd.DataFrame(rows, columns=["system", "low", "high", "labels", "rmse", "bias"])
