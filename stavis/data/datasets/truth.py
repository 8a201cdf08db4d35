"""The known truth of a synthetic recording, as it was written beside the video."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.errors import StavisError
from stavis.printable import ShortRepr

_OPTIONAL = ("expression", "pose", "alignment")  # what only the files of 3D heads, or of misaligned crops, hold
POSE = ("yaw", "pitch", "roll", "x", "y", "scale")
"""The columns of a 3D head's pose: angles in radians, shifts in eye distances, a factor."""

_IN_FILE = {"informative": "carrier"}  # where a name in the file differs


@dataclass(frozen=True, repr=False)
class Truth(ShortRepr):
    """What is known of each frame of a synthetic recording.

    times (T,) s; landmarks (T,L,2) px of the video, L = 124 of a flat face and 478 of a 3D head; informative (T,) which region carries
    the valence: 0 mouth, 1 eyes, 2 motion, −1 none; mouth_cue (T,) in [0,1], the part of the valence that the mouth carries; valence
    (T,) in [-1,1]; occluded and visible (T,) bool. Of a 3D head, else None: expression (T,52), the weights of its shapes in the order of
    BLENDSHAPES; pose (T,6), the columns of POSE. alignment (T,4): how far the crop lies off, see stavis.data.faces.alignment.misaligned;
    None where it lies as the landmarks say.
    """

    times: np.ndarray
    landmarks: np.ndarray
    informative: np.ndarray
    mouth_cue: np.ndarray
    valence: np.ndarray
    occluded: np.ndarray
    visible: np.ndarray
    expression: np.ndarray | None = None
    pose: np.ndarray | None = None
    alignment: np.ndarray | None = None


def read_truth(path: str | Path) -> Truth:
    """The truth file of a synthetic recording.

    Raises StavisError where it is missing, damaged, or not one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [name for name in Truth.__dataclass_fields__ if name not in _OPTIONAL or name in file]
            truth = Truth(**{name: file[_IN_FILE.get(name, name)] for name in names})
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise StavisError(f"{path} is no truth file of a synthetic recording ({error}): write the data set again.") from error
    lengths = {len(getattr(truth, name)) for name in names}
    if len(lengths) != 1 or truth.landmarks.ndim != 3:
        raise StavisError(f"{path} is damaged (its arrays differ in length): write the data set again.")
    return truth
