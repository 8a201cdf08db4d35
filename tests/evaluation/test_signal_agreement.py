"""Valence beside the tracker's signals, by laws on made signals: correlation, level, slope, lag, neutral frames."""

import numpy as np
import pandas as pd
import pytest

from stavis.data.faces.blendshapes import SIGNALS
from stavis.evaluation.signal_agreement import FEWEST, agreement, beside_signals, correlation, lag_of

FRAMES = 60
TIMES = np.arange(FRAMES) / 25


def signals(**given) -> pd.DataFrame:
    """Signals of a face that rests, but for what is given."""
    return pd.DataFrame({"time": TIMES} | {name: np.zeros(FRAMES) for name in SIGNALS} | given)


BARE = np.ones(FRAMES, bool)
SMILE = np.clip(np.sin(np.arange(FRAMES) / 6), 0, 1)


@pytest.mark.parametrize("sign", [1, -1])
def test_valence_that_follows_smile_less_frown_correlates_wholly(sign):
    frown = SMILE[::-1]
    found = beside_signals(TIMES, sign * (SMILE - frown) / 3 + 0.2, signals(smile=SMILE, frown=frown), BARE)
    assert found["smile_r"] == pytest.approx(sign)


@pytest.mark.parametrize(("gain", "offset"), [(1, 0), (0.4, -0.3), (2, 0.1)])
def test_level_and_slope_are_those_of_the_line_that_made_it(gain, offset):
    found = beside_signals(TIMES, gain * SMILE + offset, signals(smile=SMILE), BARE)
    assert found["smile_slope"] == pytest.approx(gain)
    assert found["smile_level"] == pytest.approx((gain - 1) * SMILE.mean() + offset)


def test_a_smile_that_does_not_vary_gives_a_level_and_nothing_else():
    found = beside_signals(TIMES, SMILE, signals(smile=np.full(FRAMES, 0.8)), BARE)
    assert all(np.isnan(found[name]) for name in ("smile_r", "smile_slope", "smile_lag"))
    assert found["smile_level"] == pytest.approx(SMILE.mean() - 0.8)


def test_valence_that_never_moves_has_a_slope_of_nothing_and_no_correlation():
    found = agreement(TIMES, np.full(FRAMES, 0.2), SMILE)
    assert found["slope"] == pytest.approx(0, abs=1e-12) and np.isnan(found["r"]) and np.isnan(found["lag"])


def bump(times: np.ndarray, at: float) -> np.ndarray:
    """One smile around a time."""
    return np.exp(-(((times - at) / 0.3) ** 2))


@pytest.mark.parametrize("fps", [12.5, 25, 30])
@pytest.mark.parametrize("late", [-1.2, -0.4, 0, 0.08, 0.4, 1.2])
def test_a_delayed_copy_has_its_delay_as_lag(fps, late):
    times = np.arange(0, 8, 1 / fps)
    assert lag_of(times, 0.3 * bump(times, 4 + late) - 0.2, bump(times, 4)) == pytest.approx(late, abs=0.51 / fps)


def test_a_lag_bears_frames_without_a_face():
    times = np.arange(0, 8, 0.04)
    valence = np.where((times > 1) & (times < 1.5), np.nan, bump(times, 4.4))
    assert lag_of(times, valence, bump(times, 4)) == pytest.approx(0.4, abs=0.021)


def test_a_lag_that_may_lie_beyond_the_range_or_is_of_no_agreement_is_undefined():
    times = np.arange(0, 12, 0.04)
    assert np.isnan(lag_of(times, bump(times, 8.5), bump(times, 6))), "2.5 s"
    assert lag_of(times, bump(times, 8.5), bump(times, 6), within=3) == pytest.approx(2.5, abs=0.021)
    assert np.isnan(lag_of(times, np.full(len(times), 0.3), bump(times, 6)))
    assert lag_of(times, times, times) == 0, "a straight line is alike at every lag: the nearest is taken"


def test_few_frames_tell_nothing():
    few = np.arange(FRAMES) < FEWEST - 1
    valence = np.where(few, SMILE, np.nan)
    assert np.isnan(correlation(valence, SMILE)) and all(np.isnan(value) for value in agreement(TIMES, valence, SMILE).values())


@pytest.mark.parametrize("name", SIGNALS)
def test_a_frame_in_which_anything_moves_is_not_neutral(name):
    moved = np.arange(FRAMES) < FRAMES // 2
    found = beside_signals(TIMES, np.where(moved, 0.9, -0.1), signals(**{name: moved * 0.9}), BARE)
    assert found["neutral"] == pytest.approx(-0.1)


def test_a_frame_under_a_hand_or_without_a_face_is_not_neutral():
    under, lost = np.arange(FRAMES) < 20, np.arange(FRAMES) > 40
    valence = np.where(under, 0.9, np.where(lost, np.nan, 0.3))
    assert beside_signals(TIMES, valence, signals(), ~under)["neutral"] == pytest.approx(0.3)


@pytest.mark.parametrize(("still", "told"), [(FEWEST - 1, False), (FEWEST, True)])
def test_a_few_frames_are_no_resting_face(still, told):
    smile = np.where(np.arange(FRAMES) < still, 0, 0.5)
    assert np.isfinite(beside_signals(TIMES, np.zeros(FRAMES), signals(smile=smile), BARE)["neutral"]) == told


def test_without_signals_nothing_is_told():
    assert all(np.isnan(value) for value in beside_signals(TIMES, SMILE, None, BARE).values())
