"""A verdict on a network that cuts gradients inside itself says so, and answers without attributions what needs none."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stavis.attention.tokens import TokenAttention
from stavis.attribution.cuts import NoGradient
from stavis.trust.evidence import EVEN
from stavis.trust.judge import verdict
from stavis.types import Clip
from tests.attention.test_token_maps import SIGNS, Signed

LOOK = TokenAttention(("look",), "b t (h w)")
QUICK = {"heads": 1, "networks": 1, "draws": 20}


def clips(count: int = 6, frames: int = 6) -> list[Clip]:
    """A square at some place in each, whose brightness changes."""
    made = []
    for number in range(count):
        rng = np.random.default_rng(number)
        images = rng.integers(60, 90, (frames, 32, 32, 3))
        row, column = rng.integers(0, 4, 2) * 8
        images[:, row : row + 8, column : column + 8] = (rng.random(frames) * 150 + 80)[:, None, None, None]
        made.append(Clip(images.astype(np.uint8), np.arange(frames) / 8, recording=f"recording {number}"))
    return made


class Looks(nn.Module):
    """The brightness where it looks; `cut`: its attention and what it reads there keep no gradient; `rest`: a branch that keeps one."""

    dimensions = ("valence",)

    def __init__(self, cut: bool, rest: bool = True):
        super().__init__()
        self.look, self.scale, self.cut, self.rest = nn.Softmax(-1), nn.Parameter(torch.ones(1)), cut, rest

    def forward(self, frames):
        cells = functional.avg_pool2d(frames.mean(2), 8).flatten(2)
        with torch.no_grad() if self.cut else contextlib.nullcontext():
            value = (self.look(12 * cells) * cells).sum(2)
        value = self.scale * value + 1e-3 * cells.mean(2) if self.rest else self.scale * value
        return value[..., None]


def test_cut_gradients_are_a_warning_and_none_where_nothing_is_cut():
    found, whole = (verdict(Looks(cut), clips(), attention=LOOK, **QUICK) for cut in (True, False))
    (warning,) = found.warnings
    assert warning.startswith("The model cuts gradients inside itself (by torch.no_grad") and warning.endswith("by what is left.")
    assert warning in found.notes and warning in found.to_json()["warnings"]
    assert whole.warnings == ()
    assert found.dimension == whole.dimension == found.to_json()["dimension"] == "valence"


def test_without_any_gradient_agreement_cannot_be_asked_and_the_rest_is_answered():
    found, whole = (verdict(Looks(cut, rest=False), clips(), attention=LOOK, **QUICK) for cut in (True, False))
    assert found.agrees.answer == "undecided"
    assert found.agrees.sentence.startswith(
        "Not askable. No gradient of the prediction reaches the pixels (the model cuts it by torch.no_grad"
    )
    assert found.agrees.sentence.removeprefix("Not askable. ") in found.warnings
    assert found.needed.effect == pytest.approx(whole.needed.effect, rel=1e-4)
    assert np.isfinite(found.sufficient.effect) and np.isfinite(found.unique.effect) and not len(found.between)


def test_attributions_of_a_network_without_attention_say_it_too():
    class Plain(Looks):
        def forward(self, frames):
            with torch.no_grad() if self.cut else contextlib.nullcontext():
                value = frames.mean((2, 3, 4)).square()
            return (value + 1e-3 * frames.mean((2, 3, 4)) if self.rest else value)[..., None]

    found = verdict(Plain(cut=True), clips(1))
    assert len(found.warnings) == 2 and "cuts gradients" in found.warnings[1]
    with pytest.raises(NoGradient):
        verdict(Plain(cut=True, rest=False), clips(1))


def test_frames_without_relevance_count_as_even_maps_which_is_said():
    attention = TokenAttention(("layers.0",), "(b t) heads (h w) (h w)", kind="relevance")
    found = verdict(Signed().eval(), clips(frames=len(SIGNS)), attention=attention, **QUICK)
    assert EVEN in found.warnings
    assert np.isfinite(found.sufficient.effect) and all(np.isfinite(one).all() for one in found.maps)
