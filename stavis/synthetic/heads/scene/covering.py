"""What lies over mouth and eyes in a recording: the layered occluders of the flat renderer, moved with the head."""

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.flat.occluders import things_over
from stavis.synthetic.heads.people.person import HeadPerson
from stavis.synthetic.heads.scene.posing import Posing


class Covering:
    """The occluders of a recording; amounts: for 'mouth' and 'eyes' (T,) in [0,1], how far each is covered."""

    def __init__(self, rng: np.random.Generator, person: HeadPerson, amounts: dict[str, np.ndarray], unit: float, hands: bool):
        self.layers = []
        for region, course in amounts.items():
            course = np.asarray(course, float)
            if course.ndim != 1:
                raise StavisError(f"how far the {region} is covered has the shape {course.shape}: give one value per frame.")
            wobble = [0.015 * np.sin(np.arange(len(course)) * (0.21 + 0.1 * k) + rng.uniform(0, 6)) for k in range(2)]
            self.layers.append((course, things_over(rng, person, region, course, unit, hands), np.stack(wobble, 1)))

    def lay(self, image: np.ndarray, t: int, posing: Posing) -> np.ndarray:
        """The image with what covers the face in frame t."""
        for course, things, wobble in self.layers:
            if things[t] is not None:
                unit = posing.unit * float(posing.motion.scale[t])
                image = things[t].lay(image, float(course[t]), posing.plane(t), unit, wobble[t])
        return image
