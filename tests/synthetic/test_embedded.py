"""Of the embedded data only what is read is rendered, and it is what it would be in the whole."""

import json

import pytest

import stavis.synthetic.embedded as embedded
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig

TINY = SyntheticConfig(recordings=7, seconds=0.4, fps=5.0, size=(64, 64), shares=(0.4, 0.1, 0.5), seed=2)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "EMBEDDED", TINY)


def test_the_first_of_a_split_are_those_of_the_whole(tiny):
    part = embedded.folder_of_first(None, "test", 2, quiet=True)
    found = recordings_of(part, "test")
    assert len(list((part / "videos").iterdir())) == len(found) == 2
    whole = embedded.embedded_data(quiet=True)
    expected = recordings_of(whole, "test")[:2]
    assert [one.name for one in found] == [one.name for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.video.read_bytes() == other.video.read_bytes()
    assert json.loads((part / "dataset.json").read_text())["hash"] == TINY.hash()


def test_the_whole_is_taken_where_it_is_there(tiny):
    whole = embedded.embedded_data(quiet=True)
    assert embedded.folder_of_first(None, "test", 2, quiet=True) == whole


def test_a_split_that_is_not_there_is_named_before_anything_is_rendered(tiny, tmp_path):
    with pytest.raises(StavisError, match="no split 'tests': did you mean test"):
        embedded.folder_of_first(None, "tests", 2, quiet=True)
    assert not list((tmp_path / "cache").rglob("*.mp4"))


def test_a_config_takes_no_renderer_beside_its_own():
    with pytest.raises(StavisError, match="set its own renderer"):
        embedded.embedded_data(TINY, renderer="heads")
