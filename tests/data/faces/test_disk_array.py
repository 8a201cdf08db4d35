"""Long arrays on the disk are the arrays they stand for."""

import tracemalloc

import numpy as np
import pytest

from stavis.data.crops.build import at_times
from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.detections import Detections
from stavis.data.faces.disk_array import DiskArray, scatter, take
from stavis.data.faces.tracker import TrackedFace
from stavis.data.faces.tracks import FrameFaces


@pytest.fixture(params=["memory", "disk"])
def values(request):
    rows = np.random.default_rng(0).normal(size=(9, 3, 2)).astype(np.float32)
    if request.param == "memory":
        return rows
    spool = DiskArray((3, 2))
    for row in rows:
        spool.append(row)
    assert np.array_equal(spool.array(), rows)
    return spool.array()


@pytest.mark.parametrize("kept", [[], [4], [0, 3, 8], list(range(9))])
def test_picked_rows_are_those_rows_and_spread_ones_lie_where_they_belong(values, kept):
    chosen = take(values, np.array(kept, int))
    assert np.array_equal(chosen, np.array(values)[kept])
    whole = scatter(9, np.array(kept, int), chosen)
    expected = np.full((9, 3, 2), np.nan, np.float32)
    expected[kept] = np.array(values)[kept]
    assert whole.dtype == np.float32 and np.array_equal(whole, expected, equal_nan=True)
    if kept:
        assert isinstance(whole, np.memmap) == isinstance(values, np.memmap)


def test_nothing_spooled_is_an_empty_array():
    assert DiskArray((478, 2)).array().shape == (0, 478, 2)


@pytest.mark.parametrize("gap", [False, True])
def test_an_hours_landmarks_are_not_held_in_memory(gap):
    """20,000 frames with a face have 76 MB of landmarks: less than half of that is held at any time."""
    count, rng = 20_000, np.random.default_rng(1)
    shapes = rng.normal(size=len(BLENDSHAPES)).astype(np.float32)
    points = 100 + 20 * rng.normal(size=(478, 2)).astype(np.float32)
    tracemalloc.start()
    sightings = Detections()
    for index in range(count):
        face = TrackedFace(0, points + index / count, np.array([60.0, 60, 140, 140]), 0.9, shapes)
        there = not (gap and 50 <= index < 60)
        sightings.add(FrameFaces(index, index / 25, (face,) if there else ()))
    tracks = sightings.tracks("largest")
    moved = at_times(tracks, tracks.times)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < count * 478 * 2 * 4 / 2
    assert tracks.valid.sum() == count - 10 * gap
    for track in (tracks, moved):
        assert np.allclose(track.landmarks[-1], points + (count - 1) / count, atol=1e-3)
        assert np.isnan(track.landmarks[55]).all() == gap
