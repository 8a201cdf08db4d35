"""A contact sheet for looking: the frames on which a prediction and other measures of the same face disagree most."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.storage.files import atomic_file

FRAMES = 24
APART = 0.5
"""Two frames of one clip on the sheet lie at least this far apart (s): neighbours show the same."""
NOTICE = "This sheet shows faces of the clips it was made of: keep and share it as you would the clips."
REFERENCES = ("smile_less_frown", "opinion")
_TILE, _LINE, _PAD, _COLUMNS = 168, 17, 8, 6


def check_sheet(path: str | Path | None) -> None:
    """Raises StavisError where a sheet is wanted whose name does not end in .png."""
    if path is not None and Path(path).suffix.lower() != ".png":
        raise StavisError(f"the sheet {path} does not end in .png: give it such a name.")


def worst_frames(frames: pd.DataFrame, count: int = FRAMES) -> pd.DataFrame:
    """The rows with the largest disagreement first, at most `count`, those of one clip at least APART s from each other.

    frames: one row per frame with clip, time (s), valence and any of smile_less_frown and opinion. Disagreement, a further column: the
    largest distance of valence from these; rows without are left out.
    """
    distances = [(frames.valence - frames[name]).abs() for name in REFERENCES if name in frames]
    ranked = frames.assign(disagreement=pd.concat(distances, axis=1).max(axis=1)).dropna(subset="disagreement")
    taken: list[int] = []
    chosen: dict[str, list[float]] = {}
    for row in ranked.sort_values("disagreement", ascending=False, kind="stable").itertuples():
        if len(taken) == count:
            break
        times = chosen.setdefault(row.clip, [])
        if all(abs(row.time - time) >= APART for time in times):
            times.append(row.time)
            taken.append(row.Index)
    return ranked.loc[taken]


def disagreement_sheet(worst: pd.DataFrame, image_of: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
    """The sheet (H,W,3) uint8 RGB: of each row of `worst_frames` the crop that `image_of` gives, with what was measured under it."""
    columns = max(1, min(_COLUMNS, len(worst)))
    rows = -(-max(len(worst), 1) // columns)
    lines = 5
    height, width = _TILE + lines * _LINE + _PAD, _TILE + _PAD
    sheet = np.full((rows * height + 2 * _LINE + 2 * _PAD, max(columns * width + _PAD, 640), 3), 255, np.uint8)
    _write(sheet, NOTICE, _PAD, _PAD + 12)
    _write(sheet, f"The {len(worst)} worst disagreements, the largest first; values in [-1,1].", _PAD, _PAD + 12 + _LINE)
    for number, (_, row) in enumerate(worst.iterrows()):
        x = _PAD + number % columns * width
        y = 2 * _LINE + 2 * _PAD + number // columns * height
        sheet[y : y + _TILE, x : x + _TILE] = cv2.resize(image_of(row), (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
        for line, text in enumerate(_texts(row), 1):
            _write(sheet, text, x, y + _TILE + line * _LINE - 4)
    return sheet


def save_sheet(sheet: np.ndarray, path: str | Path) -> Path:
    """Write a sheet as PNG, whole or not at all; returns the path. Raises StavisError where it cannot be written."""
    check_sheet(path)
    path = Path(path)
    _, data = cv2.imencode(".png", sheet[:, :, ::-1])
    with atomic_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
    return path


def _texts(row: pd.Series) -> tuple[str, ...]:
    def value(name: str) -> str:
        return f"{row[name]:+.2f}" if name in row and np.isfinite(row[name]) else "-"

    plain = str(row["clip"]).encode("ascii", "replace").decode()
    clip = plain if len(plain) <= 22 else f"{plain[:19]}..."
    measured = (f"valence {value('valence')}", f"smile {value('smile')} frown {value('frown')}", f"opinion {value('opinion')}")
    return (clip, f"time {row['time']:.3f} s", *measured)


def _write(sheet: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (20, 20, 20), 1, cv2.LINE_AA)
