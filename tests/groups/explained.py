"""Folders as `stavis explain` writes them, for groups in tests: made without a network or a video."""

from pathlib import Path

import numpy as np
import pandas as pd

from stavis.groups.canonical import density_on_face
from stavis.groups.face_maps import ATTENTION, CENTRE, FaceMaps
from stavis.inference.summary import ExplanationSummary
from stavis.regions import REGIONS
from tests.groups.faces import SIZE, in_crop, painted, poses, turned

AT = {"mouth": (0, 17, 61, 291), "brows": (9, 107, 336), "left_eye": (33, 133), "right_eye": (362, 263)}
"""Landmarks around whose middle a made network looks."""


def explained_folder(
    folder: Path,
    *,
    seed: int = 0,
    look: str = "mouth",
    frames: int = 20,
    rate: float = 10.0,
    gaps: tuple[int, ...] = (),
    weights: str = "w",
) -> Path:
    """What is left of a video of a moving head whose network looks at one part (half of its attention; the rest is even).

    gaps: frames without a face. The curve `smile` peaks in the middle of the video, where valence and the share of the part rise.
    """
    landmarks = in_crop(turned(**poses(seed, frames)))
    maps = 0.5 * painted(landmarks[:, list(AT[look])].mean(1)) + 0.5 / 28**2
    valid = ~np.isin(np.arange(frames), gaps)
    times = np.arange(frames) / rate
    placed = np.stack([density_on_face(one, landmarks, SIZE, valid) for one in (maps, np.ones_like(maps))])
    seen = np.isfinite(placed)
    count = seen.sum(1)
    mean = np.where(count > 0, np.where(seen, placed, 0).sum(1) / count.clip(1), np.nan)
    folder.mkdir(parents=True)
    FaceMaps((ATTENTION, CENTRE), mean, count).write(folder)
    middle = np.exp(-((times - times[-1] / 2) ** 2) / (2 * 0.25**2))
    table = _shares(look, middle, times, valid)
    table.to_csv(folder / "shares.csv", index=False)
    predicted = np.random.default_rng(seed).normal(0, 0.02, frames) + 0.6 * middle
    pd.DataFrame({"time": times, "dimension": "valence", "predicted": predicted}).to_csv(folder / "predictions.csv", index=False)
    pd.DataFrame({"time": times, "smile": np.where(valid, middle, np.nan)}).to_csv(folder / "signals.csv", index=False)
    _summary(folder.name, frames, int(valid.sum()), table, weights, look).write(folder)
    return folder


def _shares(look: str, middle: np.ndarray, times: np.ndarray, valid: np.ndarray) -> pd.DataFrame:
    values = {name: np.full(len(times), 0.5 / len(REGIONS)) for name in REGIONS}
    values[look] = values[look] + 0.5 * (0.5 + 0.5 * middle)
    values["outside"] = 1 - sum(value for name, value in values.items() if name != "outside")
    gone = {name: np.where(valid, value, np.nan) for name, value in values.items()}
    notes = np.where(valid, "", "no face")
    return pd.DataFrame({"frame": np.arange(len(times)), "time": times, "valid": valid.astype(int), **gone, "entropy": 0.5, "note": notes})


def _summary(name: str, frames: int, seen: int, table: pd.DataFrame, weights: str, look: str) -> ExplanationSummary:
    more = 0.1 * (sum(map(ord, name)) % 7)  # people differ
    densities = {region: 4.0 + more if region == look else 0.6 + 0.2 * more for region in REGIONS}
    return ExplanationSummary(
        video=f"{name}.mp4", frames=frames, frames_with_face=seen, faces=1, seconds=1.0, realtime_factor=1.0, crop="face",
        mean_shares={region: float(table[region].mean()) for region in REGIONS}, mean_densities=densities, shares_by_method={},
        densities_by_method={}, relative_delta={}, synthetic_only=False, notes=(), provenance={"weights_sha256": weights},
    )  # fmt: skip
