"""Does a checkpoint still do what its card says? Its own data are drawn again and every printed figure is measured again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.jobs.evaluate import evaluate_run
from stavis.models.checkpoint import load_checkpoint
from stavis.progress import bar
from stavis.synthetic.embedded import embedded_data
from stavis.synthetic.spec import SyntheticConfig

DIGITS = 3
"""How many digits after the point a printed figure has."""


@dataclass(frozen=True)
class Verification:
    """Each printed figure beside what is measured now: columns data, figure, printed, measured, same."""

    table: pd.DataFrame

    @property
    def holds(self) -> bool:
        """Whether every figure is the same to the last digit printed."""
        return bool(self.table.same.all())


def measure(run: str | Path, specs: dict[str, dict], *, device: str = "auto", quiet: bool = False) -> dict[str, dict[str, float]]:
    """The figures a card prints, measured on the test split of each drawn data set: {name: {figure: value}}, rounded to DIGITS."""
    figures = {}
    for name, spec in specs.items():
        with bar(f"drawing {name}", quiet) as progress:
            folder = embedded_data(spec_of(spec), progress)
        done = evaluate_run(run, folder, split="test", device=device, quiet=quiet)
        values = {}
        for metric in ("ccc", "cc", "rmse"):
            score = done.score(metric)
            values |= {metric: score.value, f"{metric} low": score.low, f"{metric} high": score.high}
            values[f"{metric} per recording"] = done.score(metric, "per_recording").value
        for kind, cue in done.cue.items():
            if kind == "switching":
                values |= {"mouth cue correlation": cue.correlation.value}
                values |= {"mouth cue correlation low": cue.correlation.low, "mouth cue correlation high": cue.correlation.high}
            values |= {"cue density": cue.density.value, "cue density low": cue.density.low, "cue density high": cue.density.high}
        figures[name] = {key: round(value, DIGITS) for key, value in values.items() if np.isfinite(value)}
    return figures


def verify(run: str | Path, *, device: str = "auto", quiet: bool = False) -> Verification:
    """Measure a checkpoint's printed figures again on its own data spec.

    Raises StavisError where the checkpoint names no drawn data to measure on.
    """
    info = load_checkpoint(run).info
    printed = info.get("figures")
    specs = info.get("evaluated_on")
    if not printed or not specs:
        raise StavisError(f"{run} prints no figures with the data they were measured on: evaluate it on your own data instead.")
    measured = measure(run, specs, device=device, quiet=quiet)
    rows = [
        {"data": name, "figure": figure, "printed": value, "measured": measured[name].get(figure)}
        for name, values in printed.items()
        for figure, value in values.items()
    ]
    table = pd.DataFrame(rows)
    return Verification(table.assign(same=table.printed == table.measured))


def spec_of(values: dict) -> SyntheticConfig:
    """A spec from its JSON values."""
    return SyntheticConfig(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
