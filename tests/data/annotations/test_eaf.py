"""Annotations survive an ELAN document, and documents that are damaged, unsafe or of another video are refused in a sentence."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.data.annotations.eaf import read_eaf, write_eaf
from stavis.data.annotations.tiers import Span, Tier
from stavis.errors import StavisError
from tests.data.annotations.test_annotations import tiers

ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(found=tiers())
def test_annotations_survive_a_document(found, tmp_path_factory):
    annotations = Annotations(((1.0, 2.5),), ((0.5, "blink"), (3.24, "")), found)
    path = tmp_path_factory.mktemp("eaf") / "anna.eaf"
    assert read_eaf(write_eaf(annotations, path, video="anna.mp4"), video="a/anna.mp4") == annotations


def test_a_document_has_the_parts_of_the_schema_in_their_order(tmp_path):
    annotations = Annotations(tiers=(Tier("au", (Span(0.2, 0.4, "12"), Span(0.4, 0.4, "4")), ("4", "12")), Tier("empty")))
    root = ET.parse(write_eaf(annotations, tmp_path / "a.eaf", video="clips/anna.mp4")).getroot()
    assert list(dict.fromkeys(child.tag for child in root)) == ORDER
    assert root.get("FORMAT") == root.get("VERSION") == "3.0"
    header = root.find("HEADER")
    assert header.get("TIME_UNITS") == "milliseconds" and header.find("MEDIA_DESCRIPTOR").get("MEDIA_URL") == "./anna.mp4"
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {one.get("LINGUISTIC_TYPE_ID") for one in root.iter("LINGUISTIC_TYPE")}
    assert all(tier.get("LINGUISTIC_TYPE_REF") in types for tier in root.iter("TIER"))
    for one in root.iter("ALIGNABLE_ANNOTATION"):
        assert slots[one.get("TIME_SLOT_REF1")] < slots[one.get("TIME_SLOT_REF2")]
    ids = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids)) == 2


def document(tiers: str, *, header: str = '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>', slots: str = "", begin: str = "") -> str:
    return f'{begin}<ANNOTATION_DOCUMENT FORMAT="3.0">{header}<TIME_ORDER>{slots}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>'


def slot(name: str, ms: int | str | None) -> str:
    return f'<TIME_SLOT TIME_SLOT_ID="{name}"/>' if ms is None else f'<TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{ms}"/>'


def tier(name: str, *inside: str) -> str:
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="t">{"".join(f"<ANNOTATION>{one}</ANNOTATION>" for one in inside)}</TIER>'


def aligned(name: str, a: str, b: str, text: str = "x") -> str:
    value = f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>"
    return f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="{a}" TIME_SLOT_REF2="{b}">{value}</ALIGNABLE_ANNOTATION>'


def referring(name: str, parent: str, text: str = "y", previous: str = "") -> str:
    value = f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>"
    after = f' PREVIOUS_ANNOTATION="{previous}"' if previous else ""
    return f'<REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{parent}"{after}>{value}</REF_ANNOTATION>'


SLOTS = slot("a", 1000) + slot("b", 2000) + slot("c", 4000)


def test_annotations_that_refer_to_others_have_their_times(tmp_path):
    text = document(
        tier("speech", aligned("1", "a", "b"), aligned("2", "b", "c"))
        + tier("words", referring("3", "2", "one"), referring("4", "2", "two"))
        + tier("meaning", referring("5", "4")),
        slots=SLOTS,
    )
    (tmp_path / "a.eaf").write_text(text)
    found = read_eaf(tmp_path / "a.eaf")
    assert found.tier("words").spans == (Span(2.0, 3.0, "one"), Span(3.0, 4.0, "two"))
    assert found.tier("meaning").spans == (Span(3.0, 4.0, "y"),)


@given(order=st.permutations(range(4)))
def test_annotations_follow_their_previous_one_in_whatever_order_they_are_stored(order, tmp_path_factory):
    words = [referring(f"r{k}", "1", f"word {k}", f"r{k - 1}" if k else "") for k in range(4)]
    slots = "".join(slot(f"s{k}", {0: 1000, 4: 3000}.get(k)) for k in range(5))
    parts = [aligned(f"p{k}", f"s{k}", f"s{k + 1}", f"word {k}") for k in range(4)]
    path = tmp_path_factory.mktemp("eaf") / "a.eaf"
    stored = (tier("words", *(words[k] for k in order)), tier("parts", *(parts[k] for k in order)))
    path.write_text(document(tier("speech", aligned("1", "s0", "s4")) + "".join(stored), slots=slots))
    expected = tuple(Span(1 + k / 2, 1.5 + k / 2, f"word {k}") for k in range(4))
    assert [one.spans for one in read_eaf(path).tiers[1:]] == [expected, expected]


@pytest.mark.parametrize("end", ["b", "p"])
def test_a_tier_called_events_is_one_of_spans_where_any_of_them_has_a_length(tmp_path, end):
    slots = SLOTS + slot("p", 1001)
    spans = (Span(1.0, 1.0 if end == "p" else 2.0, "x"), Span(2.0, 4.0, "y"))
    (tmp_path / "a.eaf").write_text(document(tier("events", aligned("1", "a", end), aligned("2", "b", "c", "y")), slots=slots))
    found = read_eaf(tmp_path / "a.eaf")
    assert found == Annotations(tiers=(Tier("events", spans),))
    assert read_eaf(write_eaf(found, tmp_path / "b.eaf")) == found
    assert read_annotations(found.save(tmp_path / "b.csv")) == found


def test_slots_without_a_time_lie_between_their_neighbours(tmp_path):
    slots = slot("a", 1000) + slot("m", None) + slot("n", None) + slot("b", 4000)
    (tmp_path / "a.eaf").write_text(
        document(tier("t", aligned("1", "a", "m"), aligned("2", "m", "n"), aligned("3", "n", "b")), slots=slots)
    )
    assert [(span.start, span.end) for span in read_eaf(tmp_path / "a.eaf").tier("t").spans] == [(1, 2), (2, 3), (3, 4)]


def test_the_origin_of_the_media_moves_the_times(tmp_path):
    media = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///d/an%20na.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="500"/>'
    header = f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}</HEADER>'
    (tmp_path / "a.eaf").write_text(document(tier("t", aligned("1", "a", "b")), header=header, slots=SLOTS))
    assert read_eaf(tmp_path / "a.eaf", video="an na.mkv").tier("t").spans == (Span(1.5, 2.5, "x"),)


MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///d/ben.mp4" MIME_TYPE="video/mp4" RELATIVE_MEDIA_URL="./ben.mp4"/>'
OVERLAP = tier("gaze", aligned("1", "a", "c"), aligned("2", "b", "c"))
CIRCLE = (referring("2", "1", previous="3"), referring("3", "1", previous="2"))
ENTITY = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "text, options, reason",
    [
        (document("", header='<HEADER TIME_UNITS="PAL-frames"/>'), {}, "times in 'PAL-frames', expected milliseconds"),
        (document(OVERLAP, slots=SLOTS), {}, "tier 'gaze'.*overlap"),
        (document("", header=f"<HEADER>{MEDIA}</HEADER>"), {"video": "anna.mp4"}, "was made for ben, not for anna"),
        (document(tier("t", aligned("1", "a", "c")), slots=SLOTS), {"duration": 2.0}, "up to 4.00 s and the video ends at 2.00 s"),
        (document("", begin=ENTITY), {}, "declares a document type or entities"),
        (document("", begin='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), {}, "declares a document type or entities"),
        ("<html/>", {}, "'html', not an ELAN document"),
        ("not xml", {}, "is no XML"),
        (document(tier("t", aligned("1", "a", "nowhere")), slots=SLOTS), {}, "'nowhere', which is not there"),
        (document(tier("t", referring("1", "2"), referring("2", "1"))), {}, "has no time"),
        (document(tier("s", aligned("1", "a", "c")) + tier("t", *CIRCLE), slots=SLOTS), {}, "tier 't' follow each other in a circle"),
        (document("", slots=slot("a", "1.5")), {}, "not a whole number of milliseconds"),
        (document(tier("t", aligned("1", "m", "m")), slots=slot("m", None)), {}, "no annotation of the tier 't' has a time"),
    ],
)
def test_documents_that_cannot_be_taken_are_refused(tmp_path, text, options, reason):
    (tmp_path / "a.eaf").write_text(text)
    with pytest.raises(StavisError, match=reason) as raised:
        read_eaf(tmp_path / "a.eaf", **options)
    assert "a.eaf" in str(raised.value)


def test_a_document_in_another_encoding_cannot_hide_its_entities(tmp_path):
    (tmp_path / "a.eaf").write_bytes(('<?xml version="1.0" encoding="UTF-16"?>' + document("", begin=ENTITY)).encode("utf-16"))
    with pytest.raises(StavisError, match="entities"):
        read_eaf(tmp_path / "a.eaf")


def test_tiers_may_overlap_each_other(tmp_path):
    (tmp_path / "a.eaf").write_text(document(tier("s", aligned("1", "a", "c")) + tier("t", aligned("2", "b", "c")), slots=SLOTS))
    assert [one.name for one in read_eaf(tmp_path / "a.eaf").tiers] == ["s", "t"]


def test_a_tier_called_as_the_excluded_ranges_beside_it_is_refused(tmp_path):
    with pytest.raises(StavisError, match="'excluded'"):
        write_eaf(Annotations(((0, 1),), (), (Tier("excluded"),)), tmp_path / "a.eaf")
