"""The track of one face through a video."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FaceTrack:
    """One face through a video, in pixels of the upright source. Where there is no face the numbers are NaN and `valid` is False.

    Parameters
    ----------
    times : ndarray (T,) float64
        Times of the frames in s, on the container's clock.
    boxes : ndarray (T, 4)
        x0, y0, x1, y1 of the face in px.
    landmarks : ndarray (T, L, 2)
        Points in px; L tells the layout (478: MediaPipe, 124: synthetic faces).
    score : ndarray (T,)
        How sure the tracker is that there is a face, in [0,1].
    affine : ndarray (T, 2, 3)
        Maps pixels of the source to pixels of the crop.
    valid : ndarray (T,) bool
        Whether the frame shows the face.
    blendshapes : ndarray (T, 52), optional
        Activations of the expression shapes in [0,1].
    notes : tuple of str
        For each frame why there is no face, empty where there is one.

    Examples
    --------
    >>> import numpy as np, stavis
    >>> nothing = np.full((2, 478, 2), np.nan)
    >>> track = stavis.FaceTrack(
    ...     times=np.array([0.0, 0.04]), boxes=np.full((2, 4), np.nan), landmarks=nothing, score=np.zeros(2),
    ...     affine=np.zeros((2, 2, 3)), valid=np.zeros(2, bool), notes=("no face found", "no face found"),
    ... )
    >>> int(track.valid.sum())
    0
    """

    times: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    score: np.ndarray
    affine: np.ndarray
    valid: np.ndarray
    blendshapes: np.ndarray | None = None
    notes: tuple[str, ...] = ()
