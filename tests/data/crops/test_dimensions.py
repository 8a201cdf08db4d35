"""Labels are taken by name: those of the network's dimensions, in its order."""

import dataclasses

import numpy as np
import pytest

from stavis.data.crops.counts import count
from stavis.data.crops.dimensions import known_dimensions, of_dimensions
from stavis.errors import StavisError
from stavis.types import Recording
from tests.training.made_crops import made_crops

TIMES = np.arange(4.0)
BOTH = Recording("a", "a.mp4", dimensions=("arousal", "valence"), label_times=TIMES, labels=np.stack([TIMES / 10, -TIMES / 10], 1))
AROUSAL = Recording("b", "b.mp4", dimensions=("arousal",), label_times=TIMES, labels=TIMES[:, None] / 10)
NONE = Recording("c", "c.mp4")


def test_labels_are_chosen_and_ordered_by_name():
    one, none = of_dimensions([BOTH, NONE], ("valence",))
    assert one.dimensions == ("valence",) and one.labels.tolist() == (-TIMES[:, None] / 10).tolist()
    assert none is NONE
    (turned,) = of_dimensions([BOTH], ("valence", "arousal"))
    assert turned.dimensions == ("valence", "arousal") and turned.labels.tolist() == BOTH.labels[:, ::-1].tolist()
    assert of_dimensions([BOTH], ("arousal", "valence"))[0] is BOTH


def test_a_recording_without_labels_of_a_wanted_dimension_is_named():
    with pytest.raises(StavisError, match=r"recording b has no labels of valence \(it has arousal\): add them"):
        of_dimensions([BOTH, AROUSAL], ("valence",))
    assert [one.dimensions for one in known_dimensions([BOTH, AROUSAL, NONE], ("valence",))] == [("valence",), ("arousal",), ()]


def test_only_labels_of_the_wanted_dimensions_are_counted():
    (crops,) = made_crops(1)
    arousal = np.where(crops.label_times < 1, np.nan, 0.0)
    both = dataclasses.replace(crops, dimensions=("valence", "arousal"), label_values=np.stack([crops.label_values[:, 0], arousal], 1))
    assert count([both]).frames_without_label > 0
    assert count(of_dimensions([both], ("valence",))).frames_without_label == 0
