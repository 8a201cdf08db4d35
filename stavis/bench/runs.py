"""One run of a bench: a row trained with one seed, read over the development and scored recordings, written whole or not at all.

FOLDER/units/ROW/seed-K/run/       what training keeps for itself, and the checkpoint in run/best/
FOLDER/units/ROW/seed-K/result/    result.json and predictions.csv; it is there when the run is done
FOLDER/units/ROW/seed-K/failure.json   why it stopped, where it did
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from stavis.bench.data import BenchData, BenchRecording, bench_data
from stavis.bench.plan import Choice
from stavis.bench.rows import Row, row_named
from stavis.bench.scores import plain
from stavis.bench.search import choice_of
from stavis.bench.shuffled import shuffled_reader
from stavis.bench.train import Cost, Trained, train_system
from stavis.errors import StavisError
from stavis.evaluation.postprocess import PostProcessing, fit_chain
from stavis.inference.devices import choose_device
from stavis.metrics import ccc, concatenated
from stavis.storage.files import atomic_file, atomic_folder, read_json, write_json
from stavis.timeline import resample


@dataclass(frozen=True)
class Run:
    """A row (see stavis.bench.rows) and a seed of a bench's folder."""

    folder: Path
    system: str
    seed: int

    @property
    def home(self) -> Path:
        """Where everything of the run lies."""
        return self.folder / "units" / self.system / f"seed-{self.seed}"

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return (self.home / "result" / "result.json").is_file()

    @property
    def failure(self) -> str | None:
        """Why it stopped, None where it did not."""
        path = self.home / "failure.json"
        return str(read_json(path).get("reason", "unknown")) if path.is_file() and not self.done else None

    def result(self) -> dict:
        """What result.json says."""
        return read_json(self.home / "result" / "result.json")

    def work(self) -> None:
        """Train and score."""
        _work(self)

    def predictions(self) -> pd.DataFrame:
        """recording, time (s, of the label), predicted (corrected), raw, gold; one row a label of the scored split."""
        return pd.read_csv(self.home / "result" / "predictions.csv", dtype={"recording": str})


class Task(Protocol):
    """What a bench does in one process: a run, or the search before a system's runs."""

    @property
    def home(self) -> Path:
        """Where everything of it lies."""

    @property
    def done(self) -> bool:
        """Whether its result is there."""

    @property
    def failure(self) -> str | None:
        """Why it stopped, None where it did not."""

    def work(self) -> None:
        """Do it."""


def execute(task: Task, threads: int | None = None) -> str | None:
    """Do a task where it is not done; returns why it failed, or None. Nothing that goes wrong inside is raised."""
    if task.done:
        return None
    failure = task.home / "failure.json"
    failure.unlink(missing_ok=True)
    marker = task.home / "running"
    try:
        task.home.mkdir(parents=True, exist_ok=True)
        marker.touch()
        if threads:
            torch.set_num_threads(threads)
        task.work()
        return None
    except Exception as error:  # one task must not take the others with it: the reason is kept and listed
        said = " ".join(str(error).split())
        reason = said if isinstance(error, StavisError) else f"{type(error).__name__}: {said[:300]}"
        write_json(failure, {"reason": reason})
        return reason
    finally:
        marker.unlink(missing_ok=True)


def _work(run: Run) -> None:
    found = bench_data(run.folder)
    started, used = time.perf_counter(), time.process_time()
    trained, choice = _trained(run, found)
    values, speed = _read_all(found, trained)
    chain = PostProcessing(1.0, ccc_before=trained.dev_ccc, ccc_after=trained.dev_ccc)
    if found.plan.postprocess:
        chain = _chain(found, trained, values, found.of("dev"))
    left_out = plain(_left_out(found, trained, values)) if found.scored == "dev" and found.plan.postprocess else None
    table = pd.concat([_over_time(item, values[item.name], trained.delay, chain) for item in found.of(found.scored)], ignore_index=True)
    if not np.isfinite(table.predicted - table.gold).any():
        raise StavisError(
            f"no label of the {found.scored} split has a prediction: check faces, labels and the delay ({trained.delay:g} s)."
        )
    result = {
        "system": run.system,
        "seed": run.seed,
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        **_cost(trained.cost),
        **asdict(choice),
        "unit_seconds": round(time.perf_counter() - started, 1),
        "unit_cpu_seconds": round(time.process_time() - used, 1),
        "frames_per_second": round(speed, 1),
        "delay": trained.delay,
        "postprocessing": " + ".join(chain.kept) or "none",
        "postprocessing_words": chain.describe(),
        "dev_ccc": {"before": plain(chain.ccc_before), "after": plain(chain.ccc_after), "left_out": left_out},
        "reads": trained.reads,
        "notes": list(trained.notes),
        "counts": _lost(table),
    }
    with atomic_folder(run.home / "result") as files:
        with atomic_file(files / "predictions.csv") as path:
            table.to_csv(path, index=False, float_format="%.6g")
        write_json(files / "result.json", result)
    for left in ("resume.ckpt", "last"):
        path = run.home / "run" / left
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _trained(run: Run, found: BenchData) -> tuple[Trained, Choice]:
    """The network of a run: trained as the search chose, or one that another row trained, read with a change."""
    row, device = row_named(run.system), choose_device(found.plan.device)
    if row.of:
        base = Run(run.folder, row.of, run.seed)
        if not base.done:
            raise StavisError(f"{row.name} reads the network of {row.of} of seed {run.seed}, which was not trained: see why that failed.")
        kept = base.result()
        cost = Cost(kept["steps"], kept["cpu_seconds"], kept["base_cpu_seconds"], kept["train_seconds"], kept["stopped"], kept["cap"])
        return shuffled_reader(found, base.home / "run", device, run.seed, cost), Choice(kept["rate"], kept["augment"])
    choice = choice_of(run.folder, found.plan, row.system)
    recipe = found.plan.recipe(row.system, choice, _part_at(run, row) if row.at else 1.0)
    return train_system(found, row.system, run.seed, run.home / "run", device, recipe), choice


def _part_at(run: Run, row: Row) -> float:
    """The part of a system's cap that takes the CPU seconds of another row with the same seed."""
    own, other = Run(run.folder, row.system, run.seed), Run(run.folder, row.at, run.seed)
    for one in (own, other):
        if not one.done:
            raise StavisError(f"{row.name} needs {one.system} of seed {run.seed}, which was not trained: see why that failed.")
    mine, theirs = own.result(), other.result()
    left = theirs["cpu_seconds"] + theirs["base_cpu_seconds"] - mine["base_cpu_seconds"]
    steps = max(left, 0.0) / max(mine["cpu_seconds"], 1e-9) * mine["steps"]
    return min(1.0, steps / max(mine["cap"], 1))


def _cost(cost: Cost) -> dict:
    seconds = {"cpu_seconds": cost.cpu_seconds, "base_cpu_seconds": cost.base_cpu_seconds, "train_seconds": cost.seconds}
    return {"steps": cost.steps, "cap": cost.cap, "stopped": cost.stopped, **{name: round(value, 4) for name, value in seconds.items()}}


def _lost(table: pd.DataFrame) -> dict:
    lost = {"labels": len(table), "without_gold": int(table.gold.isna().sum())}
    return {**lost, "without_prediction": int((table.gold.notna() & table.predicted.isna()).sum())}


def _read_all(found: BenchData, trained: Trained) -> tuple[dict[str, np.ndarray], float]:
    """The values (T,) of the development and scored recordings at their frames, and the frames/s from crops to values."""
    values, spent, frames = {}, 0.0, 0
    for item in found.of("dev", found.scored):
        started = time.perf_counter()
        said = trained.predict(item)
        spent, frames = spent + time.perf_counter() - started, frames + len(item.crops)
        values[item.name] = found.filled(item, np.asarray(said, np.float64).reshape(-1, 1))[:, 0]
    speed = frames / max(spent, 1e-9)
    return values, 1 / (1 / speed + (1 / trained.before if trained.before else 0))


def _chain(found: BenchData, trained: Trained, values: dict[str, np.ndarray], items: Sequence[BenchRecording]) -> PostProcessing:
    """The post-processing that does best on some recordings of the dev split."""
    tables = [_over_time(item, values[item.name], trained.delay, None) for item in items]
    steps = np.concatenate([np.diff(item.gold_times) for item in found.of("dev")])
    return fit_chain([t.raw.to_numpy() for t in tables], [t.gold.to_numpy() for t in tables], 1 / max(float(np.median(steps)), 1e-3))


def _left_out(found: BenchData, trained: Trained, values: dict[str, np.ndarray]) -> float:
    """CCC over the dev split, concatenated, where each recording's post-processing is fitted on the others; NaN for a single one."""
    items, pairs = found.of("dev"), []
    for item in items if len(items) > 1 else ():
        chain = _chain(found, trained, values, [other for other in items if other is not item])
        table = _over_time(item, values[item.name], trained.delay, chain).dropna(subset=["predicted", "gold"])
        pairs.append((table.predicted.to_numpy(), table.gold.to_numpy()))
    return concatenated(ccc, pairs)


def _over_time(item: BenchRecording, values: np.ndarray, delay: float, chain: PostProcessing | None) -> pd.DataFrame:
    """Predictions at the labels' own times with the delay undone, beside the gold. Labels from before the delay has passed get the first
    value, as in an evaluation: without it systems of different delays were scored on different labels."""
    asked = item.gold_times - delay
    raw = resample(item.crops.times, values[:, None], np.maximum(asked, item.crops.times[0]), None)[:, 0]
    used = np.interp(asked, item.crops.times, item.crops.kept.astype(float)) > 0.5
    raw[~used] = np.nan
    predicted = raw if chain is None else np.clip(chain.apply(raw), -1, 1)
    gold = np.where(used | (asked < item.crops.times[0]), item.gold, np.nan)
    return pd.DataFrame({"recording": item.name, "time": item.gold_times, "predicted": predicted, "raw": raw, "gold": gold})
