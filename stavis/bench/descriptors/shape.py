"""What a tracked face does, in a few numbers a frame: the blendshapes of the landmark model, or measures of the landmarks alone."""

import numpy as np

from stavis.errors import StavisError
from stavis.landmarks import LAYOUTS
from stavis.types import FaceTrack

BLENDSHAPES, OUTLINES = "blendshapes and confidence", "outlines of the landmarks"


def face_shape(track: FaceTrack | None) -> tuple[np.ndarray, str]:
    """(T,53) blendshapes with the tracker's confidence and BLENDSHAPES; or, where a track has none (synthetic faces), (T,25) of `outlines`
    with confidence and OUTLINES. NaN where there is no face.

    Raises StavisError where nothing was tracked.
    """
    if track is None:
        raise StavisError("face shapes need tracked faces: use crops aligned by a face, not the centred square.")
    if track.blendshapes is not None and np.isfinite(track.blendshapes).any():
        return np.column_stack([track.blendshapes, track.score]).astype(np.float32), BLENDSHAPES
    return np.column_stack([outlines(np.asarray(track.landmarks, np.float64)), track.score]).astype(np.float32), OUTLINES


def outlines(landmarks: np.ndarray) -> np.ndarray:
    """How eyes, brows, nose and mouth lie to each other: (T,24) of landmarks (T,L,2), in eye distances, upright by the eyes.

    Width, height, and the middle's place (x, y) of each of the six outlines, seen from the middle between the eyes.

    Raises StavisError for a number of landmarks that no layout has.
    """
    layout = LAYOUTS.get(landmarks.shape[1])
    if layout is None:
        raise StavisError(f"{landmarks.shape[1]} landmarks are of no layout that stavis knows ({', '.join(map(str, LAYOUTS))}).")
    left, right = (landmarks[:, list(corners)].mean(1) for corners in (layout.left_eye_corners, layout.right_eye_corners))
    across = right - left
    distance = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    cosine, sine = across[:, 0] / distance, across[:, 1] / distance
    centred = landmarks - ((left + right) / 2)[:, None]
    upright = np.stack(
        [
            cosine[:, None] * centred[..., 0] + sine[:, None] * centred[..., 1],
            cosine[:, None] * centred[..., 1] - sine[:, None] * centred[..., 0],
        ],
        2,
    )
    upright /= distance[:, None, None]
    measures = []
    for ring in (*layout.left_eye, *layout.right_eye, *layout.brows, *layout.nose, *layout.mouth):
        points = upright[:, list(ring)]
        measures += [np.ptp(points, axis=1), points.mean(1)]
    return np.concatenate(measures, 1)
