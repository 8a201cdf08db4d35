"""The bench of the named contrasts: five data sets, the rows of each, pilot, training, equal compute; resumable.

FOLDER/tables.json             what was asked for; a folder begun with something else is refused
FOLDER/SCENARIO/               a bench's folder of one scenario (plan.json, shared/, units/), see stavis.bench.bench
FOLDER/bench.json, .csv, .tex, .html   made of all runs that are done: when the contrasts are known, and at the end
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stavis.bench.contrasts import CONTRASTS, Contrast
from stavis.bench.data import bench_data, prepare
from stavis.bench.plan import BenchConfig, read_plan
from stavis.bench.rows import at_compute_of, row_named
from stavis.bench.runs import Run, Task
from stavis.bench.scenarios import SCENARIOS, BenchScenario
from stavis.bench.schedule import Doing, merged, run_all, taken, waves
from stavis.errors import StavisError
from stavis.models.published import TABLE_ROWS
from stavis.provenance import package_version
from stavis.storage.files import content_hash, read_json, write_json
from stavis.synthetic.embedded import embedded_data

Stage = Callable[[str, int, int], None]
"""Called with the name of a stage, what is done of it and its total."""

SEEDS = 5
"""How many times every row is trained."""

PILOT_SEEDS = 2
"""So many seeds of the contrasts' rows are trained first, to say what the bench will be able to show."""

QUICK = {"train": 48, "dev": 8, "test": 24}
"""The recordings of `--quick`, which shows the way and proves nothing."""
MOST = 100
QUICK_SCALE, QUICK_SEEDS = 0.1, 2


@dataclass(frozen=True)
class TablesConfig:
    """What a bench of the contrasts is asked to do. systems: the rows to keep, all where there is none; scale: the fraction of all caps."""

    seeds: int = SEEDS
    systems: tuple[str, ...] = ()
    scale: float = 1.0
    quick: bool = False
    dimension: str = "valence"
    device: str = "auto"
    scenarios: tuple[BenchScenario, ...] = SCENARIOS
    contrasts: tuple[Contrast, ...] = CONTRASTS

    def rows(self, scenario: BenchScenario) -> tuple[str, ...]:
        """The rows that are trained or read on a scenario's data."""
        if self.quick:
            return self.compared(scenario)
        return tuple(name for name in scenario.systems if not self.systems or row_named(name).system in self.systems)

    def compared(self, scenario: BenchScenario) -> tuple[str, ...]:
        """The rows of a scenario that its contrasts compare."""
        named = {name for one in self.contrasts if one.scenario == scenario.name for name in (one.worse, one.better)}
        return tuple(name for name in scenario.systems if name in named)

    @property
    def kept(self) -> tuple[BenchScenario, ...]:
        """The scenarios that have rows, smaller where it is to be quick."""
        made = [one for one in self.scenarios if self.rows(one)]
        return tuple(dataclasses.replace(one, **QUICK) if self.quick else one for one in made)

    def plan(self, scenario: BenchScenario, data: Path) -> BenchConfig:
        """The plan of one scenario's folder."""
        spec = scenario.data()
        systems = dict.fromkeys(row_named(name).system for name in self.rows(scenario))
        return BenchConfig(
            data=str(data.resolve()), data_hash=spec.hash(), systems=tuple(systems), seeds=self.seeds, dimension=self.dimension,
            preset="contrasts",
            delay=spec.rater_lag, labels="raters", split="test", source="truth", scale=self.scale, device=self.device,
            version=package_version(), caps=tuple(sorted(scenario.caps.items())), postprocess=False, whole=True,
        )  # fmt: skip

    def as_json(self) -> dict:
        """What decides the numbers, as JSON values."""
        kept = [{"name": one.name, "data": one.data().hash(), "rows": self.rows(one), "training": self._training(one)} for one in self.kept]
        contrasts = [[one.scenario, one.worse, one.better] for one in self.contrasts]
        told = {"format": 1, "scale": self.scale, "quick": self.quick, "dimension": self.dimension, "version": package_version()}
        return json.loads(json.dumps({**told, "seeds": self.seeds, "scenarios": kept, "contrasts": contrasts}))

    def _training(self, scenario: BenchScenario) -> dict[str, str]:
        """What tells how each system is trained from another way, by system."""
        plan = self.plan(scenario, Path())
        recipes = {name: dataclasses.asdict(plan.recipe(name)) for name in plan.systems}
        return {name: content_hash(json.dumps(recipe, sort_keys=True))[:12] for name, recipe in recipes.items()}


def config_of(systems: Sequence[str], seeds: int | None, scale: float, quick: bool, dimension: str, device: str) -> TablesConfig:
    """The config of the options of `stavis bench` without a data set.

    Raises StavisError for a number of seeds or a scale that cannot be.
    """
    seeds = (QUICK_SEEDS if quick else SEEDS) if seeds is None else seeds
    if not 1 <= seeds <= MOST:
        raise StavisError(f"{seeds} seeds cannot be trained: give a number from 1 to {MOST}.")
    if not 0 < scale <= 1:
        raise StavisError(f"a scale of {scale} cannot be: give the fraction of the training steps to do, above 0 and up to 1.")
    if dimension != "valence":
        raise StavisError(f"the synthetic data of the contrasts has no {dimension}: leave --dimension out, or give --data.")
    kept = () if tuple(systems) == TABLE_ROWS else tuple(systems)
    return TablesConfig(seeds, kept, scale * (QUICK_SCALE if quick else 1), quick, dimension, device)


def run_tables(
    out: Path,
    config: TablesConfig,
    doing: Doing,
    jobs: int = 1,
    progress: Stage | None = None,
    say: Callable[[Path, TablesConfig], None] | None = None,
    contrasts_known: Callable[[], object] | None = None,
) -> None:
    """Do everything that is not done; jobs: processes for rendering and descriptors; `say` is called when the pilot's runs are there,
    `contrasts_known` when those of the contrasts are and others still have to be trained.

    Raises StavisError where the folder was begun with something else, or the data cannot be made.
    """
    begin(out, config)
    rendered = _stage(progress, "rendering and cropping") or (lambda done, total: None)
    rendered(0, len(config.kept))
    for number, scenario in enumerate(config.kept, 1):
        _begin_scenario(out / scenario.name, config, scenario, jobs)
        rendered(number, len(config.kept))
    run_all(tasks_of(out, config, "pilot"), doing, _stage(progress, "training the pilot"))
    if say:
        say(out, config)
    run_all(tasks_of(out, config, "compared"), doing, _stage(progress, "training the contrasts"))  # first, as a night may not hold more
    run_all([equal_runs(out, config)], doing, _stage(progress, "training at equal compute"))
    rest = tasks_of(out, config, "all")
    if contrasts_known and not all(task.done for wave in rest for task in wave):
        contrasts_known()
    run_all(rest, doing, _stage(progress, "training the other systems"))


def begin(out: Path, config: TablesConfig) -> None:
    """Write what is asked for, or check that the folder was begun with the same; more seeds and rows may be asked for later."""
    asked, path = config.as_json(), out / "tables.json"
    if path.exists():
        begun = read_json(path)
        fixed = ("scale", "quick", "dimension", "version", "contrasts")
        differ = [name for name in fixed if begun.get(name) != asked[name]]
        before = {one["name"]: one for one in begun.get("scenarios", [])}
        for one in asked["scenarios"]:
            held = before.get(one["name"], one)
            differ += [f"data of {one['name']}"] * (held["data"] != one["data"])
            differ += [
                f"training of {name} on {one['name']}" for name, way in one["training"].items() if held["training"].get(name, way) != way
            ]
        if differ:
            raise StavisError(
                f"{out} was begun with another plan ({', '.join(differ)} differ): choose another folder, or the same options."
            )
    check_own(out)
    write_json(path, asked)


def check_own(out: Path) -> None:
    """Raises StavisError where something else lies where a bench of the contrasts is to be written."""
    if not (out / "tables.json").exists() and taken(out):
        raise StavisError(f"{out} is there already and is no bench of the contrasts: give another folder with --out, or remove it.")


def tasks_of(out: Path, config: TablesConfig, part: Literal["pilot", "compared", "all"]) -> list[list[Task]]:
    """The tasks of all scenarios, wave by wave; "compared": of the rows that the contrasts compare alone; "pilot": their first seeds."""
    found = []
    for scenario in config.kept:
        folder = out / scenario.name
        plan = read_plan(folder)
        rows = config.rows(scenario) if part == "all" else config.compared(scenario)
        rows = tuple(name for name in rows if name in config.rows(scenario))
        seeds = min(PILOT_SEEDS, config.seeds) if part == "pilot" else config.seeds
        found.append(waves(folder, dataclasses.replace(plan, seeds=seeds), rows))
    return merged(found)


def equal_runs(out: Path, config: TablesConfig) -> list[Task]:
    """The runs of each contrast's dearer row at the compute of its cheaper one, of seeds for which both are there."""
    found: list[Task] = []
    for contrast in config.contrasts:
        folder = out / contrast.scenario
        if (pair := dearer_and_cheaper(folder, config, contrast)) is None:
            continue
        name = at_compute_of(*pair)
        found += [Run(folder, name, seed) for seed in range(config.seeds) if all(Run(folder, one, seed).done for one in pair)]
    return found


def dearer_and_cheaper(folder: Path, config: TablesConfig, contrast: Contrast) -> tuple[str, str] | None:
    """Which row of a contrast took more CPU seconds, and which fewer (means over seeds); None where one is not trained or is missing."""
    if any(row_named(one).of for one in (contrast.worse, contrast.better)):
        return None
    spent = {}
    for name in (contrast.worse, contrast.better):
        runs = [Run(folder, name, seed) for seed in range(config.seeds)]
        results = [run.result() for run in runs if run.done]
        if not results:
            return None
        spent[name] = sum(one["cpu_seconds"] + one["base_cpu_seconds"] for one in results) / len(results)
    dearer = max(spent, key=spent.__getitem__)
    return dearer, next(name for name in spent if name != dearer)


def _begin_scenario(folder: Path, config: TablesConfig, scenario: BenchScenario, jobs: int) -> None:
    data = embedded_data(scenario.data(), quiet=True)
    plan = config.plan(scenario, data)
    write_json(folder / "plan.json", plan.as_json())
    bench_data.cache_clear()
    prepare(folder, jobs)


def _stage(progress: Stage | None, name: str) -> Callable[[int, int], None] | None:
    return progress and (lambda done, total: progress(name, done, total))


def done_runs(folder: Path, rows: Sequence[str], seeds: int) -> dict[str, dict[int, Run]]:
    """The runs of a folder that are done, by row and seed."""
    found = {name: {seed: run for seed in range(seeds) if (run := Run(folder, name, seed)).done} for name in rows}
    return {name: runs for name, runs in found.items() if runs}
