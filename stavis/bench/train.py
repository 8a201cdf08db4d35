"""Training of one system with one seed on what a bench has prepared; each way ends in a network and a function that reads a recording."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stavis.bench.data import BenchData, BenchRecording
from stavis.bench.descriptors.bags import fit_codebook
from stavis.bench.plan import SEARCH_SEED, SystemConfig
from stavis.bench.trainers.sequence_heads import FeatureSequence, fit_head, predict_head
from stavis.bench.trainers.single_frames import fit_frames
from stavis.bench.trainers.svr import fit_svr
from stavis.bench.trainers.to_plateau import Fitted
from stavis.data.datasets.selection import data_facts
from stavis.errors import StavisError
from stavis.evaluation.people import all_people
from stavis.inference.devices import choose_precision
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import read
from stavis.metrics import ccc, concatenated
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.cnn import CNN
from stavis.models.svr import SVRNetwork
from stavis.models.systems import SYSTEMS, System
from stavis.storage.files import atomic_file, read_json, write_json
from stavis.tensors import as_input
from stavis.training.fit import fit

_BATCH = 64  # frames that the 2D-CNN reads at a time
CNN_FEATURES = "features.npz"


@dataclass(frozen=True)
class Cost:
    """What training took: steps; seconds of the processor (all threads), own and of the network it is built on; wall seconds; why it
    ended ("plateau", "cap", "closed form"); the cap on its steps."""

    steps: int = 0
    cpu_seconds: float = 0.0
    base_cpu_seconds: float = 0.0
    seconds: float = 0.0
    stopped: str = "closed form"
    cap: int = 0


@dataclass(frozen=True)
class Trained:
    """A trained system: the network, how it reads a recording (values (T,) at its frames), the delay (s) of the labels it was trained on.

    cost: what training took. dev_ccc: the best on development. before: frames/s of what is computed before the network, None where it
    reads frames. reads: in words, what it was given.
    """

    model: nn.Module
    predict: Callable[[BenchRecording], np.ndarray]
    delay: float
    cost: Cost
    reads: str
    before: float | None = None
    notes: tuple[str, ...] = ()
    dev_ccc: float = float("nan")


@dataclass(frozen=True)
class _Order:
    """What is trained: a system by a recipe with a seed, on the network of which seed it is built, where and on what device."""

    found: BenchData
    chosen: System
    recipe: SystemConfig
    seed: int
    base_seed: int
    run: Path
    device: torch.device


def train_system(
    found: BenchData,
    name: str,
    seed: int,
    run: Path,
    device: torch.device,
    recipe: SystemConfig | None = None,
    base_seed: int | None = None,
) -> Trained:
    """Train a system by the bench's recipe (or another); its checkpoint is in `run`/best.

    base_seed: whose network it is built on, by default that of its own seed. Raises StavisError where the data do not carry it, or the
    network it is built on is not there.
    """
    gc.collect()  # a trainer that is done and its crops refer to each other: these crops would come beside those
    chosen = SYSTEMS[name]
    recipe = recipe or found.plan.recipe(name)
    order = _Order(found, chosen, recipe, seed, seed if base_seed is None else base_seed, run, device)
    if chosen.reads != "frames":
        return _support(order) if chosen.network is SVRNetwork else _descriptor_head(order)
    if chosen.needs:
        return _cnn_head(order)
    return _clips(order) if recipe.clips else _frames(order)


def _config(found: BenchData, chosen: System, **changes):
    return replace(chosen.preset(found.plan.preset), dimensions=(found.plan.dimension,), **changes)


def _info(found: BenchData, seed: int, delay: float, **more) -> dict:
    plan = found.plan
    data = {"name": Path(plan.data).name, "hash": plan.data_hash, "split": "train", "recordings": len(found.of("train"))}
    people = all_people([item.recording for item in found.of("train")], data_facts(plan.data), None)
    return {"data": data, "labels": found.label_source, "delay": delay, "training": {"seed": seed, **more}, **people}


def _clips(order: _Order) -> Trained:
    found, chosen, recipe, seed, run, device = order.found, order.chosen, order.recipe, order.seed, order.run, order.device
    config = _config(found, chosen)
    train, dev = ([item.crops_at(found.delay) for item in found.of(split)] for split in ("train", "dev"))
    plan = replace(recipe.clips, seed=seed)
    done = fit(
        train, dev, run, system=chosen.name, config=config, training=plan, device=str(device), resume=True, quiet=True,
        info=_info(found, seed, found.delay),
    )  # fmt: skip
    cost = Cost(done.step, done.cpu_seconds, 0.0, done.seconds, done.stopped, recipe.clips.steps)
    return clip_reader(found, VideoReader.load(run, device=str(device)), cost, done.best_ccc)


def clip_reader(found: BenchData, net: VideoReader, cost: Cost, dev_ccc: float = float("nan")) -> Trained:
    """A trained network of clips and how it reads a recording."""

    def values(item: BenchRecording) -> np.ndarray:
        """Read each time and never from the cache, because the bench measures how long it takes."""
        if found.plan.whole:
            return read_whole(net, item)
        return net.read_crops(replace(item.crops, folder=None)).prediction.values[:, 0]

    return Trained(net.model, values, found.delay, cost, f"crops of {net.model.config.crop_size} px", dev_ccc=dev_ccc)


def read_whole(net: VideoReader, item: BenchRecording) -> np.ndarray:
    """The values (T,) of a recording that a network of clips reads in one window: what it remembers reaches back to the first frame."""
    seconds = len(item.crops) / net.network.rate
    return read(net.network, item.crops.frames, item.crops.times, seconds=seconds).prediction.values[:, 0]


def _frames(order: _Order) -> Trained:
    found, chosen, recipe, seed, run, device = order.found, order.chosen, order.recipe, order.seed, order.run, order.device
    train, dev = ([item.crops_at(found.delay) for item in found.of(split)] for split in ("train", "dev"))
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = chosen.network(_config(found, chosen))

    def score(model: nn.Module) -> float:
        pairs = []
        for crops in dev:
            known = crops.valid & np.isfinite(crops.labels[:, 0])
            pairs.append((_stills(model, np.array(crops.frames)[known], device), crops.labels[known, 0]))
        return concatenated(ccc, pairs)

    reached = fit_frames(network, train, score, recipe.frames, seed=seed, device=device, precision=choose_precision(device))
    cost = _cost(reached, started)
    info = _info(found, seed, found.delay, steps=reached.steps, batch=recipe.frames.batch, loss=recipe.frames.loss)
    save_checkpoint(run / "best", network, system=chosen.name, info={**info, "dev_ccc": _known(reached.dev_ccc)})
    if seed != SEARCH_SEED:  # nothing is built on a trial
        _write_features(found, network, run, device)
    return Trained(
        network,
        lambda item: _stills(network, np.array(item.crops.frames), device),
        found.delay,
        cost,
        f"luminance, {network.config.vision} px",
        dev_ccc=reached.dev_ccc,
    )


def _cost(fitted: Fitted, started: float, base: float = 0.0) -> Cost:
    return Cost(fitted.steps, fitted.cpu_seconds, base, time.perf_counter() - started, fitted.stopped, fitted.cap)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _stills(network: CNN, frames: np.ndarray, device: torch.device) -> np.ndarray:
    """The values (T,) of single frames (T,H,W,3), in [-1,1]."""
    with torch.inference_mode():
        parts = [network(as_input(frames[k : k + _BATCH], device))[0, :, 0].float().cpu().numpy() for k in range(0, len(frames), _BATCH)]
    return np.clip(np.concatenate(parts or [np.zeros(0)]), -1, 1).astype(np.float64)


def _write_features(found: BenchData, network: CNN, run: Path, device: torch.device) -> None:
    """The features of every frame, for the rows that are built on this network."""
    dependents = [name for name in found.plan.systems if SYSTEMS[name].needs == "cnn"]
    if not dependents:
        return
    features, started, frames = {}, time.perf_counter(), 0
    half = choose_precision(device).startswith("bf16")  # as in training: it is read twice as fast
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        for item in found.items:
            images = np.array(item.crops.frames)
            parts = [
                network.features(as_input(images[k : k + _BATCH], device))[0].float().cpu().numpy() for k in range(0, len(images), _BATCH)
            ]
            features[item.name] = np.concatenate(parts)
            frames += len(images)
    speed = frames / max(time.perf_counter() - started, 1e-9)
    with atomic_file(run / CNN_FEATURES) as path, open(path, "wb") as stream:
        np.savez(stream, **features)
    write_json(run / "features.json", {"frames_per_second": speed})


def _cnn_head(order: _Order) -> Trained:
    found, chosen, seed, device = order.found, order.chosen, order.base_seed, order.device
    home = found.folder / "units" / chosen.needs / f"seed-{seed}"
    base = home / "run"
    if (base / "best").is_dir() and not (base / CNN_FEATURES).is_file():  # its features were not asked for then
        _write_features(found, load_checkpoint(base).model.to(device), base, device)
    if not (base / CNN_FEATURES).is_file():
        raise StavisError(f"{chosen.name} is built on {chosen.needs} of seed {seed}, which was not trained: see why that unit failed.")
    with np.load(base / CNN_FEATURES, allow_pickle=False) as file:
        features = {item.name: found.filled(item, file[item.name]) for item in found.items}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(order.seed)
        network = chosen.network(_config(found, chosen))
    network.cnn.load_state_dict(load_checkpoint(base).model.state_dict())
    for parameter in network.cnn.parameters():
        parameter.requires_grad_(False)
    result = home / "result" / "result.json"
    spent = float(read_json(result)["cpu_seconds"]) if result.is_file() else 0.0
    return _head(order, network, features, f"features of the CNN of seed {seed}", _speed(base / "features.json"), spent)


def _descriptor_head(order: _Order) -> Trained:
    found, chosen, seed = order.found, order.chosen, order.seed
    features, words, before = _descriptors(found, chosen, seed)
    width = next(iter(features.values())).shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = chosen.network(_config(found, chosen, inputs=width))
    return _head(order, network, features, words, before)


def _head(order: _Order, network: nn.Module, features: dict, words: str, before: float | None, base_cpu: float = 0.0) -> Trained:
    """Train the head of a network over features by recording."""
    found, chosen, recipe, seed, run, device = order.found, order.chosen, order.recipe, order.seed, order.run, order.device
    delay = found.delay if recipe.delay is None or found.plan.delay is not None else recipe.delay
    sets = {}
    for split in ("train", "dev"):
        labels = ((item, item.described(features[item.name])) for item in found.of(split))
        sets[split] = [FeatureSequence(one.features, one.labels_at(delay)[:, None], item.name) for item, one in labels]
    head = network.head
    if hasattr(head, "mean"):
        known = np.concatenate([one.features[np.isfinite(one.features).all(1)] for one in sets["train"]])
        if not len(known):
            raise StavisError("no training frame has a descriptor: check that faces were found in the train split.")
        deviation = known.std(0)
        head.mean.copy_(torch.from_numpy(known.mean(0)))
        head.deviation.copy_(torch.from_numpy(np.where(deviation > 1e-6, deviation, 1).astype(np.float32)))
    started = time.perf_counter()
    reached = fit_head(head, sets["train"], sets["dev"], recipe.head, rate=network.config.rate, seed=seed, device=device)
    cost = _cost(reached, started, base_cpu)
    info = _info(found, seed, delay, loss=recipe.head.loss, steps=reached.steps)
    save_checkpoint(run / "best", network, system=chosen.name, info={**info, "dev_ccc": _known(reached.dev_ccc)})

    def values(item: BenchRecording) -> np.ndarray:
        return predict_head(head, features[item.name], device)[:, 0]

    return Trained(network.eval(), values, delay, cost, words, before, dev_ccc=reached.dev_ccc)


def _support(order: _Order) -> Trained:
    found, chosen, seed, run = order.found, order.chosen, order.seed, order.run
    features, words, before = _descriptors(found, chosen, seed)
    width = next(iter(features.values())).shape[1]
    described = {split: [item.described(features[item.name]) for item in found.of(split)] for split in ("train", "dev")}
    delays = found.delays if found.plan.delay is None else [found.plan.delay]
    started, used = time.perf_counter(), time.process_time()
    fitted = fit_svr(described["train"], described["dev"], _config(found, chosen, inputs=width), delays=delays, seed=seed)
    cost = Cost(cpu_seconds=time.process_time() - used, seconds=time.perf_counter() - started)
    save_checkpoint(run / "best", fitted.network, system=chosen.name, info=_info(found, seed, fitted.delay, cost=fitted.cost))
    return Trained(
        fitted.network,
        lambda item: predict_head(fitted.network, features[item.name])[:, 0],
        round(fitted.delay, 2),
        cost,
        f"{words}; C = {fitted.cost:g}",
        before,
        dev_ccc=fitted.dev_ccc,
    )


def _descriptors(found: BenchData, chosen: System, seed: int) -> tuple[dict[str, np.ndarray], str, float | None]:
    """What a system of descriptors reads, by recording; in words; and how many frames/s computing it gives."""
    if chosen.reads == "lgbptop":
        return found.lgbptop, "LGBP-TOP, principal components of the train split, 4 s", _speed(found.folder / "shared" / "lgbptop.json")
    shapes, kind = found.shapes
    training = [shapes[item.name][item.crops.valid & item.crops.kept] for item in found.of("train")]
    codebook = fit_codebook(np.concatenate(training), seed)
    bags = {item.name: codebook.bags(found.filled(item, shapes[item.name]), item.crops.times) for item in found.items}
    return bags, f"{len(codebook.words)} words of {kind}, 4 s", None


def _speed(path: Path) -> float | None:
    return float(read_json(path)["frames_per_second"]) if path.is_file() else None
