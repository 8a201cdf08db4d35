"""What all systems of a bench share: the recordings and their gold, the crops, the delay of the labels, the descriptors."""

import dataclasses
import time
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from stavis.bench.descriptors.lgbptop import LgbpTop, grey_crops
from stavis.bench.descriptors.reduction import Projection, fit_projection
from stavis.bench.descriptors.shape import face_shape
from stavis.bench.descriptors.windows import fill_missing, functionals
from stavis.bench.plan import BenchConfig, read_plan
from stavis.bench.trainers.svr import Described, fit_svr
from stavis.data.crops.crops import CropConfig, Crops
from stavis.data.crops.many import crops_for, notes_of
from stavis.data.datasets.gold import gold_where_known, gold_words, present_raters
from stavis.data.datasets.selection import data_facts, of_split, recordings_of
from stavis.errors import StavisError
from stavis.evaluation.postprocess import find_delay
from stavis.inference.devices import memory_kept
from stavis.models.svr import SVRConfig
from stavis.models.systems import SYSTEMS
from stavis.notes import show
from stavis.storage.files import atomic_file, read_json, write_json
from stavis.types import Recording

SPLITS = ("train", "dev", "test")
DELAY_STEP, LONGEST_DELAY = 0.2, 10.0
_SAMPLE = 2000  # training frames that the principal components are made of
_RUN = 8  # of these, neighbours: a frame's patterns need the frames around it


@dataclass(frozen=True)
class BenchRecording:
    """One recording of a bench: its crops at the bench's rate, and its gold (N,) in [-1,1] at gold_times (N,) s, NaN where invalid."""

    recording: Recording
    split: str
    crops: Crops
    gold_times: np.ndarray
    gold: np.ndarray

    @property
    def name(self) -> str:
        """What the recording is called."""
        return self.recording.name

    def described(self, features: np.ndarray) -> Described:
        """The recording with descriptors (T,F) of its frames; excluded frames have none."""
        kept = np.where(self.crops.kept[:, None], features, np.nan)
        return Described(kept, self.crops.times, self.gold_times, self.gold, self.crops.max_gap)

    def crops_at(self, delay: float) -> Crops:
        """The crops with the raters' delay undone: each frame has the label that was marked `delay` s later."""
        return dataclasses.replace(
            self.crops, dimensions=(self.crops.dimensions[0],), label_times=self.gold_times - delay, label_values=self.gold[:, None]
        )


@dataclass(frozen=True)
class BenchData:
    """All recordings of a bench, with what was computed of them beforehand under its folder."""

    folder: Path
    plan: BenchConfig
    items: tuple[BenchRecording, ...]
    label_source: str

    def of(self, *splits: str) -> list[BenchRecording]:
        """The recordings of some splits."""
        return [item for item in self.items if item.split in splits]

    @property
    def scored(self) -> str:
        """The split that is scored."""
        return self.plan.split or ("test" if self.of("test") else "dev")

    @cached_property
    def delay(self) -> float:
        """By how many s the labels lag behind the videos: as given, or as it was found on development."""
        if self.plan.delay is not None:
            return self.plan.delay
        return float(read_json(self.folder / "shared" / "delay.json")["delay"])

    @cached_property
    def lgbptop(self) -> dict[str, np.ndarray]:
        """Mean and deviation over 4 s of the principal components of LGBP-TOP, by recording: (T,168)."""
        with np.load(self.folder / "shared" / "lgbptop.npz", allow_pickle=False) as file:
            components = {name: file[name] for name in file.files}
        return {item.name: functionals(self.filled(item, components[item.name]), item.crops.times) for item in self.items}

    @cached_property
    def shapes(self) -> tuple[dict[str, np.ndarray], str]:
        """What each face does, by recording (T,F), and what these numbers are."""
        found, kinds = {}, set()
        for item in self.items:
            if item.crops.track is None:
                found[item.name] = None
                continue
            found[item.name], kind = face_shape(item.crops.track)
            kinds.add(kind)
        if len(kinds) != 1:
            raise StavisError("bags of words need a tracked face in the recordings, all by the same tracker: see `stavis track`.")
        width = next(values.shape[1] for values in found.values() if values is not None)
        missing = {item.name: np.full((len(item.crops), width), np.nan, np.float32) for item in self.items if found[item.name] is None}
        return {**found, **missing}, kinds.pop()

    def filled(self, item: BenchRecording, features: np.ndarray) -> np.ndarray:
        """Features (T,F) of a recording with the plan's decision on frames without a face; NaN throughout where there is none at all."""
        return fill_missing(features, item.crops.valid, self.plan.fill)

    @property
    def delays(self) -> np.ndarray:
        """The delays that are tried, s: up to 10, and at most half of a usual recording."""
        length = float(np.median([item.gold_times[-1] - item.gold_times[0] for item in self.items]))
        return np.arange(0, min(LONGEST_DELAY, length / 2) + 1e-6, DELAY_STEP)


@lru_cache(maxsize=2)
def bench_data(folder: Path) -> BenchData:
    """The recordings of a bench that was begun; a process reads them once.

    Raises StavisError where a split that is needed is missing or has no labels.
    """
    plan = read_plan(folder)
    rate, size = _reading(plan)
    facts = data_facts(plan.data)
    raters = plan.labels == "raters" or (plan.labels == "auto" and bool(facts.get("synthetic")))
    items, sources = [], set()
    chosen = {"fold": plan.fold, "exclude": plan.exclude, "labels": plan.reading}
    everything = recordings_of(plan.data, **chosen)
    splits = [split for split in dict.fromkeys((*SPLITS, plan.split)) if any(r.split == split for r in everything)]
    for split in ("train", "dev", *([plan.split] if plan.split else [])):
        of_split(everything, plan.data, split, labelled=True)  # says what is there where it is missing
    for split in splits:
        labelled = [r for r in everything if r.split == split and r.labels is not None and plan.dimension in r.dimensions]
        cropped = crops_for(labelled, CropConfig(size=size, rate=rate, source=plan.source))
        show(notes_of(cropped))
        for recording, crops in zip(labelled, cropped, strict=True):
            times, gold, source = _gold(recording, plan.dimension, raters)
            sources.add(source)
            items.append(BenchRecording(recording, split, dataclasses.replace(crops, dimensions=(plan.dimension,)), times, gold))
    for split in ("train", "dev"):
        if not any(item.split == split for item in items):
            raise StavisError(f"{plan.data}: no recording of split {split!r} has labels of {plan.dimension!r}: choose another --dimension.")
    return BenchData(folder, plan, tuple(items), "; ".join(sorted(sources)))


def prepare(folder: Path, jobs: int, progress=None) -> BenchData:
    """Compute what several systems of a bench need, where it is not there yet: the delay of the labels, LGBP-TOP."""
    shared = folder / "shared"
    found = bench_data(folder)
    if found.plan.delay is None and not (shared / "delay.json").exists():
        write_json(shared / "delay.json", _pilot(found))
    wanted = {SYSTEMS[name].reads for name in found.plan.systems}
    if "lgbptop" in wanted and not (shared / "lgbptop.npz").exists():
        _write_lgbptop(found, shared, jobs, progress)
    return found


def train_projection(found: BenchData, descriptor: LgbpTop) -> Projection:
    """The principal components of LGBP-TOP over frames of the training partition, and of nothing else."""
    train = found.of("train")
    rows = []
    for item in train:
        runs = min(max(1, round(_SAMPLE / _RUN / len(train))), max(1, len(item.crops) // _RUN))
        ends = np.linspace(0, max(len(item.crops) - _RUN, 0), runs + 2)[1:-1].round().astype(int)
        for start in ends:
            part = slice(start, start + _RUN)
            described = descriptor.describe(np.asarray(item.crops.frames[part]), item.crops.valid[part])
            rows.append(described[item.crops.valid[part]])
    training = np.concatenate(rows)
    del rows, described  # half a gigabyte that would lie beside what is made of it
    return fit_projection(training)


def _reading(plan: BenchConfig) -> tuple[float, int]:
    """The rate (frames/s) and size (px) at which the crops of a bench are made: what the plan's preset reads."""
    configs = [SYSTEMS[name].preset(plan.preset) for name in plan.systems]
    return float(configs[0].rate), max(config.crop_size for config in configs)


def _gold(recording: Recording, dimension: str, raters: bool) -> tuple[np.ndarray, np.ndarray, str]:
    """Times and values of a recording's gold, and where it is from."""
    if raters and dimension in recording.raters:
        ratings = recording.raters[dimension]
        return recording.label_times, gold_where_known(ratings), gold_words(present_raters(ratings))
    values = recording.labels[:, recording.dimensions.index(dimension)]
    return recording.label_times, values, recording.label_source or "the recordings' own labels"


def _pilot(found: BenchData) -> dict:
    """The delay of the labels by a linear machine over simple measures of the faces: what makes it best on development."""
    machine = {}
    described = {split: [item.described(_simple(found, item)) for item in found.of(split)] for split in ("train", "dev")}
    width = described["train"][0].features.shape[1]
    fitted = fit_svr(described["train"], described["dev"], SVRConfig(inputs=width), delays=found.delays, costs=(1e-3, 1e-2))
    predicted, gold = [], []
    with torch.inference_mode():
        for one in described["dev"]:
            known = np.isfinite(one.features).all(1)
            values = fitted.network(torch.from_numpy(one.features[known].astype(np.float32))[None])[0, :, 0].numpy()
            predicted.append((one.times[known], values.astype(np.float64)))
            gold.append((one.label_times, one.labels))
    finer = find_delay(predicted, gold, grid=found.delays)
    machine["delay"] = round(max(0.0, finer if abs(finer - fitted.delay) <= 2 * DELAY_STEP else fitted.delay), 2)
    return {**machine, "dev_ccc": round(fitted.dev_ccc, 4), "by": "linear machine over face shapes, best on the dev split"}


def _simple(found: BenchData, item: BenchRecording) -> np.ndarray:
    """Measures for the pilot: face shapes where a face was tracked, else a small grey picture; they and their speed over 1 s."""
    if any(one.crops.track is not None for one in found.of("train")):
        values = found.shapes[0][item.name]
    else:
        values = grey_crops(item.crops.frames, 12).reshape(len(item.crops), -1)
    values = fill_missing(values, item.crops.valid)
    speed = np.abs(np.gradient(values, axis=0)) if len(values) > 1 else np.zeros_like(values)
    return np.concatenate([values, functionals(values, item.crops.times, 1.0), functionals(speed, item.crops.times, 1.0)], 1)


def _write_lgbptop(found: BenchData, shared: Path, jobs: int, progress) -> None:
    descriptor = LgbpTop()
    with memory_kept():  # what it took is given back: training follows in other processes
        projection = train_projection(found, descriptor)
    work = Parallel(n_jobs=jobs, return_as="generator")
    tasks = (delayed(_project)(descriptor, projection, item.crops) for item in found.items)
    components, spent, frames = {}, 0.0, 0
    for done, (item, (values, seconds)) in enumerate(zip(found.items, work(tasks), strict=True), 1):
        components[item.name] = values
        spent, frames = spent + seconds, frames + len(values)
        if progress:
            progress(done, len(found.items))
    with atomic_file(shared / "projection.npz") as path, open(path, "wb") as stream:
        np.savez(stream, mean=projection.mean, components=projection.components, explained=projection.explained)
    write_json(shared / "lgbptop.json", {"frames_per_second": frames / max(spent, 1e-9), "explained": float(projection.explained.sum())})
    with atomic_file(shared / "lgbptop.npz") as path, open(path, "wb") as stream:
        np.savez(stream, **components)


def _project(descriptor: LgbpTop, projection: Projection, crops: Crops) -> tuple[np.ndarray, float]:
    """The principal components of a recording's LGBP-TOP, and the s that it took."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    with memory_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [projection.apply(rows) for rows in descriptor.chunks(crops.frames, crops.valid)]
    return np.concatenate(parts), time.perf_counter() - started
