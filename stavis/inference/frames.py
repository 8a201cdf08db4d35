"""Frames of one's own, without a file, as crops: the centred square of each, or the whole frame."""

from pathlib import Path

import numpy as np

from stavis.data.crops.crops import CropConfig, Crops
from stavis.data.crops.framing import framed, framing_affine
from stavis.errors import StavisError


def crops_of_frames(frames: np.ndarray, times: np.ndarray | None, spec: CropConfig, rate: float) -> Crops:
    """Frames (T,H,W,3) uint8 RGB as crops; without `times` (T,) s they follow each other at `rate` frames/s.

    Raises StavisError where the frames are of another type, range or shape, or the times do not rise.
    """
    if frames.dtype != np.uint8:
        scale = ", multiplied by 255" if np.issubdtype(frames.dtype, np.floating) else ""
        raise StavisError(f"the frames are {frames.dtype}, expected uint8 from 0 to 255: give frames{scale} as .astype('uint8').")
    if frames.ndim != 4 or frames.shape[3] != 3 or not frames.size:
        raise StavisError(f"the frames are {frames.shape}, expected (T,H,W,3) RGB with at least one frame: give colour frames in order.")
    assumed = times is None
    times = np.arange(len(frames)) / rate if assumed else np.asarray(times, np.float64)
    if times.shape != (len(frames),) or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise StavisError(f"{len(frames)} frames need as many times in seconds that rise, not {times.shape}: give one time a frame.")
    height, width = frames.shape[1:3]
    affine = framing_affine(spec.source, width, height, spec.size)
    same = np.array_equal(affine, np.eye(2, 3)) and (height, width) == (spec.size, spec.size)
    return Crops(
        recording="frames",
        video=Path("frames"),
        spec=spec,
        frames=np.ascontiguousarray(frames) if same else np.stack([framed(frame, spec.source, affine, spec.size) for frame in frames]),
        times=times,
        indices=np.arange(len(frames)),
        valid=np.ones(len(frames), bool),
        frame_notes=("",) * len(frames),
        affine=np.repeat(affine[None], len(frames), 0),
        picture=(width, height),
        track=None,
        source=spec.source,
        notes=(f"No times were given: the frames are taken to follow each other at {rate:g} frames/s.",) if assumed else (),
    )
