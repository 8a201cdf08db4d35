"""What explain.json holds is written from one class and read back into it."""

import json

import pytest

from stavis.batch.collect import collected
from stavis.batch.record import Report
from stavis.errors import StavisError
from stavis.inference.summary import ExplanationSummary, read_summary
from stavis.models.card import SYNTHETIC_ONLY

SUMMARY = ExplanationSummary(
    video="a.mp4",
    frames=3,
    frames_with_face=2,
    faces=None,
    seconds=1.5,
    realtime_factor=None,
    crop="face",
    mean_shares={"mouth": 0.5, "nose": None},
    mean_densities={"mouth": 2.0},
    shares_by_method={"attention": {"mouth": 0.5, "nose": None}, "Saliency": {"mouth": 0.25}},
    densities_by_method={"attention": {"mouth": 2.0}},
    relative_delta={"Saliency": None},
    synthetic_only=True,
    notes=("one.", "two."),
    provenance={"stavis": "1"},
    finding=("The mouth leads.", "Valence stays at 0.10."),
    moments=({"time": 0.5, "text": "mouth leads"},),
    regions_version=2,
    caution="It has seen little.",
)
KEYS = (
    "video frames frames_with_face faces seconds realtime_factor crop mean_shares mean_densities shares_by_method densities_by_method "
    "relative_delta only_drawn_faces_seen warnings provenance"
)

LATER = ("finding", "moments", "regions_version", "caution")


def test_what_is_written_is_read_back(tmp_path):
    SUMMARY.write(tmp_path)
    assert read_summary(tmp_path / "explain.json") == SUMMARY
    assert list(json.loads((tmp_path / "explain.json").read_text())) == [*KEYS.split(), *LATER], "others rely on these keys"


def test_a_file_of_an_earlier_version_has_no_finding():
    values = SUMMARY.to_json()
    for key in LATER:
        del values[key]
    before = ExplanationSummary.from_json(values)
    assert before.finding == () and before.notices == (SYNTHETIC_ONLY,) and SUMMARY.notices == ("It has seen little.",)


def test_an_index_reads_the_regions_from_it(tmp_path):
    SUMMARY.write(tmp_path)
    report = Report(id="a", recording="a", video="", labels="", parameters={}, varied={}, key="")
    assert collected(report, tmp_path).regions == SUMMARY.regions()
    assert SUMMARY.regions()[0] == {"method": "attention", "region": "mouth", "share": 0.5, "density": 2.0, "regions_version": 2}
    assert [row["density"] for row in SUMMARY.regions()] == [2.0, None, None]


def test_a_file_without_a_version_of_the_regions_has_the_first_one():
    values = SUMMARY.to_json()
    del values["regions_version"]
    assert ExplanationSummary.from_json(values).regions_version == 1
    assert ExplanationSummary.from_json({**values, "region_set": "grid:3x3"}).regions_version is None


@pytest.mark.parametrize("key", KEYS.split())
def test_a_missing_key_is_named(key):
    values = SUMMARY.to_json()
    del values[key]
    with pytest.raises(StavisError, match=f"lacks '{key}'"):
        ExplanationSummary.from_json(values)


@pytest.mark.parametrize(
    "values", [[], "a", {**SUMMARY.to_json(), "shares_by_method": []}, {**SUMMARY.to_json(), "densities_by_method": {"a": 1}}]
)
def test_what_is_no_summary_is_refused(values):
    with pytest.raises(StavisError, match=r"explain\.json"):
        ExplanationSummary.from_json(values)


def test_keys_of_a_newer_version_are_passed_over():
    assert ExplanationSummary.from_json({**SUMMARY.to_json(), "more": 1}) == SUMMARY
