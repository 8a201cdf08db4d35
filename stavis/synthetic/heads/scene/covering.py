"""What lies over mouth and eyes in a recording: solid hands and cups, and the layered occluders of the flat renderer."""

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.flat.occluders import Occluder, things_over
from stavis.synthetic.heads.people.person import EYE_DISTANCE, EYES, HeadPerson
from stavis.synthetic.heads.scene.cups import held_cup
from stavis.synthetic.heads.scene.hands import fingers_from_below, hand_from_the_side, hands_over_eyes
from stavis.synthetic.heads.scene.posing import Posing
from stavis.synthetic.heads.scene.solids import Solid
from stavis.synthetic.streams import stream

SOLID = ("hand", "fingers", "cup")
"""The things that are meshes of the scene, lit with it; the others are layers over the image."""
_MIDDLES = {"mouth": (0.0, 1.08), "eyes": (0.0, -0.17)}  # of the regions, as occluders have them: eye distances right and down
_PRESSED = 0.3  # cm by which skin gives way


class Covering:
    """The occluders of a recording; amounts: for 'mouth' and 'eyes' (T,) in [0,1], how far each is covered; worn: points (k,3) cm of the
    glasses, over which a hand lies."""

    def __init__(
        self, rng: np.random.Generator, person: HeadPerson, amounts: dict[str, np.ndarray], unit: float, hands: bool, worn: np.ndarray
    ):
        self.layers, self.solids = [], []
        for region, course in amounts.items():
            course = np.asarray(course, float)
            if course.ndim != 1:
                raise StavisError(f"how far the {region} is covered has the shape {course.shape}: give one value per frame.")
            wobble = np.stack([0.015 * np.sin(np.arange(len(course)) * (0.21 + 0.1 * k) + rng.uniform(0, 6)) for k in range(2)], 1)
            things = things_over(rng, person, region, course, unit, hands)
            self.layers.append((course, [None if _solid(thing) else thing for thing in things], wobble))
            made: dict[int, Solid] = {}
            for thing in things:
                if _solid(thing) and id(thing) not in made:
                    made[id(thing)] = _placed(stream(rng, f"solid {region}", len(made)), person, region, thing, worn)
            self.solids.append((course, [(made[id(thing)], thing) if _solid(thing) else None for thing in things], wobble))

    def lay(self, image: np.ndarray, t: int, posing: Posing) -> np.ndarray:
        """The image with the layers that cover the face in frame t."""
        for course, things, wobble in self.layers:
            if things[t] is not None:
                unit = posing.unit * float(posing.motion.scale[t])
                image = things[t].lay(image, float(course[t]), posing.plane(t), unit, wobble[t])
        return image

    def held(self, t: int) -> list[tuple[Solid, np.ndarray]]:
        """The solid things before the face in frame t, and how far (3,) cm each has still to come."""
        found = []
        for course, things, wobble in self.solids:
            if things[t] is not None:
                solid, thing = things[t]
                away = 1 - float(course[t])
                x, y = thing.way * (away + 3.2 * max(away - 0.45, 0) ** 1.4) + wobble[t]
                found.append((solid, np.array((EYE_DISTANCE * x, -EYE_DISTANCE * y, 3 * away**2))))
        return found


def _solid(thing: Occluder | None) -> bool:
    return thing is not None and thing.kind in SOLID


def _placed(rng: np.random.Generator, person: HeadPerson, region: str, thing: Occluder, worn: np.ndarray) -> Solid:
    """The solid thing of an occluder, before the face of a person at rest."""
    reach = EYE_DISTANCE * rng.uniform(0.88, 1.08) * (0.72 if region == "mouth" else 0.98)
    high = EYE_DISTANCE * rng.uniform(0.88, 1.1) * (0.42 if region == "mouth" else 0.46)
    if thing.kind == "hand":
        made = hand_from_the_side(rng, person.look, reach, -15.0 if region == "mouth" else -21.0)
    elif thing.kind == "fingers" and region == "mouth":
        made = fingers_from_below(rng, person.look, high, rng.uniform(0.8, 1.0), (14.0, -15.0))
    elif thing.kind == "fingers":
        made = hands_over_eyes(rng, person.look, high, rng.uniform(3.0, 3.7))
    else:
        made = held_cup(rng, person.look)
    aside, down = thing.place - _MIDDLES[region]
    corners = person.landmarks[[61, 291]].mean(0) if region == "mouth" else np.array((EYES[0], EYES[1] + 0.17 * EYE_DISTANCE))
    at = np.array((corners[0] + EYE_DISTANCE * aside, corners[1] - EYE_DISTANCE * down, 0.0))
    cos, sin = np.cos(thing.turn), np.sin(thing.turn)
    rotation = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    made = made.moved(rotation, at, mirrored=bool(thing.way[0] < 0))
    if thing.kind == "cup":
        return made.moved(np.eye(3), np.array((0, 0, float(person.landmarks[13, 2]))))
    return _laid_on(rng, made, np.concatenate([person.landmarks[:468], worn]))


def _laid_on(rng: np.random.Generator, hand: Solid, face: np.ndarray) -> Solid:
    """A hand bent around the face (k,3) cm until it touches it."""
    bend = rng.uniform(0.02, 0.04)
    near = hand.points[hand.points[:, 2] > -1.5]
    low, high = np.percentile(near[:, :2], (2, 98), axis=0)
    under = face[((face[:, :2] > low) & (face[:, :2] < high)).all(1)]
    if not len(under):
        under = face
    middle = float(under[:, 0].mean())

    def sheet(points: np.ndarray) -> np.ndarray:
        away = np.abs(points[:, 0] - middle)
        return -bend * np.where(away < 7, away**2, 49 + 8 * (away - 7))

    touching = float(np.max(under[:, 2] - sheet(under))) - _PRESSED + 0.75
    points = hand.points + np.stack([np.zeros(len(hand.points)), np.zeros(len(hand.points)), sheet(hand.points) + touching], 1)
    return Solid(points, hand.triangles, hand.parts, hand.colours)
