"""A recording of a 3D head: all that is decided before its first frame, its landmarks and its frames."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.motion import sample_manner, sample_motion
from stavis.synthetic.heads.renderer import HeadScene, sample_head
from stavis.synthetic.heads.source.model_file import head_model
from stavis.synthetic.scenarios import Courses

_ROAM = 2.4
"""How far a small head wanders through a wide image, in eye distances."""


def load_head_model() -> HeadModel:
    """The head model; raises StavisError where it is not available."""
    return head_model()


class HeadStage:
    """Recording `index` of a data set as a 3D head; `courses` say what happens in it.

    Raises StavisError where the head model is not available.
    """

    def __init__(self, spec: SyntheticConfig, index: int, courses: Courses):
        identity = spec.identity_of(index)
        self.spec, self.courses = spec, courses
        manner = sample_manner(spec.generator("manner", identity), spec.diverse(index))
        roam = 0.0 if spec.size[0] <= 1.25 * spec.size[1] else _ROAM
        self.motion = sample_motion(spec.generator("motion", index), manner, courses, spec.fps, roam)
        self.scene = HeadScene(
            load_head_model(),
            _person(spec, identity),
            self.motion,
            rng=spec.generator("scene", index),
            size=spec.size,
            fps=spec.fps,
            occluder_mouth=courses.occluder_mouth,
            occluder_eyes=courses.occluder_eyes,
            occlusion_hands=spec.scenario_of(index) == "occlusion",
            background_object=courses.background_object,
            shadows=np.stack([courses.shadow_mouth, courses.shadow_eyes], 1),
        )

    @property
    def expression(self) -> np.ndarray:
        """The weights of the shapes: (T,52) float32 in the order of BLENDSHAPES."""
        return self.motion.weights

    @property
    def pose_values(self) -> np.ndarray:
        """(T,6) float32: yaw, pitch, roll, x, y, scale."""
        return self.motion.pose()

    def landmarks(self) -> np.ndarray:
        """(T,478,2) float32 px, layout MEDIAPIPE."""
        return self.scene.landmarks()

    def frames(self, chosen: Iterable[int]) -> Iterator[np.ndarray]:
        """The frames of these indices, each (H,W,3) uint8 RGB."""
        return (self.scene.frame(frame) for frame in chosen)


def require_heads() -> None:
    """Raises StavisError, before anything is written, where the head model is not available."""
    load_head_model()


@lru_cache(maxsize=2)
def _person(spec: SyntheticConfig, identity: int):
    """A person, whose painting takes as long as a few frames."""
    return sample_head(spec.generator("identity", identity), load_head_model())
