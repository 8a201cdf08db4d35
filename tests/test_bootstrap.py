"""The one interval covers what it says, by simulation and by law; so do the paired difference, the p values and Holm's correction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp, wilcoxon

from benchmarks.intervals import CASES, coverage, false_differences, ours
from stavis.bootstrap import (
    FEWEST,
    Interval,
    Spread,
    grouped,
    holm,
    interval,
    paired_difference,
    seeds_spread,
    sign_flip_p,
    sums_of_values,
)
from stavis.errors import StavisError
from stavis.metrics import concatenated, from_sums, rmse, scored, sums_of

values = st.lists(st.floats(-5, 5, width=32), min_size=5, max_size=20)


# Laws


def test_of_symmetric_values_it_is_students():
    some = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) + 3
    found = interval(some)
    half = t.ppf(0.975, 3.75) * some.std(ddof=1) / np.sqrt(5)  # of a quarter of a degree less
    assert (found.value, found.low, found.high) == (pytest.approx(3), pytest.approx(3 - half), pytest.approx(3 + half))
    assert found.p_value(2) == pytest.approx(ttest_1samp(some, 2).pvalue, abs=0.01)


def test_it_is_longer_on_the_side_of_the_long_tail():
    skewed = np.array([0.0, 0.1, 0.2, 0.3, 3.0])
    found, mirrored = interval(skewed), interval(-skewed)
    assert found.high - found.value > found.value - found.low
    assert (mirrored.low, mirrored.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


@given(values, st.floats(0.1, 3), st.floats(-3, 3))
@settings(deadline=None)
def test_it_follows_shift_and_scale(some, scale, shift):
    some = np.array(some)
    found, moved = interval(some), interval(scale * some + shift)
    assert (moved.low, moved.high) == (
        pytest.approx(scale * found.low + shift, abs=1e-6),
        pytest.approx(scale * found.high + shift, abs=1e-6),
    )


@given(values, st.randoms())
@settings(deadline=None)
def test_the_order_of_recordings_does_not_matter(some, random):
    mixed = list(some)
    random.shuffle(mixed)
    assert interval(mixed).low == pytest.approx(interval(some).low, abs=1e-9)


@given(values, st.floats(-6, 6))
@settings(deadline=None)
def test_p_is_below_5_percent_where_the_interval_excludes_the_null(some, null):
    found = interval(some)
    ends = (found.low, found.high)
    if min(abs(null - end) for end in ends) > 1e-6 * max(1, *map(abs, ends)):
        assert (found.p_value(null) < 0.05) == found.excludes(null)
    for end in ends:
        if found.error > 1e-3:
            assert found.p_value(end) == pytest.approx(0.05, abs=1e-6)


def test_p_of_a_logarithmic_interval_agrees_with_its_ends():
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(0, scale, 50), np.zeros(50)) for scale in (0.2, 0.4, 0.3, 0.9, 0.5, 0.3)]
    found = scored(concatenated, "rmse", pairs)
    assert found.logarithmic and found.value == rmse(*map(np.concatenate, zip(*pairs, strict=True)))
    assert 0 < found.low < found.value < found.high
    assert found.p_value(found.high) == pytest.approx(0.05) and found.p_value(found.low) == pytest.approx(0.05)
    assert found.p_value(0) == 0


@pytest.mark.parametrize("count", range(FEWEST))
def test_too_few_recordings_have_a_value_and_a_reason(count):
    found = interval(np.arange(float(count)))
    assert np.isnan([found.low, found.high, found.p_value()]).all() and not found.known and not found.excludes()
    assert found.reason == f"{count} recording{'s' * (count != 1)}, at least 5 are needed"
    assert found.describe() == f"no interval: {found.reason}"
    assert found.value == pytest.approx((count - 1) / 2) if count else np.isnan(found.value)


def test_copies_of_a_clip_do_not_narrow_the_interval():
    some = np.array([0.0, 1.0, 2.0, 3.0, 7.0])
    found, many = interval(some, groups=list("abcde")), interval(np.repeat(some, 10), groups=np.repeat(list("abcde"), 10))
    assert (many.low, many.high, many.count) == (pytest.approx(found.low), pytest.approx(found.high), 5)
    assert not interval(np.repeat(some, 10), groups=["a"] * 50).known
    with pytest.raises(StavisError, match="name one group per row"):
        grouped(sums_of_values(some), ["a", "b"])


def test_recordings_without_a_value_do_not_count():
    found = interval([0.1, np.nan, 0.3, 0.5, 0.2, 0.4, np.nan])
    assert found.count == 5 and found.value == pytest.approx(0.3) and found.known
    assert not interval([0.1, np.nan, 0.3, 0.5, 0.2]).known
    assert np.isnan(interval([np.nan] * 6).value)


def test_what_is_undefined_without_one_recording_has_no_interval():
    flat = [(np.zeros(4), np.zeros(4))] * 5
    found = scored(concatenated, "cc", [*flat, (np.arange(4.0), np.arange(4.0))])
    assert found.value == pytest.approx(1) and not found.known and "undefined without one of the recordings" in found.describe()


def test_a_difference_keeps_the_range_that_its_sides_have_and_its_p():
    one, other = np.array([1.0, 0.9, 1.0, 0.2, 1.0]), np.array([0.0, 0.1, 0.0, 0.1, 0.0])
    free, found = paired_difference(one, other), paired_difference(one, other, bounds=(0.0, 1.0))
    assert free.interval.high > 1 == found.interval.high and found.interval.low == free.interval.low
    assert (found.value, found.p, found.interval.p_value()) == (free.value, free.p, free.interval.p_value())
    assert paired_difference(other, one, bounds=(0.0, 1.0)).interval.low == -1


def test_bounds_are_kept_and_the_phrase_says_kind_and_number():
    rng = np.random.default_rng(0)
    golds = [rng.uniform(-1, 1, 30) for _ in range(6)]
    found = scored(concatenated, "ccc", [(gold + scale, gold) for gold, scale in zip(golds, (0, 0, 0, 0, 0, 1.0), strict=True)])
    assert found.high == 1 and found.low > -1
    assert found.describe() == "95 % jackknife t interval over 6 recordings"
    assert interval(np.arange(6.0), unit="clips", level=0.9).describe() == "90 % jackknife t interval over 6 clips"


def test_seeds_add_their_variance_and_their_few_degrees_of_freedom():
    some = np.random.default_rng(1).normal(size=40)
    alone = interval(some)
    assert seeds_spread([0.3]) is None
    spread = seeds_spread([0.0, 0.3, 0.6])
    assert spread == Spread(pytest.approx(0.03), 2)
    both = interval(some, besides=[spread])
    assert both.error**2 == pytest.approx(alone.error**2 + 0.03) and 2 < both.degrees < 39


# Coverage, simulated


SETS = 500
SAMPLING = 3 * np.sqrt(0.05 * 0.95 / SETS)  # three standard errors of a coverage by so many sets: .03
COVERAGE = {  # by 2,000 sets (python -m benchmarks intervals), N = 5, 8, 16, 32; the percentile bootstrap gave .65 to .93
    ("mean", False): (0.958, 0.961, 0.961, 0.951),
    ("mean", True): (0.936, 0.951, 0.952, 0.958),
    ("CCC, concatenated", False): (0.933, 0.937, 0.949, 0.958),
    ("CCC, concatenated", True): (0.966, 0.959, 0.952, 0.936),
    ("RMSE, concatenated", False): (0.969, 0.968, 0.962, 0.959),
    ("RMSE, concatenated", True): (0.947, 0.947, 0.955, 0.956),
}


@pytest.mark.parametrize(("name", "skewed"), COVERAGE)
def test_it_covers_the_truth_in_95_percent_whatever_the_number_of_recordings(name, skewed):
    measured = COVERAGE[name, skewed]
    assert all(0.93 <= value <= 0.97 for value in measured)
    for count, expected in zip((5, 8, 16, 32), measured, strict=True):
        (found,) = coverage(CASES[name], count, skewed, sets=SETS, kinds=(ours,)).values()
        assert found == pytest.approx(expected, abs=SAMPLING), count


@pytest.mark.parametrize("count", [5, 8, 16])
@pytest.mark.parametrize("name", CASES)
def test_equal_systems_are_rarely_called_different(name, count):
    # 1,000 sets: intervals without 0 in .023 to .058, p < .05 in 0 to .060
    found = false_differences(CASES[name], count, True, sets=400, seed=1)
    assert max(found.values()) <= 0.06 + 2 * np.sqrt(0.06 * 0.94 / 400)


# Paired differences and p values


def _systems():
    rng = np.random.default_rng(0)
    golds = [rng.uniform(-1, 1, 100) for _ in range(12)]
    hard = rng.uniform(0.05, 0.8, 12)  # how hard a recording is for both systems
    one = [(gold + noise * rng.standard_normal(100), gold) for gold, noise in zip(golds, hard, strict=True)]
    return sums_of(one), sums_of([(p + 0.1 * rng.standard_normal(100), g) for p, g in one])


def test_a_paired_difference_is_0_between_equals_and_narrower_than_two_intervals():
    one, other = _systems()
    ccc = from_sums("ccc")
    same = paired_difference(one, one, ccc)
    assert (same.value, same.interval.low, same.interval.high, same.p) == (0, 0, 0, 1)
    found, back, alone = paired_difference(one, other, ccc), paired_difference(other, one, ccc), interval(one, ccc)
    assert 0 < found.interval.low < found.value < found.interval.high
    assert found.interval.high - found.interval.low < (alone.high - alone.low) / 2
    assert back.value == pytest.approx(-found.value) and back.interval.high == pytest.approx(-found.interval.low)
    assert back.p == found.p < 0.01
    assert not paired_difference(one[:4], other[:4], ccc).interval.known and np.isnan(paired_difference(one[:4], other[:4], ccc).p)
    with pytest.raises(StavisError, match="12 recordings cannot be paired with 11"):
        paired_difference(one, other[1:], ccc)


def test_clips_of_one_recording_change_places_together():
    one, other = np.arange(20.0) + 1, np.arange(20.0)
    assert paired_difference(one, other, groups=list("abcde") * 4).p == pytest.approx(2 / 32)
    assert np.isnan(paired_difference(one, other, groups=list("abcd") * 5).p)


def test_a_pair_counts_only_where_both_are_known():
    one, other = np.arange(9.0) + 0.5, np.arange(9.0) + np.where(np.arange(9) % 2, 0.1, 0.0)
    gap = other.copy()
    gap[8] = np.nan
    found, alone = paired_difference(one, gap), paired_difference(one[:8], other[:8])
    assert found == alone and found.interval.count == 8 and found.value == pytest.approx(0.45)
    swapped = paired_difference(gap, one)
    assert (swapped.value, swapped.p) == (pytest.approx(-found.value), found.p)
    systems = [sums_of([(np.arange(3.0) * k, np.arange(3.0)) for k in range(1, 8)]) for _ in "ab"]
    systems[1][2] = 0  # sums of a recording without a frame
    rest = np.arange(7) != 2
    assert paired_difference(*systems, from_sums("ccc")) == paired_difference(*(each[rest] for each in systems), from_sums("ccc"))
    groups = list("aabbccdde")
    assert paired_difference(one, gap, groups=groups).interval.count == 4
    assert paired_difference(np.full(6, np.nan), np.zeros(6)).interval.count == 0
    with pytest.raises(StavisError, match="9 rows of sums cannot belong to 8 groups"):
        paired_difference(one, gap, groups=groups[:8])


@given(st.lists(st.floats(-5, 5, width=16), min_size=5, max_size=12, unique_by=abs))
@settings(deadline=None)
def test_a_sign_flip_of_ranks_is_wilcoxons_exact_test(some):
    some = np.array([value for value in some if value])
    if len(some) >= FEWEST:
        ranks = np.argsort(np.argsort(np.abs(some))) + 1
        assert sign_flip_p(np.sign(some) * ranks) == pytest.approx(wilcoxon(some, method="exact").pvalue)


def test_a_sign_flip_is_exact_for_few_and_sampled_for_many():
    assert sign_flip_p(np.ones(5)) == 2 / 32 and sign_flip_p(np.ones(5), alternative="greater") == 1 / 32
    assert sign_flip_p(-np.ones(5), alternative="greater") == 1
    assert np.isnan(sign_flip_p(np.ones(4)))
    many = np.random.default_rng(0).normal(0.5, 1, 40)
    assert sign_flip_p(many, seed=1) == sign_flip_p(many, seed=1) == pytest.approx(ttest_1samp(many, 0).pvalue, abs=0.005)
    with pytest.raises(StavisError, match="choose 'two-sided' or 'greater'"):
        sign_flip_p(many, alternative="less")


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, np.nan]), [0.03, 0.06, 0.06, np.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_laws(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_an_interval_without_ends_excludes_nothing():
    assert not Interval(0.3).excludes(0) and not Interval(0.3).known
