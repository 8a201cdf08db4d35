"""Annotations survive their file, and leave out what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.data.datasets.annotations import Annotations, read_annotations
from stavis.errors import StavisError

SECONDS = st.floats(0, 4000).map(lambda t: round(t, 3))


@given(ranges=st.lists(st.tuples(SECONDS, SECONDS).map(lambda p: tuple(sorted(p))), max_size=5), times=st.lists(SECONDS, max_size=20))
def test_a_time_is_kept_exactly_where_no_range_holds_it(ranges, times):
    kept = Annotations(exclude=tuple(ranges)).kept(np.array(times))
    assert kept.tolist() == [not any(a <= t <= b for a, b in ranges) for t in times]


def test_marks_survive_their_file(tmp_path):
    marks = Annotations(((1.0, 2.5), (4.0, 4.0)), ((0.5, 'smile, "wide"'), (3.25, "")))
    assert read_annotations(marks.save(tmp_path / "anna.marks.csv")) == marks
    assert Annotations.from_selection(marks.to_selection()) == marks


@pytest.mark.parametrize(
    "text, reason",
    [
        ("kind,start\nexclude,1\n", "no column end"),
        ("kind,start,end\nexclude,2,1\n", "line 2"),
        ("kind,start,end\nevent,0,0\nsmile,1,2\n", "line 3"),
        ("kind,start,end\nexclude,nan,2\n", "line 2"),
        ("", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_of_marks_is_refused(tmp_path, text, reason):
    (tmp_path / "marks.csv").write_text(text)
    with pytest.raises(StavisError, match=reason):
        read_annotations(tmp_path / "marks.csv")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(StavisError, match="cannot be read"):
        read_annotations(tmp_path / "none.csv")
