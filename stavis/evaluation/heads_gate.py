"""Do 3D heads look to the tracker as they are? Before anything is trained on them: shapes, alignment and faces at rest through it."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from stavis.data.crops.build import face_model
from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.faces.alignment import EYES_AT, anchors, apply_affine, crop_affine
from stavis.data.faces.blendshapes import BLENDSHAPES, SIGNALS
from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.stage import HeadStage, require_heads
from stavis.synthetic.noise import smooth_course, smooth_step
from stavis.synthetic.scenarios import Courses
from stavis.synthetic.writer import encode_video

AT_LEAST = {"smile": 0.9, "frown": 0.5, "brow_down": 0.5, "blink": 0.6, "found": 0.95}
"""What the correlations within a person between true weights and the tracker's blendshapes have to reach, and the fraction of frames
in which the tracker finds the face."""

REST = {
    "mouth width": (0.64, 0.9),
    "mouth height": (0.99, 1.2),
    "corners below the lips' line": (-0.008, 0.078),
    "eye opening": (0.085, 0.19),
    "brow height": (0.24, 0.39),
}
"""The ranges of faces at rest, in eye distances below (the brows: above) the eyes: those of the flat faces who differ widely, which were
drawn up after eight real people."""

_FPS, _CROP = 6.25, 112


@dataclass(frozen=True)
class HeadsGate:
    """What the tracker sees of 3D heads.

    shapes: signal, r (within a person), at_least, passes. alignment: measure, mean, sd, of the crops aligned by the tracked face against
    those aligned by the truth (scale as a factor, shifts in px of 112, rotation in degrees). rest: measure, mean, sd, low, high,
    passes (the mean lies in the range).
    """

    people: int
    shapes: pd.DataFrame
    alignment: pd.DataFrame
    rest: pd.DataFrame

    @property
    def holds(self) -> bool:
        """Whether all signals and the faces at rest are as they have to be."""
        return bool(self.shapes.passes.all() and self.rest.passes.all())

    def __str__(self) -> str:
        tables = (self.shapes, self.alignment, self.rest)
        return f"{self.people} heads through the tracker\n\n" + "\n\n".join(one.round(3).to_string(index=False) for one in tables)


@dataclass(frozen=True)
class _Seen:
    """One head: true and tracked signals (T,S), found (T,) bool, alignment (n,4), rest (R,) at the frames without expression."""

    true: np.ndarray
    tracked: np.ndarray
    found: np.ndarray
    alignment: np.ndarray
    rest: np.ndarray


def heads_gate(
    people: int = 200, *, frames: int = 24, size: int = 336, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> HeadsGate:
    """Render heads as whole images whose mouth and eyes express on their own, track them, and compare.

    people, frames of each at 6.25 frames/s, the first third without expression; size in px. progress(done, people).

    Raises StavisError where the head model or the tracker is not available, or no face is found at all.
    """
    require_heads()
    face_model()
    config = SyntheticConfig(
        scenarios="occlusion",
        recordings=people,
        seconds=frames / _FPS,
        fps=_FPS,
        size=(size, size),
        seed=seed,
        diversity=1.0,
        renderer="heads",
    )
    seen: list[_Seen] = []
    work = Parallel(n_jobs=min(cpu_count(), people) if people > 3 else 1, return_as="generator")
    with tempfile.TemporaryDirectory(prefix="stavis-") as folder:
        for one in work(delayed(_seen)(config, index, Path(folder)) for index in range(people)):
            seen.append(one)
            if progress:
                progress(len(seen), people)
    if not any(one.found.any() for one in seen):
        raise StavisError(f"the tracker found no face in {people} heads of {size} px: render them larger.")
    return HeadsGate(people, _shapes(seen), _alignment(seen), _rest(seen))


def _seen(config: SyntheticConfig, index: int, folder: Path) -> _Seen:
    stage = HeadStage(config, index, _courses(config, index))
    landmarks = stage.landmarks()
    path = folder / f"{index}.mp4"
    encode_video(path, stage.frames(range(config.frames)), config.size, config.fps, 18)
    true = _signals(stage.expression)
    nothing = np.zeros((0, len(SIGNALS)))
    try:
        crops = crops_of(path, CropConfig(size=_CROP, rate=None, source="face"))
    except StavisError:  # no face in any frame
        return _Seen(nothing, nothing, np.zeros(config.frames, bool), np.zeros((0, 4)), np.full(len(REST), np.nan))
    found = np.flatnonzero(crops.valid)
    tracked = np.asarray(crops.track.blendshapes)
    still = found[found < _still(config)]
    rest = np.median(_geometry(np.asarray(crops.track.landmarks[still], np.float64)), 0) if len(still) else np.full(len(REST), np.nan)
    errors = _errors(crop_affine(landmarks, _CROP)[found], np.asarray(crops.affine)[found], landmarks[found])
    return _Seen(true[found], _signals(tracked[found]), np.asarray(crops.valid), errors, rest)


def _still(config: SyntheticConfig) -> int:
    return config.frames // 3


def _courses(config: SyntheticConfig, index: int) -> Courses:
    """Mouth and eyes on their own, after a while without expression; nothing is covered."""
    rng = config.generator("course", index)
    zero = np.zeros(config.frames)
    begun = smooth_step(np.arange(config.frames), _still(config) - 1, _still(config) + 1)
    mouth, eyes = (np.tanh(1.4 * smooth_course(rng, config.frames, 0.8 * config.fps)) * begun for _ in range(2))
    return Courses(mouth, zero, mouth, eyes, zero, zero.astype(np.int8), zero, zero, zero, zero, zero)


def _signals(weights: np.ndarray) -> np.ndarray:
    """The signals of weights or blendshapes (T,52), (T,S)."""
    return np.stack([weights[:, [BLENDSHAPES.index(shape) for shape in shapes]].mean(1) for shapes in SIGNALS.values()], 1)


def _errors(true: np.ndarray, tracked: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Of each frame: scale (factor), shift x and y of the point between the eyes (px of the crop), rotation (degrees)."""
    scale = np.sqrt(np.abs(np.linalg.det(tracked[:, :, :2]) / np.linalg.det(true[:, :, :2])))
    left, right, _ = anchors(landmarks)
    shift = apply_affine(tracked, ((left + right) / 2)[:, None])[:, 0] - (np.array(EYES_AT) * _CROP - 0.5)
    turn = np.degrees([np.arctan2(a[:, 1, 0], a[:, 0, 0]) for a in (tracked, true)])
    return np.column_stack([scale, shift, turn[0] - turn[1]])


def _geometry(points: np.ndarray) -> np.ndarray:
    """Where the parts of faces (T,478,2) lie, in eye distances along and across the line between the eyes: (T,R), as REST."""
    left, right, _ = anchors(points)
    across, middle = right - left, (left + right) / 2
    reach = np.hypot(*across.T)
    along = across / reach[:, None]
    down = np.stack([-along[:, 1], along[:, 0]], 1)

    def x(index: int) -> np.ndarray:
        return ((points[:, index] - middle) * along).sum(1) / reach

    def y(*indices: int) -> np.ndarray:
        return np.mean([((points[:, index] - middle) * down).sum(1) / reach for index in indices], 0)

    line = y(13, 14)
    columns = (x(291) - x(61), line, y(61, 291) - line, y(145, 374) - y(159, 386), -y(52, 282))
    return np.stack(columns, 1)


def _shapes(seen: list[_Seen]) -> pd.DataFrame:
    centred = [
        np.concatenate([values - values.mean(0) for values in (getattr(one, name) for one in seen) if len(values)])
        for name in ("true", "tracked")
    ]
    rows = []
    for column, name in enumerate(SIGNALS):
        true, tracked = (values[:, column] for values in centred)
        r = float(np.corrcoef(true, tracked)[0, 1]) if true.std() > 1e-6 and tracked.std() > 1e-6 else float("nan")
        rows.append({"signal": name, "r": r, "at_least": AT_LEAST.get(name, float("nan"))})
    rows.append({"signal": "found", "r": float(np.concatenate([one.found for one in seen]).mean()), "at_least": AT_LEAST["found"]})
    table = pd.DataFrame(rows)
    return table.assign(passes=~(table.r < table.at_least) & ~(table.r.isna() & table.at_least.notna()))


def _alignment(seen: list[_Seen]) -> pd.DataFrame:
    errors = np.concatenate([one.alignment for one in seen])
    names = ("scale", "shift x, px", "shift y, px", "rotation, degrees")
    return pd.DataFrame({"measure": names, "mean": errors.mean(0), "sd": errors.std(0)})


def _rest(seen: list[_Seen]) -> pd.DataFrame:
    faces = np.stack([one.rest for one in seen])
    low, high = np.array(list(REST.values())).T
    table = pd.DataFrame({"measure": list(REST), "mean": np.nanmean(faces, 0), "sd": np.nanstd(faces, 0), "low": low, "high": high})
    return table.assign(passes=(table["mean"] >= table.low) & (table["mean"] <= table.high))
