"""A reported metric measured again holds within the tolerance of its kind, and differences are shown."""

import math

import pytest

from stavis.jobs.verify import DENSITY_TOLERANCE, TOLERANCE, Verification, compare, machine


@pytest.mark.parametrize(
    ("figure", "printed", "measured", "same"),
    [
        ("ccc", 0.949, 0.949, True),
        ("ccc", 0.949, 0.951, True),  # another processor's last digit
        ("ccc", 0.949, 0.947, True),
        ("ccc", 0.949, 0.952, False),
        ("rmse low", 0.05, 0.047, False),
        ("cue density", 12.4, 12.5, True),
        ("cue density high", 12.4, 12.6, False),
        ("cue density", 0.1, 0.102, False),
    ],
)
def test_tolerances_go_by_kind(figure, printed, measured, same):
    row = compare({"mouth": {figure: printed}}, {"mouth": {figure: measured}}).iloc[0]
    assert bool(row.same) is same
    assert row.difference == pytest.approx(measured - printed)
    assert row.tolerance == (pytest.approx(DENSITY_TOLERANCE * printed) if "density" in figure else TOLERANCE)


def test_a_metric_that_is_gone_does_not_hold():
    table = compare({"mouth": {"ccc": 0.9}, "eyes": {"ccc": 0.9}}, {"mouth": {"ccc": 0.9}})
    assert table.same.tolist() == [True, False]
    assert math.isnan(table.difference.iloc[1])
    assert not Verification(table).holds


def test_the_summary_names_the_worst_and_both_machines():
    table = compare({"mouth": {"ccc": 0.9, "cc": 0.8}}, {"mouth": {"ccc": 0.905, "cc": 0.8}})
    found = Verification(table, {"processor": "other"}, machine("cpu"))
    assert "1 of 2 metrics within tolerance" in found.summary
    assert "+0.0050 (mouth, ccc)" in found.summary
    assert "reported on: processor other" in found.summary
    assert "measured on: processor " in found.summary and "instructions" in found.summary
    assert "was not recorded" in Verification(table).summary
