"""Names that are nearly right: one near name, or the list."""

from hypothesis import given
from hypothesis import strategies as st

from stavis.errors import StavisError, StavisWarning, nearest, nearest_file, offer

NAMES = ("sta-synthetic", "sta-heads", "integrated-gradients", "input-x-gradient")


def test_a_slip_a_beginning_and_other_writing_are_near():
    assert nearest("sta-sinthetic", NAMES) == "sta-synthetic"
    assert nearest("Integrated_Gradients", NAMES) == "integrated-gradients"
    assert nearest("inte", NAMES) == "integrated-gradients"
    assert nearest("sta", NAMES) == "sta-synthetic", "of two that begin so the first"
    assert nearest("zebra", NAMES) is None and nearest("", NAMES) is None


@given(st.sampled_from(NAMES), st.integers(0, 12))
def test_one_letter_left_out_is_always_near(name, index):
    assert nearest(name[:index] + name[index + 1 :], NAMES) == name


def test_the_offer_is_one_name_or_the_list():
    assert offer("sta-head", NAMES) == "did you mean sta-heads?"
    assert offer("zebra", NAMES[:2]) == "choose one of sta-synthetic, sta-heads."
    assert offer("zebra", NAMES[:1], also="a folder") == "choose one of sta-synthetic, or a folder."
    assert ", ..." in offer("zebra", [f"{number:04}" for number in range(99)])


def test_the_nearest_file_beside_a_path(tmp_path):
    (tmp_path / "anna.mp4").touch()
    assert nearest_file(tmp_path / "ana.mp4") == "anna.mp4"
    assert nearest_file(tmp_path / "none" / "ana.mp4") is None


def test_what_is_said_is_one_line_whatever_it_quotes():
    quoted = "x cannot be read (expected one of:\r\n * a  b\n\n * c): take another copy."
    for kind in (StavisError, StavisWarning):
        assert str(kind(quoted)) == "x cannot be read (expected one of: * a  b * c): take another copy."
