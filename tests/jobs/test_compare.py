"""Two networks on one video: both maps and their difference, both predictions, one clock."""

import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.errors import StavisError
from stavis.jobs.compare import compare
from tests.inference.adapters.families import OwnMap, Recurrent

FRAMES = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
OPTIONS = {"device": "cpu", "rate": 5.0}


@pytest.fixture
def nets():
    torch.manual_seed(0)
    attention = {"attention": "weights", "layout": "(b t) 1 (h w)", "outputs": ("valence",)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (stavis.load(OwnMap(), size=size, **attention, **OPTIONS) for size in (32, 48))
        return first, second, stavis.load(Recurrent(), size=32, outputs=("valence", "arousal"), **OPTIONS)


def test_two_networks_stand_beside_each_other(nets, tmp_path):
    both = nets[0].compare(nets[1], FRAMES, names=("a", "b"))
    assert list(both.maps) == ["attention, a", "attention, b", "a − b"]
    assert both.maps["a − b"].values.sum((1, 2)) == pytest.approx(np.zeros(6), abs=1e-5)
    assert both.prediction.dimensions == ("valence, a", "valence, b")
    table = both.table("agreement")
    assert len(table) == 6 and table["rank correlation"].between(-1, 1).all()
    assert both.table("predictions").shape == (6, 3)
    page = both.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "a − b" in page or "a \\u2212 b" in page


def test_a_network_agrees_with_itself(nets):
    both = compare([nets[0], nets[0]], FRAMES)
    assert both.names == ("OwnMap (1)", "OwnMap (2)")
    assert np.abs(both.maps["OwnMap (1) − OwnMap (2)"].values).max() == 0
    assert both.table("agreement")["rank correlation"].to_numpy() == pytest.approx(np.ones(6))


def test_what_cannot_be_compared_is_one_sentence(nets):
    with pytest.raises(StavisError, match="1 networks are given, expected two"):
        compare("sta-synthetic", FRAMES)
    both = compare([nets[0], nets[2]], FRAMES)
    assert list(both.maps) == ["attention, OwnMap"] and len(both.prediction.dimensions) == 3
    with pytest.raises(StavisError, match="has no attention"):
        both.table("regions")
    with pytest.raises(StavisError, match="no regions are known"):
        compare(nets[:2], FRAMES).table("regions")
    with pytest.raises(StavisError, match="no table 'x'"):
        both.table("x")
    whole = stavis.load(Recurrent(), size=32, outputs=("v", "a"), region="frame", **OPTIONS)
    with pytest.raises(StavisError, match="same region="):
        compare([nets[0], whole], FRAMES)
