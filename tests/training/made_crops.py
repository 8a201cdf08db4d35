"""Crops made without a video: noise whose brightness is the label."""

from pathlib import Path

import numpy as np

from stavis.data.crops.crops import CropConfig, Crops
from stavis.models.sta import STAConfig

TINY = STAConfig(encoder=(4, 6, 8), decoder=(6, 4), stem=(4, 6), regressor=(8, 10), hidden=8, dropout=0.2, crop_size=32, vision=32)


def made_crops(count: int, seed: int = 0, frames: int = 40, fps: float = 12.5, size: int = 32) -> list[Crops]:
    """`count` recordings of `frames` frames whose valence is how bright they are."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        times = np.arange(frames) / fps
        valence = np.sin(times * rng.uniform(1.0, 2.0) + rng.uniform(0, 6))
        light = 128 + 90 * valence[:, None, None, None] + rng.normal(0, 12, (frames, size, size, 3))
        made.append(
            Crops(
                recording=f"made {seed} {number}",
                video=Path("made.mp4"),
                spec=CropConfig(size=size, rate=None, source="centre"),
                frames=np.clip(light, 0, 255).astype(np.uint8),
                times=times,
                indices=np.arange(frames),
                valid=np.ones(frames, bool),
                frame_notes=("",) * frames,
                affine=np.tile(np.eye(2, 3), (frames, 1, 1)),
                picture=(size, size),
                track=None,
                source="centre",
                dimensions=("valence",),
                label_times=times,
                label_values=valence[:, None],
            )
        )
    return made
