"""Does a checkpoint still do what its card says? Its own data are generated again and every reported metric is measured again."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

from stavis.bootstrap import Interval
from stavis.data.crops.build import NoTracker, face_model
from stavis.data.crops.many import Progress
from stavis.data.datasets.truth import read_truth
from stavis.errors import StavisError
from stavis.evaluation.evaluate import NoFaces
from stavis.evaluation.invariance import invariance
from stavis.inference.devices import choose_device
from stavis.inference.predictor import Network, VideoReader
from stavis.jobs.evaluate import RunEvaluation, evaluate, evaluation_of
from stavis.models.card import COUNTED, FOUND_CCC, TRACKED, TRUTH_CCC
from stavis.notes import Notes
from stavis.printable import ShortRepr, percent
from stavis.progress import bar
from stavis.regions import VERSION as REGIONS_VERSION
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import embedded_data
from stavis.synthetic.heads.stage import require_heads

DIGITS = 3
"""How many digits after the point a reported metric has."""

TOLERANCE = 0.002
"""How far a metric measured again may lie from the reported one: processors differ in the last digit."""

DENSITY_TOLERANCE = 0.01
"""The same for densities (share over area, which are no fractions), relative to the reported one."""

TRACKED_RECORDINGS = 12
"""How many recordings of a set are also read through the tracker, which takes longer than all else."""

TRACKED_TOLERANCE, TRACKED_DENSITY_TOLERANCE = 0.05, 0.1
"""The tolerances of what is measured through the tracker. The two backends that run the same face networks (LiteRT, and OpenCV where that
is not installed) lost 373 and 401 of 1200 frames, and the metrics and their intervals' ends differed by up to .033."""


@dataclass(frozen=True, repr=False)
class Verification(ShortRepr):
    """Each reported metric beside what is measured now: columns data, metric, reported, measured, difference, tolerance, same.

    `reference` says on what machine and with what versions the reported ones were measured (empty where the checkpoint does not
    record it), `here` the same of this run. `unchecked` says which metrics could not be measured here, and why; '' for none.
    """

    table: pd.DataFrame
    reference: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)
    unchecked: str = ""

    def _facts(self) -> Iterator[str]:
        yield f"{int(self.table.same.sum())} of {len(self.table)} metrics within tolerance"
        yield from [self.unchecked] * bool(self.unchecked)

    @property
    def holds(self) -> bool:
        """Whether every metric that was measured lies within its tolerance of the reported one."""
        return bool(self.table.same.all())

    @property
    def summary(self) -> str:
        """How many metrics hold, the largest difference, what was not checked, and the machines that are compared."""
        table = self.table
        kinds = f"{TOLERANCE:g}; densities {percent(DENSITY_TOLERANCE)}"
        if table.data.str.endswith(TRACKED).any():
            kinds += f"; through the tracker {TRACKED_TOLERANCE:g} and {percent(TRACKED_DENSITY_TOLERANCE)}"
        lines = [f"{int(table.same.sum())} of {len(table)} metrics within tolerance ({kinds})"]
        if table.difference.notna().any():
            worst = table.loc[(table.difference.abs() / table.tolerance.clip(lower=1e-9)).idxmax()]
            lines[0] += f"; largest difference {worst.difference:+.4f} ({worst.data}, {worst.metric})"
        lines += [self.unchecked] if self.unchecked else []
        for name, facts in (("reported on", self.reference), ("measured on", self.here)):
            lines.append(f"{name}: {', '.join(f'{key} {value}' for key, value in facts.items()) or 'a machine that was not recorded'}")
        return "\n".join(lines)


def machine(device: str = "auto") -> dict[str, str]:
    """What a metric's last digits depend on: processor, its vector instructions, device, threads, versions, that of the regions too."""
    return {
        "processor": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": str(choose_device(device)),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "regions": f"version {REGIONS_VERSION}",
    }


def compare(reported: dict[str, dict[str, float]], measured: dict[str, dict[str, float]]) -> pd.DataFrame:
    """One row per reported metric: data, metric, reported, measured, difference, tolerance, same (within the tolerance of its kind)."""
    rows = []
    for name, values in reported.items():
        for metric, value in values.items():
            tolerance = _tolerance(name, metric, values)
            now = measured.get(name, {}).get(metric)
            difference = float("nan") if now is None else round(now - value, 9)
            row = {"data": name, "metric": metric, "reported": value, "measured": now, "difference": difference, "tolerance": tolerance}
            rows.append(row | {"same": abs(difference) <= tolerance + 1e-9})
    return pd.DataFrame(rows)


def _tolerance(name: str, metric: str, values: dict[str, float]) -> float:
    """How far a metric of a set measured again may lie from the reported one."""
    tracked = name.endswith(TRACKED) and metric != TRUTH_CCC
    if metric in COUNTED:
        return TRACKED_TOLERANCE * values["frames"] if metric in COUNTED[2:] else 0.0
    if "density" in metric:
        return abs(values[metric]) * (TRACKED_DENSITY_TOLERANCE if tracked else DENSITY_TOLERANCE)
    return TRACKED_TOLERANCE if tracked else TOLERANCE


def measure(run: Network, specs: dict[str, dict], *, device: str = "auto", quiet: bool = False) -> dict[str, dict[str, float]]:
    """The metrics a card reports, measured on the test split of each synthetic data set: {name: {metric: value}}, rounded to DIGITS."""
    net = VideoReader.load(run, device=device)
    metrics = {}
    for name, spec in specs.items():
        with bar(f"generating {name}", quiet) as progress:
            folder = embedded_data(config := spec_of(spec), progress, quiet=True)
        result = evaluate(net, folder, split="test", quiet=quiet)
        metrics[name] = _at_rest(result) if config.neutral == 1 else _values(result)
        if config.renderer != "flat" and config.neutral < 1:
            with bar(f"changing the crops of {name}", quiet) as progress:
                metrics[name] |= _changed(net, result, progress)
    return metrics


def _at_rest(result: RunEvaluation) -> dict[str, float]:
    """Of the people who are neutral throughout: how far the prediction moves within a recording (SD), and how far from 0 it lies (RMS)."""
    values = []
    for recording in result.recordings:
        if recording.truth is not None and not np.any(read_truth(recording.truth).valence):
            values.append(result.evaluation.readings[recording.name].prediction.values[:, 0])
    if not values:
        return {}
    within = np.sqrt(np.mean([one.var() for one in values]))
    return {
        "sd within neutral recordings": _rounded(within),
        "rms of neutral frames": _rounded(np.sqrt(np.mean(np.concatenate(values) ** 2))),
    }


def _changed(net: VideoReader, result: RunEvaluation, progress: Progress | None) -> dict[str, float]:
    """How far the prediction moves where the face does not: RMS under a mirror, 4 of 112 px and 8 % of zoom, of the first recordings."""
    changes = invariance(net, result.crops[:TRACKED_RECORDINGS], progress=progress)
    return {f"rms under {name}": _rounded(changes[f"rms_{name}"]) for name in ("mirror", "shift", "zoom")}


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)


def measure_tracked(
    run: Network, specs: dict[str, dict], *, recordings: int = TRACKED_RECORDINGS, device: str = "auto", quiet: bool = False
) -> dict[str, dict[str, float]]:
    """The same metrics where the crops are aligned by the tracked face, as in a video of anyone's own: {name + TRACKED: {metric: value}}.

    Of the first `recordings` of each set, with counts of frames, of frames without a face and of those among them that are read, and
    beside them the CCC of the same recordings aligned by truth. Where no face is found at all there are the counts alone.

    Raises NoTracker where the face networks are not available.
    """
    face_model()
    net = VideoReader.load(run, device=device)
    metrics = {}
    for name, spec in specs.items():
        with bar(f"generating {name}", quiet) as progress:
            folder = embedded_data(spec_of(spec), progress, quiet=True)
        options: dict[str, Any] = {"split": "test", "limit": recordings, "quiet": quiet}
        truth = evaluate(net, folder, source="truth", **options)
        counts = truth.evaluation.counts
        try:
            unshown = Notes()  # what the tracker notes of single videos: here frames are counted
            result = evaluation_of(net, folder, source="face", notes=unshown, **options)
        except NoFaces:
            values, lost, read = {}, int(counts["frames"]), 0
        else:
            values = _values(result, each=False)
            lost, read = (int(result.evaluation.counts[name]) for name in ("frames_without_face", "frames_bridged"))
            found = evaluation_of(net, folder, source="face", notes=unshown, **options, fill="drop").score()
            values |= _interval(FOUND_CCC, found)
        counted = dict(zip(COUNTED, (counts["recordings"], counts["frames"], lost, read), strict=True))
        ccc = round(truth.score().value, DIGITS)
        metrics[name + TRACKED] = {**counted, **values, **({TRUTH_CCC: ccc} if np.isfinite(ccc) else {})}
    return metrics


def _values(result: RunEvaluation, each: bool = True) -> dict[str, float]:
    """The metrics of an evaluation with the ends of their intervals, rounded, without undefined ones; `each`: also those per recording."""
    values: dict = {}
    for metric in ("ccc", "cc", "rmse"):
        values |= _interval(metric, result.score(metric))
        if each:
            each_own = result.score(metric, "per_recording").value
            values |= {f"{metric} per recording": _rounded(each_own)} if np.isfinite(each_own) else {}
    for kind, cue in result.cue.items():
        if kind == "switching":
            values |= _interval("mouth cue correlation", cue.correlation)
        values |= _interval("cue density", cue.density)
    return values


def _interval(name: str, of: Interval) -> dict[str, float]:
    """A metric and the ends of its interval, rounded, without undefined ones."""
    values = {name: of.value, f"{name} low": of.low, f"{name} high": of.high}
    return {key: _rounded(value) for key, value in values.items() if np.isfinite(value)}


def verify(run: Network, *, device: str = "auto", quiet: bool = False) -> Verification:
    """Measure a checkpoint's reported metrics again on its own data and compare them, within a tolerance by kind.

    Those that are reported of crops aligned by the tracked face need the face model; where it is not available they are not checked,
    which `unchecked` and the summary say.

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
        `.table`, one row per metric; `.holds`, whether all lie within their tolerance; `.unchecked`; `.summary`.

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
    reported = info.get("figures")
    specs = info.get("evaluated_on")
    if not reported or not specs:
        raise StavisError(f"{net.name} reports no metrics with the data they were measured on: evaluate it on your own data instead.")
    reported, unchecked = _renderable(reported, specs)
    reported, other_regions = _of_these_regions(reported, info.get("measured_on") or {})
    unchecked = "\n".join(text for text in (unchecked, other_regions) if text)
    tracked = {name: values for name, values in reported.items() if name.endswith(TRACKED) and name.removesuffix(TRACKED) in specs}
    aligned = {name: values for name, values in reported.items() if name not in tracked}
    measured = measure(net, {name: specs[name] for name in aligned if name in specs}, device=device, quiet=quiet)
    try:
        for name, values in tracked.items():
            spec = {name.removesuffix(TRACKED): specs[name.removesuffix(TRACKED)]}
            measured |= measure_tracked(net, spec, recordings=int(values.get(COUNTED[0], TRACKED_RECORDINGS)), device=device, quiet=quiet)
    except NoTracker as error:
        reported = aligned
        missing = f"the metrics of {len(tracked)} sets read through the tracker were not checked: {error}"
        unchecked = "\n".join(text for text in (unchecked, missing) if text)
    return Verification(compare(reported, measured), dict(info.get("measured_on") or {}), machine(device), unchecked)


def _of_these_regions(reported: dict[str, dict], measured_on: dict[str, str]) -> tuple[dict[str, dict], str]:
    """The reported metrics that can be compared, and why the others (of the attention on other regions of a face) are not checked."""
    version = measured_on.get("regions", "version 1")
    if version == f"version {REGIONS_VERSION}":
        return reported, ""
    kept = {name: {key: value for key, value in values.items() if "cue" not in key} for name, values in reported.items()}
    left = sum(map(len, reported.values())) - sum(map(len, kept.values()))
    text = f"{left} metrics of the attention go by {version} of the regions of a face, this is version {REGIONS_VERSION}: not checked."
    return kept, text if left else ""


def _renderable(reported: dict[str, dict], specs: dict[str, dict]) -> tuple[dict[str, dict], str]:
    """The reported sets that can be rendered here, and why the others (those of 3D heads without their model) are not checked."""
    heads = [name for name in reported if specs.get(name.removesuffix(TRACKED), {}).get("renderer", "flat") != "flat"]
    if not heads:
        return reported, ""
    try:
        require_heads()
    except StavisError as error:
        left = {name: values for name, values in reported.items() if name not in heads}
        return left, f"the metrics of {len(heads)} sets of 3D heads were not checked: {error}"
    return reported, ""


def spec_of(values: dict) -> SyntheticConfig:
    """A spec from its JSON values."""
    return SyntheticConfig.from_dict({name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
