"""People who differ widely: in what says nothing of valence, and by less than the cues do."""

import numpy as np
import pytest

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.canvas import Canvas
from stavis.synthetic.flat.expression import sample_expression
from stavis.synthetic.flat.geometry import shapes_of
from stavis.synthetic.flat.head import light_on
from stavis.synthetic.flat.identity import sample_identity
from stavis.synthetic.flat.occluders import HANDS, make_occluder
from stavis.synthetic.scenarios import sample_courses
from tests.synthetic.flat.test_rendering import SIZE, drawn, expression, part_hidden, person

BLUE = np.array((0, 0, 255), np.float32)


def test_wide_people_differ_more_and_the_cue_stays_larger_than_their_difference():
    usual, wide = ([sample_identity(np.random.default_rng(seed), flag) for seed in range(400)] for flag in (False, True))
    for name in ("brow_height", "eye_height", "mouth_height", "lower_lip", "resting_corner"):
        assert np.std([getattr(who, name) for who in wide]) > 1.2 * np.std([getattr(who, name) for who in usual]), name
    assert np.mean([who.brow_height for who in wide]) < np.mean([who.brow_height for who in usual]) - 0.04
    way = [who.smiles[1] + 0.13 for who in wide]  # that the corners go from the saddest mouth to the gladdest
    assert np.ptp([who.resting_corner for who in wide]) < 0.5 * min(way)
    assert 0.4 < np.mean([who.hanging_lids > 0 for who in wide]) < 0.6 and all(who.hanging_lids is None for who in usual)


@pytest.mark.parametrize(("teeth_drop", "speaking"), [(None, True), (-0.03, False)])
def test_teeth_that_stand_still_are_shown_by_a_smile_and_not_by_an_open_jaw(teeth_drop, speaking):
    who = person(3, teeth=BLUE, teeth_drop=teeth_drop, shows_teeth=1.0, parts_lips=(0.3, 0.6))

    def teeth(**courses) -> int:
        image = drawn(who, expression(**courses))[0].astype(int)
        return int((image[..., 2] - image[..., :2].max(2) > 60).sum())

    assert teeth() == 0
    assert teeth(mouth=[1.0]) > 50
    assert (teeth(jaw=[0.5]) > 50) == speaking


def test_a_smile_of_the_mouth_narrows_the_eyes_of_those_who_squint():
    def height(mouth: float, squint: tuple[float, float]) -> float:
        ring = shapes_of(person(3, squint=squint), expression(mouth=[mouth])).left_eye[0]
        return float(np.ptp(ring[:, 1]))

    assert height(0, (0.9, 0.35)) == height(0, (0.2, 0.0))
    assert height(1, (0.9, 0.35)) < 0.75 * height(1, (0.2, 0.0))


@pytest.mark.parametrize("index", range(4))
def test_each_fold_at_rest_darkens_the_skin(index):
    folds = tuple(0.2 * (k == index) for k in range(4))
    bare, lined = (drawn(person(3, resting_folds=each), expression())[0].astype(int) for each in ((0.0,) * 4, folds))
    change = (lined - bare).sum(2)
    assert change.min() < -20
    assert (change <= 0).mean() > 0.999
    assert (change < -10).mean() < 0.05, "a line, not a shade over the face"


def test_a_shade_over_the_eyes_leaves_the_mouth_in_the_light():
    canvas = Canvas(SIZE / 5)
    towards, grey = np.array((0, -0.5, 0.8)), np.full(3, 0.6)
    bright, dim = (light_on(canvas, person(3, eye_shade=shade), towards, grey, grey) for shade in (0.0, 0.5))
    eye = canvas.box(0.4, -0.1, 0.6, 0.05)
    mouth = canvas.box(-0.4, 0.9, 0.4, 1.3)
    assert (dim[eye] < 0.65 * bright[eye]).all()
    assert np.allclose(dim[mouth], bright[mouth], atol=1e-4)


def test_a_mouth_that_rests_open_is_shut_by_words_alone():
    spec = SyntheticConfig(seconds=40, fps=25)
    courses = sample_courses(spec, 0)

    def jaw(resting: float, speaks: float) -> np.ndarray:
        return sample_expression(np.random.default_rng(1), courses, person(3, resting_jaw=resting, speaks=speaks), spec.fps).jaw

    assert (jaw(0.2, 0.0) == 0.2).all() and not jaw(0.0, 0.0).any()
    shut, parted = jaw(0.0, 1.0), jaw(0.2, 1.0)
    assert (parted >= shut).all() and (parted - shut).max() == pytest.approx(0.2) and parted.min() < 0.02


def test_words_press_the_lips_of_those_who_do_so_and_only_while_they_are_shut():
    rest, pressed = (np.ptp(shapes_of(person(3), expression(press=[amount])).mouth[0][[6, 18], 1]) for amount in (0.0, 0.5))
    assert pressed == pytest.approx(rest / 2)
    spec = SyntheticConfig(seconds=40, fps=25)
    courses = sample_courses(spec, 0)
    none, some, silent = (
        sample_expression(np.random.default_rng(1), courses, person(3, **behaviour), spec.fps)
        for behaviour in ({"speaks": 1.0}, {"speaks": 1.0, "presses": 0.5}, {"speaks": 0.0, "presses": 0.5})
    )
    assert not none.press.any() and not silent.press.any()
    assert 0.4 < some.press.max() <= 0.5 and not some.press[some.jaw > 0].any()
    assert np.array_equal(some.jaw, none.jaw)


def test_some_blink_more_often_than_others():
    spec = SyntheticConfig(seconds=60, fps=25)
    courses = sample_courses(spec, 0)

    def blinks(pause: float) -> int:
        shut = sample_expression(np.random.default_rng(1), courses, person(3, blink_pause=pause), spec.fps).blink > 0.5
        return int((shut[1:] & ~shut[:-1]).sum())

    assert blinks(0.8) > 1.5 * blinks(2.8) > 0


@pytest.mark.parametrize("kind", HANDS)
def test_the_hands_of_people_who_differ_widely_hide_the_mouth_in_part_or_whole(kind):
    def hidden(seed: int, wide: bool) -> float:
        rng = np.random.default_rng(seed)
        return part_hidden(rng, sample_identity(rng, wide), "mouth", kind, ("mouth",))

    usual, wide = (np.array([hidden(seed, flag) for seed in range(40)]) for flag in (False, True))
    assert usual.min() > 0.95
    assert wide.mean() > 0.75 and wide.min() < 0.7 and (wide > 0.95).mean() > 0.3


def test_what_hides_the_mouth_of_people_who_differ_widely_is_a_hand_more_often_than_not():
    def hands(region: str, wide: bool) -> float:
        rng = np.random.default_rng(0)
        who = sample_identity(rng, wide)
        return float(np.mean([make_occluder(rng, who, region, 20.0).kind in HANDS for _ in range(80)]))

    assert hands("mouth", True) > 0.5 > hands("mouth", False)
    assert hands("eyes", True) < 0.4


@pytest.mark.parametrize(("widens", "lifts"), [(0.26, 0.19), (0.5, 0.1)])
def test_each_person_smiles_as_wide_and_as_high_as_their_own(widens, lifts):
    who = person(3, smiles=(widens, lifts))
    rest, glad = (shapes_of(who, expression(mouth=[value])).mouth[0] for value in (0.0, 1.0))
    moved = glad - rest
    assert (moved[12, 0] - moved[0, 0]) / who.mouth_width == pytest.approx(widens, abs=0.02)
    assert -moved[[0, 12], 1].mean() == pytest.approx(lifts, abs=0.02)


def test_speech_draws_the_lips_of_some_wide_and_bares_their_upper_teeth_without_a_smile():
    def mouth(**changes):
        who = person(3, **changes)
        return shapes_of(who, expression(jaw=[0.6], rounding=[-0.6])).mouth[0], shapes_of(who, expression(jaw=[0.6])).mouth[0]

    wide, plain = mouth()
    assert np.ptp(wide[:, 0]) > 1.1 * np.ptp(plain[:, 0])
    assert wide[[0, 12], 1] == pytest.approx(plain[[0, 12], 1]), "the corners stay where they are"
    low, high = (mouth(bares_teeth=amount)[1][:13, 1].min() for amount in (0.02, 0.16))
    assert high < low - 0.04
    spec = SyntheticConfig(recordings=1, seconds=20.0)
    courses = sample_courses(spec, 0)
    for reach in (0.2, 0.8):
        who = person(3, speaks=1.0, stretches=reach)
        least = min(sample_expression(np.random.default_rng(seed), courses, who, spec.fps).rounding.min() for seed in range(4))
        assert least == pytest.approx(-reach, abs=0.02 if reach == 0.2 else 0.3)


def test_the_valence_of_people_who_differ_widely_may_come_and_go_in_a_word():
    def quickness(wide: float) -> np.ndarray:
        spec = SyntheticConfig(recordings=40, seconds=8.0, fps=12.5, diversity=wide)
        found = [sample_courses(spec, index).valence for index in range(40)]
        return np.array([np.abs(np.diff(one)).mean() / one.std() for one in found])

    usual, wide = quickness(0.0), quickness(1.0)
    assert wide.max() > 2 * usual.mean() and wide.mean() > 1.3 * usual.mean()
