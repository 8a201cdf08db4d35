"""Predictions outside [-1,1]: kept where no range is declared, cut where one is, and noted in either case."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.inference.output_range import declared_range, in_range
from stavis.inference.reading import read
from stavis.models.sta import STA
from tests.models.test_sta import TINY


class Constant(nn.Module):
    """Predicts its one weight for every frame."""

    dimensions = ("valence",)

    def __init__(self, value: float):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))

    def forward(self, clip):
        return self.weight.expand(clip.shape[0], clip.shape[1], 1)


def reading(model):
    return read(model, np.zeros((8, 16, 16, 3), np.uint8), np.arange(8) / 6.25)


@pytest.mark.parametrize("value", [7.0, -3.5])
def test_unbounded_predictions_pass_and_are_noted(value):
    found = reading(Constant(value))
    assert np.allclose(found.prediction.values, value)
    assert f"100 % of the predictions of valence are outside [-1,1] (they are from {value:g} to {value:g}): they are kept" in found.notes[0]


def test_a_declared_range_is_kept_to_and_what_is_cut_is_noted():
    model = Constant(7.0)
    model.output_range = (0, 5)
    found = reading(model)
    assert np.allclose(found.prediction.values, 5) and "outside [0,5]" in found.notes[0] and "they are cut" in found.notes[0]
    assert reading(Constant(0.5)).notes == () and declared_range(STA(TINY)) == (-1, 1)


def test_shares_are_counted_by_dimension():
    values = np.array([[0, 2], [0, 0], [0, -2], [0, 0]], float)
    kept, notes = in_range(values, ("valence", "arousal"), (-1, 1))
    assert np.abs(kept).max() == 1 and len(notes) == 1 and notes[0].startswith("50 % of the predictions of arousal")
