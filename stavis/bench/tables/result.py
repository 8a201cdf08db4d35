"""What came of a bench of the contrasts: every number of its page as JSON values, collected from the runs that are done."""

import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.bench.contrasts import Contrast, ContrastResult, alone, decide, longer_memory
from stavis.bench.data import BenchData, bench_data
from stavis.bench.power import components_of
from stavis.bench.rows import at_compute_of, row_named
from stavis.bench.runs import Run
from stavis.bench.scenarios import BenchScenario
from stavis.bench.scores import metric_sums, plain, plain_rows, score, table_of
from stavis.bench.tables.references import references_of
from stavis.bench.tables.run import PILOT_SEEDS, TablesConfig, dearer_and_cheaper, done_runs
from stavis.bench.tables.wording import QUESTION, design_lines, nothing_sentence, sentence
from stavis.evaluation.ranges import error_by_range
from stavis.metrics import METRICS
from stavis.provenance import provenance

KIND = "contrasts"
"""What bench.json says of a bench of the contrasts under `kind`."""


@dataclass(frozen=True)
class _Scored:
    """A scenario's runs that are done: their results, predictions and metric sums, by row and seed."""

    results: dict[str, dict[int, dict]]
    predictions: dict[str, dict[int, pd.DataFrame]]
    sums: dict[str, np.ndarray]


def summary_of(out: Path, config: TablesConfig) -> tuple[dict, pd.DataFrame]:
    """bench.json and bench.csv of a folder."""
    scored = {one.name: _scored(out / one.name, config, config.rows(one)) for one in config.kept}
    sums = {name: one.sums for name, one in scored.items()}
    decided = decide(config.contrasts, sums)
    extra = alone([longer_memory(name) for name, rows in sums.items() if {"sta", "sta-long"} <= set(rows)], sums)
    found = {one.name: bench_data(out / one.name) for one in config.kept}
    summary = {
        "format": 2,
        "kind": KIND,
        "question": QUESTION,
        "machine": machine(),
        "command": "",
        "quick": config.quick,
        "contrasts": [{**one.as_json(), "sentence": sentence(one), "equal_compute": None} for one in decided],
        "longer_memory": [{**one.as_json(), "shows": one.shows, "sentence": nothing_sentence(one)} for one in extra],
        "rows": [row for name, one in scored.items() for row in rows_of(name, one.sums, one.results)],
        "references": {name: references_of(one) for name, one in found.items()},
        "plan": {**config.as_json(), "dimension": config.dimension, "seeds": config.seeds},
        "provenance": _provenance(next(iter(found.values())), config),
        "counts": {name: _counts(one) for name, one in found.items()},
        "systems": [_system(name) for name in dict.fromkeys(row for one in scored.values() for row in one.results)],
        "failures": _failures(out, config),
        "waiting": _waiting(out, config),
        "error_by_range": _error_by_range(scored),
        "by_scenario": [],
    }
    summary["by_scenario"] = [
        {key: row[key] for key in ("system", "scenario", "recordings", "ccc", "low", "high")} for row in summary["rows"]
    ]
    summary["command"] = summary["provenance"]["command"]
    for row, result in zip(summary["contrasts"], _at_equal_compute(out, config, sums), strict=True):
        row["equal_compute"] = result
    tables = [table_of(one.results, one.predictions, config.dimension).assign(scenario=name) for name, one in scored.items() if one.results]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return summary, table[["scenario", *(column for column in table.columns if column != "scenario")]] if len(table) else table


def rows_of(scenario: str, sums: Mapping[str, np.ndarray], results: Mapping[str, dict[int, dict]]) -> list[dict]:
    """One row of bench.json for each row of a scenario: metrics with their intervals, each seed's CCC, compute, what the search chose."""
    made = []
    for name, each in sums.items():
        found = {metric: score(each, metric) for metric in METRICS}
        ran = list(results[name].values())
        row = row_named(name)
        made.append(
            {
                "scenario": scenario, "system": name, "row": row.text, "seeds": len(each), "recordings": int(each.shape[1]),
                **{metric: plain(one.value) for metric, one in found.items()}, "low": plain(found["ccc"].low),
                "high": plain(found["ccc"].high), "ccc_of_seeds": [plain(score(each[k : k + 1]).value) for k in range(len(each))],
                "parameters": ran[0]["parameters"], "steps": _mean(ran, "steps"), "cap": max(one["cap"] for one in ran),
                "cpu_seconds": _mean(ran, "cpu_seconds"), "base_cpu_seconds": _mean(ran, "base_cpu_seconds"),
                "at_plateau": sum(one["stopped"] != "cap" for one in ran), "learning_rate_factor": round(ran[0]["rate"], 4),
                "augment": ran[0]["augment"], "published": {} if row.of or row.at else row.known.published,
            }
        )  # fmt: skip
    return made


def pilot_lines(out: Path, config: TablesConfig) -> list[str]:
    """What the pilot's runs say of what the bench will show."""
    parts = {}
    for contrast in config.contrasts:
        name = f"{contrast.scenario} ({contrast.better} − {contrast.worse})"
        scored = (
            _scored(out / contrast.scenario, config, (contrast.worse, contrast.better), PILOT_SEEDS) if _has(config, contrast) else None
        )
        if scored is None or not {contrast.worse, contrast.better} <= set(scored.sums):
            continue
        better, worse = scored.sums[contrast.better], scored.sums[contrast.worse]
        if min(len(better), len(worse)) > 1:
            parts[name] = (components_of(better, worse, contrast.paired), better.shape[1], config.seeds)
    return list(design_lines(parts, len(config.contrasts)))


def machine() -> dict:
    """The machine that a bench ran on, without its name."""
    return {
        "system": platform.system(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """The processor's model, '' where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _scored(folder: Path, config: TablesConfig, rows: tuple[str, ...], seeds: int | None = None) -> _Scored:
    runs = done_runs(folder, rows, config.seeds if seeds is None else seeds)
    results = {name: {seed: run.result() for seed, run in each.items()} for name, each in runs.items()}
    predictions = {name: {seed: run.predictions() for seed, run in each.items()} for name, each in runs.items()}
    return _Scored(results, predictions, metric_sums(predictions))


def _at_equal_compute(out: Path, config: TablesConfig, sums: Mapping[str, Mapping[str, np.ndarray]]) -> list[dict | None]:
    """Each contrast with its dearer row trained at the compute of its cheaper one; as it is where both rows read the same networks."""
    changed: list[Contrast] = []
    held = {name: dict(rows) for name, rows in sums.items()}
    for contrast in config.contrasts:
        pair = dearer_and_cheaper(out / contrast.scenario, config, contrast)
        if pair is None:
            changed.append(contrast)
            continue
        name = at_compute_of(*pair)
        rows = tuple(dict.fromkeys((contrast.worse, contrast.better, name)))
        held[contrast.scenario] |= _scored(out / contrast.scenario, config, rows).sums
        sides = {side: name if getattr(contrast, side) == pair[0] else getattr(contrast, side) for side in ("worse", "better")}
        changed.append(replace(contrast, **sides))
    return [_equal_json(one) for one in decide(changed, held)]


def _equal_json(found: ContrastResult) -> dict:
    told = found.as_json()
    return {key: told[key] for key in ("better", "worse", "difference", "low", "high", "p_holm", "seeds", "verdict", "reason")}


def _has(config: TablesConfig, contrast: Contrast) -> bool:
    return any(one.name == contrast.scenario for one in config.kept)


def _failures(out: Path, config: TablesConfig) -> list[dict]:
    runs = [(scenario.name, run) for scenario in config.kept for run in _runs(out, config, scenario) if run.failure]
    return [{"scenario": name, "system": run.system, "seed": run.seed, "reason": run.failure} for name, run in runs]


def _waiting(out: Path, config: TablesConfig) -> list[dict]:
    """The rows of which runs are missing that did not fail: how many of their seeds, by scenario and row."""
    made = []
    for scenario in config.kept:
        missing = Counter(run.system for run in _runs(out, config, scenario) if not run.done and not run.failure)
        made += [{"scenario": scenario.name, "system": name, "seeds": count} for name, count in missing.items()]
    return made


def _runs(out: Path, config: TablesConfig, scenario: BenchScenario) -> list[Run]:
    return [Run(out / scenario.name, name, seed) for name in config.rows(scenario) for seed in range(config.seeds)]


def _error_by_range(scored: Mapping[str, _Scored]) -> list[dict]:
    last = list(scored.values())[-1].predictions
    return plain_rows(error_by_range(last)) if last else []


def _counts(found: BenchData) -> dict:
    splits = dict.fromkeys(item.split for item in found.items)
    return {split: {"recordings": len(found.of(split)), "frames": sum(len(item.crops) for item in found.of(split))} for split in splits}


def _system(name: str) -> dict:
    row = row_named(name)
    return {"name": name, "row": row.text, "table": row.known.table, "published": {} if row.of or row.at else row.known.published}


def _provenance(first: BenchData, config: TablesConfig) -> dict[str, str]:
    crops = first.items[0].crops
    return provenance(
        data="synthetic faces of " + ", ".join(one.name for one in config.kept),
        label_source=first.label_source,
        dimension=config.dimension,
        crop=f"aligned by truth, {crops.frames.shape[1]} px, {crops.spec.rate:g} frames/s",
        scored_on="test, people of no other split",
        chosen_on="dev: checkpoint, learning rate, augmentation",
        seeds=config.seeds,
        device=config.device,
    )


def _mean(results: list[dict], name: str) -> float:
    mean = float(np.mean([one[name] for one in results]))
    return round(mean, 2) or round(mean, 4)  # a small head is trained in milliseconds, and that is not nothing
