"""The shipped checkpoint's recipe, in small: drawn, trained in stages, averaged, measured, described, and it verifies itself."""

import dataclasses
import importlib

import pytest

from stavis.data.crops.build import NoTracker
from stavis.jobs.pretrain import MEASURED, MEASURED_TRACKED, NEXT_STAGES, STAGES, measure_again, pretrain
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


def test_the_next_training_errs_in_alignment_as_the_tracker_does_and_what_ships_stays_recorded_as_it_was():
    shipped = load_checkpoint("sta-synthetic").info["training"]["jitter"]
    assert {name: shipped[name] for name in ("shift", "rotate", "scale")} == {"shift": 0.012, "rotate": 2.0, "scale": 0.025}
    for (people, plan, weight), (later_people, later, later_weight) in zip(STAGES, NEXT_STAGES, strict=True):
        assert {field.name: getattr(plan.jitter, field.name) for field in dataclasses.fields(plan.jitter)} == shipped
        assert (later.jitter.shift * 112, later.jitter.rotate, later.jitter.scale) == (pytest.approx(4), 3.0, 0.08)
        assert dataclasses.replace(later, jitter=plan.jitter) == plan and (people, weight) == (later_people, later_weight)
        assert later.augment == 1.0, "all of it is applied"
    assert set(MEASURED_TRACKED) <= set(MEASURED)


@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_a_checkpoint_is_measured_again_with_its_weights_and_remarks(tmp_path, tiny_run, monkeypatch):
    spec = {"switching": dataclasses.replace(MEASURED["switching"], recordings=2, fps=6.25, **SMALL).as_dict()}
    made = job.describe(tiny_run, tmp_path / "made", figures={"switching": {"ccc": 0.5}}, evaluated_on=spec, remarks="## Seen\n\nNothing.")
    before = load_checkpoint(made)

    def missing():
        raise NoTracker("there is no face model: set a variable.")

    monkeypatch.setattr(importlib.import_module("stavis.jobs.verify"), "face_model", missing)
    after = load_checkpoint(measure_again(made, device="cpu", quiet=True))
    card = (made / "README.md").read_text()
    assert after.hash == before.hash and after.info["evaluated_on"] == spec
    assert set(after.info["figures"]) == {"switching"} and after.info["figures"]["switching"]["ccc"] != 0.5
    assert card.count("## Seen\n\nNothing.") == 1 and "was not measured" in card
    assert {key: value for key, value in after.info.items() if key not in ("figures", "measured_on")} == {
        key: value for key, value in before.info.items() if key not in ("figures", "measured_on")
    }
