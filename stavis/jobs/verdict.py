"""The verdict on a run: does its attention explain what it predicts, on recordings of a folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.crops.crops import CropConfig, Crops
from stavis.data.crops.many import crops_for
from stavis.data.datasets.selection import data_facts, recordings_of
from stavis.errors import StavisError
from stavis.inference.devices import choose_device
from stavis.models.checkpoint import Checkpoint, load_checkpoint
from stavis.progress import bar
from stavis.provenance import provenance
from stavis.show.figures.moments import agreement_matrix
from stavis.show.reports.report import HtmlReport
from stavis.show.reports.verdict_card import card
from stavis.storage.files import atomic_file, write_json
from stavis.synthetic.embedded import folder_of
from stavis.timeline import stride_of
from stavis.trust.judge import Verdict
from stavis.trust.judge import verdict as judge
from stavis.trust.known_answers import known_answers
from stavis.types import Clip, Target


@dataclass(frozen=True)
class VerdictResult:
    """A verdict with the network and the clips that it is about."""

    verdict: Verdict
    checkpoint: Checkpoint
    clips: tuple[Clip, ...]
    provenance: dict[str, str]

    def card(self) -> str:
        """The four answers as a piece of HTML without scripts."""
        return card(self.verdict)


def verdict(
    run: str | Path,
    data: str | Path | None = None,
    *,
    split: str = "test",
    clips: int = 12,
    dimension: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    quiet: bool = False,
) -> VerdictResult:
    """Judge a run's attention on one clip of each of the first `clips` recordings of a split; write the verdict to `out` if given.

    A clip is the middle window of a recording at the network's own frame rate. `out` gets verdict.json, verdict.html, agreement.csv.

    Raises StavisError where the run or the data cannot be read, or the run has no such dimension.
    """
    checkpoint = load_checkpoint(run)
    model, config = checkpoint.model.to(choose_device(device)), checkpoint.model.config
    if dimension is not None and dimension not in model.dimensions:
        raise StavisError(f"{run} predicts {', '.join(model.dimensions)}, not {dimension!r}: choose one of these.")
    folder = folder_of(data, quiet)
    recordings = recordings_of(folder, split)[:clips]
    with bar(f"cropping the {split} split", quiet) as progress:
        crops = crops_for(recordings, CropConfig(size=config.crop_size, rate=None), progress)
    chosen = tuple(middle_clip(each, config.rate, config.seconds) for each in crops)
    target = Target(dimension) if dimension else None
    facts = data_facts(folder)
    made = VerdictResult(
        judge(model, chosen, target=target, seed=seed),
        checkpoint,
        chosen,
        provenance(
            system=checkpoint.system,
            weights_sha256=checkpoint.hash,
            data=facts["name"],
            data_hash=facts.get("hash"),
            split=split,
            clips=len(chosen),
            seed=seed,
        ),
    )
    if out is not None:
        write_verdict(made, out)
    return made


def middle_clip(crops: Crops, rate: float, seconds: float) -> Clip:
    """The window of `seconds` in the middle of a recording, at about `rate` frames/s; the whole of a shorter one."""
    frames = np.arange(0, len(crops), stride_of(crops.times, rate))
    length = max(1, round(seconds * rate))
    start = max(0, (len(frames) - length) // 2)
    frames = frames[start : start + length]
    return crops.clip(int(frames[0]), int(frames[-1]) + 1)[frames - frames[0]]


def write_verdict(judgement: VerdictResult, out: str | Path) -> Path:
    """Write verdict.json, verdict.html and agreement.csv (tidy) under `out`, each whole or not at all."""
    out = Path(out)
    write_json(out / "verdict.json", {**judgement.verdict.to_json(), "provenance": judgement.provenance})
    with atomic_file(out / "agreement.csv") as temporary:
        judgement.verdict.agreement.to_csv(temporary, index=False, float_format="%.6g")
    verdict_report(judgement).save(out / "verdict.html")
    return out


CAPTIONS = {
    "Other attentions in its place": "change: of the prediction, in its standard deviations; growth: of the error after an affine refit, "
    "in standard deviations of the labels; p: exact, by sign flips of recordings; p_holm: after Holm's correction over these rows.",
    "Where the attention lies": "Left and right as in the image. Density is share over area: 1 is what uniform attention would give; "
    "image_left is the fraction of the share left of the face's midline.",
    "Attended cells first": "Areas under insertion curves: 0 at the baseline, 1 at the clip.",
}
"""The tables of the page, and what their columns mean."""


def verdict_report(judgement: VerdictResult) -> HtmlReport:
    """The page about a verdict: the card, the tests behind it, where the map lies, agreement by method."""
    found = judgement.verdict
    report = HtmlReport("Does the attention explain the prediction?", subtitle=f"{found.clips} clips", provenance=judgement.provenance)
    if judgement.checkpoint.only_synthetic:
        report.add_notice("This network has only ever seen drawn faces.")
    for note in found.notes:
        report.add_warning(note)
    report.add_html("Verdict", judgement.card())
    tables = (found.tests, found.localisation, found.insertion)
    for (heading, caption), table in zip(CAPTIONS.items(), tables, strict=True):
        if len(table):
            report.add_table(heading, table.round(3), caption)
    if len(found.between):
        words = "Correlation of the sizes of two maps, mean over clips."
        report.add_figure("Agreement between methods", agreement_matrix(between_matrix(found)), words)
    return report


def between_matrix(found: Verdict) -> pd.DataFrame:
    """How alike each pair of methods is: a square table of correlations, mean over clips, 1 on the diagonal."""
    means = found.between.groupby(["method", "other"], sort=False).cc.mean()
    names = list(dict.fromkeys([*found.between.method, *found.between.other]))
    table = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for (method, other), value in means.items():
        table.loc[method, other] = table.loc[other, method] = value
    return table


def known_answer_table(seeds: int = 3) -> pd.DataFrame:
    """The verdict on networks whose answer is known: one row a model and seed, with what is expected and whether it came out right."""
    return pd.DataFrame(known_answers(tuple(range(seeds))))
