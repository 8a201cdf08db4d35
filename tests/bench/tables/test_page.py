"""The page of the contrasts: what it says of each outcome, and figures in which every row, seed and reference is there."""

import dataclasses

import numpy as np
import pytest

from stavis.bench.contrasts import CONTRASTS, ContrastResult, longer_memory
from stavis.bench.power import Components
from stavis.bench.tables.figures import contrasts_figure, rows_figure
from stavis.bench.tables.page import beside_published, compute_table
from stavis.bench.tables.wording import design_lines, nothing_sentence, sentence
from stavis.bootstrap import Interval
from stavis.models.published import ROWS


def result(contrast, value: float, low: float, high: float, p_holm: float, reason: str = "") -> ContrastResult:
    return ContrastResult(contrast, Interval(value, low, high, 200), p_holm, p_holm, 200, 5, 0.04, reason)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.2, 0.15, 0.25, 0.0001), "true, it buys CCC +0.200 [+0.150, +0.250], p < .001 after Holm."),
        ((0.01, -0.02, 0.04, 0.7), "false, a gain of 0.05 is ruled out: CCC +0.010 [−0.020, +0.040], p = 0.700 after Holm."),
        ((-0.1, -0.15, -0.05, 0.002), "false, it costs: CCC −0.100 [−0.150, −0.050], p = 0.002 after Holm."),
        (
            (0.04, -0.02, 0.1, 0.3),
            "undecided, CCC +0.040 [−0.020, +0.100], p = 0.300 after Holm; a difference below 0.04 would often be missed.",
        ),
    ],
)
def test_every_outcome_has_its_sentence(numbers, said):
    text = sentence(result(CONTRASTS[2], *numbers))
    when = "where two places show a value, the better lit of them counts, and few people are known"
    assert text == f"Attention, {when} (places: sta − cnn3d): {said}"


def test_what_could_not_be_tested_says_why():
    nan = float("nan")
    missing = ContrastResult(CONTRASTS[0], Interval(nan), nan, nan, 0, 0, nan, "cnn has no result on motion")
    assert sentence(missing).endswith("undecided, for cnn has no result on motion.")
    few = result(CONTRASTS[0], 0.2, 0.1, 0.3, nan, "2 seeds, at least 5 are needed")
    assert "undecided, for 2 seeds, at least 5 are needed; so far CCC +0.200" in sentence(few)
    extra = result(longer_memory("cued"), 0.0, -0.02, 0.02, nan)
    assert "buys nothing, as it should" in nothing_sentence(extra)
    assert "is not nothing: " in nothing_sentence(result(longer_memory("cued"), 0.1, 0.05, 0.15, nan))
    assert "less than 0.05" in nothing_sentence(result(longer_memory("cued"), 0.026, 0.015, 0.038, nan))


def test_a_pilot_says_what_the_bench_will_show():
    (line,) = design_lines({"places": (Components(0.1, 0.1, (0.02, 0.02)), 200, 5)}, 4)
    assert line.startswith("places: with 200 recordings and 5 seeds a difference of CCC 0.") and "seeds would resolve 0.05" in line


def row(scenario: str, system: str, ccc: float) -> dict:
    return {
        "scenario": scenario, "system": system, "row": ROWS[system].row, "ccc": ccc, "low": ccc - 0.1, "high": ccc + 0.1, "rmse": 0.2,
        "cc": ccc, "seeds": 2, "ccc_of_seeds": [ccc - 0.02, ccc + 0.02], "published": ROWS[system].published, "parameters": 9,
        "steps": 3.0, "cap": 4, "cpu_seconds": 1.0, "base_cpu_seconds": 0.0, "at_plateau": 1, "learning_rate_factor": 3.0, "augment": 0.3,
    }  # fmt: skip


def test_every_row_and_seed_of_a_scenario_is_in_its_figure_with_oracle_and_floor():
    rows = [row("places", "cnn3d", 0.4), row("places", "sta", 0.6)]
    figure = rows_figure(rows, {"oracle": 0.95, "label mean": 0.0})
    means, seeds = figure.data
    assert list(means.x) == [0.4, 0.6] and list(means.error_x.array) == pytest.approx([0.1, 0.1])
    assert list(seeds.x) == pytest.approx([0.38, 0.42, 0.58, 0.62]) and len(set(seeds.y)) == 2
    assert sorted(shape.x0 for shape in figure.layout.shapes) == [0.0, 0.95]
    assert {one.text for one in figure.layout.annotations} == {"oracle", "label mean"}


def test_a_contrast_without_an_interval_leaves_the_others_in_the_figure():
    told = [result(CONTRASTS[0], 0.2, 0.1, 0.3, 0.001).as_json(), result(CONTRASTS[1], np.nan, np.nan, np.nan, np.nan, "x").as_json()]
    figure = contrasts_figure(told)
    assert [trace.name for trace in figure.data] == ["true", "detectable at 80 %"] and list(figure.data[0].x) == [0.2]


def test_published_metrics_stand_beside_the_mixed_set_alone():
    rows = [row("places", "sta", 0.6), row("mixed", "sta", 0.5), row("mixed", "cnn3d", 0.4)]
    table = beside_published(rows)
    assert list(table.scenario) == ["mixed", "mixed"] and table["RECOLA CCC"].tolist() == [0.546, 0.493]
    assert len(beside_published(rows[:1])) == 1 and len(compute_table(rows)) == 3
    assert compute_table(rows)["at a plateau"].tolist() == ["1 of 2"] * 3


def test_contrasts_are_named_beforehand():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONTRASTS[0].better = "sta"


def test_a_difference_that_two_ccc_cannot_have_is_not_promised():
    (line,) = design_lines({"places": (Components(0.5, 0.5, (2.0, 2.0)), 24, 2)}, 4)
    assert "no difference that two CCC can have is shown in 80" in line


def test_an_interval_beyond_what_a_ccc_can_be_does_not_stretch_the_axis():
    one = {"scenario": "places", "better": "sta", "worse": "cnn3d", "verdict": "undecided", "difference": 0.2, "low": -1.7, "high": 2.3}
    figure = contrasts_figure([{**one, "detectable": 7.0}])
    assert figure.layout.xaxis.range == (-1.05, 1.05)
    assert not any(7.0 in trace.x for trace in figure.data)
