"""The paper's two tables on one data set: every system trained with every seed under one protocol, resumable, side by side.

FOLDER/plan.json     what was asked for; a folder begun with another plan is refused
FOLDER/shared/       what several systems read: the labels' delay, LGBP-TOP
FOLDER/units/       one folder per system and seed (see stavis.bench.runs)
FOLDER/bench.json, bench.csv, bench.html    made of all runs that are done
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import cpu_count

from stavis.bench.data import BenchData, bench_data, prepare
from stavis.bench.plan import BENCH, BenchConfig, chosen_systems, folder_hash, hash_of
from stavis.bench.report import bench_latex, bench_page, bench_table, beside_published
from stavis.bench.runs import Run
from stavis.bench.schedule import in_processes, run_all, waves
from stavis.bench.scores import MEAN, scores_by_group, table_of
from stavis.data.datasets.selection import data_facts
from stavis.errors import StavisError
from stavis.evaluation.ranges import error_by_range
from stavis.inference.devices import choose_device
from stavis.models.systems import SYSTEMS
from stavis.printable import ShortRepr
from stavis.progress import stages
from stavis.provenance import package_version, provenance
from stavis.show.reports.report import HtmlReport
from stavis.storage.files import atomic_file, read_json, write_json, write_text
from stavis.synthetic.embedded import embedded_data, folder_of
from stavis.timeline import MAX_GAP


@dataclass(frozen=True, repr=False)
class Bench(ShortRepr):
    """A finished bench: its folder, bench.csv as a table, the runs that failed ({system, seed, reason}), and what bench.json says."""

    folder: Path
    table: pd.DataFrame
    failures: tuple[dict, ...]
    summary: dict

    def _facts(self) -> Iterator[str]:
        yield str(self.folder)
        yield f"{self.table.system.nunique() if len(self.table) else 0} systems"
        yield from [f"{len(self.failures)} runs failed"] * bool(self.failures)

    def scores(self, protocol: str = "concatenated") -> pd.DataFrame:
        """Means over seeds under one protocol beside the published CCC: one row per system, in the tables' order."""
        return bench_table(self.table, protocol)

    def report(self) -> HtmlReport:
        """The page about it: tables beside the published metrics, predictions over time, error by range of the gold."""
        return bench_report(self.folder)


def bench(
    out: str | Path,
    data: str | Path | None = None,
    *,
    systems: str = "all",
    seeds: int = 3,
    dimension: str = "valence",
    preset: str = "small",
    delay: float | None = None,
    labels: str = "auto",
    fill: str = "interpolate",
    split: str = "",
    source: str = "auto",
    scale: float = 1.0,
    fold: int | None = None,
    exclude: str | Path | None = None,
    time_unit: str | float = "",
    label_scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    device: str = "auto",
    jobs: int | None = None,
    quiet: bool = False,
) -> Bench:
    """Train and score the systems of the paper's tables on one data set, under one protocol.

    Parameters
    ----------
    out, data : path
        The folder to write to (one started with the same options goes on where it stopped); a data set, by default the embedded one.
    systems, seeds, jobs : str, int, int
        Names separated by commas (`stavis.systems`) or "all"; runs per system; processes at a time.
    dimension, preset, delay, labels, fill, split, source, scale, fold, exclude, time_unit, label_scale, max_gap, device, quiet :
        As in `stavis bench --help`.

    Returns
    -------
    Bench
        `.table` (bench.csv), `.failures`, `.summary` (bench.json). A run that fails is listed and stops no other.

    Raises
    ------
    StavisError
        Where the data or `out` cannot be used.

    Examples
    --------
    >>> stavis.bench("bench", systems="cnn3d,sta", seeds=3).table  # doctest: +SKIP
    """
    names, where = chosen_systems(systems), choose_device(device)
    with stages(quiet) as progress:
        if data is None:
            data = embedded_data(BENCH, progress and _stage(progress, "rendering the embedded data"), quiet=True)
        folder = folder_of(data)
        plan = BenchConfig(
            data=str(folder.resolve()), data_hash=folder_hash(folder), systems=names, seeds=seeds, dimension=dimension,
            preset=preset, delay=delay, labels=labels, fill=fill, split=split, source=source, scale=scale, device=device,
            version=package_version(), fold=fold, exclude=None if exclude is None else str(Path(exclude).resolve()),
            exclude_hash=None if exclude is None else hash_of(exclude), time_unit=str(time_unit), label_scale=label_scale, max_gap=max_gap,
        )  # fmt: skip
        return _bench(Path(out), plan, jobs or (cpu_count() if where.type == "cpu" else 1), progress)


def _bench(out: Path, plan: BenchConfig, jobs: int, progress) -> Bench:
    begun = _begin(out, plan)
    try:
        prepare(out, jobs, progress and _stage(progress, "computing descriptors"))
    except StavisError:
        if begun:  # what cannot be done leaves no plan behind that would stand in the way of another
            (out / "plan.json").unlink(missing_ok=True)
            with suppress(OSError):
                out.rmdir()
        raise
    run_all(waves(out, plan, plan.systems), in_processes(jobs), progress and _stage(progress, "training systems"))
    return _collect(out)


def bench_result(folder: str | Path) -> Bench:
    """A bench that was run before, as it was written.

    Raises StavisError where the folder holds none.
    """
    folder = Path(folder)
    summary = read_json(folder / "bench.json")
    try:
        table = pd.read_csv(folder / "bench.csv", dtype={"seed": str}, keep_default_na=True)
        return Bench(folder, table, tuple(summary["failures"]), summary)
    except (OSError, KeyError, TypeError) as error:
        raise StavisError(f"{folder} holds no bench of this version ({error}): make one with `stavis bench --out`.") from error


def bench_report(folder: str | Path) -> HtmlReport:
    """The page about a bench that was run before: tables beside the published figures, courses, error by range of the gold.

    Raises StavisError where the folder holds none.
    """
    done = bench_result(folder)
    told = [(one["name"], run["seed"]) for one in done.summary["systems"] for run in one["seeds"]]
    predictions: dict[str, dict[int, pd.DataFrame]] = {}
    for name, seed in told:
        predictions.setdefault(name, {})[seed] = Run(done.folder, name, seed).predictions()
    errors, groups = (pd.DataFrame(done.summary[name]) for name in ("error_by_range", "by_scenario"))
    return bench_page(done, errors, groups, predictions)


def _stage(progress, name: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(name, done, total)


def _begin(out: Path, plan: BenchConfig) -> bool:
    """Write the plan (True), or check that the folder was begun with the same one (False; more systems may be asked for later)."""
    asked = plan.as_json()
    path = out / "plan.json"
    if path.exists():
        begun = read_json(path)
        free = ("systems", "recipes", "seeds", "data", "exclude")
        differ = sorted(key for key in asked if key not in free and begun.get(key) != asked[key])
        recipes = begun.get("recipes", {})
        differ += [f"training of {name}" for name, recipe in asked["recipes"].items() if name in recipes and recipes[name] != recipe]
        if differ:
            raise StavisError(
                f"{out} was begun with another plan ({', '.join(differ)} differ): choose another folder, or the same options."
            )
        if begun != asked:
            _write_plan(path, asked)
        return False
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StavisError(f"{out} is there already and is no bench: give another folder with --out, or remove it.")
    _write_plan(path, asked)
    return True


def _write_plan(path: Path, asked: dict) -> None:
    bench_data.cache_clear()
    write_json(path, asked)


def _collect(out: Path) -> Bench:
    """The tables of all runs that are done, written beside them."""
    found = bench_data(out)
    plan = found.plan
    runs = [Run(out, name, seed) for name in plan.systems for seed in range(plan.seeds)]
    failures = [{"system": run.system, "seed": run.seed, "reason": run.failure or "not run"} for run in runs if not run.done]
    results: dict[str, dict[int, dict]] = {}
    predictions: dict[str, dict[int, pd.DataFrame]] = {}
    for run in (run for run in runs if run.done):
        results.setdefault(run.system, {})[run.seed] = run.result()
        predictions.setdefault(run.system, {})[run.seed] = run.predictions()
    table = table_of(results, predictions, plan.dimension, plan.reference)
    errors = error_by_range(predictions)
    about = _provenance(found)
    spec = data_facts(plan.data).get("spec", {})
    groups = scores_by_group(predictions, sorted(set(spec.get("scenarios", ()))), plan.reference)
    summary = {
        "format": 1,
        "plan": {**plan.as_json(), "data": Path(plan.data).name, "exclude": plan.exclude and Path(plan.exclude).name},
        "provenance": about,
        "counts": _counts(found),
        "systems": [_system_json(name, table, results.get(name, {})) for name in plan.systems],
        "failures": failures,
        "error_by_range": _plain_rows(errors),
        "by_scenario": _plain_rows(groups),
    }
    write_json(out / "bench.json", summary)
    with atomic_file(out / "bench.csv") as path:
        table.to_csv(path, index=False, float_format="%.6g")
    done = Bench(out, table, tuple(failures), summary)
    if len(shown := beside_published(table)):
        with atomic_file(out / "scores.csv") as path:
            shown.to_csv(path, index=False, float_format="%.6g")
        write_text(out / "bench.tex", bench_latex(done))
    bench_page(done, errors, groups, predictions).save(out / "bench.html")
    return done


def _provenance(found: BenchData) -> dict[str, str]:
    plan, facts = found.plan, data_facts(found.plan.data)
    crops = found.items[0].crops
    kinds = ", ".join(sorted({item.crops.source for item in found.items}))
    searched = "best on the dev split, by a linear machine over simple measures of the faces"
    return provenance(
        data=facts["name"],
        data_hash=plan.data_hash,
        label_source=found.label_source,
        dimension=plan.dimension,
        trained_on=f"train, {len(found.of('train'))} recordings",
        chosen_on=f"dev, {len(found.of('dev'))} recordings",
        scored_on=f"{found.scored}, {len(found.of(found.scored))} recordings",
        fold=plan.fold,
        exclude=plan.exclude and Path(plan.exclude).name,
        crop=f"aligned by {kinds}, {crops.frames.shape[1]} px, {crops.spec.rate:g} frames/s",
        delay=f"{found.delay:g} s",
        delay_from="given" if plan.delay is not None else searched,
        missing_faces=plan.fill,
        preset=plan.preset,
        seeds=plan.seeds,
        device=str(choose_device(plan.device)),
    )


def _counts(found: BenchData) -> dict:
    counts = {}
    for split in dict.fromkeys(item.split for item in found.items):
        items = found.of(split)
        counts[split] = {
            "recordings": len(items),
            "frames": sum(len(item.crops) for item in items),
            "frames_without_face": int(sum((~item.crops.valid).sum() for item in items)),
            "frames_excluded": int(sum((~item.crops.kept).sum() for item in items)),
            "labels": sum(len(item.gold) for item in items),
            "labels_invalid": int(sum(np.isnan(item.gold).sum() for item in items)),
        }
    return counts


def _system_json(name: str, table: pd.DataFrame, results: dict[int, dict]) -> dict:
    rows = table[(table.system == name)]
    return {
        "name": name, "row": SYSTEMS[name].row, "table": SYSTEMS[name].table, "published": SYSTEMS[name].published,
        "seeds": [results[seed] for seed in sorted(results)],
        "scores": _plain_rows(rows[rows.seed.astype(str) == MEAN].drop(columns=["system", "seed"])),
    }  # fmt: skip


def _plain_rows(table: pd.DataFrame) -> list[dict]:
    return json.loads(table.to_json(orient="records", double_precision=6))
