"""Hands before a face: fingers with nails and creases, the back of the hand, wrist and sleeve, in the skin of the person."""

from dataclasses import replace

import numpy as np

from stavis.synthetic.heads.people.look import Look, linear
from stavis.synthetic.heads.scene.kernels import CLOTH, HAND
from stavis.synthetic.heads.scene.solids import Solid, joined, through, tube

PAINTED_RATE = 0.5
"""The fraction of made-up people whose nails are painted."""
_LENGTHS = (0.9, 1.0, 0.94, 0.75)  # index to little finger, of the longest
_LONGEST = 8.4  # cm from the knuckle to the tip
_AROUND = 10
_NAILS = np.array([(150, 20, 40), (210, 90, 110), (60, 20, 40), (225, 190, 185), (30, 30, 40)], np.float32)


class Skin:
    """The colours of a person's hands."""

    def __init__(self, rng: np.random.Generator, look: Look):
        self.base = linear(look.skin) * rng.uniform(0.82, 1.05) * np.array((1.0, 0.94, 0.9)) ** rng.uniform(0, 1)
        self.age = look.age
        painted = look.made_up and rng.random() < PAINTED_RATE
        self.nail = linear(_NAILS[rng.integers(len(_NAILS))]) if painted else self.base * (1.12, 0.98, 0.98) + 0.03
        self.uneven = rng.uniform(0.02, 0.06)
        self.rng = rng

    def plain(self, count: int) -> np.ndarray:
        """(count,3) linear, a little uneven."""
        return self.base * (1 + self.uneven * self.rng.standard_normal((count, 1)))

    def finger(self, along: np.ndarray, round_about: np.ndarray, joints: tuple[float, ...], nail: bool) -> np.ndarray:
        """The colours of a finger: reddish joints with creases, and the nail on its back."""
        colour = self.plain(len(along))
        back = np.exp(-((round_about / 1.3) ** 2))
        for joint in joints:
            near = np.exp(-(((along - joint) / 0.06) ** 2)) * back
            colour = colour * (1 - near[:, None] * np.array((0.1, 0.24, 0.26)))
            for fold in (-0.028, 0.028):
                line = np.exp(-(((along - joint - fold) / 0.014) ** 2)) * back
                colour = colour * (1 - (0.2 + 0.35 * self.age) * line[:, None])
        if nail:
            on = (along > 0.84) & (along < 0.985) & (round_about < 0.85)
            edge = (along > 0.8) & (along <= 0.84) & (round_about < 0.85)
            colour = np.where(on[:, None], self.nail, np.where(edge[:, None], colour * 0.8, colour))
        return colour


def _finger(skin: Skin, joints: np.ndarray, width: float, folds: tuple[float, ...] = (0.36, 0.68), nail: bool = True) -> Solid:
    """A finger from its knuckle through joints (j,3) to the tip, `width` cm thick."""
    line = through(joints, 16)
    along = np.linspace(0, 1, len(line))
    swell = 1 + 0.06 * sum(np.exp(-(((along - fold) / 0.07) ** 2)) for fold in folds) - 0.17 * along
    radius = 0.53 * width * swell
    solid, at, turned = tube(np.column_stack([line, radius, 0.92 * radius]), HAND, _AROUND, tip=True)
    return replace(solid, colours=skin.finger(at, turned, folds, nail))


def arm(skin: Skin, line: np.ndarray, cloth: np.ndarray, sleeve: float) -> list[Solid]:
    """The back of the hand, wrist, forearm and upper arm along a line (k,5), with a sleeve from the fraction `sleeve` of it on."""
    line = through(line, 22)
    hand, *_ = tube(line, HAND, 14)
    start = min(int(sleeve * len(line)), len(line) - 3)
    wide = line[start:] + np.array((0, 0, 0, 0.7, 0.7))
    wide = np.concatenate([wide[:1] * (1, 1, 1, 0.86, 0.86), wide])
    wide[1:2, :3] += 0.02 * (wide[2, :3] - wide[1, :3])
    cuff, along, _ = tube(wide, CLOTH, 14)
    folds = 1 + 0.12 * np.sin(40 * along + 3 * skin.rng.random()) * skin.rng.random()
    return [replace(hand, colours=skin.plain(len(hand.points))), replace(cuff, colours=linear(cloth) * folds[:, None])]


def _sleeve(rng: np.random.Generator) -> float:
    """Where a sleeve begins, from the wrist to short ones: the fraction of the arm."""
    return float(rng.uniform(0.36, 0.62) if rng.random() < 0.75 else 0.88)


def hand_from_the_side(rng: np.random.Generator, look: Look, reach: float, shoulder: float) -> Solid:
    """A flat hand that comes from the image's right, its fingers across the origin, `reach` cm to the left of it; the thumb is up;
    shoulder: how high that lies, cm."""
    skin, size = Skin(rng, look), rng.uniform(0.9, 1.08)
    pitch, length = 1.62 * size * rng.uniform(0.95, 1.12), _LONGEST * size
    knuckles = -reach + length
    fan, curl = rng.uniform(-0.03, 0.035), rng.uniform(0, 0.5)
    parts = []
    for k, part in enumerate(_LENGTHS):
        level = (1.5 - k) * pitch
        tip = np.array((knuckles - length * part, level * (1 + fan * 4) + rng.normal(0, 0.1), -curl))
        root = np.array((knuckles + 1.1 + 0.25 * abs(k - 1), level * 0.95, -0.4))
        straight = root + np.array([(0.0,), (0.4,), (0.75,), (1.0,)]) * (tip - root)
        parts.append(_finger(skin, straight + np.array([(0, 0, 0), (0, 0, 0.6), (0, 0, 0.4), (0, 0, 0)]), pitch))
    across = 2 * pitch * 0.98
    palm = [
        (knuckles - 0.6, 0, -0.1, across, 0.85), (knuckles + 1.5, 0, 0.15, across * 1.02, 1.15),
        (knuckles + 5.5 * size, -0.2, 0, across * 0.9, 1.35), (knuckles + 8.5 * size, -1.2, -0.6, 2.8, 1.9),
        (knuckles + 12.5, -6.0, -2, 3.0, 2.6), (knuckles + 18, min(-16.0, shoulder - 5), -3, 4.2, 4.2), (14, shoulder, -10, 5, 5),
    ]  # fmt: skip
    parts += arm(skin, np.array(palm), look.cloth, _sleeve(rng))
    base, spread = np.array((knuckles + 5.2 * size, across * 0.52, 0.0)), rng.uniform(0.7, 1.15)  # it stays below the eye
    thumb = base + np.array([(0, 0, 0), (-1.5, 0.6, 0.5), (-3.0, 1.1, 0.6), (-4.6, 1.4, 0.2)]) * (1, spread, 1)
    parts.append(_finger(skin, thumb, 1.25 * pitch, (0.6,)))
    return joined(parts)


def fingers_from_below(rng: np.random.Generator, look: Look, reach: float, narrow: float, shoulder: tuple[float, float]) -> Solid:
    """Fingers that come from below, their ends `reach` cm above the origin: stretched, with their nails, or bent to a fist; shoulder:
    where that lies, cm."""
    skin, size = Skin(rng, look), rng.uniform(0.9, 1.08)
    pitch, bent = 1.66 * size * narrow, bool(rng.random() < 0.5)
    parts = []
    for k, part in enumerate((0.78, 1.0, 0.97, 0.8)):
        across, top = (k - 1.5) * pitch, reach * part + rng.normal(0, 0.12)
        down = 4.6 * size if bent else _LONGEST * size * _LENGTHS[k] * 0.85
        root = np.array((across * 0.94, top - down - 0.8, -0.5))
        if bent:
            joints = np.stack([root, (across, top - 2.6, 0.5), (across, top - 0.9, 0.35), (across, top - 0.35, -1.3)])
        else:
            joints = np.stack([root, (across, top - 0.55 * down, 0.35), (across * 1.04, top, -0.25)])
        parts.append(_finger(skin, joints, pitch * 1.02, (0.5,) if bent else (0.36, 0.68), nail=not bent))
    low, wide = reach - (4.2 if bent else 6.4) * size, 2 * pitch
    side = rng.uniform(2, 8)
    palm = [
        (0, low + 1.2, -0.3, wide, 0.9), (0, low - 0.5, 0.0, wide * 1.02, 1.25), (0.2, low - 4.5, -0.1, wide * 0.85, 1.5),
        (0.6, low - 7.5, -0.5, 2.8, 2.0), (side * 0.6, low - 13, 1.0, 3.1, 2.7), (side * 1.3, low - 22, 2.5, 4.2, 4.2),
        (*shoulder, -10, 5, 5),
    ]  # fmt: skip
    parts += arm(skin, np.array(palm), look.cloth, _sleeve(rng))
    base = np.array((wide * 0.8, low - 3.0, 0.4))
    thumb = base + np.array([(0, 0, 0), (0.9, 1.8, 0.6), (0.8 - 1.6 * bent, 3.4, 0.9), (0.2 - 2.4 * bent, 4.8, 0.8)])
    parts.append(_finger(skin, thumb, 1.2 * pitch, (0.6,)))
    return joined(parts)


def hands_over_eyes(rng: np.random.Generator, look: Look, reach: float, apart: float) -> Solid:
    """Two hands, one over each eye, their middles `apart` cm from the origin; they come from the sides and leave the mouth free."""
    hands = []
    for mirrored in (False, True):
        turn = rng.uniform(0.75, 1.0)
        rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        hand = fingers_from_below(rng, look, reach, 0.88, (-8.0, -23.0)).moved(rotation, np.array((apart, 0, 0)))
        hands.append(hand.moved(np.eye(3), np.zeros(3), mirrored=mirrored))
    return joined(hands)


def grip(rng: np.random.Generator, look: Look, radius: float, low: float) -> list[Solid]:
    """A hand around an upright thing of this radius (cm) at the y axis, its fingers from the image's right, the lowest at `low` cm."""
    skin, size = Skin(rng, look), rng.uniform(0.9, 1.05)
    pitch = 1.6 * size
    parts = []
    for k in range(4):
        level, out = low + (3 - k) * pitch, radius + 0.55 * pitch
        turn = np.radians(np.linspace(105, -5 - 12 * (k in (1, 2)), 5))
        joints = np.stack([out * np.sin(turn), np.full(5, level) + np.linspace(0.2, -0.1, 5), out * np.cos(turn)], 1)
        parts.append(_finger(skin, joints, pitch))
    middle = low + 1.5 * pitch
    back = [
        (radius + 0.9, middle, -1.2, 2 * pitch, 1.1), (radius + 3.2, middle - 0.5, -2.0, 1.8 * pitch, 1.5),
        (radius + 6.5, middle - 3.5, -2.5, 2.8, 2.1), (radius + 10, middle - 10, -3, 3.1, 2.7), (radius + 13, middle - 18, -5, 4.2, 4.2),
        (radius + 9, middle - 14, -16, 5, 5),
    ]  # fmt: skip
    return parts + arm(skin, np.array(back), look.cloth, _sleeve(rng))
