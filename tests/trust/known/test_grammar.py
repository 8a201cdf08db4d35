"""The grammar does what its rules say, and the verdict is right on a seeded part of it."""

import numpy as np
import pandas as pd
import pytest
import torch

from stavis.attribution.methods import input_x_gradient, saliency
from stavis.tensors import as_input
from stavis.trust.agreement import agreement
from stavis.trust.attention_tests import recorded
from stavis.trust.judge import verdict
from stavis.trust.known.grammar import EYES, RULES, Rule, known_network
from stavis.trust.known.rates import HIDDEN_SEEDS, SAMPLE, TUNING_SEEDS, answers_of, by_network, rates
from stavis.trust.localisation import localisation
from stavis.trust.sanity import branches, randomised
from stavis.types import Target

QUICK = {"heads": 1, "networks": 1, "methods": [saliency]}


def rule(name: str) -> Rule:
    return next(each for each in RULES if each.name == name)


@pytest.mark.parametrize("each", RULES, ids=lambda each: each.name)
def test_a_network_predicts_its_labels_and_attends_as_its_rule_says(each):
    network = known_network(each, 3, clips=6)
    kept = network.rule
    readings = [recorded(network.model, clip, Target(), None) for clip in network.clips]
    labels = np.concatenate([clip.labels[:, 0] for clip in network.clips])
    if kept.looks != "nowhere" or kept.past > 0:
        assert np.corrcoef(np.concatenate([own for _, own in readings]), labels)[0, 1] > 0.98
    for maps, _ in readings:
        if kept.looks == "nowhere":
            np.testing.assert_allclose(maps, 1 / 64, atol=1e-6)
            continue
        cells = kept.cells if kept.looks == "cue" else 1
        attended = np.sort(maps.reshape(len(maps), -1), 1)[:, -cells:].sum(1)
        np.testing.assert_allclose(attended, kept.share, atol=0.01)
        np.testing.assert_allclose(maps.sum((1, 2)), 1, atol=1e-6)


@pytest.mark.parametrize("each", [rule for rule in RULES if rule.past == 1], ids=lambda each: each.name)
def test_decorative_means_that_no_map_changes_anything(each):
    network = known_network(each, 3, clips=1)
    frames = as_input(network.clips[0].frames)
    with torch.no_grad():
        maps = torch.rand(1, 6, 8, 8)
        own, other = network.model(frames), network.model(frames, maps / maps.sum((2, 3), keepdim=True))
    assert torch.equal(own, other)


def test_a_random_head_hears_all_cells_past_the_attention_where_that_path_is_loud():
    """What makes agreement say something: behind a random head attributions leave the attended cell."""
    network = known_network(rule("sharp, a loud path past the attention"), 3, clips=1)
    clip = network.clips[0]
    maps = recorded(network.model, clip, Target(), None)[0]
    head = branches(network.model, clip)["head"]
    own = agreement(maps, input_x_gradient(network.model, clip).values).cc.mean()
    behind = []
    for seed in range(6):
        with randomised(network.model, head, seed):
            behind.append(agreement(maps, input_x_gradient(network.model, clip).values).cc.mean())
    assert own > 0.95 and np.mean(behind) < 0.6


def test_units_are_what_the_rule_says():
    outputs, labels = (
        known_network(rule(name), 0, clips=4) for name in ("sharp, outputs 2.5 times too large", "sharp, labels in a small unit")
    )
    for network, slope in ((outputs, 2.5), (labels, 1 / 0.12)):
        own = np.concatenate([recorded(network.model, clip, Target(), None)[1] for clip in network.clips])
        gold = np.concatenate([clip.labels[:, 0] for clip in network.clips])
        assert np.polyfit(gold, own, 1)[0] == pytest.approx(slope, rel=0.05)


def test_every_answer_of_every_question_is_somewhere_expected():
    expected = pd.DataFrame([network.expected for network in (known_network(each, 0, clips=5) for each in RULES)])
    for question in ("needed", "sufficient", "unique"):
        assert {"yes", "no"} <= set(expected[question].dropna())
    assert {"yes", "no", "forced", "undecided"} == set(expected.agrees.dropna())
    assert (expected.agrees == "yes").sum() >= 8
    assert len(RULES) >= 20 and len({each.name for each in RULES}) == len(RULES)
    assert set(SAMPLE) <= set(RULES)
    assert not set(TUNING_SEEDS) & set(HIDDEN_SEEDS)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_wink_is_told_by_its_side(side):
    """A one-sided cue: the attention's share is on that eye, the other has next to none, and a note says so. The eye is one cell of the
    map, and an outline as wide as a cell gives nearly half of what lies on it to the cells around."""
    found = verdict((network := known_network(rule(f"{side} eye only"), 1, clips=5)).model, network.clips, **QUICK)
    by_part = found.localisation.set_index("part")
    other = "right" if side == "left" else "left"
    assert by_part.share[f"{side}_eye"] > 0.5 > 0.05 > by_part.share[f"{other}_eye"]
    assert (by_part.image_left[f"{side}_eye"] > 0.95) == (side == "left")
    assert any(f"on the image-{side} eye" in note and "one-sided" in note for note in found.notes)
    assert found.needed.answer == "yes"


def test_a_mirrored_wink_moves_to_the_other_side_only_where_the_attention_follows_the_image():
    network = known_network(rule("left eye only"), 1, clips=1)
    clip = network.clips[0]
    with torch.no_grad():
        mirrored = network.model.look(as_input(np.ascontiguousarray(clip.frames[:, :, ::-1])))[0].numpy()
    table = localisation(mirrored.astype(float), clip.regions).groupby("part").share.mean()
    assert table["right_eye"] > 0.5 > 0.05 > table["left_eye"] and EYES["left"][1] == 7 - EYES["right"][1]
    fixed = known_network(rule("one position, the right one"), 1, clips=1)
    frames = fixed.clips[0].frames
    with torch.no_grad():
        maps = [fixed.model.look(as_input(np.ascontiguousarray(each)))[0].numpy() for each in (frames, frames[:, :, ::-1])]
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize(
    ("name", "any_map", "idle_time"),
    [("one position, the right one", True, True), ("by the clock, the right cells", True, False), ("sharp", False, True)],
)
def test_what_the_attention_does_not_depend_on_is_said(name, any_map, idle_time):
    network = known_network(rule(name), 2, clips=6)
    notes = " ".join(verdict(network.model, network.clips, **QUICK).notes)
    assert ("any map of this kind does as well" in notes) == any_map
    assert ("its temporal part is idle" in notes) == idle_time


@pytest.mark.parametrize(
    "name",
    [
        "sharp, outputs 2.5 times too large",
        "sharp, all but a little past the attention",
        "faint",
        "sixteen cells, soft",
        "decorative, faint on the cue",
        "decorative, on the decoy",
        "sharp, a loud path past the attention",
    ],
)
def test_the_verdict_is_right_on_a_part_of_the_grammar(name):
    table = pd.DataFrame(answers_of(known_network(rule(name), 5, clips=8), [8], heads=2, networks=2))
    assert by_network(table)[0]["right"], table.to_string()


def test_rates_are_counted_by_hand():
    rows = [
        {"clips": 5, "question": "needed", "expected": expected, "answer": answer, "right": expected == answer}
        for expected, answer in [
            ("yes", "yes"),
            ("yes", "no"),
            ("yes", "undecided"),
            ("yes", "yes"),
            ("no", "no"),
            ("no", "yes"),
            ("", "yes"),
        ]
    ]
    found = rates(pd.DataFrame(rows)).set_index("question").loc["needed"]
    assert (found.yes, found.false_no, found.not_yes) == (4, 0.25, 0.5)
    assert (found.no, found.false_yes, found.right) == (2, 0.5, pytest.approx(0.5))
