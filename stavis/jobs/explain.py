"""One video explained: what the network says of every frame, where it looked, what moved its answer; as files and one page."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.attention.cue_scores import CueScores, cue_scores, cue_trace
from stavis.attribution.methods import integrated_gradients, saliency
from stavis.data.crops.crops import CropConfig, Crops, crops_of
from stavis.data.datasets.folder import recording_at
from stavis.data.datasets.truth import read_truth
from stavis.data.faces.blendshapes import signal_table
from stavis.errors import StavisError
from stavis.inference.attribute import Method, attribute
from stavis.inference.devices import choose_device
from stavis.inference.reading import Reading, read, shares_and_densities
from stavis.models.checkpoint import Checkpoint, load_checkpoint, trained_on
from stavis.provenance import provenance
from stavis.regions import REGIONS
from stavis.storage.files import atomic_file, write_json
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Recording

SHIPPED = "sta-synthetic"
"""The checkpoint that ships with the package; it has only ever seen drawn faces."""
METHODS: dict[str, Method] = {"saliency": saliency, "integrated-gradients": integrated_gradients}
SHOWN_SECONDS = 20.0
"""The longest stretch that attributions are computed for and that the page shows, from the middle of a longer video."""

Progress = Callable[[str, int, int], None]


def method_names(text: str) -> tuple[str, ...]:
    """The names in a list separated by commas, as shells and notebooks give it."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True, repr=False)
class Explanation:
    """Everything known of one video after the network has read it.

    reading: every frame; stretch: which frames `clip` and the attributions are of (all of a short video); shares: one row a frame;
    densities: mean share over area by region (1 = chance); cue: scores against the truth, only for a drawn recording; seconds: what
    it took.
    """

    video: Path
    checkpoint: Checkpoint
    crops: Crops
    reading: Reading
    stretch: slice
    clip: Clip
    attributions: dict[str, Attribution]
    shares: pd.DataFrame
    densities: dict[str, float]
    cue: CueScores | None
    warnings: tuple[str, ...]
    seconds: float

    def __repr__(self) -> str:
        methods = ", ".join(self.attributions) or "no attribution"
        return f"Explanation({self.video.name}: {len(self.crops)} frames, {self.frames_with_face} with a face, {methods})"

    @property
    def frames_with_face(self) -> int:
        """How many frames show a face."""
        return int(self.crops.valid.sum())

    @property
    def attention(self) -> AttentionMaps | None:
        """Where the network looked in the frames of `clip`."""
        maps = self.reading.attention
        return None if maps is None else AttentionMaps(maps.weights[self.stretch], maps.times[self.stretch])

    @property
    def prediction(self) -> Prediction:
        """What the network said of the frames of `clip`; NaN where no face was."""
        whole = self.reading.prediction
        values = np.where(self.clip.valid[:, None], whole.values[self.stretch], np.nan)
        return Prediction(whole.times[self.stretch], values, whole.dimensions)


def explain_video(
    run: str | Path,
    video: str | Path | Recording,
    *,
    methods: Sequence[str] = ("saliency", "integrated-gradients"),
    source: str = "auto",
    face: str | int | tuple[float, float] = "largest",
    device: str = "auto",
    shown_seconds: float = SHOWN_SECONDS,
    progress: Progress | None = None,
) -> Explanation:
    """Read a video (or a recording with labels and truth) with a network and attribute its prediction to the pixels.

    A video that is DIR/videos/NAME of a data folder brings its labels and its truth with it.

    Raises StavisError where the video or the checkpoint cannot be read, or a method is unknown.
    """
    started = time.monotonic()
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise StavisError(f"there is no attribution method {unknown[0]!r}: choose from {', '.join(METHODS)}.")
    video = video if isinstance(video, Recording) else recording_at(video)
    checkpoint = load_checkpoint(run)
    model, config = checkpoint.model.to(choose_device(device)), checkpoint.model.config
    crops = crops_of(video, CropConfig(size=config.crop_size, rate=None, source=source, face=face), _stage(progress, "crops"))
    if not crops.valid.any():
        raise StavisError(f"{video.video} shows no face in any of its {len(crops.times)} frames: choose another video.")
    reading = read(model, crops.frames, crops.times, progress=_stage(progress, "attention"))
    stretch = _middle(crops.times, shown_seconds)
    clip = crops.clip(stretch.start, stretch.stop)
    attributions = attribute(
        [METHODS[name] for name in methods],
        model,
        clip,
        model.dimensions[0],
        rate=config.rate,
        seconds=config.seconds,
        progress=_stage(progress, "attributions"),
    )
    shares, densities = shares_and_densities(reading, crops)
    return Explanation(
        video=video.video,
        checkpoint=checkpoint,
        crops=crops,
        reading=reading,
        stretch=stretch,
        clip=clip,
        attributions=attributions,
        shares=shares,
        densities=densities,
        cue=_cue(video, reading, crops),
        warnings=(*crops.warnings, *dict.fromkeys(note for one in attributions.values() for note in one.notes)),
        seconds=time.monotonic() - started,
    )


def write_explanation(explanation: Explanation, out: str | Path) -> Path:
    """Write attention.npz, shares.csv, predictions.csv, explain.json and (where a face was tracked) signals.csv under `out`.

    Each is written whole or not at all. signals.csv holds what the tracker says of the face, one row a frame. Returns `out`.
    """
    out = Path(out)
    if explanation.reading.attention is not None:
        with atomic_file(out / "attention.npz") as temporary:
            np.savez_compressed(temporary, weights=explanation.reading.attention.weights, times=explanation.crops.times)
    with atomic_file(out / "shares.csv") as temporary:
        _with_valid_as_number(explanation.shares).to_csv(temporary, index=False, float_format="%.6g")
    with atomic_file(out / "predictions.csv") as temporary:
        prediction_table(explanation).to_csv(temporary, index=False, float_format="%.6g")
    signals = signal_table(explanation.crops.track)
    if signals is not None:
        with atomic_file(out / "signals.csv") as temporary:
            signals.to_csv(temporary, index=False, float_format="%.6g")
    write_json(out / "explain.json", summary(explanation))
    return out


def prediction_table(explanation: Explanation) -> pd.DataFrame:
    """One row a frame and dimension: time (s), dimension, predicted (empty where no face was)."""
    prediction = explanation.reading.prediction
    values = np.where(explanation.crops.valid[:, None], prediction.values, np.nan)
    columns = [
        pd.DataFrame({"time": prediction.times, "dimension": name, "predicted": values[:, i]})
        for i, name in enumerate(prediction.dimensions)
    ]
    return pd.concat(columns, ignore_index=True)


def summary(explanation: Explanation) -> dict:
    """What explain.json says: counts, mean shares and densities, completeness, damage, provenance."""
    shares = explanation.shares[list(REGIONS)].mean()
    times = explanation.crops.times
    frames = len(times)
    length = float(times[-1] - times[0])
    return {
        "video": explanation.video.name,
        "frames": frames,
        "frames_with_face": explanation.frames_with_face,
        "faces": explanation.crops.faces,
        "seconds": round(explanation.seconds, 2),
        "realtime_factor": round(length / explanation.seconds, 3) if explanation.seconds else None,
        "crop": explanation.crops.source,
        "mean_shares": {name: _number(shares[name]) for name in REGIONS},
        "mean_densities": {name: _number(value) for name, value in explanation.densities.items()},
        **{f"{name}_by_method": table for name, table in by_method(explanation).items()},
        "relative_delta": {name: _number(a.relative_delta) for name, a in explanation.attributions.items()},
        "only_drawn_faces_seen": explanation.checkpoint.only_synthetic,
        "warnings": list(explanation.warnings),
        "provenance": provenance_of(explanation),
    }


def by_method(explanation: Explanation) -> dict[str, dict[str, dict[str, float | None]]]:
    """Mean shares and densities by method and region: the attention over the whole video, attributions (their sizes) over the clip."""
    shares = {"attention": {name: _number(explanation.shares[name].mean()) for name in REGIONS}} if explanation.attention else {}
    densities = {"attention": {name: _number(explanation.densities.get(name)) for name in REGIONS}} if shares else {}
    clip = explanation.clip
    for method, attribution in explanation.attributions.items() if clip.regions is not None else ():
        share, density = (part[clip.valid] for part in (attribution.share(clip.regions), attribution.density(clip.regions)))
        shares[method] = {name: _number(_mean(share[:, column])) for column, name in enumerate(REGIONS)}
        densities[method] = {name: _number(_mean(density[:, column])) for column, name in enumerate(REGIONS)}
    return {"shares": shares, "densities": densities}


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def provenance_of(explanation: Explanation) -> dict[str, str]:
    """What is needed to make this explanation again."""
    return provenance(
        system=explanation.checkpoint.system,
        weights_sha256=explanation.checkpoint.hash,
        **trained_on(explanation.checkpoint),
        crop=f"{explanation.crops.source}, {explanation.checkpoint.model.config.crop_size} px",
        dimension=", ".join(explanation.checkpoint.model.dimensions),
    )


def _cue(recording: Recording, reading: Reading, crops: Crops) -> CueScores | None:
    if recording.truth is None or reading.attention is None or crops.track is None:
        return None
    truth = read_truth(recording.truth)
    return cue_scores([cue_trace(reading.attention, crops.clip().regions, truth.mouth_cue, truth.carrier)])


def _middle(times: np.ndarray, seconds: float) -> slice:
    """The stretch of at most `seconds` around the middle of the video."""
    centre = (times[0] + times[-1]) / 2
    inside = np.flatnonzero(np.abs(times - centre) <= seconds / 2)
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 1)


def _stage(progress: Progress | None, name: str):
    return None if progress is None else lambda done, total: progress(name, done, total)


def _with_valid_as_number(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(valid=table.valid.astype(int))


def _number(value) -> float | None:
    return round(float(value), 6) if value is not None and np.isfinite(value) else None
