"""The rule of values: what shapes are worth, and that it agrees with the courses where a face shows all of them."""

import numpy as np
import pytest

from stavis.synthetic.behaviour.cues import cue_weights
from stavis.synthetic.behaviour.speech import SHAPES, sample_speech, sample_voice
from stavis.synthetic.behaviour.values import AROUSAL, VALENCE, arousal_of, valence_of
from stavis.synthetic.behaviour.weights import INDEX, Weights, columns
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.motion import sample_manner, sample_motion
from stavis.synthetic.scenarios import sample_courses

SPEC = SyntheticConfig(scenarios="occlusion", recordings=200, seconds=4.8, fps=6.25, diversity=1.0)


def face(count: int = 1, **amounts: float) -> np.ndarray:
    weights = Weights(count)
    for name, amount in amounts.items():
        weights.add(name, amount)
    return weights.clipped()


def test_every_shape_of_the_table_is_one_of_the_52():
    assert all(columns(name) for name in (*VALENCE, *AROUSAL))
    with pytest.raises(KeyError):
        columns("mouthGrin")


def test_smiles_are_worth_more_than_nothing_and_frowns_less():
    assert valence_of(face())[0] == 0
    assert valence_of(face(mouthSmile=1.0, cheekSquint=1.0))[0] == pytest.approx(1)
    assert valence_of(face(browDown=1.0, mouthFrown=1.0))[0] == pytest.approx(-1)
    for name, worth in VALENCE.items():
        assert np.sign(valence_of(face(**{name: 0.5}))[0]) == np.sign(worth)


def test_a_polite_smile_under_worried_brows_is_worth_its_smile_less_its_brows():
    both = valence_of(face(mouthSmile=0.6, browDown=0.5, browInnerUp=0.7))[0]
    assert both == pytest.approx(valence_of(face(mouthSmile=0.6))[0] + valence_of(face(browDown=0.5))[0])


def test_a_smile_of_one_side_is_worth_half():
    weights = face(mouthSmile=0.8)
    weights[:, INDEX["mouthSmileRight"]] = 0
    assert valence_of(weights)[0] == pytest.approx(valence_of(face(mouthSmile=0.8))[0] / 2)


def test_speech_moves_no_shape_of_the_valence():
    assert not set(SHAPES) & set(VALENCE)
    rng = np.random.default_rng(1)
    weights = Weights(300)
    for name, amount in sample_speech(rng, sample_voice(rng), 300, 25.0)[0].items():
        weights.add(name, amount)
    assert np.all(valence_of(weights.clipped()) == 0)


def test_speech_blinks_gaze_and_brows_of_a_neutral_person_leave_the_valence_where_rest_has_it():
    spec = SyntheticConfig(scenarios="switching", recordings=60, seconds=4.8, fps=6.25, diversity=1.0, neutral=1.0)
    still = [index for index in range(60) if spec.neutral_of(index) == "always"]
    assert len(still) > 30
    for index in still:
        manner = sample_manner(spec.generator("manner", index))
        motion = sample_motion(spec.generator("motion", index), manner, sample_courses(spec, index), spec.fps)
        assert np.ptp(valence_of(motion.weights)) < 1e-6
        assert motion.weights.std(0).max() > 0.02, "it moves all the same"


def test_the_rule_gives_back_the_course_of_people_whose_whole_face_shows_it():
    predicted, course, within = [], [], []
    for index in range(100):
        courses = sample_courses(SPEC, index)
        habits = sample_manner(SPEC.generator("manner", index)).habits
        value = valence_of(cue_weights(habits, courses).clipped())
        within.append(np.corrcoef(value, courses.valence)[0, 1])
        predicted.append(value)
        course.append(courses.valence)
    predicted, course = np.concatenate(predicted), np.concatenate(course)
    assert min(within) > 0.9 and np.corrcoef(predicted, course)[0, 1] > 0.95
    slope, level = np.polyfit(course, predicted, 1)
    assert 0.85 < slope < 1.15 and abs(level) < 0.05
    clear = np.abs(course) > 0.25
    assert np.all(np.sign(predicted[clear]) == np.sign(course[clear]))


def test_open_eyes_and_mouth_and_speed_are_arousal():
    calm, wide = arousal_of(face(5), 25.0), arousal_of(face(5, eyeWide=0.8, jawOpen=0.6), 25.0)
    assert np.all(calm == 0) and np.all(wide > 0.5)
    moving = np.concatenate([face(3), face(3, browDown=0.5), face(3)])
    assert arousal_of(moving, 25.0).max() > 0.2 and arousal_of(moving, 25.0).max() <= 1
    assert arousal_of(face(1, eyeWide=1.0), 25.0).shape == (1,)
