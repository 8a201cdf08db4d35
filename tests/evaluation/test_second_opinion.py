"""The second opinion on crops: its arithmetic, on probabilities that are given."""

from dataclasses import replace

import numpy as np
import pytest

from stavis.data.faces.networks.emotions import EMOTIONS, SIDE
from stavis.evaluation.second_opinion import Opinion, opinion_on
from stavis.types import FaceTrack
from tests.training.made_crops import made_crops


def certain(*names: str) -> np.ndarray:
    """Probabilities of frames in which it is sure of one emotion."""
    return np.array([np.arange(7) == EMOTIONS.index(name) for name in names], float)


def test_happy_counts_for_and_what_is_unpleasant_against():
    assert Opinion(certain("happy", "surprise", "neutral")).valence.tolist() == [1, 0, 0]
    assert Opinion(certain("angry", "disgust", "fear", "sad")).valence.tolist() == [-1] * 4
    even = Opinion(np.full((2, 7), 1 / 7))
    assert even.valence == pytest.approx([-3 / 7] * 2) and even.confidence == pytest.approx(1 / 7)


def test_frames_without_a_face_have_no_opinion():
    probabilities = certain("happy", "sad", "happy")
    probabilities[1] = np.nan
    found = Opinion(probabilities)
    assert np.isnan(found.valence[1]) and found.valence[[0, 2]].tolist() == [1, 1] and found.confidence == 1
    assert np.isnan(Opinion(np.full((3, 7), np.nan)).confidence)


class Brightness:
    """Stands for the network: the brighter the image, the happier."""

    def __init__(self):
        self.images = []

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        self.images.append(images)
        happy = images.mean((1, 2)) / 255
        return np.stack([1 - happy, *[happy * 0] * 2, happy, *[happy * 0] * 3], 1)


def tracked(frames: int = 300):
    (crops,) = made_crops(1, frames=frames, size=32)
    frames_ = np.zeros_like(crops.frames)
    frames_[:] = (np.arange(frames) % 200)[:, None, None, None]
    valid = np.arange(frames) % 7 > 0
    landmarks = np.full((frames, 478, 2), np.nan)
    landmarks[valid] = np.random.default_rng(0).uniform(50, 90, (478, 2))
    nothing = np.full((frames, 2, 3), np.nan)
    track = FaceTrack(crops.times, np.full((frames, 4), np.nan), landmarks, valid.astype(float), nothing, valid)
    affine = np.tile(np.array([[0.5, 0, -20], [0, 0.5, -20]]), (frames, 1, 1))  # the face comes to 5 .. 25 px
    return replace(crops, frames=frames_, valid=valid, track=track, affine=affine)


def test_each_frame_with_a_face_is_looked_at_once_where_its_face_is():
    crops, network = tracked(), Brightness()
    found = opinion_on(network, crops)
    assert sum(map(len, network.images)) == crops.valid.sum() and network.images[0].shape[1:] == (SIDE, SIDE)
    light = (np.arange(len(crops)) % 200) / 255
    assert found.valence[crops.valid] == pytest.approx(2 * light[crops.valid] - 1, abs=0.01)
    assert np.isnan(found.valence[~crops.valid]).all()


def test_crops_of_no_face_have_no_opinion():
    (crops,) = made_crops(1)
    network = Brightness()
    assert np.isnan(opinion_on(network, crops).valence).all() and network.images == []
