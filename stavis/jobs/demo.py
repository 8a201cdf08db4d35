"""The main job on the embedded default: render, train, evaluate, explain, one page."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError
from stavis.inference.devices import choose_device
from stavis.inference.predictor import VideoReader
from stavis.jobs.evaluate import RunEvaluation, evaluate
from stavis.jobs.explain import explain
from stavis.jobs.synth import synth
from stavis.jobs.train import train
from stavis.storage.files import write_json
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import EMBEDDED
from stavis.training.config import TrainingConfig

PLAN = TrainingConfig(steps=1000, batch=16, seconds=0.96, epoch=300, augment=0.0, feature_noise=12.0)
"""How long the demo trains: enough for the attention to find the cue, short enough to wait for. The pixels stay as they are rendered, and
there is less noise behind the attention than by default, for in so few steps it costs more CCC than the attention gains by it."""
_SHOWN = {"recordings": 1, "seconds": 8.0, "fps": 12.5}  # the recording that is explained, smoother than those trained on


@dataclass(frozen=True)
class Demo:
    """Where the demo wrote its page and what it measured on people that were not trained on."""

    report: Path
    evaluation: RunEvaluation
    seconds: float
    device: str

    @property
    def summary(self) -> dict:
        """What demo.json says; undefined figures are null."""
        ccc = self.evaluation.score("ccc")
        cue = self.evaluation.cue.get("switching")
        figures = {"ccc": ccc.value, "ccc_low": ccc.low, "ccc_high": ccc.high}
        for name, score in (("mouth_cue_correlation", cue and cue.correlation), ("cue_density", cue and cue.density)):
            if score is not None:
                figures |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
        plain = {name: round(value, 4) if np.isfinite(value) else None for name, value in figures.items()}
        return {"seconds": round(self.seconds, 1), **plain, "device": self.device}


def demo_options(steps: int | None = None, recordings: int | None = None) -> dict:
    """The demo's spec and plan with another number of training steps or recordings."""
    spec = EMBEDDED if recordings is None else dataclasses.replace(EMBEDDED, recordings=recordings)
    plan = PLAN if steps is None else dataclasses.replace(PLAN, steps=steps, epoch=min(PLAN.epoch, steps))
    return {"spec": spec, "plan": plan}


def demo(
    out: str | Path, *, spec: SyntheticConfig = EMBEDDED, plan: TrainingConfig = PLAN, device: str = "auto", quiet: bool = False
) -> Demo:
    """Render the embedded data, train the small STA network, evaluate it on unseen people and explain one of them.

    Parameters
    ----------
    out : str or Path
        The folder to write to: new or empty.
    spec : SyntheticConfig
        What is rendered.
    plan : TrainingConfig
        How it is trained.
    device : str
        "auto", "cpu", "cuda", "mps".
    quiet : bool
        No progress bars.

    Returns
    -------
    Demo
        `.report`, the page; `.evaluation`; `.summary`, what demo.json says.

    Raises
    ------
    StavisError
        Where `out` holds something already or cannot be written.

    Examples
    --------
    >>> stavis.demo("demo").summary  # doctest: +SKIP
    """
    started = time.monotonic()
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StavisError(f"{out} is there already and not empty: give another folder with --out, or remove it.")
    where = str(choose_device(device))
    data = synth(out / "data", spec, quiet=quiet)
    train(out / "run", data, training=plan, device=device, quiet=quiet)
    net = VideoReader.load(out / "run", device=device)
    result = evaluate(net, data, split="test", out=out / "evaluation", quiet=quiet)
    shown = synth(out / "shown", dataclasses.replace(spec, **_SHOWN, seed=spec.seed + 1000), quiet=quiet)
    page = out / "report.html"
    explain(net, recordings_of(shown)[0], out / "explanation", evaluation=result, page=page, quiet=quiet)
    finished = Demo(page, result, time.monotonic() - started, where)
    write_json(out / "demo.json", finished.summary)
    return finished
