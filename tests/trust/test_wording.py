"""What a verdict says of where attention lies: density first, equals named, warnings apart from findings."""

import numpy as np
import pandas as pd
import pytest

from stavis.show.reports.verdict_card import card
from stavis.trust.judge import judge
from stavis.trust.wording import verdict_sentences, where_it_lies
from tests.trust.test_judge import NONE, made


def places(**parts):
    """part=(share, density), each with an interval of a tenth to either side."""
    rows = []
    for part, (share, density) in parts.items():
        row = {"part": part}
        for name, value in (("share", share), ("density", density)):
            row |= {name: value, f"{name}_low": 0.9 * value, f"{name}_high": 1.1 * value}
        rows.append(row)
    return pd.DataFrame(rows)


def test_density_leads_where_a_larger_part_holds_as_much():
    (text,) = where_it_lies(places(mouth=(0.38, 20.7), rest=(0.39, 1.1), nose=(0.1, 3.0), outside=(0.13, 0.2)))
    assert text.startswith("The attention is densest on the mouth: density 20.7, where an even spread has 1 (95 % interval 18.6 to 22.8).")
    assert "The mouth holds 38 % of it (95 % interval 34 % to 42 %), about as much as the rest of the face (39 % at density 1.1)" in text
    assert "nose" not in text


def test_a_larger_part_that_holds_more_is_said():
    (text,) = where_it_lies(places(mouth=(0.2, 10.0), outside=(0.7, 1.0)))
    assert "less than the background (outside the face) (70 % at density 1.0)" in text


def test_parts_that_are_as_dense_are_named():
    (text,) = where_it_lies(places(mouth=(0.4, 20.0), right_eye=(0.3, 19.5), rest=(0.2, 0.5), outside=(0.1, 0.1)))
    assert "about as dense on the image-right eye (19.5)" in text
    assert "rest" not in text


def test_regions_of_ones_own_are_called_by_their_names():
    (text,) = where_it_lies(places(upper_left=(0.4, 8.0), rest=(0.6, 0.7)))
    assert "densest on the region upper left: density 8.0," in text
    assert "less than what lies between the regions (60 %" in text


def test_a_verdict_is_found_in_two_sentences():
    answers = [("needed", "yes"), ("sufficient", "yes"), ("unique", "no"), ("agrees", "undecided")]
    first, second = verdict_sentences(answers, places(mouth=(0.4, 20.0), outside=(0.1, 0.1)), 12)
    assert first == (
        "Judged on 12 clips, the attention is needed and sufficient; the attention is not unique (non-replaceable); "
        "it is undecided whether the attention is in agreement with the attributions."
    )
    assert second.startswith("The attention is densest on the mouth")
    (only,) = verdict_sentences([*answers[:3], ("agrees", "forced")], places().reindex(columns=["part", "density", "share"]), 1)
    assert only.endswith("the architecture alone makes it in agreement with the attributions.") and "1 clip," in only


@pytest.mark.parametrize("column", ["share", "density"])
def test_nothing_is_said_where_nothing_is_known(column):
    table = places(mouth=(0.4, 20.0))
    assert where_it_lies(table.assign(**{column: np.nan})) == []


def test_without_an_interval_nothing_is_equal():
    table = places(mouth=(0.4, 20.0), nose=(0.4, 20.0))
    table[["share_low", "share_high", "density_low", "density_high"]] = np.nan
    (text,) = where_it_lies(table)
    assert "interval" not in text and "as dense" not in text


def test_findings_are_no_warnings():
    evidence = made(0.6, count=5)
    rows = [
        {"part": part, "share": 0.5, "density": density, "clip": clip}
        for clip in range(5)
        for part, density in (("mouth", 9.0), ("rest", 0.8))
    ]
    evidence.places = pd.DataFrame(rows)
    found = judge(evidence, NONE)
    assert [text for text in found.notes if "densest" in text] and not any("densest" in text for text in found.warnings)
    assert any("the fewest that decide" in text for text in found.warnings)
    assert set(found.warnings) <= set(found.notes)
    page = card(found)
    assert page.count("Warning:") == len(found.warnings)
    assert all(page.count(text.split(":")[0]) == 1 for text in found.warnings)
