"""Laws of the finding: on maps with a known switch it names the right parts and times, and no claim goes beyond the numbers."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.data.faces.detections import another_person
from stavis.inference.finding import ValueTrace, find
from stavis.inference.finding.lead import STANDS_OUT, TIED, LeadSegment, lead_segments
from stavis.inference.finding.parts import PartTable
from stavis.inference.finding.steps import value_steps
from stavis.inference.finding.wording import lead_sentence
from stavis.regions import FACE

AREA = dict.fromkeys(FACE.names, 0.04) | {"rest": 0.4, "outside": 0.6 - 0.04 * (len(FACE.names) - 3)}


def shares_of(leader: str, share: float, count: int) -> np.ndarray:
    """Shares (T,R) of a map of which `leader` has `share` and all else is spread evenly."""
    area = np.array([AREA[name] for name in FACE.names])
    part = FACE.names.index(leader)
    values = np.where(np.arange(len(area)) == part, 0.0, area)
    values *= (1 - share) / values.sum()
    values[part] = share
    return np.tile(values, (count, 1))


def table_of(shares: np.ndarray, rate: float = 25.0, valid: np.ndarray | None = None, of: str = "attention") -> PartTable:
    area = np.tile([AREA[name] for name in FACE.names], (len(shares), 1))
    times = np.arange(len(shares)) / rate
    return PartTable.of_regions(times, shares, shares / area, FACE, np.ones(len(shares), bool) if valid is None else valid, of)


def value_of(table: PartTable, values: np.ndarray | float = 0.1) -> ValueTrace:
    return ValueTrace(table.times, np.broadcast_to(np.asarray(values, float), table.times.shape), "valence")


@pytest.mark.parametrize("switch", [2.0, 5.0, 9.0])
@pytest.mark.parametrize(("first", "second"), [("left_eye", "mouth"), ("brows", "mouth"), ("mouth", "nose")])
def test_a_switch_is_named_with_its_parts_and_its_time(first, second, switch):
    frames = round(switch * 25)
    table = table_of(np.concatenate([shares_of(first, 0.5, frames), shares_of(second, 0.75, 300 - frames)]))
    found = find(table, value_of(table, np.where(np.arange(300) < frames, 0.0, 0.6)))
    assert found.sentences[0] == (
        f"The {second} leads by density from {switch:.1f} s on, when valence rises from 0.00 to 0.60: it holds 75 % of the attention, "
        f"19 times what an even spread would give; before that the {first.replace('_', ' ')} "
        f"lead{'s' * (first != 'brows')} (50 %, 12 times)."
    )
    assert found.sentences[1] == "Valence lies between 0.00 and 0.60."
    at = next(one for one in found.moments if f"{second} leads" in one.text)
    assert (at.frame, at.time) == (frames, switch)


def test_noise_and_a_short_look_elsewhere_make_no_switch():
    rng = np.random.default_rng(0)
    shares = shares_of("mouth", 0.6, 200) * rng.uniform(0.5, 1.5, (200, len(FACE.names)))
    shares[100:105] = shares_of("nose", 0.6, 5)
    found = find(table_of(shares / shares.sum(1, keepdims=True)), value_of(table_of(shares)))
    assert len(found.segments) == 1
    assert found.sentences[0].startswith("The mouth leads by density throughout: it holds ")


def test_of_an_even_map_no_region_stands_out():
    area = np.array([AREA[name] for name in FACE.names])
    table = table_of(np.tile(area, (50, 1)))
    found = find(table, value_of(table))
    assert found.sentences[0].startswith("No region stands out") and "leads" not in str(found)
    assert found.sentences[1] == "Valence stays at 0.10."


def test_a_density_just_below_what_stands_out_is_told_from_it():
    segment = LeadSegment(0, 9, (), 0.3, STANDS_OUT - 1e-6, 0, 0.3, 9.0)
    text = lead_sentence(table_of(shares_of("mouth", 0.6, 9)), [segment], "valence", None)
    top, limit = re.search(r"no density is above (\S+), and a region stands out from (\S+) times", text).groups()
    assert top != limit and float(top) < float(limit) == STANDS_OUT


def test_no_map_and_no_face_are_said():
    table = table_of(shares_of("mouth", 0.5, 50), valid=np.zeros(50, bool))
    value = ValueTrace(table.times, np.full(50, np.nan), "valence")
    found = find(
        table, value, lacks="no face was tracked, so no region can be named.", problems=["in 2.0 s of 2.0 s no face could be read"]
    )
    assert str(found) == "No face was tracked, so no region can be named. In 2.0 s of 2.0 s no face could be read."
    assert found.segments == () and [one.text for one in found.moments] == ["no face for 2.0 s"]


def test_it_names_what_is_shared():
    table = table_of(shares_of("mouth", 0.5, 50), of="saliency")
    found = find(table, value_of(table), start="this network has no attention; in its attribution, ")
    assert found.sentences[0].startswith("This network has no attention; in its attribution, the mouth leads")
    assert "50 % of the saliency" in found.sentences[0]


def test_parts_with_the_same_density_lead_alike_and_a_larger_share_elsewhere_is_said():
    shares = np.zeros((50, len(FACE.names)))
    for name, share in {"mouth": 0.2, "nose": 0.19, "rest": 0.61}.items():
        shares[:, FACE.names.index(name)] = share
    found = find(table_of(shares), value_of(table_of(shares)))
    assert found.sentences[0] == (
        "The mouth and the nose lead alike by density throughout: the mouth holds 20 % of the attention, 5.0 times what an even spread "
        "would give, less than the rest of the face, 61 %."
    )


def test_several_changes_are_told_in_order_and_many_by_their_seconds():
    leaders = ["mouth", "nose", "brows", "mouth", "nose", "mouth"]
    few = table_of(np.concatenate([shares_of(one, 0.5, 50) for one in leaders[:3]]))
    assert find(few, value_of(few)).sentences[0] == (
        "By density the mouth leads until 2.0 s (50 % of the attention, 12 times what an even spread would give), the nose until 4.0 s "
        "(50 %, 12 times), then the brows (50 %, 12 times)."
    )
    many = table_of(np.concatenate([shares_of(one, 0.5, 50) for one in leaders]))
    assert find(many, value_of(many)).sentences[0] == (
        "The mouth leads by density in 6.0 s of 12.0 s (50 % of the attention, 12 times what an even spread would give), the nose in "
        "4.0 s (50 %, 12 times), the brows in 2.0 s (50 %, 12 times)."
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 120), st.floats(0.05, 4.0))
def test_every_claim_holds_for_the_frames_it_is_made_of(seed, count, sharpness):
    rng = np.random.default_rng(seed)
    shares = np.exp(sharpness * rng.standard_normal((count, len(FACE.names))).cumsum(0) / 3)
    valid = rng.random(count) < 0.8
    table = table_of(shares / shares.sum(1, keepdims=True), valid=valid)
    segments = lead_segments(table.times, table.shares, table.densities, table.can_lead)
    if not valid.any():
        assert segments == []
        return
    assert [segments[0].start, *(one.stop for one in segments)] == [*(one.start for one in segments), count]
    for one in segments:
        frames = np.flatnonzero(valid[one.start : one.stop]) + one.start
        density, share = table.densities[frames].mean(0), table.shares[frames].mean(0)
        allowed = np.where(table.can_lead, density, 0)
        assert one.density == pytest.approx(allowed.max())
        assert bool(one.parts) == (allowed.max() >= STANDS_OUT)
        assert set(one.parts) == ({k for k in range(len(allowed)) if allowed[k] >= TIED * allowed.max()} if one.parts else set())
        assert one.most == share.argmax() and one.most_share == pytest.approx(share.max())
    found = find(table, value_of(table, rng.standard_normal(count)))
    assert all(text[0].isupper() and text.endswith(".") for text in found.sentences)
    assert all(0 <= one.time <= table.times[-1] for one in found.moments)
    assert [one.time for one in found.moments] == sorted(one.time for one in found.moments)


def test_steps_are_found_where_they_are_and_nowhere_else():
    rng = np.random.default_rng(1)
    times = np.arange(500) / 25
    line = np.where(times < 6, -0.2, np.where(times < 13, 0.5, 0.0)) + 0.05 * rng.standard_normal(500)
    assert [round(times[step.frame], 2) for step in value_steps(times, line, 0.2)] == [6.0, 13.0]
    assert value_steps(times, 0.3 * rng.standard_normal(500), 0.2) == []
    assert value_steps(times, np.full(500, np.nan), 0.2) == []
    wave = 0.5 * np.sin(2 * np.pi * times)
    assert value_steps(times, wave, 0.2) == []


def test_a_note_on_another_person_is_understood():
    note = "after 7.1, 9.3 s and 2 more times another person may be shown: the face was lost or changed there, and so on."
    assert another_person(["something else.", note]) == ("after 7.1, 9.3 s and 2 more times another person may be shown", (7.1, 9.3))
    assert another_person(["nothing of it."]) == ("", ())
