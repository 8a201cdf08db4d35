"""The main job on the embedded default: render, train, evaluate, explain, one page."""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stavis.data.datasets.selection import recordings_of
from stavis.data.faces.networks.model_file import on_this_machine
from stavis.errors import StavisError
from stavis.evaluation.evaluate import NoFaces
from stavis.inference.devices import choose_device
from stavis.inference.predictor import VideoReader
from stavis.jobs.evaluate import RunEvaluation, evaluate, evaluation_of
from stavis.jobs.explain import explain
from stavis.jobs.synth import synth
from stavis.jobs.train import train
from stavis.notes import Notes
from stavis.printable import ShortRepr
from stavis.storage.files import write_json
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import EMBEDDED
from stavis.training.config import TrainingConfig

PLAN = TrainingConfig(steps=1000, batch=16, seconds=0.96, epoch=300, augment=0.0, feature_noise=12.0)
"""How long the demo trains: enough for the attention to find the cue, short enough to wait for. The pixels stay as they are rendered, and
there is less feature noise than by default, for in so few steps it costs more CCC than the attention gains by it. Of three seeds each, 1000
steps reached a CCC of .87, .89 and .90 with a cue correlation of .74, .84 and .85; 800 steps .85, .86 and .87 with .80, .76 and .69."""
TRACKED = 12
"""How many test recordings are also read through the tracker: enough for an interval, a few seconds."""
_SHOWN: dict[str, Any] = {"recordings": 1, "seconds": 8.0, "fps": 12.5}  # the recording that is explained, smoother than those trained on


@dataclass(frozen=True, repr=False)
class Demo(ShortRepr):
    """Where the demo wrote its page and what it measured on people that were not trained on.

    evaluation: with crops aligned by the truth; tracked: of the first recordings with crops aligned by the tracked face, None where that
    was not possible; tracked_text: what came of it, in one sentence.
    """

    report: Path
    evaluation: RunEvaluation
    seconds: float
    device: str
    tracked: RunEvaluation | None = None
    tracked_text: str = ""

    def _facts(self) -> Iterator[str]:
        yield str(self.report)
        yield f"CCC {self.evaluation.score().value:.3f}"
        yield f"{self.seconds:.0f} s on {self.device}"

    @property
    def summary(self) -> dict:
        """What demo.json says; undefined figures are null."""
        cue = self.evaluation.cue.get("switching")
        scores = {"ccc": self.evaluation.score("ccc")}
        if cue is not None:
            scores |= {"mouth_cue_correlation": cue.correlation, "cue_density": cue.density}
        metrics: dict = {}
        for name, score in scores.items():
            metrics |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
        return {"seconds": round(self.seconds, 1), **_plain(metrics), "device": self.device, "tracked": self._tracked()}

    def _tracked(self) -> dict:
        """The metrics through the tracker, with counts; or why there are none."""
        if self.tracked is None:
            return {"unavailable": self.tracked_text}
        ccc, counts = self.tracked.score("ccc"), self.tracked.evaluation.counts
        counted = {name: counts[name] for name in ("recordings", "frames", "frames_without_face")}
        return {**_plain({"ccc": ccc.value, "ccc_low": ccc.low, "ccc_high": ccc.high}), **counted}


def _plain(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in metrics.items()}


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
    tracked, text = through_tracker(net, data)
    shown = synth(out / "shown", dataclasses.replace(spec, **_SHOWN, seed=spec.seed + 1000), quiet=quiet)
    page = out / "report.html"
    told = dataclasses.replace(result, notes=(*result.notes, text))
    explain(net, recordings_of(shown)[0], out / "explanation", evaluation=told, page=page, quiet=quiet)
    finished = Demo(page, result, time.monotonic() - started, where, tracked, text)
    write_json(out / "demo.json", finished.summary)
    return finished


def through_tracker(net: VideoReader, data: str | Path) -> tuple[RunEvaluation | None, str]:
    """The first test recordings read with crops aligned by the tracked face, as a video of anyone's own is, and what came of it in one
    sentence; nothing is downloaded for it: None and the reason where the face model is not on this machine, or no face was found."""
    reason = "the face model is not on this machine (`stavis fetch-models` gets it)"
    if on_this_machine():
        try:
            unshown = Notes()  # what the tracker notes of single videos: here frames are counted
            result = evaluation_of(net, data, split="test", source="face", limit=TRACKED, notes=unshown, quiet=True)
        except NoFaces as error:
            reason = str(error).rstrip(".")
        else:
            score, counts = result.score("ccc"), result.evaluation.counts
            frames = f"{counts['frames_without_face']} of {counts['frames']} frames without a face"
            metric = f"CCC {score.value:.3f} {score.ends()}".rstrip()
            return (
                result,
                f"Aligned by the tracked face, as in a video of your own: {metric} on {counts['recordings']} recordings, {frames}.",
            )
    return None, f"Through the tracker, as in a video of your own, nothing was measured: {reason}."
