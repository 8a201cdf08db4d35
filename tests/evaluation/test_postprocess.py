"""Delay and the chain of corrections: what is put in is found again, and what does not help is not kept."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.data.datasets.gold import gold_standard
from stavis.errors import StavisError
from stavis.evaluation.postprocess import PostProcessing, find_delay, fit_chain, shifted, without_delay
from stavis.metrics import cc, ccc, concatenated
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.raters import sample_ratings
from stavis.synthetic.scenarios import sample_courses
from tests.training.made_crops import made_crops

RATE = 25.0


def courses(count: int = 4, seconds: float = 40, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    made = []
    for _ in range(count):
        waves = [0.3 * np.sin(times * rng.uniform(0.3, 1.5) + rng.uniform(0, 6)) for _ in range(3)]
        made.append((times, np.sum(waves, 0) + rng.uniform(-0.2, 0.2)))
    return made


def late(course, delay):
    times, values = course
    return times, np.interp(times - delay, times, values)


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 9.8))
def test_a_delay_is_found_below_the_grid(delay):
    predicted = courses()
    assert find_delay(predicted, [late(course, delay) for course in predicted]) == pytest.approx(delay, abs=0.1)


def test_gold_at_other_times_and_with_holes_gives_the_same_delay():
    predicted = courses()
    sparse = np.arange(0.05, 39.9, 0.1)
    gold = [(sparse, np.interp(sparse - 2.3, *course)) for course in predicted]
    for _, values in gold:
        values[50:60] = np.nan
    assert find_delay(predicted, gold) == pytest.approx(2.3, abs=0.1)


def test_a_grid_may_go_below_zero_and_short_recordings_stay_comparable():
    predicted = courses()
    early = [late(course, -1.4) for course in predicted]
    assert find_delay(predicted, early, grid=np.arange(-5, 5.01, 0.2)) == pytest.approx(-1.4, abs=0.1)
    short = [(times[:100], values[:100]) for times, values in predicted]  # 4 s: a delay of 9 s would compare nothing
    assert 0 <= find_delay(short, short) < 0.1


def test_no_delay_can_be_found_in_constants():
    times = np.arange(100) / RATE
    flat = [(times, np.full(100, 0.3))]
    assert find_delay(flat, flat) == 0 and find_delay(flat, flat, grid=np.array([-1.0, 0.0, 1.0])) == 0


def test_what_cannot_be_compared_is_refused():
    one = courses(1)
    with pytest.raises(StavisError, match="1 predicted courses stand against 2"):
        find_delay(one, one * 2)
    with pytest.raises(StavisError, match="share no moment"):
        find_delay(one, [(one[0][0] + 1000, one[0][1])])
    with pytest.raises(StavisError, match=r"times \(T,\) and values \(T,\)"):
        find_delay(one, [(one[0][0], one[0][1][:3])])


@pytest.mark.parametrize("lag", [0.0, 1.0, 2.0, 4.0])
def test_the_simulated_raters_lag_is_found_to_a_fifth_of_a_second_and_gold_is_the_true_valence(lag):
    spec = SyntheticConfig(scenarios=("motion", "switching"), recordings=8, seconds=20, rater_lag=lag, rater_lag_spread=0.1)
    drawn = [sample_courses(spec, index) for index in range(spec.recordings)]
    ratings = [sample_ratings(spec, index, course) for index, course in enumerate(drawn)]
    true = [(np.arange(spec.frames) / spec.fps, course.valence) for course in drawn]
    gold = [(one.times, gold_standard(one.values)) for one in ratings]
    delay = find_delay(true, gold)
    assert delay == pytest.approx(np.mean([one.lags for one in ratings]), abs=0.2)
    undone = [
        np.interp(times, gold_times, shifted(gold_times, values, delay))
        for (times, _), (gold_times, values) in zip(true, gold, strict=True)
    ]
    inside = [times <= 20 - delay for times, _ in true]
    assert cc(np.concatenate([v[k] for v, k in zip(undone, inside, strict=True)]),
              np.concatenate([v[k] for (_, v), k in zip(true, inside, strict=True)])) >= 0.95  # fmt: skip


def test_shifting_there_and_back_is_the_identity_but_for_the_ends():
    times, values = courses(1)[0]
    back = shifted(times, shifted(times, values, 2.0), -2.0)
    assert np.allclose(back[50:-50], values[50:-50]) and np.allclose(back[:50], values[50])
    both = shifted(times, np.stack([values, -values], 1), 1.0)
    assert both.shape == (len(times), 2) and np.allclose(both[:, 0], -both[:, 1])
    assert np.array_equal(shifted(times, values, 0), values)


def test_beyond_the_ends_values_are_held_or_unknown():
    times, values = np.arange(5.0), np.arange(5.0) / 10
    assert shifted(times, values, 2.0).tolist() == pytest.approx([0.2, 0.3, 0.4, 0.4, 0.4])
    assert np.isnan(shifted(times, values, 2.0, beyond="nan")[3:]).all()
    assert shifted(times, values, -2.0).tolist() == pytest.approx([0, 0, 0, 0.1, 0.2])
    with pytest.raises(StavisError, match="held or nan"):
        shifted(times, values, 1.0, beyond="zero")


def test_labels_to_train_on_come_earlier_and_the_end_has_none():
    (crops,) = made_crops(1)
    moved = without_delay(crops, 0.8)  # ten frames
    assert np.allclose(moved.labels[:-10], crops.labels[10:]) and np.isnan(moved.labels[-10:]).all()
    assert without_delay(crops, 0) is crops
    bare = replace(crops, label_times=None, label_values=None)
    assert without_delay(bare, 1.0) is bare


def test_a_chain_undoes_noise_offset_scale_and_lag():
    rng = np.random.default_rng(1)
    golds = [late(course, 1.2)[1] for course in courses()]
    spoilt = [0.5 * values + 0.3 + 0.05 * rng.standard_normal(len(values)) for _, values in courses()]
    chain = fit_chain(spoilt, golds, RATE)
    assert chain.kept == ("median", "centring", "scaling", "shift")
    assert chain.shift == pytest.approx(1.2, abs=0.08) and chain.ccc_after > 0.97 > chain.ccc_before
    words = chain.describe()
    assert all(word in words for word in ("median", "centring -0.", "scaling 1.", "shift 1.2"))
    others = courses(seed=9)
    test = [0.5 * values + 0.3 + 0.05 * rng.standard_normal(len(values)) for _, values in others]
    pairs = [(chain.apply(values), late(course, 1.2)[1]) for values, course in zip(test, others, strict=True)]
    assert concatenated(ccc, pairs) > 0.95, "applied unchanged to recordings that it was not fitted on"


def test_what_is_right_already_is_left_alone():
    golds = [values for _, values in courses()]
    chain = fit_chain(golds, golds, RATE)
    assert chain.kept == () and chain.describe() == "none" and chain.ccc_before == chain.ccc_after == pytest.approx(1)
    assert all(np.array_equal(chain.apply(values), values) for values in golds)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_the_development_ccc_never_falls(seed):
    rng = np.random.default_rng(seed)
    golds = [values[:250] for _, values in courses(3, 10, seed)]
    made = [rng.uniform(-1, 1) * values + rng.uniform(-1, 1) * rng.standard_normal(len(values)) for values in golds]
    chain = fit_chain(made, golds, RATE)
    reached = concatenated(ccc, [(chain.apply(values), gold) for values, gold in zip(made, golds, strict=True)])
    assert reached == pytest.approx(chain.ccc_after) and chain.ccc_after >= chain.ccc_before


def test_unknown_values_do_not_count_and_stay_unknown():
    golds = [values.copy() for _, values in courses(2)]
    made = [0.5 * values for values in golds]
    made[0][10:20], golds[1][30:40] = np.nan, np.nan
    chain = fit_chain(made, golds, RATE)
    assert "scaling" in chain.kept and np.isnan(chain.apply(made[0])[10:20]).all() and np.isfinite(chain.apply(made[0])[20:]).all()
    assert np.isnan(PostProcessing(RATE, median=1.0).apply(np.full(5, np.nan))).all()


def test_a_median_filter_delays_nothing():
    values = np.zeros(101)
    values[40:61] = 1
    smooth = PostProcessing(RATE, median=0.4).apply(values)
    assert np.array_equal(smooth, smooth[::-1]) and np.array_equal(smooth, values)


def test_a_chain_that_cannot_be_fitted_is_refused():
    values = [np.zeros(10)]
    with pytest.raises(StavisError, match="of the same recordings"):
        fit_chain(values, [np.zeros(9)], RATE)
    with pytest.raises(StavisError, match="of the same recordings"):
        fit_chain(values, values * 2, RATE)
    with pytest.raises(StavisError, match="rate of 0"):
        fit_chain(values, values, 0)
    with pytest.raises(StavisError, match="no development frame has both"):
        fit_chain(values, [np.full(10, np.nan)], RATE)
    with pytest.raises(StavisError, match=r"not \(3, 1\)"):
        PostProcessing(RATE).apply(np.zeros((3, 1)))
