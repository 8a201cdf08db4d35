"""An attribution of a whole recording: every frame with a face once, none where no face was."""

import numpy as np
import pytest
import torch

from stavis.inference.attribute import attribute
from stavis.models.sta import STA
from stavis.types import Attribution
from tests.training.made_crops import TINY, made_crops


def _brightness(model, clip, target):
    """A method that puts each frame's own brightness into its map."""
    values = clip.frames.mean(3).astype(np.float32)
    return Attribution("brightness", target, values, clip.times, relative_delta=0.01 * len(clip), seconds=0.5)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return STA(TINY)


def test_every_frame_gets_its_own_map(model):
    clip = made_crops(1, frames=60)[0].clip(regions=False)
    found = attribute([_brightness], model, clip, "valence", rate=6.25, seconds=2.0)["brightness"]
    assert np.allclose(found.values, clip.frames.mean(3), atol=1e-3)
    assert found.seconds > 0 and 0 < found.relative_delta < 1


def test_windows_without_a_face_stay_empty_and_stop_nothing(model):
    clip = made_crops(1, frames=80)[0].clip(regions=False)
    clip.valid[:50] = False
    found = attribute([_brightness], model, clip, "valence", rate=6.25, seconds=1.0)["brightness"]
    assert (found.values[:16] == 0).all() and (found.values[-10:] > 0).all()
    clip.valid[:] = False
    assert attribute([_brightness], model, clip, "valence", rate=6.25, seconds=1.0) == {}


def test_one_sentence_for_all_windows_that_are_not_complete(model, recwarn):
    clip = made_crops(1, frames=80)[0].clip(regions=False)

    def rough(model, clip, target):
        values = np.zeros(clip.frames.shape[:3], np.float32)
        return Attribution("rough", target, values, clip.times, relative_delta=0.02, notes=("the model ran no ReLU.",))

    def fine(model, clip, target):
        return Attribution("fine", target, np.zeros(clip.frames.shape[:3], np.float32), clip.times, relative_delta=0.01)

    found = attribute([rough, fine], model, clip, "valence", rate=6.25, seconds=0.5)
    first, second = found["rough"].notes
    assert first == "the model ran no ReLU."
    assert second.startswith("rough: in ") and "misses more than 1 % " in second and "at most 2.0 %" in second
    assert found["fine"].notes == ()
    assert not recwarn.list


@pytest.mark.parametrize("shown", [3, 0])
def test_frames_that_the_last_window_shares_bear_the_mean_of_both(model, shown):
    clip = made_crops(1, frames=60)[0].clip(regions=False)[np.arange(6)]

    def one_frame(model, clip, target):  # a network of which one frame of each window decides
        values = np.zeros(clip.frames.shape[:3], np.float32)
        values[shown] = 1.0
        return Attribution("one", target, values, clip.times)

    rate = 1 / float(np.median(np.diff(clip.times)))
    found = attribute([one_frame], model, clip, "valence", rate=rate, seconds=1.0, frames=4)["one"].values[:, 0, 0]
    assert found.tolist() == ([0, 0, 0, 0.5, 0, 1] if shown == 3 else [1, 0, 0.5, 0, 0, 0])
