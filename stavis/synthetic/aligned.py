"""Crops of a synthetic face as a network is shown them, aligned by the known landmarks, without a video file between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stavis.data.faces.alignment import apply_affine, crop_affine, cut
from stavis.data.faces.regions import rasterise
from stavis.printable import ShortRepr
from stavis.synthetic.recording import SyntheticRecording


@dataclass(frozen=True, repr=False)
class AlignedFace(ShortRepr):
    """Some frames of one face: frames (T,S,S,3) uint8 RGB; regions (T,R,S,S) bool in the order of REGIONS; landmarks (T,L,2) px."""

    frames: np.ndarray
    regions: np.ndarray
    landmarks: np.ndarray


def aligned_face(recording: SyntheticRecording, chosen: Sequence[int], size: int = 112) -> AlignedFace:
    """The frames `chosen` of a recording as crops of `size` px, with their regions.

    Raises StavisError where there is no such frame.
    """
    images = list(recording.frames(chosen))
    points = recording.truth.landmarks[list(chosen)].astype(np.float64)
    affine = crop_affine(points, size)
    moved = apply_affine(affine, points)
    frames = np.stack([cut(image, each, size) for image, each in zip(images, affine, strict=True)])
    return AlignedFace(frames, rasterise(moved, size), moved)
