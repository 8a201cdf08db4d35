"""What the tracker itself says of a face, independent of any network that is explained: mouth open, smile, frown, blink, brows."""

import numpy as np
import pandas as pd

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.types import FaceTrack

SIGNALS = {
    "mouth_open": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "brow_up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brow_down": ("browDownLeft", "browDownRight"),
}
"""Each signal is the mean of these blendshapes."""


def signal_table(track: FaceTrack | None) -> pd.DataFrame | None:
    """One row a frame: time (s) and each of SIGNALS in [0,1], NaN where no face was; None where the track has no blendshapes."""
    if track is None or track.blendshapes is None or np.isnan(track.blendshapes).all():
        return None
    table = pd.DataFrame({"time": track.times})
    for name, shapes in SIGNALS.items():
        table[name] = track.blendshapes[:, [BLENDSHAPES.index(shape) for shape in shapes]].mean(1)
    return table
