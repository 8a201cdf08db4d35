"""What each scenario promises of its courses: who carries the valence, what says nothing of it, and what is covered."""

import numpy as np
import pytest

from stavis.synthetic.config import SCENARIOS, SyntheticConfig
from stavis.synthetic.flat.identity import sample_identity
from stavis.synthetic.mechanisms import ANNOUNCED
from stavis.synthetic.scenarios import INFORMATIVE, sample_courses


def courses_of(scenario: str, count: int = 40, **options):
    spec = SyntheticConfig(scenarios=scenario, recordings=count, seconds=12, **options)
    return spec, [sample_courses(spec, index) for index in range(count)]


def joined(courses, name: str) -> np.ndarray:
    return np.concatenate([getattr(course, name) for course in courses])


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_courses_stay_in_their_ranges_and_fill_them(scenario):
    spec, courses = courses_of(scenario)
    for course in courses:
        for name in ("valence", "mouth", "eyes"):
            values = getattr(course, name)
            assert values.shape == (spec.frames,) and np.abs(values).max() <= 1
        for name in ("mouth_cue", "occluder_mouth", "occluder_eyes", "shadow_mouth", "shadow_eyes"):
            values = getattr(course, name)
            assert values.min() >= 0 and values.max() <= 1
        assert set(np.unique(course.informative)) <= set(INFORMATIVE.values())
    valence = joined(courses, "valence")
    assert abs(valence.mean()) < 0.15 and valence.std() > (0.25 if scenario == "motion" else 0.35 if scenario == "memory" else 0.4)
    assert valence.min() < -0.85 and valence.max() > 0.85


def test_the_mouth_alone_carries_in_mouth_and_a_moving_eye_is_covered():
    _, courses = courses_of("mouth")
    assert np.array_equal(joined(courses, "mouth"), joined(courses, "valence"))
    assert (joined(courses, "mouth_cue") == 1).all() and (joined(courses, "informative") == INFORMATIVE["mouth"]).all()
    eyes, occluder = joined(courses, "eyes"), joined(courses, "occluder_eyes")
    assert abs(correlation(eyes, joined(courses, "valence"))) < 0.1
    assert np.abs(eyes).max() > 0.7 and (occluder[np.abs(eyes) > 0.4] > 0.9).all()


def test_the_eyes_alone_carry_in_eyes_and_a_moving_mouth_is_covered():
    _, courses = courses_of("eyes")
    assert np.array_equal(joined(courses, "eyes"), joined(courses, "valence"))
    assert (joined(courses, "mouth_cue") == 0).all() and (joined(courses, "informative") == INFORMATIVE["eyes"]).all()
    mouth, occluder = joined(courses, "mouth"), joined(courses, "occluder_mouth")
    assert np.abs(mouth).max() > 0.7 and (occluder[np.abs(mouth) > 0.4] > 0.9).all()


def test_in_switching_one_carries_and_the_other_shows_a_covered_decoy():
    _, courses = courses_of("switching", 150)
    valence, cue = joined(courses, "valence"), joined(courses, "mouth_cue")
    for name, carries in (("mouth", cue == 1), ("eyes", cue == 0)):
        shown, occluder = joined(courses, name), joined(courses, f"occluder_{name}")
        assert np.array_equal(shown[carries], valence[carries])
        decoy = (cue == 0) if name == "mouth" else (cue == 1)
        assert abs(correlation(shown[decoy], valence[decoy])) < 0.15
        assert 0.85 < shown[decoy].std() / valence.std() < 1.15, "a decoy is as large as the cue"
        assert (occluder[decoy] == 1).all() and (occluder[carries] == 0).all()
    assert 0.35 < cue.mean() < 0.65
    switches = [np.count_nonzero(np.diff(course.mouth_cue > 0.5)) for course in courses]
    assert 2 <= np.mean(switches) <= 8, "a few in twelve seconds"
    assert np.abs(np.diff(courses[0].mouth_cue)).max() < 0.35, "soft"
    assert ((cue > 0) & (cue < 1)).mean() < 0.3


def test_in_motion_how_fast_the_face_moves_is_the_valence_and_where_it_is_says_little():
    _, courses = courses_of("motion", 80)
    shown, valence = joined(courses, "mouth"), joined(courses, "valence")
    assert np.array_equal(shown, joined(courses, "eyes"))
    assert 0.1 < correlation(shown, valence) < 0.35 and abs(correlation(np.abs(shown), valence)) < 0.1
    assert correlation(np.concatenate([np.gradient(course.mouth) for course in courses]), valence) > 0.9
    assert (joined(courses, "informative") == INFORMATIVE["motion"]).all()


def test_in_memory_the_face_shows_what_is_felt_later_and_rests_meanwhile():
    spec, courses = courses_of("memory", 80)
    shown, felt = joined(courses, "mouth"), joined(courses, "valence")
    assert (np.abs(shown[np.abs(felt) > 0.6]) == 0).all(), "what is felt in full is no longer shown"
    assert 0.2 < correlation(shown, felt) < 0.5, "a trace at once"
    lag = round(2.25 * spec.fps)
    pairs = [(course.mouth[:-lag], course.valence[lag:]) for course in courses]
    assert correlation(*(np.concatenate(part) for part in zip(*pairs, strict=True))) > 0.6
    second = round(spec.fps)
    recent = [np.abs(np.lib.stride_tricks.sliding_window_view(c.mouth, second + 1)).max(1) for c in courses]
    strong = [np.abs(c.valence[second:]) > 0.6 for c in courses]
    unseen = np.concatenate([r[s] == 0 for r, s in zip(recent, strong, strict=True)])
    assert unseen.mean() > 0.95, "a second back shows nothing of it"
    assert np.array_equal(joined(courses, "eyes"), shown)


@pytest.mark.parametrize("scenario", ["places", "cued"])
def test_the_decoy_is_seen_and_is_as_large_as_the_cue(scenario):
    _, courses = courses_of(scenario, 150)
    valence, cue = joined(courses, "valence"), joined(courses, "mouth_cue")
    for name, carries, idle in (("mouth", cue == 1, cue == 0), ("eyes", cue == 0, cue == 1)):
        shown = joined(courses, name)
        assert np.array_equal(shown[carries], valence[carries])
        assert abs(correlation(shown[idle], valence[idle])) < 0.15
        assert 0.85 < shown[idle].std() / valence.std() < 1.15
        assert joined(courses, f"occluder_{name}")[idle].mean() < 0.4


def test_in_places_the_better_lit_counts_and_no_shadow_alone_says_which():
    _, courses = courses_of("places", 80)
    cue = joined(courses, "mouth_cue")
    mouth, eyes = joined(courses, "shadow_mouth"), joined(courses, "shadow_eyes")
    assert (mouth[cue == 1] < eyes[cue == 1]).all() and (mouth[cue == 0] > eyes[cue == 0]).all()
    lit, dark = mouth[cue == 1], mouth[cue == 0]
    assert lit.min() < 0.05 and lit.max() > 0.45 and dark.min() < 0.55 and dark.max() > 0.95, "all but as dark with some as it counts"
    assert not joined(courses, "occluder_mouth").any()


def test_in_cued_a_passing_shadow_names_the_place_and_then_nothing_shows_it():
    spec, courses = courses_of("cued", 80)
    for course in courses:
        for name, idle in (("mouth", course.mouth_cue < 0.5), ("eyes", course.mouth_cue >= 0.5)):
            dark = getattr(course, f"shadow_{name}")
            assert not dark[~idle].any(), "what counts is never dark"
            begins = np.flatnonzero(idle & ~np.r_[False, idle[:-1]])
            assert all(dark[at] == 1 for at in begins)
            since = np.arange(len(idle)) - np.maximum.accumulate(np.where(idle & ~np.r_[False, idle[:-1]], np.arange(len(idle)), -(10**6)))
            assert not dark[since > ANNOUNCED * spec.fps + 1].any(), "for a moment only"
    dark = np.maximum(joined(courses, "shadow_mouth"), joined(courses, "shadow_eyes")) > 0
    assert 0.15 < dark.mean() < 0.5
    assert not joined(courses, "occluder_mouth").any()


def test_in_occlusion_the_free_region_is_the_informative_region():
    _, courses = courses_of("occlusion")
    cue, informative = joined(courses, "mouth_cue"), joined(courses, "informative")
    over_mouth, over_eyes = joined(courses, "occluder_mouth"), joined(courses, "occluder_eyes")
    assert np.array_equal(joined(courses, "mouth"), joined(courses, "eyes"))
    assert (cue[over_mouth == 1] == 0).all() and (informative[over_mouth == 1] == INFORMATIVE["eyes"]).all()
    assert (cue[over_eyes == 1] == 1).all() and (informative[over_eyes == 1] == INFORMATIVE["mouth"]).all()
    assert not (over_mouth * over_eyes).any(), "never both at once"
    assert (over_mouth == 1).any() and (over_eyes == 1).any() and (informative == INFORMATIVE["none"]).any()


def test_the_distractor_follows_the_valence_in_training_only():
    spec, courses = courses_of("distractor", 60, shares=(0.4, 0.3, 0.3))
    for split in ("train", "dev", "test"):
        part = [course for index, course in enumerate(courses) if spec.split_of(index) == split]
        r = correlation(joined(part, "background_object"), joined(part, "valence"))
        assert r > 0.95 if split == "train" else abs(r) < 0.25
    assert sample_courses(SyntheticConfig(scenarios="mouth"), 0).background_object is None


def test_nothing_of_a_person_hangs_on_the_valence():
    """The person is drawn from a stream of its own: another scenario, another course, the same face."""
    first, second = (SyntheticConfig(scenarios=name, recordings=5) for name in ("mouth", "switching"))
    for identity in range(5):
        a, b = (sample_identity(spec.generator("identity", identity)) for spec in (first, second))
        assert repr(a) == repr(b)


def test_resting_mouths_differ_but_little_against_the_cue():
    spec = SyntheticConfig(recordings=200)
    people = [sample_identity(spec.generator("identity", k)) for k in range(200)]
    resting = np.array([person.resting_corner for person in people])
    assert resting.std() > 0.005 and np.abs(resting).max() < 0.02
    assert {person.beard for person in people} >= {"none", "stubble", "moustache", "full"}
    skins = np.array([person.skin.mean() for person in people])
    assert skins.min() < 80 and skins.max() > 205
