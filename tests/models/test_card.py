"""The model card says of every metric what its crops were aligned by, and keeps the remarks."""

import json

import pytest

from stavis.models.card import LIMITS, SYNTHETIC_ONLY, TRACKED, TRUTH_CCC, caution_text, model_card, remarks_of
from stavis.models.shipped import PRETRAINED, pretrained_names

SPEC = {"recordings": 24, "shares": [0.0, 0.0, 1.0]}
TRUE = {"ccc": 0.9, "ccc low": 0.8, "ccc high": 0.95}
SEEN = {"recordings": 12, "frames": 1200, "frames without a face": 240, "ccc": 0.7, "ccc low": 0.6, "ccc high": 0.8, TRUTH_CCC: 0.91}


def card(figures: dict, **options) -> str:
    return model_card("net", {"figures": figures, "evaluated_on": {"faces": SPEC}}, **options)


def test_each_set_names_its_alignment():
    text = card({"faces": TRUE, "faces" + TRACKED: SEEN})
    true, tracked = text.split("### faces, tracked")
    assert "aligned by the known landmarks" in true and "over 24 recordings" in true and "was not measured" not in text
    assert "aligned by the tracked face" in tracked and "over 12 recordings" in tracked
    assert "The first 12 of the 24 recordings; 240 of 1200 frames without a face (20.0 %)" in tracked
    assert "the CCC of the same recordings is 0.910" in tracked
    assert "| ccc | 0.700 | [0.600, 0.800] |" in tracked and "| frames" not in tracked


def test_what_was_not_measured_through_the_tracker_is_said():
    assert "was not measured" in card({"faces": TRUE})


def test_remarks_are_found_again():
    remarks = "## On real faces\n\nSomething.\n\n| a | b |\n|---|---|"
    for figures in ({"faces": TRUE}, {"faces": TRUE, "faces" + TRACKED: SEEN}):
        assert remarks_of(card(figures, remarks=remarks)) == remarks
        assert remarks_of(card(figures)) == ""
    assert remarks_of("# net\n\n" + LIMITS) == ""


@pytest.mark.parametrize(
    "renderer, seen",
    [
        ("flat", "synthetic faces only"),
        ("heads", "rendered 3D heads, and on no real face"),
        ("both", "rendered 3D heads and flat synthetic"),
    ],
)
def test_a_page_says_what_a_network_has_seen_and_how_it_reads_real_faces(renderer, seen):
    info = {"data": {"synthetic": True, "spec": {"renderer": renderer}}}
    assert f"trained on {seen}" in caution_text(info) and "clips" not in caution_text(info)
    told = caution_text(info | {"real_faces": {"clips": 7, "people": 6, "smile_r": [0.5, 0.9], "neutral": [-0.2, 0.3]}})
    assert told.startswith(caution_text(info)) and "7 clips of 6 real people" in told and "r = 0.50 to 0.90" in told
    assert "is \N{MINUS SIGN}0.20 to 0.30 where the face is neutral" in told


def test_a_network_that_may_have_seen_real_faces_needs_no_caution():
    for info in ({}, {"data": {"synthetic": False}}, {"data": {"synthetic": True}, "start": {"only_drawn": False}}):
        assert caution_text(info | {"real_faces": {}}) == ""
    assert caution_text({"data": {"synthetic": True}}) == SYNTHETIC_ONLY


@pytest.mark.parametrize("name", pretrained_names())
def test_what_pages_say_of_real_faces_is_what_the_table_of_the_card_says(name):
    folder = PRETRAINED / name
    lines = remarks_of((folder / "README.md").read_text(encoding="utf-8")).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| clip")]
    table = {column: [float(row[k]) for row in rows[1:] if row[k] != "\N{EN DASH}"] for k, column in enumerate(rows[0]) if k}
    real = json.loads((folder / "config.json").read_text(encoding="utf-8"))["real_faces"]
    assert real["clips"] == len(rows) - 1 and real["smile_r"] == [min(table["smile r"]), max(table["smile r"])]
    assert real["neutral"] == [min(table["neutral"]), max(table["neutral"])]
