"""Training that begins with another network's weights: it knows what that one knew, and refuses what it cannot take over."""

import dataclasses
from pathlib import Path

import pytest
import torch

from stavis.errors import StavisError
from stavis.models.checkpoint import Checkpoint, load_checkpoint
from stavis.models.systems import SYSTEMS
from stavis.training.config import TrainingConfig
from stavis.training.finetune import initialise_from
from stavis.training.fit import fit, noise_factor
from tests.training.made_crops import TINY, made_crops

PLAN = TrainingConfig(steps=2, epoch=2, batch=2, seconds=0.8, learning_rate=1e-12, weight_decay=0.0, precision="32-true")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start") / "first"
    plan = dataclasses.replace(PLAN, steps=60, epoch=60, batch=4, augment=0, learning_rate=1e-2)
    fit(made_crops(4), made_crops(2, seed=9), folder, config=TINY, training=plan, quiet=True)
    return folder


def test_a_run_begins_with_the_weights_and_the_sizes_it_was_given_and_says_so(run, tmp_path):
    fit(made_crops(2), [], tmp_path / "second", training=PLAN, init_from=run, quiet=True)
    first, second = load_checkpoint(run), load_checkpoint(tmp_path / "second")
    assert second.model.config == TINY
    for name, weight in first.model.named_parameters():  # at so small a learning rate they stay where they began
        assert torch.allclose(weight, second.model.get_parameter(name), atol=1e-6), name
    assert second.info["start"] == {"name": "first", "weights_sha256": first.hash, "only_drawn": False}
    assert f"- begun with: the weights of first (sha256 {first.hash[:16]})" in (second.folder / "README.md").read_text()


def test_only_what_began_with_drawn_faces_and_saw_no_others_is_said_to_have_seen_nothing_else(tmp_path):
    drawn, real = {"data": {"name": "drawn", "synthetic": True}}, {"data": {"name": "real"}}
    kinds = {"drawn": (drawn, None), "real": (real, None), "both": (drawn, "real"), "tuned": (real, "drawn"), "more": (drawn, "drawn")}
    for name, (info, begun) in kinds.items():
        start = tmp_path / begun if begun else None
        fit(made_crops(2), [], tmp_path / name, config=TINY, training=PLAN, info=info, init_from=start, quiet=True)
        told = (tmp_path / name / "best" / "README.md").read_text()
        seen = load_checkpoint(tmp_path / name).only_synthetic
        assert seen == ("only ever seen synthetic faces" in told) == (name in ("drawn", "more")), name
    fit(made_crops(2), [], tmp_path / "later", training=PLAN, info=drawn, init_from=tmp_path / "both", quiet=True)
    assert not load_checkpoint(tmp_path / "later").only_synthetic, "a real face is never forgotten"


def test_a_run_is_resumed_only_with_the_start_it_had(run, tmp_path):
    fit(made_crops(2), [], tmp_path / "second", training=PLAN, init_from=run, quiet=True)
    assert fit(made_crops(2), [], tmp_path / "second", training=PLAN, init_from=run, resume=True, quiet=True).step == 2
    with pytest.raises(StavisError, match=r"other settings \(start differ\)"):
        fit(made_crops(2), [], tmp_path / "second", config=TINY, training=PLAN, resume=True, quiet=True)


@pytest.mark.parametrize("name", SYSTEMS)
def test_dimensions_that_both_name_keep_what_was_learned_whatever_their_order(name):
    chosen = SYSTEMS[name]
    config = chosen.preset("small")
    given = chosen.network(dataclasses.replace(config, dimensions=("valence", "arousal")))
    own = chosen.network(dataclasses.replace(config, dimensions=("liking", "arousal", "valence")))
    before = {key: tensor.clone() for key, tensor in own.state_dict().items()}
    initialise_from(own, _checkpoint(given, name), name)
    rows = 0
    for key, tensor in own.state_dict().items():
        there = given.state_dict()[key]
        if tensor.shape == there.shape:
            assert torch.equal(tensor, there), key
        else:
            rows += 1
            assert torch.equal(tensor[2], there[0]) and torch.equal(tensor[1], there[1]), key
            assert torch.equal(tensor[0], before[key][0]), key
    assert rows


def test_swapped_dimensions_of_equal_number_swap_their_rows():
    first = SYSTEMS["sta"].network(dataclasses.replace(TINY, dimensions=("valence", "arousal")))
    second = SYSTEMS["sta"].network(dataclasses.replace(TINY, dimensions=("arousal", "valence")))
    initialise_from(second, _checkpoint(first, "sta"), "sta")
    clip = torch.rand(1, 4, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(second.eval()(clip), first.eval()(clip).flip(-1))


def test_another_system_and_other_sizes_are_refused_in_one_sentence(run):
    begun = load_checkpoint(run)
    with pytest.raises(StavisError, match=r"of system sta: a network of cnn3d cannot be initialised"):
        initialise_from(SYSTEMS["cnn3d"].network(TINY), begun, "cnn3d")
    wider = SYSTEMS["sta"].network(dataclasses.replace(TINY, hidden=10))
    with pytest.raises(StavisError, match=r"other sizes \(regressor\.head\.0\.bias differs\)"):
        initialise_from(wider, begun, "sta")


def test_what_has_learned_meets_the_noise_in_full_at_once():
    assert noise_factor(0.0) == 0 and noise_factor(0.0, (-1.0, 0.0)) == 1
    assert noise_factor(1.0) == noise_factor(1.0, (-1.0, 0.0)) == 0.25


def _checkpoint(model, system):
    return Checkpoint(model, system, folder=Path("made"), info={})
