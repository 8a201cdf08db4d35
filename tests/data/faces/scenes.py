"""Scenes of several people, put together from squares cut around the faces of different clips and of one photograph."""

from pathlib import Path

import cv2
import numpy as np
import skimage.data

from stavis.data.faces.networks.landmarker import FaceNetworks
from stavis.data.faces.networks.model_file import FaceModel
from stavis.data.video.io import Frame, read_frames
from stavis.notes import Notes

CLIPS = (
    "lp_d18.mp4",
    "lp_d3.mp4",
    "grid_brbk7n.mpg",
    "grid_id2_swwp2s.mpg",
    "pexels_woman_emotions.mp4",
    "pyfeat_single_face.mp4",
    "intel_asl_eat.mkv",
    "intel_asl_yes.mkv",
)
"""Eight people."""


def astronaut() -> np.ndarray:
    """A photograph of a ninth person, (512,512,3)."""
    return skimage.data.astronaut()


def squares(networks: FaceNetworks, images: list[np.ndarray], side: int) -> list[np.ndarray]:
    """A square of two face sizes around the face of the first image, cut from all of them."""
    box = networks.detect(images[0])[0].box
    centre, scale = (box[:2] + box[2:]) / 2, side / (2.6 * float((box[2:] - box[:2]).max()))
    affine = np.column_stack([np.eye(2) * scale, side / 2 - centre * scale])
    return [cv2.warpAffine(image, affine, (side, side), borderMode=cv2.BORDER_REPLICATE) for image in images]


class People:
    """Squares of each person, read once."""

    def __init__(self, folder: Path, model: FaceModel):
        self._folder, self._networks, self._kept = folder, FaceNetworks(model), {}

    def __call__(self, clip: str, count: int, side: int = 200, start: int = 0) -> list[np.ndarray]:
        key = clip, count, side, start
        if key not in self._kept:
            images = [f.image for f in read_frames(self._folder / clip, start=start, stop=start + count, notes=Notes())]
            self._kept[key] = squares(self._networks, images, side)
        return self._kept[key]

    def gallery(self, across: int, side: int, count: int) -> list[np.ndarray]:
        """A gallery call of across x across tiles; there are nine people, so some are shown twice."""
        tiles = [self(clip, count, side) for clip in CLIPS] + [squares(self._networks, [astronaut()] * count, side)]
        tiles = [tiles[k % len(tiles)] for k in range(across * across)]
        rows = [tiles[k : k + across] for k in range(0, len(tiles), across)]
        return [np.vstack([np.hstack([tile[t] for tile in row]) for row in rows]) for t in range(count)]


def frames(images: list[np.ndarray], fps: float = 25.0) -> list[Frame]:
    """Images as the frames of a video."""
    return [Frame(index, index / fps, image) for index, image in enumerate(images)]


def runs(valid: np.ndarray) -> list[tuple[int, int]]:
    """Where a track is valid: [first, last + 1) of each run of frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(valid, int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
