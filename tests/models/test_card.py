"""The model card says of every metric what its crops were aligned by, and keeps the remarks."""

from stavis.models.card import LIMITS, TRACKED, TRUTH_CCC, model_card, remarks_of

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
