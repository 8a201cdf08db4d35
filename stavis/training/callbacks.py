"""What happens beside the steps of a training run: resume points, validation, the log, the progress bar, Ctrl-C."""

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import nn
from tqdm.auto import tqdm

from stavis.models.card import model_card
from stavis.models.checkpoint import named, save_checkpoint
from stavis.progress import StageLine, new_bar
from stavis.storage.files import atomic_file, write_text
from stavis.training.distributed import all_reduce_any
from stavis.training.loading import TimedLoader
from stavis.training.plateau import Plateau


class ResumePoint(pl.Callback):
    """Writes the run's own resume file every `every` steps, at the end of each epoch (of `epoch` steps) and when the run is interrupted.

    With the last step of an epoch it waits for the epoch's end: resumed from between the two, Lightning would leave out the validation.
    """

    def __init__(self, path: Path, every: int, epoch: int):
        self.path = path
        self.every, self.epoch = every, epoch

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        step = trainer.global_step
        if (step % self.every == 0 and step % self.epoch) or trainer.should_stop:
            self._save(trainer)

    def on_train_epoch_end(self, trainer, module) -> None:
        self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.path, weights_only=False)  # takes part; the first process alone writes
            return
        with atomic_file(self.path) as temporary:
            trainer.save_checkpoint(temporary, weights_only=False)  # False: with the optimiser and the step


class Validation(pl.Callback):
    """Scores the network every `every` steps and at the end, keeps the best and the last as checkpoint folders, and writes the log.

    `score(network) -> float` is the CCC to raise; after `patience` epochs without a better one the run stops early, or with `plateau`
    at the end that its rule gives.
    """

    COLUMNS = ("step", "train_loss", "dev_ccc", "learning_rate", "seconds", "data_wait")

    def __init__(
        self,
        run: Path,
        system: str,
        score: Callable[[nn.Module], float] | None,
        every: int,
        patience: int | None,
        info: dict,
        plateau: Plateau | None = None,
    ):
        self.run, self.system, self.score, self.every, self.patience, self.info = run, system, score, every, patience, info
        self.plateau = plateau
        self.rows: list[dict[str, float]] = []
        self.best = -math.inf
        self.best_step = 0
        self.waited = 0
        self._last = -1
        self._losses: list[float] = []
        self._before = 0.0
        self._cpu_before = 0.0
        self._started, self._cpu_started = time.monotonic(), time.process_time()
        self.loader: TimedLoader | None = None
        self._waited, self._epoch = 0.0, self._started

    def state_dict(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in ("rows", "best", "best_step", "waited")}
        state |= {"plateau": self.plateau.state_dict()} if self.plateau else {}
        return {**state, "losses": self._losses, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows, self.best, self.best_step, self.waited = (state[n] for n in ("rows", "best", "best_step", "waited"))
        self._losses = state["losses"]
        self._before, self._cpu_before = state["seconds"], state.get("cpu_seconds", 0.0)
        if self.plateau:
            self.plateau.load_state_dict(state["plateau"])
        self._last = self.rows[-1]["step"] if self.rows else -1

    def on_train_start(self, trainer, module) -> None:
        self._started, self._cpu_started = time.monotonic(), time.process_time()
        self._epoch = self._started
        if self.plateau and trainer.global_step >= self.plateau.end:  # resumed when it had ended
            trainer.should_stop = True

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self._losses.append(float(outputs["loss"]))
        if self.plateau and trainer.global_step >= self.plateau.end:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer, module) -> None:
        step = trainer.global_step
        due = step % self.every == 0 or step >= trainer.max_steps or trainer.should_stop
        if not due or self._last == step:
            return  # resumed from the end of an epoch, Lightning ends that epoch once more, and the next one early
        self._last = step
        found = self._validate(trainer, module) if trainer.is_global_zero else math.nan
        if self.plateau and self.score:
            self.plateau.report(step, trainer.strategy.broadcast(found))
        trainer.should_stop = all_reduce_any(trainer.should_stop, module.device)

    def _data_wait(self) -> float:
        """The fraction of the time since the last validation in which steps waited for data, NaN where nothing tells it."""
        if self.loader is None:
            return math.nan
        waited, self._waited = self.loader.waited - self._waited, self.loader.waited
        return round(waited / max(time.monotonic() - self._epoch, 1e-9), 4)

    def _validate(self, trainer, module) -> float:
        data_wait = self._data_wait()
        ccc = self.score(module.network) if self.score else math.nan
        row = {
            "step": trainer.global_step,
            "train_loss": sum(self._losses) / max(len(self._losses), 1),
            "dev_ccc": ccc,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": round(self.seconds, 1),
            "data_wait": data_wait,
        }
        self._losses = []
        self.rows.append(row)
        self._write_log()
        self._epoch = time.monotonic()
        self._keep(trainer, module.network, ccc)
        return ccc

    def _keep(self, trainer: pl.Trainer, network: nn.Module, ccc: float) -> None:
        info = {**self.info, "training": {**self.info.get("training", {}), "step": trainer.global_step, "dev_ccc": _finite(ccc)}}
        self._save("last", network, info)
        if self.score is None or ccc > self.best or not (self.run / "best").exists():
            self.best, self.best_step, self.waited = (ccc if math.isfinite(ccc) else -math.inf), trainer.global_step, 0
            self._save("best", network, info)
        else:
            self.waited += 1
            if self.plateau is None and self.patience is not None and self.waited >= self.patience:
                trainer.should_stop = True

    def _save(self, name: str, network: nn.Module, info: dict) -> None:
        described = {
            **info,
            "system": self.system,
            "config": dataclasses.asdict(network.config),
            "dimensions": named(network.dimensions),
        }
        save_checkpoint(self.run / name, network, system=self.system, info=info, card=model_card(self.run.name, described))

    def _write_log(self) -> None:
        lines = [",".join(self.COLUMNS), *(",".join(f"{row.get(name, math.nan):.6g}" for name in self.COLUMNS) for row in self.rows)]
        write_text(self.run / "log.csv", "\n".join(lines) + "\n")

    @property
    def seconds(self) -> float:
        """How long the run has trained, in all its parts."""
        return self._before + time.monotonic() - self._started

    @property
    def cpu_seconds(self) -> float:
        """What training took of the processor, in all its parts and threads."""
        return self._cpu_before + time.process_time() - self._cpu_started


class StepBar(pl.Callback):
    """One progress bar over all steps, in a terminal or a notebook, with the loss and the last validation's CCC."""

    def __init__(self, validation: Validation):
        self.validation = validation
        self.bar: tqdm | StageLine | None = None

    def on_train_start(self, trainer, module) -> None:
        if trainer.is_global_zero:
            self.bar = new_bar("training", trainer.max_steps, trainer.global_step, "step")

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        if self.bar is None:
            return
        loss = float(outputs["loss"])
        ccc = self.validation.rows[-1]["dev_ccc"] if self.validation.rows else math.nan
        self.bar.update(trainer.global_step - self.bar.n)
        self.bar.set_postfix(loss=f"{loss:.3f}", **({} if math.isnan(ccc) else {"dev_ccc": f"{ccc:.3f}"}), refresh=False)

    def teardown(self, trainer, module, stage) -> None:
        if self.bar is not None:
            self.bar.close()


class GracefulStop(pl.Callback):
    """Turns Ctrl-C (and a notebook's stop button) into an end after the running step, with everything written; a second one breaks off."""

    def __init__(self):
        self.requested = False
        self._previous = None

    def on_train_start(self, trainer, module) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number, frame) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.requested = all_reduce_any(self.requested, module.device)
        if self.requested:
            trainer.should_stop = True

    def teardown(self, trainer, module, stage) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
