"""The paper's two tables on one data set: every system trained with every seed under one protocol, resumable, side by side. Without a data
set: the named contrasts, each on synthetic data that hold one reason for it (see stavis.bench.tables).

FOLDER/plan.json     what was asked for; a folder begun with another plan is refused
FOLDER/shared/       what several systems read: the labels' delay, LGBP-TOP
FOLDER/units/       one folder per system and seed (see stavis.bench.runs)
FOLDER/bench.json, bench.csv, bench.html    made of all runs that are done
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import cpu_count

from stavis.bench.data import BenchData, bench_data, prepare
from stavis.bench.plan import BenchConfig, chosen_systems, folder_hash, hash_of
from stavis.bench.report import bench_latex, bench_page, bench_table, beside_published, contrasts_of, power_before, unscored_text
from stavis.bench.runs import Run
from stavis.bench.schedule import Doing, doing_of, held, run_all, taken, waves
from stavis.bench.scores import MEAN, PRIMARY, plain_rows, scores_by_group, table_of, unscored
from stavis.bench.tables.attention import strips_of
from stavis.bench.tables.page import contrasts_table, save_tables, scores_table, tables_page
from stavis.bench.tables.result import KIND, machine, pilot_lines, summary_of
from stavis.bench.tables.run import PILOT_SEEDS, TablesConfig, check_own, config_of, run_tables
from stavis.bench.tables.wording import QUICK, of_a_pilot, of_waiting
from stavis.data.datasets.selection import data_facts
from stavis.errors import StavisError
from stavis.evaluation.ranges import error_by_range
from stavis.inference.devices import choose_device
from stavis.models.systems import SYSTEMS
from stavis.notes import show
from stavis.printable import ShortRepr
from stavis.progress import stages
from stavis.provenance import package_version, provenance
from stavis.show.reports.report import HtmlReport
from stavis.storage.files import atomic_file, read_json, write_json, write_text
from stavis.synthetic.embedded import folder_of
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

    @property
    def missing(self) -> str:
        """What a bench of the contrasts has not trained yet, in one sentence; '' where nothing is missing."""
        return of_waiting(self.summary.get("waiting", ()))

    def scores(self, protocol: str = "concatenated") -> pd.DataFrame:
        """Means over seeds under one protocol beside the published CCC: one row per system, in the tables' order; of a bench of the
        contrasts RMSE, CC and CCC (concatenated) of each scenario's rows."""
        return scores_table(self.summary["rows"]) if self.summary.get("kind") == KIND else bench_table(self.table, protocol)

    def contrasts(self) -> pd.DataFrame:
        """The named differences of CCC with interval, p after Holm, what could be detected, and (without a data set) the verdict."""
        return contrasts_table(self.summary) if self.summary.get("kind") == KIND else pd.DataFrame(self.summary["contrasts"])

    def report(self) -> HtmlReport:
        """The page about it: tables beside the published metrics, predictions over time, error by range of the gold."""
        return bench_report(self.folder)


def bench(
    out: str | Path,
    data: str | Path | None = None,
    *,
    systems: str = "all",
    seeds: int | None = None,
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
    quick: bool = False,
    scheduler: str | None = None,
    page_from: str | Path | None = None,
    quiet: bool = False,
) -> Bench:
    """Train and score the systems of the paper's tables, on one data set or, without one, where each part should tell.

    Parameters
    ----------
    out, data : path
        The folder to write to (one started with the same options goes on where it stopped); a data set, by default synthetic data for
        four named contrasts.
    systems, seeds, jobs, scheduler : str, int, int, str
        Names separated by commas (`stavis.systems`) or "all"; runs per system, 3 with a data set and 5 without; processes at a time; or
        the address of a Dask scheduler.
    quick : bool
        Without a data set: minutes in place of hours, which shows the way and proves nothing.
    page_from : path
        The bench.json of a bench without a data set (or a copy): nothing is trained, its page and tables are made again in `out`.
    dimension, preset, delay, labels, fill, split, source, scale, fold, exclude, time_unit, label_scale, max_gap, device, quiet :
        As in `stavis bench --help`; without a data set only dimension, scale, device and quiet.

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
    if page_from is not None:
        if data is not None or quick or scheduler:
            raise StavisError("page_from makes a page of what was measured before: leave data, quick and scheduler out.")
        return bench_from(page_from, Path(out))
    names, where = chosen_systems(systems), choose_device(device)
    out = Path(out).resolve() if scheduler else Path(out)  # workers elsewhere have a working folder of their own
    jobs = jobs or (cpu_count() if where.type == "cpu" else 1)
    if data is None:
        _only_with_data(
            preset=preset != "small", delay=delay is not None, labels=labels != "auto", fill=fill != "interpolate", split=bool(split),
            source=source != "auto", fold=fold is not None, exclude=exclude is not None, time_unit=bool(time_unit),
            label_scale=label_scale is not None, max_gap=max_gap != MAX_GAP,
        )  # fmt: skip
        return tables(out, config_of(names, seeds, scale, quick, dimension, device), jobs, scheduler, quiet)
    if quick:
        raise StavisError("quick is for the bench of the named contrasts: leave it out, or leave the data out.")
    folder = folder_of(data)
    plan = BenchConfig(
        data=str(folder.resolve()), data_hash=folder_hash(folder), systems=names, seeds=3 if seeds is None else seeds,
        dimension=dimension, preset=preset, delay=delay, labels=labels, fill=fill, split=split, source=source, scale=scale, device=device,
        version=package_version(), fold=fold, exclude=None if exclude is None else str(Path(exclude).resolve()),
        exclude_hash=None if exclude is None else hash_of(exclude), time_unit=str(time_unit), label_scale=label_scale, max_gap=max_gap,
    )  # fmt: skip
    if not (out / "plan.json").exists() and taken(out):
        raise StavisError(f"{out} is there already and is no bench: give another folder with --out, or remove it.")
    with held(out), stages(quiet) as progress, doing_of(jobs, scheduler) as doing:
        return _bench(out, plan, jobs, doing, progress)


def tables(out: Path, config: TablesConfig, jobs: int, scheduler: str | None = None, quiet: bool = False) -> Bench:
    """The bench of the named contrasts under a config, written to `out`, first when the contrasts are known, then when all is done; a
    folder begun with the same goes on where it stopped."""
    lines: list[str] = [QUICK] if config.quick else []
    say = (lambda text: None) if quiet else _say

    def designed(folder: Path, plan: TablesConfig) -> None:
        lines.extend([*pilot_lines(folder, plan), of_a_pilot(min(PILOT_SEEDS, plan.seeds))])
        for line in lines:
            say(line)

    def collected() -> Bench:
        summary, table = summary_of(out, config)
        summary |= {"pilot": lines, "attention": strips_of(out, summary["rows"])}
        write_json(out / "bench.json", summary)
        with atomic_file(out / "bench.csv") as path:
            table.to_csv(path, index=False, float_format="%.6g")
        save_tables(summary, out)
        return Bench(out, table, tuple(summary["failures"]), summary)

    check_own(out)
    with held(out), stages(quiet) as progress, doing_of(jobs, scheduler) as doing:
        run_tables(out, config, doing, jobs, progress, designed, collected)
        return collected()


def bench_from(file: str | Path, out: Path) -> Bench:
    """The page, CSV and LaTeX of a bench of the contrasts, made again in `out` from its bench.json (or a copy) alone.

    Raises StavisError where the file is none of such a bench.
    """
    summary = read_json(file)
    if not isinstance(summary, dict) or summary.get("kind") != KIND:
        raise StavisError(f"{file} is no bench.json of the named contrasts: give one that `stavis bench --out` without --data wrote.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        save_tables(summary, out)
    except (KeyError, TypeError, AttributeError) as error:
        raise StavisError(f"{file} is damaged or of another version ({error}): give the bench.json as it was written.") from error
    return Bench(out, scores_table(summary["rows"]), tuple(summary["failures"]), summary)


def _only_with_data(**given: bool) -> None:
    """Raises StavisError where an option is given that means something for a data set alone."""
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise StavisError(f"{', '.join(wrong)} cannot be chosen without a data set: give --data, or leave it out.")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _bench(out: Path, plan: BenchConfig, jobs: int, doing: Doing, progress) -> Bench:
    begun = _begin(out, plan)
    try:
        prepare(out, jobs, progress and _stage(progress, "computing descriptors"))
    except StavisError:
        if begun:  # what cannot be done leaves no plan behind that would stand in the way of another
            (out / "plan.json").unlink(missing_ok=True)
        raise
    power = power_before(bench_data(out))
    if progress:
        _say(power)
    run_all(waves(out, plan, plan.systems), doing, progress and _stage(progress, "training systems"))
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
    """The page about a bench that was run before: tables beside the published metrics, values over time, error by range of the gold.

    Raises StavisError where the folder holds none.
    """
    done = bench_result(folder)
    if done.summary.get("kind") == KIND:
        return tables_page(done.summary)
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
    lacking = unscored(predictions)
    errors = error_by_range(predictions)
    about = _provenance(found)
    spec = data_facts(plan.data).get("spec", {})
    groups = scores_by_group(predictions, sorted(set(spec.get("scenarios", ()))), plan.reference)
    summary = {
        "format": 1,
        "machine": machine(),
        "command": about["command"],
        "contrasts": contrasts_of(table, found, len(lacking)),
        "rows": plain_rows(table[(table.protocol == PRIMARY) & (table.seed.astype(str) == MEAN)]),
        "power": power_before(found),
        "plan": {**plan.as_json(), "data": Path(plan.data).name, "exclude": plan.exclude and Path(plan.exclude).name},
        "provenance": about,
        "counts": _counts(found, len(lacking)),
        "unscored": lacking,
        "systems": [_system_json(name, table, results.get(name, {})) for name in plan.systems],
        "failures": failures,
        "error_by_range": plain_rows(errors),
        "by_scenario": plain_rows(groups),
    }
    show([text] if (text := unscored_text(summary)) else [])
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


def _counts(found: BenchData, lacking: int) -> dict:
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
    counts[found.scored]["recordings_scored"] = counts[found.scored]["recordings"] - lacking
    return counts


def _system_json(name: str, table: pd.DataFrame, results: dict[int, dict]) -> dict:
    rows = table[(table.system == name)]
    return {
        "name": name, "row": SYSTEMS[name].row, "table": SYSTEMS[name].table, "published": SYSTEMS[name].published,
        "seeds": [results[seed] for seed in sorted(results)],
        "scores": plain_rows(rows[rows.seed.astype(str) == MEAN].drop(columns=["system", "seed"])),
    }  # fmt: skip
