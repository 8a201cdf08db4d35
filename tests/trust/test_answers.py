"""What decides each answer: units do not, calibration does not, the architecture is taken into account, digits show what decides."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from stavis.bootstrap import interval
from stavis.show.reports.verdict_card import COLOURS, card
from stavis.trust.attention_tests import recorded
from stavis.trust.evidence import gather
from stavis.trust.faithfulness import curves
from stavis.trust.judge import judge, verdict
from stavis.trust.known.five import case, said
from stavis.trust.sanity import randomised
from stavis.trust.wording import sentence
from stavis.types import Target
from tests.trust.test_judge import NONE, made

QUICK = {"heads": 2, "networks": 2}


class Rescaled(nn.Module):
    """A network whose output has another unit: scale × output + offset."""

    def __init__(self, network: nn.Module, scale: float, offset: float = 0.0):
        super().__init__()
        self.network, self.scale, self.offset, self.dimensions = network, scale, offset, network.dimensions

    def forward(self, frames: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
        return self.network(frames, attention) * self.scale + self.offset


@pytest.fixture(scope="module")
def only_path():
    model, clips = case("only path", 0, clips=5)
    return model, clips, verdict(model, clips, **QUICK)


@pytest.mark.parametrize(("outputs", "labels"), [(2.5, 1.0), (0.12, 0.12), (0.01, 1.0), (1.0, 0.12)])
def test_units_of_outputs_and_labels_change_no_answer(only_path, outputs, labels):
    model, clips, before = only_path
    clips = [replace(clip, labels=labels * clip.labels - 0.05) for clip in clips]
    after = verdict(Rescaled(model, outputs, 0.3), clips, **QUICK)
    assert said(after) == said(before)
    for new, old in zip(after.answers, before.answers, strict=True):
        assert new.effect == pytest.approx(old.effect, abs=0.02), new.question
    assert after.needed.details["useful"] == pytest.approx(before.needed.details["useful"], abs=1e-3)
    assert after.unique.details["tolerance"] == pytest.approx(outputs * before.unique.details["tolerance"], rel=1e-3)


def test_a_badly_calibrated_network_that_only_attends_needs_its_attention(only_path):
    """Output × 2.5 with the labels as they are: the error may shrink without the attention, the attention is used all the same."""
    model, clips, _ = only_path
    found = verdict(Rescaled(model, 2.5), clips, **QUICK)
    assert found.needed.answer == "yes"
    assert found.needed.details["useful_low"] > 0
    assert "Useful:" in found.needed.sentence


def test_used_and_useful_are_told_apart():
    """An attention that changes a prediction which has nothing to do with the labels is used, and not useful."""
    evidence = made(0.6)
    rng = np.random.default_rng(1)
    for place, own in enumerate(evidence.own):
        evidence.own[place] = rng.normal(size=len(own))
        evidence.replaced[place] = {kind: rng.normal(size=(1, len(own))) for kind in ("uniform", "permuted")}
    found = judge(evidence, NONE).needed
    assert found.answer == "yes"
    assert found.details["useful_low"] < 0 < found.details["useful_high"] or found.details["useful_high"] < 0.1
    assert "Useful:" not in found.sentence


def test_random_networks_are_orders_on_the_network_in_question():
    model, clips = case("only path", 0, clips=2)
    found = gather(model, clips, Target(), None, methods=[], heads=0, networks=2, tolerance=0.1, seed=0)
    for number in (1, 2):
        with randomised(model, None, 1000 + number - 1):
            maps = [recorded(model, clip, Target(), None)[0] for clip in clips]
        for index, clip in enumerate(clips):
            expected = curves(model, clip, maps[index], seed=index)
            assert found.insertion[index][f"random network {number}"] == pytest.approx(expected.insertion_area)
    assert np.mean([first["attention"] for first in found.first]) > 0.95


def agreement_evidence(effect: float, heads: tuple[float, ...], count: int = 6):
    evidence = made(0.6, count=count)
    rows = [
        {"clip": clip, "method": "m", "metric": "cc", "against": against, "score": min(1.0, score + 0.002 * (clip % 3 - 1))}
        for clip in range(count)
        for against, score in (("attention", effect), *((f"random head {n}", head) for n, head in enumerate(heads)))
    ]
    evidence.scores = pd.DataFrame(rows)
    return evidence


def agreement_of(effect: float, heads: tuple[float, ...], count: int = 6):
    return judge(agreement_evidence(effect, heads, count), NONE)


def test_agreement_and_what_it_is_held_against_are_of_the_same_clips():
    """A clip without a score on one side says nothing of the difference: it does not move the other side, either."""
    evidence = agreement_evidence(0.8, (0.5,), count=7)
    scores = evidence.scores
    scores = evidence.scores
    scores.loc[(scores["clip"] == 6) & (scores.against == "attention"), "score"] = np.nan
    scores.loc[(scores["clip"] == 6) & (scores.against == "random head 0"), "score"] = -1.0
    found = judge(evidence, NONE).agrees
    assert found.null == pytest.approx(0.5, abs=0.01) and found.effect == pytest.approx(0.8, abs=0.01)
    assert found.low == pytest.approx(found.effect) == found.high


@pytest.mark.parametrize(
    ("effect", "heads", "answer"),
    [
        (0.8, (0.5, 0.4), "yes"),
        (0.93, (0.86, 0.8), "yes"),  # the margin is no more than half of what the random head leaves
        (0.5, (0.5, 0.4), "no"),
        (0.99, (0.95, 0.2), "forced"),
        (0.93, (0.95, 0.2), "forced"),
        (0.1, (0.95, 0.2), "no"),  # the architecture would force agreement, and there is none
    ],
)
def test_agreement_is_held_against_what_the_architecture_forces(effect, heads, answer):
    verdict_of = agreement_of(effect, heads)
    found = verdict_of.agrees
    assert found.answer == answer
    assert found.threshold <= (1 + max(heads)) / 2 + 1e-9
    assert ("Forced by the architecture" in found.sentence) == (answer == "forced")
    assert COLOURS[found.answer] in card(verdict_of)


def test_too_few_clips_force_nothing():
    assert agreement_of(0.99, (0.95,), count=4).agrees.answer == "undecided"


@pytest.mark.parametrize("count", [4, 5, 6])
def test_how_many_clips_are_needed_is_said(count):
    notes = " ".join(judge(made(0.6, count=count), NONE).notes)
    assert ("nothing is decided" in notes) == (count < 5)
    assert ("6 or more" in notes) == (count < 6)


def test_p_values_are_exact_and_corrected_over_what_is_shown():
    table = judge(made(0.6, count=6), NONE).tests
    assert table.p.min() >= 2 / 2**6
    np.testing.assert_allclose(table.p_holm, np.minimum(1, len(table) * table.p.min()))


def test_five_clips_without_a_difference_are_rarely_significant():
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        evidence = made(0.1, count=7, noise=0.0, seed=seed)
        for place, gold in enumerate(evidence.gold):
            one, other = (gold + 0.5 * rng.normal(size=len(gold)) for _ in range(2))
            evidence.own[place], evidence.replaced[place] = one, dict.fromkeys(("uniform", "permuted"), other[None])
        hits += judge(evidence, NONE).tests.p.iloc[0] < 0.05
    assert hits <= 7  # 3 are expected


def costing(changes: dict[str, float], count: int = 6):
    rng = np.random.default_rng(0)
    evidence = made(0.6, count=count)
    for place, own in enumerate(evidence.own):
        evidence.replaced[place] = {
            kind: (own + change * evidence.own[0].std() * rng.choice([-1, 1], len(own)))[None] for kind, change in changes.items()
        }
    return judge(evidence, NONE)


def test_an_attention_that_any_map_of_its_kind_could_stand_for_is_said():
    found = costing({"uniform": 1.0, "permuted": 1.0, "shuffled in time": 0.01, "another clip's": 0.01})
    notes = " ".join(found.notes)
    assert "any map of this kind does as well" in notes
    assert "spatiotemporal attention" in notes
    moving = costing({"uniform": 1.0, "permuted": 1.0, "shuffled in time": 1.0, "another clip's": 1.0})
    assert "costs nothing" not in " ".join(moving.notes)
    unused = costing({"uniform": 0.01, "permuted": 0.01, "shuffled in time": 0.01, "another clip's": 0.01})
    assert "costs nothing" not in " ".join(unused.notes)


def test_a_sentence_shows_the_digits_that_decide():
    found = agreement_of(0.5, (0.4497,)).agrees
    effect, null = re.search(r"at (\S+), and at (\S+) with", found.sentence).groups()
    assert float(effect) > float(null)
    low, high, threshold = (float(x) for x in re.search(r": (\S+) to (\S+); more than (\S+) would", found.sentence).groups())
    assert {"yes": low > threshold, "no": high < threshold, "undecided": low < threshold < high}[found.answer]


def test_a_prediction_that_never_changes_leaves_every_question_open():
    model, clips = case("only path", 0, clips=5)
    found = verdict(Rescaled(model, 0.0, 0.3), clips, **QUICK)
    assert {answer.answer for answer in found.answers} == {"undecided"}
    assert any("same in all frames" in note for note in found.notes)
    assert "same in all frames" in found.needed.sentence


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-12])
def test_an_interval_that_hardly_reaches_its_threshold_is_told_from_it(distance):
    numbers = {"effect": 0.9, "low": 0.88 - distance, "high": 0.95, "null": 0.1, "ceiling": 1.0, "threshold": 0.88}
    text = sentence("needed", "undecided", interval(np.linspace(0.8, 1.0, 6)), **numbers)
    low, threshold = re.search(r": (\S+) to \S+; more than (\S+) would count", text).groups()
    assert low != threshold and float(low) < float(threshold)
