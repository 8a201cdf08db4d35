"""The landmark filter: still where it is still, in time where it moves."""

import numpy as np
import pytest

from stavis.data.faces.one_euro import OneEuro

FACE, RATE = 200.0, 25


def smoothed(points: np.ndarray, rate: float = RATE) -> np.ndarray:
    smoother = OneEuro()
    return np.array([smoother(p, i / rate, FACE) for i, p in enumerate(points)])


def test_a_still_face_stays_where_it_is():
    points = np.tile(np.random.default_rng(0).uniform(0, 400, (1, 20, 2)), (30, 1, 1))
    assert np.array_equal(smoothed(points), points)


def test_noise_at_rest_falls_by_a_third():
    noise = np.random.default_rng(0).normal(0, 0.002 * FACE, (400, 10, 2))
    assert smoothed(noise)[20:].std() < 0.7 * noise[20:].std()


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_a_blink_comes_in_time_and_keeps_its_depth(rate):
    times = np.arange(4 * rate) / rate
    lid = np.zeros((len(times), 1, 2))
    lid[:, 0, 1] = 0.035 * FACE * np.exp(-0.5 * ((times - 2) / 0.05) ** 2)
    out = smoothed(lid, rate)[:, 0, 1]
    assert abs(int(out.argmax()) - int(lid[:, 0, 1].argmax())) / rate < 0.02 and out.max() > 0.9 * lid.max()


def test_a_fast_movement_is_followed_at_once():
    points = np.zeros((40, 1, 2))
    points[20:] = 0.5 * FACE
    assert abs(smoothed(points)[20, 0, 0] - 0.5 * FACE) < 0.01 * FACE


def test_a_gap_or_a_clock_that_stands_still_starts_anew():
    smoother = OneEuro()
    smoother(np.zeros((1, 2)), 0.0, FACE)
    assert np.array_equal(smoother(np.ones((1, 2)), 0.0, FACE), np.ones((1, 2)))
    assert np.array_equal(smoother(np.full((1, 2), 5.0), 9.0, FACE), np.full((1, 2), 5.0))
