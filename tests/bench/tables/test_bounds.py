"""What can be reached: an oracle that solves every scenario, and single frames that carry nothing where only time tells."""

import dataclasses

import numpy as np
import pytest

from stavis.bench.tables.bounds import bounds, oracle
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.scenarios import sample_courses

SPEC = SyntheticConfig(
    scenarios=("motion", "memory", "places", "cued"), recordings=320, seconds=10.0, fps=6.25, shares=(0.5, 0.1, 0.4), rater_lag=0.0
)


@pytest.fixture(scope="module")
def found():
    return {one.scenario: one for one in bounds(SPEC)}


def test_every_scenario_can_be_solved_and_a_mean_solves_none(found):
    assert list(found) == list(SPEC.scenarios)
    assert all(one.oracle > 0.9 and one.mean == 0 and one.recordings == 32 for one in found.values())


def test_single_frames_carry_next_to_nothing_where_only_time_tells(found):
    assert found["motion"].frame < 0.15 and found["memory"].frame < 0.3
    assert 0.5 < found["cued"].frame < 0.85, "either place is right half of the time"
    assert found["places"].frame > 0.9, "the light of a frame tells which place counts"


def test_bounds_go_with_the_split_and_leave_out_scenarios_without_recordings():
    few = dataclasses.replace(SPEC, scenarios=("mouth", "motion"), recordings=2, shares=(0.5, 0.0, 0.5))
    found = bounds(few)
    assert [one.recordings for one in found] == [1]


@pytest.mark.parametrize("fps", [6.25, 25.0])
def test_the_oracle_reads_what_is_shown_and_not_the_label(fps):
    """With another label the same courses give the same reading."""
    for scenario in SPEC.scenarios:
        courses = sample_courses(dataclasses.replace(SPEC, scenarios=(scenario,), fps=fps), 3)
        other = dataclasses.replace(courses, valence=np.zeros_like(courses.valence))
        assert np.array_equal(oracle(scenario, courses, fps), oracle(scenario, other, fps))
        assert oracle(scenario, courses, fps).shape == courses.valence.shape
