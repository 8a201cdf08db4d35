"""Does a checkpoint still do what its card says? Its own data are generated again and every reported metric is measured again."""

import platform
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from stavis.errors import StavisError
from stavis.inference.devices import choose_device
from stavis.inference.predictor import VideoReader
from stavis.inference.source import Source
from stavis.jobs.evaluate import evaluate
from stavis.progress import bar
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import embedded_data

DIGITS = 3
"""How many digits after the point a reported metric has."""

TOLERANCE = 0.002
"""How far a metric measured again may lie from the reported one: processors differ in the last digit."""

DENSITY_TOLERANCE = 0.01
"""The same for densities (share over area, which are no fractions), relative to the reported one."""


@dataclass(frozen=True)
class Verification:
    """Each reported metric beside what is measured now: columns data, figure, printed, measured, difference, tolerance, same.

    `reference` says on what machine and with what versions the reported ones were measured (empty where the checkpoint does not
    record it), `here` the same of this run.
    """

    table: pd.DataFrame
    reference: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every metric lies within its tolerance of the reported one."""
        return bool(self.table.same.all())

    @property
    def summary(self) -> str:
        """How many metrics hold, the largest difference, and the machines that are compared."""
        table = self.table
        lines = [f"{int(table.same.sum())} of {len(table)} metrics within tolerance ({TOLERANCE:g}; densities {DENSITY_TOLERANCE:.0%})"]
        if table.difference.notna().any():
            worst = table.loc[(table.difference.abs() / table.tolerance).idxmax()]
            lines[0] += f"; largest difference {worst.difference:+.4f} ({worst.data}, {worst.figure})"
        for name, facts in (("reported on", self.reference), ("measured on", self.here)):
            lines.append(f"{name}: {', '.join(f'{key} {value}' for key, value in facts.items()) or 'a machine that was not recorded'}")
        return "\n".join(lines)


def machine(device: str = "auto") -> dict[str, str]:
    """What a metric's last digits depend on: processor, its vector instructions, device, threads, versions."""
    return {
        "processor": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": str(choose_device(device)),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def compare(printed: dict[str, dict[str, float]], measured: dict[str, dict[str, float]]) -> pd.DataFrame:
    """One row per reported metric: data, figure, printed, measured, difference, tolerance, same (within the tolerance of its kind)."""
    rows = []
    for name, values in printed.items():
        for figure, value in values.items():
            tolerance = abs(value) * DENSITY_TOLERANCE if "density" in figure else TOLERANCE
            now = measured.get(name, {}).get(figure)
            difference = float("nan") if now is None else round(now - value, 9)
            row = {"data": name, "figure": figure, "printed": value, "measured": now, "difference": difference, "tolerance": tolerance}
            rows.append(row | {"same": abs(difference) <= tolerance + 1e-9})
    return pd.DataFrame(rows)


def measure(run: Source, specs: dict[str, dict], *, device: str = "auto", quiet: bool = False) -> dict[str, dict[str, float]]:
    """The metrics a card reports, measured on the test split of each synthetic data set: {name: {figure: value}}, rounded to DIGITS."""
    net = VideoReader.load(run, device=device)
    figures = {}
    for name, spec in specs.items():
        with bar(f"generating {name}", quiet) as progress:
            folder = embedded_data(spec_of(spec), progress, quiet=True)
        result = evaluate(net, folder, split="test", quiet=quiet)
        values = {}
        for metric in ("ccc", "cc", "rmse"):
            score = result.score(metric)
            values |= {metric: score.value, f"{metric} low": score.low, f"{metric} high": score.high}
            values[f"{metric} per recording"] = result.score(metric, "per_recording").value
        for kind, cue in result.cue.items():
            if kind == "switching":
                values |= {"mouth cue correlation": cue.correlation.value}
                values |= {"mouth cue correlation low": cue.correlation.low, "mouth cue correlation high": cue.correlation.high}
            values |= {"cue density": cue.density.value, "cue density low": cue.density.low, "cue density high": cue.density.high}
        figures[name] = {key: round(value, DIGITS) for key, value in values.items() if np.isfinite(value)}
    return figures


def verify(run: Source, *, device: str = "auto", quiet: bool = False) -> Verification:
    """Measure a checkpoint's reported metrics again on its own data and compare them, within a tolerance by kind.

    Parameters
    ----------
    run : str, path or Predictor
        A checkpoint that reports its metrics, such as "sta-synthetic".
    device : str
        "auto", "cpu", "cuda", "mps".
    quiet : bool
        No progress bars.

    Returns
    -------
    Verification
        `.table`, one row per metric; `.holds`, whether all lie within their tolerance; `.summary`.

    Raises
    ------
    StavisError
        Where the checkpoint names no synthetic data to measure on.

    Examples
    --------
    >>> stavis.verify("sta-synthetic").holds  # doctest: +SKIP
    True
    """
    net = VideoReader.load(run, device=device)
    info = net.info
    printed = info.get("figures")
    specs = info.get("evaluated_on")
    if not printed or not specs:
        raise StavisError(f"{net.name} reports no metrics with the data they were measured on: evaluate it on your own data instead.")
    table = compare(printed, measure(net, specs, device=device, quiet=quiet))
    return Verification(table, dict(info.get("measured_on") or {}), machine(device))


def spec_of(values: dict) -> SyntheticConfig:
    """A spec from its JSON values."""
    return SyntheticConfig.from_dict({name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
