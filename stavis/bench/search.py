"""The small search on dev, the same for every system: three learning rates, then the best of them with augmentation, each for a quarter of
the cap. What closed forms have (the grid of a support vector machine) is searched by their own trainer.

FOLDER/units/SYSTEM/search/trial-K.json   what a trial reached on dev
FOLDER/units/SYSTEM/search/choice.json    what was chosen; it is there when the search is done
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from stavis.bench.data import bench_data
from stavis.bench.plan import AUGMENT, RATES, SEARCH_GAIN, SEARCH_SCALE, SEARCH_SEED, BenchConfig, Choice
from stavis.bench.train import train_system
from stavis.errors import StavisError
from stavis.inference.devices import choose_device
from stavis.models.svr import SVRNetwork
from stavis.models.systems import SYSTEMS
from stavis.storage.files import read_json, write_json


@dataclass(frozen=True)
class Search:
    """The search for one system of a bench's folder."""

    folder: Path
    system: str

    @property
    def home(self) -> Path:
        """Where its trials lie."""
        return self.folder / "units" / self.system / "search"

    @property
    def done(self) -> bool:
        """Whether it has chosen."""
        return (self.home / "choice.json").is_file()

    @property
    def failure(self) -> str | None:
        """Why it stopped, None where it did not."""
        path = self.home / "failure.json"
        return str(read_json(path).get("reason", "unknown")) if path.is_file() and not self.done else None

    def work(self) -> None:
        """Do the trials that are not done, and choose."""
        tried = [self._trial(number, Choice(rate)) for number, rate in enumerate(RATES)]
        tried.append(self._trial(len(RATES), Choice(_chosen(tried)["rate"], AUGMENT)))
        chosen = _chosen(tried)
        write_json(self.home / "choice.json", {"rate": chosen["rate"], "augment": chosen["augment"], "trials": tried})

    def _trial(self, number: int, choice: Choice) -> dict:
        path = self.home / f"trial-{number}.json"
        if path.is_file():
            return read_json(path)
        found = bench_data(self.folder)
        recipe = found.plan.recipe(self.system, choice, SEARCH_SCALE)
        run = self.home / f"trial-{number}"
        shutil.rmtree(run, ignore_errors=True)
        device = choose_device(found.plan.device)
        trained = train_system(found, self.system, SEARCH_SEED, run, device, recipe, base_seed=0)
        reached = float(trained.dev_ccc) if np.isfinite(trained.dev_ccc) else None
        result = {**asdict(choice), "dev_ccc": reached, "steps": trained.cost.steps, "cpu_seconds": round(trained.cost.cpu_seconds, 2)}
        write_json(path, result)
        shutil.rmtree(run, ignore_errors=True)
        return result


def is_searched(plan: BenchConfig, system: str) -> bool:
    """Whether learning rate and augmentation of a system are searched under a plan."""
    return plan.search and SYSTEMS[system].network is not SVRNetwork


def choice_of(folder: Path, plan: BenchConfig, system: str) -> Choice:
    """What the search of a folder chose for a system; the recipe as it is where nothing is searched.

    Raises StavisError where the search is not done.
    """
    if not is_searched(plan, system):
        return Choice()
    search = Search(folder, system)
    if search.failure:
        raise StavisError(f"the search for {system} failed: {search.failure}")
    found = read_json(search.home / "choice.json")
    return Choice(float(found["rate"]), float(found["augment"]))


def _chosen(tried: list[dict]) -> dict:
    """The best trial; where none gains enough on the first, which is the recipe as it is, that one."""
    best = max(tried, key=_reached)
    return best if _reached(best) > _reached(tried[0]) + SEARCH_GAIN else tried[0]


def _reached(trial: dict) -> float:
    return -2.0 if trial["dev_ccc"] is None else trial["dev_ccc"]
