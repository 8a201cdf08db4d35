"""A network that was trained on synthetic faces only, on real ones: measured on any folder of clips, failures included.

No label is needed: the tracker's own smile and frown signals stand beside the predicted valence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.crops.crops import CropConfig, Crops, crops_of
from stavis.data.datasets.exclusion import Ranges, read_exclusions
from stavis.data.datasets.folder import VIDEO_SUFFIXES, normal, some
from stavis.data.faces.blendshapes import signal_table
from stavis.data.faces.networks.emotions import EmotionNetwork
from stavis.errors import StavisError
from stavis.evaluation.invariance import column_of
from stavis.evaluation.invariance import invariance as change_under
from stavis.evaluation.second_opinion import opinion_on
from stavis.evaluation.signal_agreement import beside_signals, correlation, smile_less_frown
from stavis.inference.predictor import Network, VideoReader
from stavis.inference.reading import region_tables
from stavis.notes import show
from stavis.progress import bar
from stavis.show.figures.disagreement_sheet import check_sheet, disagreement_sheet, save_sheet, worst_frames
from stavis.types import Recording

EYES = ("left_eye", "right_eye")


def transfer(
    run: Network,
    clips: str | Path | Sequence[Path],
    *,
    covered: str | Path | None = None,
    second_opinion: bool = False,
    invariance: bool = False,
    sheet: str | Path | None = None,
    device: str = "auto",
    mirror: bool = False,
    quiet: bool = False,
) -> pd.DataFrame:
    """How a network performs on real clips, failures included.

    Parameters
    ----------
    run : str, path, module or Predictor
        The network, as for `load`.
    clips : path or sequence of Path
        A folder of clips, or video files; no labels are needed.
    covered : path, optional
        A CSV of recording,start,stop (s) that says when a hand lies over the mouth.
    second_opinion : bool
        Also compare with a small network trained on real faces (FER2013; its file of 93 kB is fetched once).
    invariance : bool
        Also measure how much valence changes when crops do and the face does not: ten more readings of each clip.
    sheet : path, optional
        A .png of the 24 frames in which valence disagrees most with these measures. It shows faces.
    device, mirror : str, bool
        As for `load`.
    quiet : bool
        No progress bar.

    Returns
    -------
    DataFrame
        One row per clip in which a face was tracked; its columns are in the README's table of outputs, undefined is NaN.

    Raises
    ------
    StavisError
        Where no clip shows a face, `covered` does not fit, the second opinion is not available, or the sheet cannot be written.

    Examples
    --------
    >>> stavis.transfer("sta-synthetic", "my_clips").smile_r  # doctest: +SKIP
    """
    check_sheet(sheet)
    paths = _videos(clips)
    hands = _hands(covered, paths) if covered is not None else {}
    emotions = EmotionNetwork.find() if second_opinion else None
    net = VideoReader.load(run, device=device, mirror=mirror)
    with bar("real clips", quiet) as progress:
        found = _measured_clips(net, paths, hands, emotions, invariance, progress)
    if not found:
        raise StavisError(f"{clips} holds no clip in which a face was tracked: give clips of faces.")
    if sheet:
        _save_worst(found, sheet)
    return pd.DataFrame([clip.row for clip in found])


def transfer_table(table: pd.DataFrame) -> str:
    """The table in Markdown, for a model card; what is undefined is a dash."""
    shown = table.drop(columns="frames")
    rows = [[f"{v:.2f}" if isinstance(v, float) and np.isfinite(v) else "–" if isinstance(v, float) else str(v) for v in row]
            for row in shown.itertuples(index=False)]  # fmt: skip
    lines = ["| " + " | ".join(shown.columns.str.replace("_", " ")) + " |", "|" + "---|" * len(shown.columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


@dataclass(frozen=True)
class _Clip:
    """What was measured on one clip: its row of the table, its frames one by one, and its crops."""

    row: dict
    frames: pd.DataFrame
    crops: Crops


def _measured_clips(net: VideoReader, paths: Sequence[Path], hands: Ranges, emotions, changed: bool, progress) -> list[_Clip]:
    """What was measured on each clip in which a face was tracked."""
    found = []
    for done, path in enumerate(paths, 1):
        crops = net.crops(Recording(path.stem, path))
        show(crops.notes)
        if crops.track is not None and crops.valid.any():
            found.append(_measured(net, crops, hands.get(normal(path.stem), []), emotions, changed))
        if progress:
            progress(done, len(paths))
    return found


def _measured(net: VideoReader, crops: Crops, hidden: list, emotions: EmotionNetwork | None, changed: bool) -> _Clip:
    reading = net.read_crops(crops)
    valence = np.where(crops.valid, reading.prediction.values[:, column_of(net)], np.nan)
    tables = region_tables(reading, crops)
    shares, densities = tables.shares, tables.densities
    signals = signal_table(crops.track)
    under = np.any([np.zeros(len(shares), bool), *((shares.time >= start) & (shares.time <= stop) for start, stop, _ in hidden)], 0)
    beside = beside_signals(crops.times, valence, signals, ~under)
    row = {"clip": crops.recording, "frames": int(crops.valid.sum()), **_attention(shares, densities)}
    row |= {"smile_r": beside.pop("smile_r"), "neutral": beside.pop("neutral"), "covered_ratio": np.nan}
    if under.any():
        row["covered_ratio"] = float(shares.mouth[under].mean() / shares.mouth[~under].mean())
    row |= beside
    frames = pd.DataFrame({"clip": crops.recording, "frame": np.arange(len(crops)), "time": crops.times, "valence": valence})
    if signals is not None:
        frames = frames.assign(smile=signals.smile, frown=signals.frown, smile_less_frown=smile_less_frown(signals))
    if emotions is not None:
        opinion = opinion_on(emotions, _crops_for_opinion(crops))
        row |= {"opinion_r": correlation(valence, opinion.valence), "opinion_confidence": opinion.confidence}
        frames = frames.assign(opinion=opinion.valence)
    if changed:
        row |= change_under(net, crops)
    return _Clip(row, frames, crops)


def _attention(shares: pd.DataFrame, densities: dict[str, float]) -> dict[str, float]:
    means = shares.mean(numeric_only=True)
    return {
        "mouth": means.mouth,
        "eyes": means.left_eye + means.right_eye,
        "left_eye": means.left_eye,
        "right_eye": means.right_eye,
        "brows": means.brows,
        "glabella": means.glabella,
        "features": means[[*EYES, "mouth", "brows", "glabella"]].sum(),
        "nose": means.nose,
        "cheeks": means.cheeks,
        "forehead": means.forehead,
        "chin": means.chin,
        "rest": means.rest,
        "outside": means.outside,
        "mouth_density": densities.get("mouth", np.nan),
        "eyes_density": float(np.mean([densities.get(eye, np.nan) for eye in EYES])),
    }


def _crops_for_opinion(crops: Crops) -> Crops:
    """The crops of the same face at the usual size, whatever that of the network is."""
    return crops_of(Recording(crops.recording, crops.video), replace(crops.spec, size=CropConfig().size))


def _save_worst(found: Sequence[_Clip], path: str | Path) -> None:
    crops = {number: clip.crops for number, clip in enumerate(found)}
    frames = pd.concat([clip.frames.assign(source=number) for number, clip in enumerate(found)], ignore_index=True)
    save_sheet(disagreement_sheet(worst_frames(frames), lambda row: np.asarray(crops[row.source].frames[row.frame])), path)


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
