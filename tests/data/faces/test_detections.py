"""Which faces of a video are followed: those that last, as far as its frames can tell."""

import pytest

from tests.data.faces.test_bridging import sightings
from tests.data.faces.test_identity import A, B


@pytest.mark.parametrize("rate, kept", [(10, False), (2, False), (1, True)])
def test_a_face_in_one_frame_is_a_slip_where_its_neighbours_are_near(rate, kept):
    seen = sightings((0, 0, 5, A), (1, 5, 6, B), (2, 6, 12, A), frames=12, rate=rate)
    assert seen.tracks("largest").count == (2 if kept else 1)


def test_a_face_alone_in_the_first_or_last_frame_is_a_slip_unless_the_next_is_far():
    for start in (0, 11):
        alone = [(0, start, start + 1, A)]
        assert [sightings(*alone, frames=12, rate=rate).tracks("largest").count for rate in (10, 1)] == [0, 1]
