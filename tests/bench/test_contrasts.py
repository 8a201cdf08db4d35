"""The named contrasts: no false claims with equal architectures, the promised power, and verdicts that follow from the interval."""

import numpy as np
import pytest

from stavis.bench.contrasts import (
    CONTRASTS,
    WORTHWHILE,
    Contrast,
    ContrastResult,
    alone,
    decide,
    longer_memory,
)
from stavis.bench.power import Components, components_of, detectable, seeds_needed
from stavis.bench.scores import difference
from stavis.bootstrap import Interval
from stavis.metrics import from_sums, sums_of

FRAMES = 20


def rows(
    rng: np.random.Generator, systems: int, seeds: int, recordings: int, skill: float = 0.0, paired: bool = False, spread: float = 0.114
) -> np.ndarray:
    """Metric sums (systems,S,N,7) of networks whose errors share what is hard in a recording; seeds differ in skill (CCC: SD .04), and
    the last system is better by `skill`. paired: the systems of a seed share a part of its skill."""
    gold = 0.3 * rng.standard_normal((recordings, 1)) + 0.3 * rng.standard_normal((recordings, FRAMES))
    hard = 0.3 * rng.standard_normal((recordings, FRAMES))
    scale = 1 + spread * rng.standard_normal((systems, seeds, 1, 1))
    if paired:
        scale = scale + spread * rng.standard_normal((1, seeds, 1, 1))
    scale[-1] -= skill
    own = 0.1 * rng.standard_normal((systems, seeds, recordings, 1)) + 0.05 * rng.standard_normal((systems, seeds, recordings, FRAMES))
    predicted = 0.7 * gold + scale * (hard + own)
    gold = np.broadcast_to(gold, predicted.shape)
    parts = (np.ones_like(gold), predicted, gold, predicted**2, gold**2, predicted * gold, (predicted - gold) ** 2)
    return np.stack([part.sum(-1) for part in parts], -1)


def tables(rng, seeds: int = 5, recordings: int = 60, spread: float = 0.114) -> dict[str, dict[str, np.ndarray]]:
    """Sums of all four contrasts between equal architectures."""
    made = {}
    for one in CONTRASTS:
        worse, better = rows(rng, 2, seeds, recordings, 0.0, one.paired, spread)
        made[one.scenario] = {one.worse: worse, one.better: better}
    return made


def test_the_contrasts_are_the_four_in_their_order():
    named = [(one.scenario, one.worse, one.better) for one in CONTRASTS]
    assert named == [
        ("motion", "cnn", "cnn3d"),
        ("memory", "cnn-rnn-1s", "cnn-rnn-4s"),
        ("places", "cnn3d", "sta"),
        ("cued", "sta-shuffled", "sta"),
    ]


@pytest.mark.parametrize("spread", [0.03, 0.114])
def test_equal_architectures_are_called_different_in_at_most_5_percent_of_tables(spread):
    rng = np.random.default_rng(4)
    claimed = [any(one.claimed for one in decide(CONTRASTS, tables(rng, recordings=60, spread=spread))) for _ in range(300)]
    assert np.mean(claimed) <= 0.05


@pytest.mark.parametrize("paired", [False, True])
def test_a_difference_of_the_detectable_size_is_claimed_in_about_80_percent_of_tables(paired):
    rng = np.random.default_rng(8)
    worse, better = rows(rng, 2, 40, 300, 0.0, paired)
    parts = components_of(better, worse, paired)
    wanted = detectable(parts, 60, 5)

    def gain(skill: float) -> float:
        low, high = rows(np.random.default_rng(1), 2, 40, 300, skill, paired)
        return difference(high, low, paired=paired).value

    zero = gain(0.0)
    skill = np.interp(wanted, [gain(s) - zero for s in np.linspace(0, 0.8, 9)], np.linspace(0, 0.8, 9))
    first = Contrast("motion", "cnn", "cnn3d", "", "", paired)
    named = (first, *CONTRASTS[1:])
    found = []
    for _ in range(150):
        low, high = rows(rng, 2, 5, 60, skill, paired)
        made = {one.scenario: {one.worse: low, one.better: low} for one in named} | {"motion": {"cnn": low, "cnn3d": high}}
        found.append(decide(named, made)[0].claimed)
    assert 0.68 <= np.mean(found) <= 0.92


@pytest.mark.parametrize("protocol", ["concatenated", "per_recording"])
@pytest.mark.parametrize("metric", ["cc", "ccc"])
def test_no_interval_of_a_difference_leaves_what_is_possible(metric, protocol):
    rng = np.random.default_rng(5)
    gold = [rng.standard_normal(30) for _ in range(6)]
    right, wrong = (
        np.array([sums_of([(sign * one + size * rng.standard_normal(30), one) for one in gold]) for size in (0.05, 1.2)])
        for sign in (1, -1)
    )
    for one, other in ((right, wrong), (wrong, right)):
        found = difference(one, other, metric, protocol)
        assert -2 <= found.low <= found.value <= found.high <= 2 and max(abs(found.low), abs(found.high)) == 2
        assert found.p_value() > 0


def test_the_components_of_a_difference_are_found_again():
    """Additive effects on a mean have known components; a CCC near its working point is close to one."""
    rng = np.random.default_rng(3)
    worse, better = rows(rng, 2, 60, 400)
    parts = components_of(better, worse)
    values = [from_sums("ccc")(each.sum(1)) for each in (better, worse)]
    assert parts.seeds == pytest.approx([np.std(each, ddof=1) for each in values], rel=0.1)
    assert parts.both > 0 and parts.recordings < parts.both, "equal architectures differ by nothing that belongs to a recording alone"
    few = components_of(better[:2], worse[:2])
    assert len(few.seeds) == 2 and np.isfinite(detectable(few, 200, 5))


def test_more_recordings_and_more_seeds_resolve_more():
    parts = Components(0.4, 0.3, (0.04, 0.04))
    grid = np.array([[detectable(parts, n, s) for n in (9, 60, 200)] for s in (2, 3, 5, 10)])
    assert (np.diff(grid, axis=0) < 0).all() and (np.diff(grid, axis=1) < 0).all()
    assert detectable(parts, 200, 5, family=1) < detectable(parts, 200, 5)
    assert np.isnan(detectable(parts, 200, 1)) and detectable(Components(0.0, 0.0, (0.0,)), 200, 5) == 0
    count = seeds_needed(parts, 200, 0.15)
    assert detectable(parts, 200, count) <= 0.15 < detectable(parts, 200, count - 1)
    assert seeds_needed(parts, 9, 0.01) is None


def test_the_interval_of_a_paired_contrast_does_not_count_what_its_rows_share():
    rng = np.random.default_rng(5)
    worse, better = rows(rng, 2, 30, 60, 0.3, paired=True, spread=0.2)
    together, apart = (difference(better, worse, paired=paired) for paired in (True, False))
    assert together.value == pytest.approx(apart.value) and together.high - together.low < apart.high - apart.low


def result(low: float, value: float, high: float, p_holm: float) -> ContrastResult:
    return ContrastResult(CONTRASTS[0], Interval(value, low, high, 200), p_holm, p_holm, 200, 5, 0.04)


@pytest.mark.parametrize(
    ("interval", "p_holm", "verdict"),
    [
        ((0.02, 0.08, 0.14), 0.01, "true"),
        ((0.001, 0.08, 0.16), 0.2, "undecided"),
        ((-0.02, 0.01, 0.04), 1.0, "false"),
        ((-0.2, -0.1, -0.04), 0.01, "false"),
        ((-0.1, 0.0, 0.1), 1.0, "undecided"),
    ],
)
def test_a_verdict_follows_from_interval_and_p_value(interval, p_holm, verdict):
    assert result(*interval, p_holm).verdict == verdict


@pytest.mark.parametrize(
    ("interval", "shows"),
    [
        ((-0.04, 0.0, 0.04), "nothing"),
        ((0.015, 0.026, 0.038), "little"),
        ((-0.04, -0.03, -0.01), "little"),
        ((0.01, 0.04, 0.07), "something"),
        ((-0.1, 0.0, 0.1), "undecided"),
    ],
)
def test_a_longer_memory_shows_nothing_only_where_none_is_seen_and_a_worthwhile_difference_is_ruled_out(interval, shows):
    assert WORTHWHILE == 0.05 and result(*interval, float("nan")).shows == shows


def test_a_row_that_is_missing_leaves_its_contrast_in_place_with_its_reason():
    rng = np.random.default_rng(0)
    made = tables(rng, recordings=20)
    del made["places"]["sta"], made["motion"]
    found = decide(CONTRASTS, made)
    assert [one.contrast for one in found] == list(CONTRASTS)
    assert found[0].reason == "cnn and cnn3d have no result on motion" and found[2].reason == "sta has no result on places"
    assert found[0].verdict == "undecided" and found[0].as_json()["difference"] is None
    whole = decide(CONTRASTS[1:2], made)[0]
    assert found[1].p == whole.p and found[1].p_holm >= whole.p_holm, "the family is four, whatever could be tested"
    keys = {"scenario", "better", "worse", "difference", "low", "high", "p_holm", "recordings", "seeds", "detectable"}
    assert keys <= set(found[1].as_json())


def test_few_seeds_decide_nothing_and_a_longer_memory_is_no_member_of_the_family():
    rng = np.random.default_rng(2)
    low, high = rows(rng, 2, 4, 40, 0.8)
    few = decide(CONTRASTS[:1], {"motion": {"cnn": low, "cnn3d": high}})[0]
    assert not few.claimed and few.verdict == "undecided" and few.interval.low > 0
    assert few.reason == "4 seeds, at least 5 are needed" and few.detectable > 0
    low, high = rows(rng, 2, 5, 20)
    extra = alone([longer_memory("cued")], {"cued": {"sta": low, "sta-long": high}})[0]
    assert np.isnan(extra.p_holm) and not extra.claimed and np.isfinite(extra.detectable)
