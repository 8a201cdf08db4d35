"""A verdict judges the output that `explain` would take, or the one that is named, and its files say which."""

import json
import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

import stavis
from stavis import jobs
from stavis.cli import app
from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

NAMES = ("rest", "speech", "smile")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    spec = SyntheticConfig(recordings=5, seconds=1.0, fps=6.25, size=(64, 64), shares=(0.2, 0.2, 0.6), seed=3)
    return write_dataset(tmp_path_factory.mktemp("faces") / "data", spec)


class Three(nn.Module):
    """Three outputs of what it looks at, of which the second is the highest."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.look, self.out = nn.Softmax(-1), nn.Linear(3, 3)
        self.out.bias.data = torch.tensor([0.0, 2.0, 0.5])

    def forward(self, frames):
        cells = functional.avg_pool2d(frames.flatten(0, 1), 8).flatten(2)
        weights = self.look(9 * cells.mean(1))
        return self.out((cells * weights[:, None]).sum(2)).unflatten(0, frames.shape[:2])


def net(classes=None, rate=6.25):
    options = {"attention": "look", "layout": "(b t) (h w)", "outputs": NAMES, "classes": classes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stavis.load(Three(), size=32, rate=rate, seconds=0.6, region="frame", framing="resize", device="cpu", **options)


def judged(data, out=None, classes=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return net(classes).verdict(data, clips=2, quiet=True, out=out, **options)


@pytest.mark.parametrize(
    ("classes", "dimension", "name", "rule"),
    [
        ("softmax", None, "speech", "of 3 outputs the likeliest over the clips"),
        (None, None, "rest", "of 3 outputs the first"),
        ("softmax", "smile", "smile", ""),
        ("softmax", 2, "smile", ""),
        (None, -1, "smile", ""),
    ],
)
def test_the_output_is_that_of_explain_and_is_named_everywhere(data, tmp_path, classes, dimension, name, rule):
    found = judged(data, tmp_path, classes, dimension=dimension)
    assert found.verdict.dimension == found.provenance["dimension"] == name
    kept = json.loads((tmp_path / "verdict.json").read_text())
    assert kept["dimension"] == kept["provenance"]["dimension"] == name
    notes = [note for note in found.notes if note.startswith("Judged is")]
    assert notes == ([f"Judged is {name}, {rule}: name another with dimension= (--target)."] if rule else [])
    page = re.sub(r"<script.*?</script>", "", (tmp_path / "verdict.html").read_text(), flags=re.S)
    assert f"Output {name}, 2 clips" in page and all(note in page for note in notes)


def test_it_is_the_answer_about_that_output(data):
    likeliest, named, first = (judged(data, classes="softmax", dimension=one).verdict for one in (None, "speech", "rest"))
    assert [one.effect for one in likeliest.answers] == pytest.approx([one.effect for one in named.answers], nan_ok=True)
    assert not np.allclose(likeliest.needed.effect, first.needed.effect)


def test_an_output_that_there_is_not_is_refused_before_the_work(tmp_path):
    with pytest.raises(StavisError, match="has no output 'smiles': did you mean smile"):
        judged(tmp_path / "nothing here", dimension="smiles")


@pytest.mark.parametrize(("given", "expected"), [("smile", "smile"), ("2", 2), (None, None)])
def test_the_shell_hands_it_on(monkeypatch, tmp_path, given, expected):
    taken = {}

    def verdict(run, data, **options):
        taken.update(options)
        raise StavisError("this is far enough: stop.")

    monkeypatch.setattr(jobs, "verdict", verdict)
    with pytest.raises(StavisError, match="far enough"):
        CliRunner().invoke(app, ["verdict", "sta-synthetic", *(["--target", given] if given else [])], catch_exceptions=False)
    assert taken["dimension"] == expected


def test_a_rate_that_is_not_the_networks_stands_with_a_verdict_and_an_evaluation(data, tmp_path):
    said = "expects 12 frames/s and is shown 6.25"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = net(rate=12)
        other.verdict(data, clips=2, quiet=True, out=tmp_path / "judged")
        named = stavis.load(Three(), size=32, rate=12, region="frame", framing="resize", device="cpu", outputs=("valence", "b", "c"))
        named.evaluate(data, quiet=True).save(tmp_path / "evaluated")
    assert sum(said in note for note in json.loads((tmp_path / "judged" / "verdict.json").read_text())["notes"]) == 1
    assert sum(said in note for note in json.loads((tmp_path / "evaluated" / "metrics.json").read_text())["notices"]) == 1
    page = (tmp_path / "evaluated" / "report.html").read_text()
    assert said in re.sub(r"[\u00a0\u202f]|&nbsp;", " ", page)
