"""Tables by intervals: intervals that cover everything give the whole table's means, excluded frames are left out."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.data.annotations.eaf import read_eaf, write_eaf
from stavis.data.annotations.intervals import by_intervals
from stavis.data.annotations.tiers import Span, Tier
from stavis.errors import StavisError
from stavis.timeline import outside

TIMES = np.arange(40) / 25


def frames(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    valid = rng.random(40) > 0.2
    table = pd.DataFrame({"frame": np.arange(40), "time": TIMES, "valid": valid, "mouth": rng.random(40), "note": "x"})
    return table.assign(mouth=table.mouth.where(valid))


@given(cuts=st.sets(st.integers(1, 38), max_size=6), seed=st.integers(0, 99))
def test_intervals_that_cover_everything_have_the_mean_of_the_whole_table(cuts, seed):
    table = frames(seed)
    edges = [0, *sorted(cuts), 39]
    spans = tuple(Span(TIMES[a], TIMES[b], str(a)) for a, b in pairwise(edges))
    found = by_intervals(table, Annotations(tiers=(Tier("t", spans),)))
    assert found.frames.sum() == 40 and found.valid.sum() == table.valid.sum()
    mean = np.nansum(found.mouth * found.valid) / found.valid.sum()
    assert mean == pytest.approx(table.mouth.mean(), abs=1e-12)
    assert list(found.columns) == ["tier", "label", "start", "end", "frames", "valid", "mouth"]


def test_excluded_frames_are_left_out_and_empty_rows_have_no_mean():
    table = frames()
    tier = Tier("t", (Span(0, 0.4, "in"), Span(0.8, 1.0, "out")))
    found = by_intervals(table, Annotations(exclude=((0.2, 1.0),), tiers=(tier,)))
    assert found.frames.tolist() == [5, 0] and np.isnan(found.mouth[1])
    assert found.mouth[0] == pytest.approx(table.mouth[:5].mean())


def test_a_point_is_its_nearest_frame_and_events_do_where_there_are_no_tiers():
    table = frames()
    found = by_intervals(table, Annotations(events=((0.0, "start"), (0.41, "smile"))))
    assert found.tier.unique().tolist() == ["events"] and found.label.tolist() == ["start", "smile"]
    assert found.mouth.tolist() == pytest.approx([table.mouth[0], table.mouth[10]], nan_ok=True)


def test_a_table_by_nothing_or_by_a_tier_that_is_not_there_is_refused():
    with pytest.raises(StavisError, match="no span, point or event"):
        by_intervals(frames(), Annotations(exclude=((0, 1),)))
    with pytest.raises(StavisError, match="no tier 'b'"):
        by_intervals(frames(), Annotations(tiers=(Tier("a"),)), ["b"])


@st.composite
def marked(draw) -> tuple[np.ndarray, Annotations]:
    """The times of a clip, and marks on its frames: excluded ranges, an event, spans that may touch, a point."""
    rate = draw(st.sampled_from([24000 / 1001, 25.0, 30000 / 1001, 60000 / 1001, 120.0]))
    times = draw(st.integers(0, 400_000)) / rate + np.arange(90) / rate
    since = (times - times[0]).astype(np.float32)  # the page holds times since the first frame in single precision
    marks = draw(st.sampled_from([times, times[0] + since]))
    a, b, c, d, e = sorted(draw(st.lists(st.integers(0, 80), min_size=5, max_size=5, unique=True)))
    spans = (
        Span(marks[a], marks[b], "x"),
        Span(marks[b], marks[c], "y"),
        Span(marks[d], marks[d + 1], "z"),
        Span(marks[85], marks[85], "p"),
    )
    return times, Annotations(((marks[b], marks[b]), (marks[d], marks[e])), ((marks[c], "e"),), (Tier("t", spans),))


@given(clip=marked())
def test_marks_hold_the_same_frames_in_memory_and_saved_at_every_rate(clip, tmp_path_factory):
    times, made = clip
    folder = tmp_path_factory.mktemp("saved")
    table = pd.DataFrame({"time": times, "number": np.arange(90.0)})
    frames = [found.tolist() for found in made.tier("t").members(times)]
    a, b, c = frames[0][0], frames[1][0], frames[1][-1]
    assert frames[:2] == [list(range(a, b)), list(range(b, c + 1))] and len(frames[2]) == 2 and frames[3] == [85]
    for read in (read_annotations(made.save(folder / "a.csv")), read_eaf(write_eaf(made, folder / "a.eaf"))):
        assert [found.tolist() for found in read.tier("t").members(times)] == frames
        assert read.kept(times).tolist() == made.kept(times).tolist()
        assert read.kept(times).tolist() == outside(times, [(*pair, "") for pair in read.exclude]).tolist()  # as training has it
        columns = ["frames", "number"]
        assert by_intervals(table, read)[columns].equals(by_intervals(table, made)[columns])
        assert by_intervals(table, Annotations(events=read.events)).number.equals(
            by_intervals(table, Annotations(events=made.events)).number
        )
