"""One recording of a head: its landmarks and its frames."""

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.heads.motion import HeadMotion


def sample_head(rng: np.random.Generator, model):
    """A person: the shape of the head, its skin, hair, eyes and what is worn."""
    raise StavisError("heads in three dimensions cannot be rendered yet: use the flat renderer.")


class HeadScene:
    """A person who moves before a background, seen by a camera; the same generator gives the same pixels.

    motion has T frames; size is (width, height) px; occluder_mouth, occluder_eyes (T,) in [0,1]: how far each is covered, by hands alone
    where `occlusion_hands`; background_object (T,) in [-1,1] or None.
    """

    def __init__(
        self,
        model,
        person,
        motion: HeadMotion,
        *,
        rng: np.random.Generator,
        size: tuple[int, int],
        fps: float,
        occluder_mouth: np.ndarray,
        occluder_eyes: np.ndarray,
        occlusion_hands: bool = False,
        background_object: np.ndarray | None = None,
    ):
        raise StavisError("heads in three dimensions cannot be rendered yet: use the flat renderer.")

    def landmarks(self) -> np.ndarray:
        """(T,478,2) float32 px, layout MEDIAPIPE; nothing is rendered for them."""
        raise NotImplementedError

    def frame(self, t: int) -> np.ndarray:
        """Frame t: (H,W,3) uint8 RGB."""
        raise NotImplementedError
