"""Of a network whose attention is shown and cannot be replaced, the verdict says that its questions cannot be asked."""

import warnings

import torch

import stavis
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset
from tests.inference.adapters.families import OwnMap


def test_what_cannot_be_asked_is_said(tmp_path):
    spec = SyntheticConfig(recordings=9, seconds=1.0, fps=6.25, size=(64, 64), shares=(0.2, 0.2, 0.6), seed=3)
    data = write_dataset(tmp_path / "faces", spec)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"attention": "weights", "layout": "(b t) 1 (h w)", "outputs": ("valence",)}
        net = stavis.load(OwnMap(), size=32, rate=6.25, seconds=0.6, device="cpu", **options)
        found = net.verdict(data, clips=5, quiet=True)
    assert {one.answer for one in found.verdict.answers} == {"undecided"}
    assert all(one.sentence.startswith("Not askable.") for one in found.verdict.answers)
    assert any("cannot be replaced" in note for note in found.verdict.notes) and len(found.verdict.between)
    assert "Not askable" in found.card().data
