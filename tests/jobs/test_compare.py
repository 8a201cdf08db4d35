"""Two networks on one video: both maps and their difference, both predictions, one clock."""

import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.errors import StavisError
from stavis.inference.adapters.families import each_frame
from stavis.inference.explained import SHOWN_OUTPUTS
from stavis.jobs.compare.networks import compare
from tests.inference.adapters.families import OwnMap, Recurrent, videomae

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


def test_it_says_how_far_it_is_and_writes_no_carriage_return(nets, capsys):
    compare([nets[0], nets[1]], FRAMES, names=("a", "b"))
    err = capsys.readouterr().err
    stages = [line.partition(":")[0] for line in err.splitlines()]
    assert "\r" not in err and {"attention, a", "attention, b"} <= set(stages)
    compare([nets[0], nets[1]], FRAMES, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_network_agrees_with_itself(nets):
    both = compare([nets[0], nets[0]], FRAMES)
    assert both.names == ("OwnMap (1)", "OwnMap (2)")
    assert np.abs(both.maps["OwnMap (1) − OwnMap (2)"].values).max() == 0
    assert both.table("agreement")["rank correlation"].to_numpy() == pytest.approx(np.ones(6))


def test_what_cannot_be_compared_is_one_sentence(nets):
    with pytest.raises(StavisError, match="1 network is given, expected two"):
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


@pytest.mark.parametrize("view, mode", [("side by side", "side"), ("wipe", "wipe"), ("difference", "difference")])
def test_a_view_of_both_begins_with_the_map_of_the_first_against_that_of_the_second(nets, view, mode, tmp_path):
    both = stavis.compare(nets[:2], FRAMES, names=("a", "b"))
    scrubber = both.scrubber(view)
    assert scrubber.map == "attention, a" and scrubber.view == {"mode": mode, "second": "attention, b"}
    assert scrubber._clip.frames.shape == both.clip.frames.shape
    for name, reading in zip(("attention, a", "attention, b"), both.readings, strict=True):
        assert scrubber._maps[name].weights.tolist() == reading.attention.weights.tolist()
    assert f'"mode":"{mode}"' in both.save(tmp_path / "page.html", view).read_text(encoding="utf-8")
    with pytest.raises(StavisError, match="no view 'film': choose one of choose, side by side, wipe, difference"):
        both.scrubber("film")


def test_a_network_without_attention_stands_on_no_side(nets):
    with pytest.raises(StavisError, match="Recurrent has no attention"):
        stavis.compare([nets[0], nets[2]], FRAMES).scrubber("wipe")


def test_a_transformer_stands_beside_the_shipped_network(tmp_path):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = stavis.load(videomae(), device="cpu", rate=5.0)
        shipped = stavis.load("sta-synthetic", device="cpu")
        both = stavis.compare([mine, shipped], FRAMES, names=("mine", "shipped"))
    assert both.prediction.dimensions == ("smile, mine", "frown, mine", "neutral, mine", "valence, shipped")
    assert both.readings[0].attention.weights.shape[1:] == (4, 4) and both.readings[1].attention.weights.shape[1:] == (16, 16)
    assert both.table("agreement").drop(columns="time").notna().all(None)
    assert len(both.figure("agreement").data) == 3
    assert both.save(tmp_path / "page.html", "side by side").stat().st_size < 3e6


def test_of_many_outputs_the_highest_are_shown_and_all_are_in_the_table(nets):
    class Many(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, 40)

        def forward(self, images):
            return self.head(images.mean((2, 3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many = stavis.load(Many(), size=32, classes="softmax", forward=each_frame, **OPTIONS)
    both = stavis.compare([many, nets[0]], FRAMES)
    assert both.table("predictions").shape == (6, 42)
    shown = both.scrubber()._options["prediction"]
    means = both.readings[0].values.mean(0)
    assert len(shown.dimensions) == SHOWN_OUTPUTS + 1 and shown.dimensions[0] == f"output {means.argmax()}, Many"
