"""How heads move: shapes that come together, faces at rest that are worth nothing, speech with closures, blinks, gaze."""

import dataclasses

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.synthetic.behaviour.cues import FROWNS, SCOWLS, cue_weights, sample_habits
from stavis.synthetic.behaviour.rest import AVERAGE, SPREAD, sample_rest
from stavis.synthetic.behaviour.speech import CONSONANTS, VOWELS, Voice, sample_speech, sample_voice
from stavis.synthetic.behaviour.weights import HIGHEST, INDEX, LOWEST, columns, mean_of
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.motion import HeadMotion, blinks, sample_manner, sample_motion
from stavis.synthetic.scenarios import Courses, sample_courses

SPEC = SyntheticConfig(scenarios=("switching", "mouth", "eyes", "occlusion", "motion"), recordings=40, seconds=4.8, fps=6.25, diversity=1.0)


def moved(spec: SyntheticConfig, index: int) -> HeadMotion:
    manner = sample_manner(spec.generator("manner", spec.identity_of(index)), spec.diverse(index))
    return sample_motion(spec.generator("motion", index), manner, sample_courses(spec, index), spec.fps)


def courses_of(mouth: np.ndarray, eyes: np.ndarray) -> Courses:
    zero = np.zeros(len(mouth))
    return Courses(mouth, zero, mouth, eyes, zero, np.zeros(len(mouth), np.int8), zero, zero, zero, zero, zero)


@pytest.mark.parametrize("index", range(10))
def test_the_same_seed_moves_the_same_and_within_range(index):
    first, again = moved(SPEC, index), moved(SPEC, index)
    assert np.array_equal(first.weights, again.weights) and np.array_equal(first.pose(), again.pose())
    assert first.weights.shape == (30, 52) and first.weights.dtype == np.float32
    assert first.weights.min() >= LOWEST and first.weights.max() <= HIGHEST
    assert np.all(first.weights[:, INDEX["_neutral"]] == 0)
    assert first.pose().shape == (30, 6) and first.pose().dtype == np.float32
    assert np.abs(first.yaw).max() < 0.6 and np.abs(first.pitch).max() <= 0.5 and np.abs(first.roll).max() < 0.5
    assert not np.array_equal(first.weights, moved(dataclasses.replace(SPEC, seed=1), index).weights)


def test_a_motion_of_other_lengths_is_refused():
    motion = moved(SPEC, 0)
    with pytest.raises(StavisError, match="52"):
        dataclasses.replace(motion, weights=motion.weights[:, :51])
    with pytest.raises(StavisError, match="yaw"):
        dataclasses.replace(motion, yaw=motion.yaw[:-1])


def test_faces_at_rest_differ_and_are_the_average_face_on_the_whole():
    rests = np.stack([sample_rest(np.random.default_rng(k)) for k in range(3000)])
    expected = np.zeros(52)
    for name, amount in AVERAGE.items():
        expected[list(columns(name))] = amount
    assert np.abs(rests.mean(0) - expected).max() < 0.02
    for name in SPREAD:
        assert rests[:, columns(name)[0]].std() > 0.04, name
    half = np.stack([sample_rest(np.random.default_rng(k), 0.5) for k in range(300)])
    assert half.std(0).sum() < 0.6 * rests[:300].std(0).sum()


def test_nothing_is_expressed_where_the_courses_are_zero():
    habits = sample_habits(np.random.default_rng(0))
    assert np.all(cue_weights(habits, courses_of(np.zeros(5), np.zeros(5))).clipped() == 0)


def test_a_smile_lifts_the_cheeks_and_a_frown_takes_more_than_the_corners():
    ramp = np.linspace(0, 1, 11)
    companions = set()
    for seed in range(40):
        habits = sample_habits(np.random.default_rng(seed))
        smile = cue_weights(habits, courses_of(ramp, 0 * ramp)).clipped()
        assert np.all(np.diff(mean_of(smile, "mouthSmile")) >= 0) and mean_of(smile, "mouthSmile")[-1] > 0.5
        assert mean_of(smile, "cheekSquint")[-1] > 0.2 and np.all(mean_of(smile, "mouthFrown") == 0)
        frown = cue_weights(habits, courses_of(-ramp, 0 * ramp)).clipped()
        assert mean_of(frown, "mouthFrown")[-1] > 0.6 and np.all(mean_of(frown, "mouthSmile") == 0)
        scowl = cue_weights(habits, courses_of(0 * ramp, -ramp)).clipped()
        assert mean_of(scowl, "browDown")[-1] > 0.5 and np.all(mean_of(scowl, "mouthFrown") == 0)
        companions |= {name for name in ("noseSneer", "jawOpen", "mouthPress", "mouthShrugLower") if mean_of(frown, name)[-1] > 0.3}
    assert companions == {"noseSneer", "jawOpen", "mouthPress", "mouthShrugLower"}, (FROWNS, SCOWLS)


def test_some_people_smile_with_one_side_more():
    tilts = np.array([sample_habits(np.random.default_rng(seed)).sides[0] - 1 for seed in range(800)])
    assert 0.02 < (np.abs(tilts) > 0.2).mean() < 0.12 and abs(tilts.mean()) < 0.02


def test_speech_has_syllables_closures_and_pauses():
    opened, shut, silent = [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        voice = dataclasses.replace(sample_voice(rng), amount=1.0)
        weights, talks = sample_speech(rng, voice, 500, 50.0)
        assert 3 <= voice.rate <= 6 and np.all((talks >= 0) & (talks <= 1))
        jaw = weights["jawOpen"]
        peaks = np.flatnonzero((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]) & (jaw[1:-1] > 0.05))
        spoken = (talks > 0.5).sum() / 50
        opened.append(len(peaks) / max(spoken, 1))
        shut.append(weights["mouthPress"][talks > 0.9].max(initial=0))
        silent.append((talks == 0).mean())
    assert 2 < np.mean(opened) < 6.5, "openings a second of speech"
    assert np.mean(shut) > 0.3 and 0.15 < np.mean(silent) < 0.7


def test_whoever_does_not_talk_has_no_visemes():
    rng = np.random.default_rng(0)
    weights, talks = sample_speech(rng, Voice(0.0, 4.0, 1.0, sample_voice(rng).habits), 100, 25.0)
    assert not talks.any() and all(not amount.any() for amount in weights.values())
    assert "jawOpen" not in CONSONANTS["mbp"] and VOWELS["aa"]["jawOpen"] > 0.4


def test_blinks_are_short_and_apart():
    rng = np.random.default_rng(3)
    shut = np.concatenate([blinks(rng, 500, 50.0, 2.5) for _ in range(6)])
    assert shut.max() == 1 and 0.02 < (shut > 0.5).mean() < 0.2
    starts = np.flatnonzero((shut[1:] > 0.5) & (shut[:-1] <= 0.5))
    lengths = [(shut[start + 1 : start + 60] > 0.5).argmin() / 50 for start in starts[:-1]]
    assert 0.1 < np.median(lengths) < 0.35


def test_the_eyes_look_the_same_way_and_never_both_ways():
    for index in range(6):
        weights = moved(SPEC, index).weights
        out_left, in_right = weights[:, INDEX["eyeLookOutLeft"]], weights[:, INDEX["eyeLookInRight"]]
        assert np.allclose(out_left, in_right) and np.all(out_left * weights[:, INDEX["eyeLookInLeft"]] == 0)


def test_in_the_scenario_motion_the_mouth_moves_as_its_course_does():
    spec = dataclasses.replace(SPEC, scenarios=("motion",))
    followed = []
    for index in range(6):
        courses, motion = sample_courses(spec, index), moved(spec, index)
        smile = mean_of(motion.weights, "mouthSmileLeft") - mean_of(motion.weights, "mouthFrownLeft")
        followed.append(np.corrcoef(smile, courses.mouth)[0, 1])
    assert np.median(followed) > 0.7
