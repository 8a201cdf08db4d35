"""Annotations survive their file, and leave out what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.data.annotations.annotations import Annotations, joined, read_annotations
from stavis.data.annotations.tiers import Span, Tier
from stavis.errors import StavisError

SECONDS = st.floats(0, 4000).map(lambda t: round(t, 2))


@given(ranges=st.lists(st.tuples(SECONDS, SECONDS).map(lambda p: tuple(sorted(p))), max_size=5), times=st.lists(SECONDS, max_size=20))
def test_a_time_is_kept_exactly_where_no_range_holds_it(ranges, times):
    kept = Annotations(exclude=tuple(ranges)).kept(np.array(times))
    assert kept.tolist() == [not any(a <= t <= b for a, b in ranges) for t in times]


def test_annotations_survive_their_file(tmp_path):
    annotations = Annotations(((1.0, 2.5), (4.0, 4.0)), ((0.5, 'smile, "wide"'), (3.25, "")))
    assert read_annotations(annotations.save(tmp_path / "anna.annotations.csv")) == annotations
    assert Annotations.from_selection(annotations.to_selection()) == annotations


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
def test_a_file_that_is_no_table_of_annotations_is_refused(tmp_path, text, reason):
    (tmp_path / "annotations.csv").write_text(text)
    with pytest.raises(StavisError, match=reason):
        read_annotations(tmp_path / "annotations.csv")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(StavisError, match="cannot be read"):
        read_annotations(tmp_path / "none.csv")


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).filter(lambda t: t.strip())


@st.composite
def tiers(draw):
    """Tiers whose spans do not overlap, on a grid of 20 ms."""
    found = []
    for name in draw(st.lists(NAMES.filter(lambda n: n not in ("excluded", "events")), max_size=3, unique=True)):
        edges = sorted(draw(st.sets(st.integers(0, 3000), max_size=8)))
        spans = [Span(a / 50, b / 50, draw(NAMES | st.just(""))) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        points = draw(st.sets(st.integers(3001, 4000), max_size=3))
        labels = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
        found.append(Tier(name, (*spans, *(Span(p / 50, p / 50, draw(NAMES)) for p in points)), labels))
    return tuple(found)


@given(found=tiers())
def test_tiers_survive_their_csv_and_the_selection(found, tmp_path_factory):
    annotations = Annotations(((1.0, 2.5),), ((0.5, "blink"),), found)
    path = tmp_path_factory.mktemp("csv") / "anna.csv"
    assert read_annotations(annotations.save(path)) == annotations
    assert Annotations.from_selection(annotations.to_selection()) == annotations


def test_a_file_of_excluded_ranges_is_written_as_it_was(tmp_path):
    path = Annotations(((1.0, 2.5),), ((0.5, "blink"),)).save(tmp_path / "anna.csv")
    assert path.read_text() == "kind,start,end,label\nexclude,1.000000,2.500000,\nevent,0.500000,0.500000,blink\n"


def test_an_overlap_within_a_tier_is_refused_by_name_and_between_tiers_allowed():
    with pytest.raises(StavisError, match=r"'speech'.*overlap"):
        Tier("speech", (Span(0, 1, "a"), Span(0.5, 2, "b")))
    Tier("speech", (Span(0, 1, "a"), Span(1, 2, "b")))
    Annotations(tiers=(Tier("speech", (Span(0, 1, "a"),)), Tier("smile", (Span(0.5, 2, "b"),))))


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda: Tier(" "), "no name"),
        (lambda: Tier("a", (Span(2, 1, "x"),)), "ends at 1 s before"),
        (lambda: Tier("a", (Span(float("nan"), 1, "x"),)), "without a time"),
        (lambda: Annotations(tiers=(Tier("a"), Tier("a"))), "two tiers are called 'a'"),
        (lambda: Annotations().tier("a"), "no tier 'a'"),
    ],
)
def test_what_is_no_tier_is_refused(make, reason):
    with pytest.raises(StavisError, match=reason):
        make()


def test_annotations_joined_keep_both_and_lose_nothing_of_the_first():
    one = Annotations(((0.0, 1.0),), (), (Tier("a", (Span(0, 1, "x"),)),))
    other = Annotations((), ((2.0, "e"),), (Tier("a", (Span(0.5, 2, "y"), Span(3, 4, "z"))), Tier("b")))
    both = joined(one, other)
    assert both == Annotations(((0.0, 1.0),), ((2.0, "e"),), (Tier("a", (Span(0, 1, "x"), Span(3, 4, "z"))), Tier("b")))
    assert joined(one, one) == one


def test_annotations_joined_with_their_rounded_copy_are_themselves():
    def at(digits: int) -> Annotations:
        a, b, c = (round(frame * 1001 / 30000, digits) for frame in (1, 2, 5))
        return Annotations(((a, b),), ((c, "e"),), (Tier("a", (Span(a, b, "x"), Span(c, c, "p"))),))

    assert joined(at(9), at(3)) == at(9)


def test_edges_that_were_rounded_apart_touch_and_no_frame_is_counted_twice():
    times = np.arange(60) * 1001 / 30000
    tier = Tier("a", (Span(times[1], round(times[4], 3) + 0.001, "x"), Span(times[4], times[9], "y")))
    assert [found.tolist() for found in tier.members(times)] == [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
