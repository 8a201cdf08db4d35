"""The shipped checkpoint's recipe, in small: drawn, trained in stages, averaged, measured, described, and it verifies itself."""

import dataclasses
import importlib

import pytest

from stavis.jobs.pretrain import MEASURED, STAGES, pretrain
from stavis.jobs.verify import verify
from stavis.models.checkpoint import load_checkpoint
from stavis.training.fit import TrainingResult

job = importlib.import_module("stavis.jobs.pretrain")  # the name in the package is the function
SMALL = {"seconds": 2.0, "size": (64, 64)}


@pytest.mark.slow
def test_a_checkpoint_is_made_in_courses_that_go_on_from_the_one_before_and_verifies_itself(tmp_path):
    measured = {"switching": dataclasses.replace(MEASURED["switching"], recordings=2, fps=6.25, **SMALL)}
    small = {"recordings": 8, "shares": (0.5, 0.5, 0.0), **SMALL}
    stages = [
        (dataclasses.replace(spec, **small), dataclasses.replace(plan, steps=2, batch=2, epoch=2), part) for spec, plan, part in STAGES
    ]
    made = pretrain(tmp_path / "made", stages=stages, measured=measured, device="cpu", remarks="## Seen\n\nNothing.", quiet=True)
    checkpoint = load_checkpoint(made)
    assert checkpoint.info["start"]["name"] == "made-2" and len(stages) == 3
    assert checkpoint.info["training"]["seed"] == STAGES[-1][1].seed
    card = (made / "README.md").read_text()
    assert [(each["name"], each["part"]) for each in checkpoint.info["averaged"]] == [("made-1", 0.3), ("made-3", 0.7)]
    assert "the weights of made-2" in card and "- weights: 0.3 of made-1 (sha256 " in card and "## Seen" in card and "switching" in card
    assert verify(made, device="cpu", quiet=True).holds


def test_a_stopped_course_makes_no_checkpoint(tmp_path, monkeypatch):
    begun = []

    def stopped(run, *args, **options):
        begun.append(run)
        return TrainingResult(run, step=3, best_ccc=0.5, interrupted=True, seconds=1.0)

    monkeypatch.setattr(job, "train", stopped)
    monkeypatch.setattr(job, "embedded_data", lambda *_, **__: tmp_path)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path / "made", quiet=True)
    assert len(begun) == 1 and not (tmp_path / "made").exists()
