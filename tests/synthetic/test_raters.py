"""What simulated raters promise: a lag that can be found and undone, noise that leaves the valence readable."""

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.raters import RATERS, STEP, sample_ratings
from stavis.synthetic.scenarios import sample_courses


def ratings_of(count: int, **options):
    spec = SyntheticConfig(scenarios="mouth", recordings=count, seconds=20, **options)
    courses = [sample_courses(spec, index) for index in range(count)]
    return spec, courses, [sample_ratings(spec, index, course) for index, course in enumerate(courses)]


def test_gold_is_the_valence_but_for_a_little():
    spec, courses, ratings = ratings_of(12)
    true = np.concatenate([course.valence for course in courses])
    gold = np.concatenate([rating.gold[: spec.frames] for rating in ratings])
    assert np.corrcoef(true, gold)[0, 1] >= 0.97
    assert np.sqrt(np.mean((true - gold) ** 2)) < 0.1
    assert not np.array_equal(true, gold)


def test_marks_are_steps_in_range_one_row_more_than_frames():
    spec, _, ratings = ratings_of(3)
    for rating in ratings:
        assert rating.values.shape == (spec.frames + 1, len(RATERS)) and len(rating.times) == len(rating.gold) == spec.frames + 1
        assert np.abs(rating.values).max() <= 1 and np.allclose(rating.values * 100, np.round(rating.values * 100))
        assert np.allclose(np.diff(rating.times), STEP)


def test_each_rater_lags_by_the_lag_that_is_told():
    """The shift that agrees best with the true course is the lag: on average to .1 s."""
    _, courses, ratings = ratings_of(10, rater_lag=2.0, rater_lag_spread=0.3, rater_noise=0.02)
    found, told = [], []
    shifts = np.arange(0, 101)
    for course, rating in zip(courses, ratings, strict=True):
        for k in range(len(RATERS)):
            true, marks = course.valence, rating.values[: len(course.valence), k]
            agreement = [np.corrcoef(true[: len(true) - s], marks[s:])[0, 1] for s in shifts]
            found.append(shifts[int(np.argmax(agreement))] * STEP)
            told.append(rating.lags[k])
    assert np.abs(np.array(found) - told).mean() < 0.1
    assert 1.8 < np.mean(told) < 2.2 and np.std(told) > 0.15


def test_without_lag_and_noise_raters_agree_with_gold():
    _, _, ratings = ratings_of(2, rater_lag=0.0, rater_lag_spread=0.0, rater_noise=0.0)
    for rating in ratings:
        assert np.abs(rating.values.mean(1) - rating.gold).max() < 0.005


def test_other_frame_rates_keep_the_raters_clock():
    spec = SyntheticConfig(scenarios="mouth", recordings=1, seconds=5, fps=12.5)
    rating = sample_ratings(spec, 0, sample_courses(spec, 0))
    assert len(rating.times) == 126 and rating.times[-1] == 5.0
