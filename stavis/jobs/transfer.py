"""A network that was trained on synthetic faces only, on real ones: measured on any folder of clips, failures included.

No label is needed: the tracker's own smile and frown signals stand beside the predicted valence.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.crops.crops import Crops
from stavis.data.datasets.exclusion import Ranges, read_exclusions
from stavis.data.datasets.folder import VIDEO_SUFFIXES, normal, some
from stavis.data.faces.blendshapes import signal_table
from stavis.errors import StavisError
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import Reading, shares_and_densities
from stavis.inference.source import Source
from stavis.metrics import cc
from stavis.progress import bar
from stavis.types import Recording

EYES = ("left_eye", "right_eye")
VARIES = 0.08
"""A smile varies where its standard deviation over the clip is at least this: below, a correlation says nothing."""
NEUTRAL = {"smile": 0.12, "frown": 0.12, "mouth_open": 0.12, "brow_down": 0.12, "brow_up": 0.25, "blink": 0.5}
"""A frame is neutral where the tracker's signals are all below these, and no hand is told to lie over the mouth. The brows' rise has
a higher limit, because it is not 0 at rest."""
FEWEST = 10
"""Frames below which neither a correlation nor the mean of neutral frames is told: one frame is no resting face."""


def transfer(
    run: Source,
    clips: str | Path | Sequence[Path],
    *,
    covered: str | Path | None = None,
    device: str = "auto",
    mirror: bool = False,
    quiet: bool = False,
) -> pd.DataFrame:
    """How a network does on real clips, failures included.

    Parameters
    ----------
    run : str, path, module or Predictor
        The network, as for `load`.
    clips : path or sequence of Path
        A folder of clips, or video files; no labels are needed.
    covered : path, optional
        A CSV of recording,start,stop (s) that says when a hand lies over the mouth.
    device : str
        "auto", "cpu", "cuda", "mps".
    mirror : bool
        Every reading is the mean of the clip and its mirror image.
    quiet : bool
        No progress bar.

    Returns
    -------
    DataFrame
        One row per clip in which a face was tracked: clip; frames; the mean shares mouth, eyes, left_eye, right_eye (left and right in the
        image), brows, features (mouth, eyes and brows), nose, rest, outside in [0,1]; the densities of mouth and eyes (an even
        attention has 1); smile_r, the correlation of predicted valence with smile minus frown (NaN where the smile does not vary);
        neutral, the mean prediction in neutral frames (NaN where there are fewer than 10); covered_ratio, the mouth's share under the
        hand over that without.

    Raises
    ------
    StavisError
        Where no clip shows a face, or `covered` is wrong or names a clip that is not there.

    Examples
    --------
    >>> stavis.transfer("sta-synthetic", "my_clips").smile_r  # doctest: +SKIP
    """
    net = VideoReader.load(run, device=device, mirror=mirror)
    paths = _videos(clips)
    hands = _hands(covered, paths) if covered is not None else {}
    rows = []
    with bar("real clips", quiet) as progress:
        for done, path in enumerate(paths, 1):
            crops = net.crops(Recording(path.stem, path))
            if crops.track is not None and crops.valid.any():
                rows.append(_row(path.stem, crops, net.read_crops(crops), hands.get(normal(path.stem), [])))
            if progress:
                progress(done, len(paths))
    if not rows:
        raise StavisError(f"{clips} holds no clip in which a face was tracked: give clips of faces.")
    return pd.DataFrame(rows)


def transfer_table(table: pd.DataFrame) -> str:
    """The table in Markdown, for a model card; what is undefined is a dash."""
    shown = table.drop(columns="frames")
    rows = [[f"{v:.2f}" if isinstance(v, float) and np.isfinite(v) else "–" if isinstance(v, float) else str(v) for v in row]
            for row in shown.itertuples(index=False)]  # fmt: skip
    lines = ["| " + " | ".join(shown.columns.str.replace("_", " ")) + " |", "|" + "---|" * len(shown.columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _row(name: str, crops: Crops, reading: Reading, hidden: list[tuple[float, float, str]]) -> dict:
    shares, densities = shares_and_densities(reading, crops)
    means = shares.mean(numeric_only=True)
    valence = np.where(crops.valid, reading.prediction.values[:, 0], np.nan)
    row = {
        "clip": name,
        "frames": int(crops.valid.sum()),
        "mouth": means.mouth,
        "eyes": means.left_eye + means.right_eye,
        "left_eye": means.left_eye,
        "right_eye": means.right_eye,
        "brows": means.brows,
        "features": means.mouth + means.left_eye + means.right_eye + means.brows,
        "nose": means.nose,
        "rest": means.rest,
        "outside": means.outside,
        "mouth_density": densities.get("mouth", np.nan),
        "eyes_density": float(np.mean([densities.get(eye, np.nan) for eye in EYES])),
        "smile_r": np.nan,
        "neutral": np.nan,
        "covered_ratio": np.nan,
    }
    under = np.any([np.zeros(len(shares), bool), *((shares.time >= start) & (shares.time <= stop) for start, stop, _ in hidden)], 0)
    row |= beside_signals(valence, signal_table(crops.track), ~under)
    if under.any():
        row["covered_ratio"] = float(shares.mouth[under].mean() / shares.mouth[~under].mean())
    return row


def beside_signals(valence: np.ndarray, signals: pd.DataFrame | None, bare: np.ndarray) -> dict[str, float]:
    """What predicted valence has to do with the tracker's smile, and what it is where the face is neutral and `bare`, no hand on it."""
    if signals is None:
        return {}
    found = {}
    smile = (signals.smile - signals.frown).to_numpy()
    known = np.isfinite(smile) & np.isfinite(valence)
    if known.sum() >= FEWEST and smile[known].std() >= VARIES:
        found["smile_r"] = cc(valence[known], smile[known])
    still = (signals[list(NEUTRAL)] < pd.Series(NEUTRAL)).all(axis=1).to_numpy() & known & bare
    if still.sum() >= FEWEST:
        found["neutral"] = float(valence[still].mean())
    return found


def _hands(path: str | Path, clips: Sequence[Path]) -> Ranges:
    ranges = read_exclusions(path)
    if unknown := set(ranges) - {normal(clip.stem) for clip in clips}:
        raise StavisError(f"{path}: there is no clip called {some(unknown)}: write the clip's file name without its suffix.")
    return ranges


def _videos(clips: str | Path | Sequence[Path]) -> list[Path]:
    if not isinstance(clips, str | Path):
        return [Path(clip) for clip in clips]
    folder = Path(clips)
    if not folder.is_dir():
        return [folder]
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
