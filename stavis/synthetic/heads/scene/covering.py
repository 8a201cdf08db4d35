"""What lies over mouth and eyes in a recording: the layered occluders of the flat renderer, moved with the head."""

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.flat.occluders import HANDS, Occluder, make_occluder
from stavis.synthetic.heads.people.person import HeadPerson
from stavis.synthetic.heads.scene.posing import Posing

_LEAST = 0.01


class Covering:
    """The occluders of a recording; amounts: for 'mouth' and 'eyes' (T,) in [0,1], how far each is covered."""

    def __init__(self, rng: np.random.Generator, person: HeadPerson, amounts: dict[str, np.ndarray], unit: float, hands: bool):
        self.layers = []
        for region, course in amounts.items():
            course = np.asarray(course, float)
            if course.ndim != 1:
                raise StavisError(f"how far the {region} is covered has the shape {course.shape}: give one value per frame.")
            wobble = [0.015 * np.sin(np.arange(len(course)) * (0.21 + 0.1 * k) + rng.uniform(0, 6)) for k in range(2)]
            self.layers.append((course, _things(rng, person, region, course, unit, hands), np.stack(wobble, 1)))

    def lay(self, image: np.ndarray, t: int, posing: Posing) -> np.ndarray:
        """The image with what covers the face in frame t."""
        for course, things, wobble in self.layers:
            if things[t] is not None:
                unit = posing.unit * float(posing.motion.scale[t])
                image = things[t].lay(image, float(course[t]), posing.plane(t), unit, wobble[t])
        return image


def _things(rng, person: HeadPerson, region: str, course: np.ndarray, unit: float, hands: bool) -> list[Occluder | None]:
    """What covers the region in each frame: another thing each time."""
    things: list[Occluder | None] = [None] * len(course)
    thing = None
    for t, amount in enumerate(course):
        if amount <= _LEAST:
            thing = None
        elif thing is None:
            kind = str(rng.choice(HANDS)) if hands else None
            thing = make_occluder(rng, person, region, float(np.clip(unit, 20, 120)), kind)
        things[t] = thing
    return things
