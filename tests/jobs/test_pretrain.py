"""The shipped checkpoint's recipe, in small: drawn, trained in stages, averaged, measured, described, and it verifies itself."""

import dataclasses
import importlib
from pathlib import Path

import pytest
import torch

from stavis.data.crops.build import NoTracker
from stavis.errors import StavisError
from stavis.jobs.pretrain import measure_again, pretrain
from stavis.jobs.verify import spec_of, verify
from stavis.models.card import model_card, seen_text
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.sta import STA
from stavis.storage.eviction import entries
from stavis.storage.locks import locked
from stavis.training.augment import TRACKER_ERRORS, Jitter
from stavis.training.config import TrainingConfig
from stavis.training.fit import TrainingResult
from stavis.training.stages import HEADS_STAGES, MEASURED, MEASURED_HEADS, MEASURED_TRACKED, NEXT_STAGES, PRESETS, STAGES, TRACKED_JITTER
from tests.models.test_sta import TINY

job = importlib.import_module("stavis.jobs.pretrain")  # the name in the package is the function
SMALL = {"seconds": 2.0, "size": (64, 64)}


@pytest.mark.slow
def test_a_checkpoint_is_made_in_courses_that_go_on_from_the_one_before_and_verifies_itself(tmp_path):
    measured = {"switching": dataclasses.replace(MEASURED["switching"], recordings=2, fps=6.25, **SMALL)}
    small = {"recordings": 8, "shares": (0.5, 0.5, 0.0), **SMALL}
    stages = [
        (dataclasses.replace(each.people, **small), dataclasses.replace(each.training, steps=2, batch=2, epoch=2), each.weight)
        for each in STAGES
    ]
    made = pretrain(tmp_path / "made", stages=stages, measured=measured, device="cpu", remarks="## Seen\n\nNothing.", quiet=True)
    checkpoint = load_checkpoint(made)
    assert checkpoint.info["start"]["name"] == "made-2" and len(stages) == 3
    assert checkpoint.info["training"]["seed"] == STAGES[-1].training.seed
    card = (made / "README.md").read_text()
    assert [(each["name"], each["part"]) for each in checkpoint.info["averaged"]] == [("made-1", 0.3), ("made-3", 0.7)]
    assert "the weights of made-2" in card and "- weights: 0.3 of made-1 (sha256 " in card and "## Seen" in card and "switching" in card
    assert verify(made, device="cpu", quiet=True).holds


def test_a_stage_can_change_the_network_and_what_has_no_weight_is_not_averaged(tmp_path, monkeypatch):
    people = dataclasses.replace(MEASURED["switching"], recordings=4, shares=(0.5, 0.5, 0.0), fps=6.25, **SMALL)
    plan = TrainingConfig(steps=1, batch=2, epoch=1, seconds=0.96)
    monkeypatch.setattr(job, "measured_metrics", lambda *_, **__: {})
    stages = [(people, plan, 0.0), (people, plan, 1.0, {"symmetric": True})]
    made = load_checkpoint(pretrain(tmp_path / "made", stages=stages, device="cpu", quiet=True))
    assert made.model.config.symmetric and [one["name"] for one in made.info["averaged"]] == ["made-2"]
    with pytest.raises(StavisError, match="no network to average"):
        job.mean_of([made.folder], [0.0], tmp_path / "none")


def test_what_was_found_on_real_faces_is_not_said_of_other_weights(tmp_path):
    assert "real_faces" in load_checkpoint("sta-heads").info
    mean = job.mean_of(["sta-heads", "sta-heads"], [0.5, 0.5], tmp_path / "mean")
    assert "real_faces" not in load_checkpoint(mean).info


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


def stub_training(monkeypatch, tmp_path, trained: list, stops_at: int = 99) -> None:
    """Training that writes a network at once, and is killed at its `stops_at`th stage."""

    def train(run, data, *, init_from=None, resume=False, **options):
        trained.append((run.name, Path(init_from).name if init_from else None, resume))
        if len(trained) == stops_at:
            raise KeyboardInterrupt
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(len(trained))
            save_checkpoint(run / "best", STA(TINY), system="sta", info={"data": {"name": "none", "synthetic": True}})
        return TrainingResult(run, step=2, best_ccc=0.5, interrupted=False, seconds=1.0)

    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(job, "train", train)
    monkeypatch.setattr(job, "embedded_data", lambda *_, **__: tmp_path)
    monkeypatch.setattr(job, "measured_metrics", lambda *_, **__: {"switching": {"ccc": 0.5}})


def test_a_killed_pretrain_goes_on_with_the_stage_it_was_in(tmp_path, monkeypatch):
    trained = []
    stub_training(monkeypatch, tmp_path, trained, stops_at=2)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path / "killed", quiet=True)
    stub_training(monkeypatch, tmp_path, trained)
    made = pretrain(tmp_path / "killed", quiet=True)
    assert [name for name, _, _ in trained] == ["killed-1", "killed-2", "killed-2", "killed-3"]
    assert [start for _, start, _ in trained] == [None, "killed-1", "killed-1", "killed-2"] and all(resumed for _, _, resumed in trained)
    assert [each["name"] for each in load_checkpoint(made).info["averaged"]] == ["killed-1", "killed-3"]
    assert not entries("runs"), "what was trained is given back when the checkpoint is there"


def test_a_pretrain_can_start_again_and_another_process_waits_for_none(tmp_path, monkeypatch):
    trained = []
    stub_training(monkeypatch, tmp_path, trained, stops_at=2)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path / "again", quiet=True)
    (folder,) = entries("runs")
    with locked(folder / ".lock"), pytest.raises(StavisError, match="another process"):
        pretrain(tmp_path / "again", quiet=True)
    pretrain(tmp_path / "again", resume=False, quiet=True)
    assert [name for name, _, _ in trained] == ["again-1", "again-2", "again-1", "again-2", "again-3"]


def test_the_folder_names_the_network_that_is_made(tmp_path, monkeypatch):
    trained = []
    stub_training(monkeypatch, tmp_path, trained)
    card = (pretrain(tmp_path / "sta-heads", quiet=True) / "README.md").read_text()
    assert trained[0] == ("sta-heads-1", "sta-synthetic", True) and "stavis pretrain sta-heads" in card
    card = (pretrain(tmp_path / "mine", preset="sta-heads", quiet=True) / "README.md").read_text()
    assert trained[len(HEADS_STAGES)][:2] == ("mine-1", "sta-synthetic") and "stavis pretrain sta-heads" in card
    with pytest.raises(StavisError, match="sta-synthetic, sta-heads"):
        pretrain(tmp_path / "other", preset="sta-none", quiet=True)


def test_heads_are_learned_from_the_network_that_ships_by_crops_as_the_tracker_makes_them():
    config = PRESETS["sta-heads"]
    assert config.init_from == "sta-synthetic" and config.stages == HEADS_STAGES
    for people, plan, *_ in HEADS_STAGES:
        assert people.renderer == "heads" and people.diversity == 1 and people.neutral == 0.45 and people.recordings >= 5000
        errors = {name: getattr(plan.jitter, name) / getattr(TRACKED_JITTER, name) for name in ("shift", "rotate", "scale")}
        assert all(1 <= part <= 1.5 + 1e-9 for part in errors.values()), "as the tracker errs, or half as much again"
        assert dataclasses.replace(plan.jitter, **TRACKER_ERRORS) == TRACKED_JITTER and plan.augment == 1
        assert sum(people.split_of(index) == "dev" for index in range(people.recordings)) >= 200
    assert sum(each.weight for each in HEADS_STAGES) == 1
    assert len({each.people.seed for each in HEADS_STAGES} | {people.seed for people in MEASURED_HEADS.values()}) == 10
    assert any(people.neutral == 1 for people in MEASURED_HEADS.values())


def test_the_card_of_a_network_of_heads_says_what_it_has_seen():
    for renderer, text in (
        ("both", "rendered 3D heads and flat synthetic faces; no real face"),
        ("flat", "only ever seen synthetic faces."),
    ):
        info = {"data": {"synthetic": True, "spec": {"renderer": renderer}}}
        assert text in model_card("x", info)
    assert seen_text({"data": {"synthetic": True, "spec": {}}}) == "synthetic faces" and seen_text({"data": {}}) == ""


def test_the_next_training_errs_in_alignment_as_the_tracker_does_and_what_ships_stays_recorded_as_it_was():
    shipped = load_checkpoint("sta-synthetic").info["training"]["jitter"]
    assert {name: shipped[name] for name in ("shift", "rotate", "scale")} == {"shift": 0.012, "rotate": 2.0, "scale": 0.025}
    for (people, plan, *rest), (later_people, later, *later_rest) in zip(STAGES, NEXT_STAGES, strict=True):
        assert {field.name: getattr(plan.jitter, field.name) for field in dataclasses.fields(plan.jitter)} == shipped
        assert (later.jitter.shift * 112, later.jitter.rotate, later.jitter.scale) == (pytest.approx(4), 3.0, 0.08)
        assert dataclasses.replace(later, jitter=plan.jitter) == plan and (people, rest) == (later_people, later_rest)
        assert later.augment == 1.0, "all of it is applied"
    assert set(MEASURED_TRACKED) <= set(MEASURED) | set(MEASURED_HEADS)


def test_the_network_of_heads_that_ships_was_trained_as_its_last_stage_says():
    people, plan, *_ = HEADS_STAGES[-1]
    info = load_checkpoint("sta-heads").info
    assert spec_of(info["data"]["spec"]) == people
    trained = {key: value for key, value in info["training"].items() if key not in ("dev_ccc", "step")}
    plan = dataclasses.replace(plan, precision="bf16-mixed")  # what "auto" is on a processor that computes in it
    assert TrainingConfig(**{**trained, "jitter": Jitter(**trained["jitter"])}) == plan
    assert plan.epoch <= info["training"]["step"] <= plan.steps
    assert seen_text(info) == "rendered 3D heads; no real face"
    begun = load_checkpoint("sta-synthetic").model.config
    changes = {name: value for stage in HEADS_STAGES for name, value in stage.changes.items()}
    assert load_checkpoint("sta-heads").model.config == dataclasses.replace(begun, **changes), "as large"


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
