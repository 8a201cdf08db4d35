"""What a verdict rests on: everything measured on each clip, before any of it is judged."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from torch import nn

from stavis.attribution.cuts import SAID, NoGradient
from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import input_x_gradient, saliency
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.regions import pooled, spread
from stavis.trust import nulls
from stavis.trust.agreement import METRICS, agreement, constant, jensen_shannon
from stavis.trust.attention_tests import TOLERANCE, AttentionOverride, adversarial, far_maps, recorded, replaceable, replacements, variation
from stavis.trust.faithfulness import FIRST, InsertionDeletion
from stavis.trust.head_maps import independent_of, maps_behind_heads
from stavis.trust.localisation import localisation
from stavis.trust.sanity import branches, randomised
from stavis.types import Attribution, Clip, Target

AGREEMENT_METHODS: list[Callable[..., Attribution]] = [saliency, input_x_gradient, exact_deeplift]
"""The attributions that a verdict compares with the attention unless told otherwise: quick, and each sees the learned weights."""


EVEN = "There are frames without any positive relevance: their map counts as even."

SHOWN_CURVES = ("attention", "random order")
"""The orders of cells whose insertion and deletion curves are kept."""


@dataclass
class Evidence:
    """All that was measured; one entry per clip in each list.

    own and gold (T,) are the prediction and the labels (gold None without), seen (T,) marks the frames that count; replaced maps a
    kind of replacement to predictions (K,T). insertion maps an order of cells to the area under its insertion curve, first to the
    mean height of that curve at its first steps (FIRST). uniqueness and free are 1 − JSD of the map most unlike the model's own, at
    the same prediction (to `tolerance`, which is `share` of the standard deviation of all predictions) and at any; none of these and of
    replaced where the attention cannot be replaced, as `fixed` says. attributions maps a method's label to the network's own map
    (T,H,W); none of them where no gradient reaches the pixels, as `unfollowed` says. curves is tidy: clip, order, direction, fraction,
    height. scores is tidy: clip, method, metric, against (attention, a null, or random head N), score. places has one row per clip and
    part of the face. limits: what else limits the answers, in sentences.
    """

    groups: list[str] = field(default_factory=list)
    attention: list[np.ndarray] = field(default_factory=list)
    own: list[np.ndarray] = field(default_factory=list)
    gold: list[np.ndarray | None] = field(default_factory=list)
    seen: list[np.ndarray] = field(default_factory=list)
    replaced: list[dict[str, np.ndarray]] = field(default_factory=list)
    insertion: list[dict[str, float]] = field(default_factory=list)
    first: list[dict[str, float]] = field(default_factory=list)
    curves: list[dict] = field(default_factory=list)
    uniqueness: list[float] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    attributions: list[dict[str, np.ndarray]] = field(default_factory=list)
    fixed: str = ""
    unfollowed: str = ""
    limits: Notes = field(default_factory=Notes)
    tolerance: float = float("nan")
    share: float = TOLERANCE
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    places: pd.DataFrame = field(default_factory=pd.DataFrame)


def gather(
    model: nn.Module,
    clips: list[Clip],
    target: Target,
    attention: nn.Module | str | None,
    *,
    methods: Sequence[Callable[..., Attribution]],
    heads: int,
    networks: int,
    tolerance: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Measure everything that a verdict on a model with attention needs; progress(done, total) counts three steps a clip."""
    step = _counted(progress, 3 * len(clips))
    found = Evidence(groups=[clip.recording or f"clip {index}" for index, clip in enumerate(clips)], share=tolerance)
    for clip in clips:
        maps, own = recorded(model, clip, target, attention)
        if not np.isfinite(maps).all():
            found.limits.add(EVEN)
        found.attention.append(_without_gaps(maps))
        found.own.append(own)
        found.gold.append(_gold(clip, target))
        found.seen.append(_seen(clip, target, found.gold[-1]))
        try:
            found.attributions += attributions_of(model, [clip], target, attention, methods, found.limits)
        except NoGradient as error:
            found.unfollowed, methods = _sentence(str(error)), ()
            found.attributions.append({})
        step()
    found.tolerance = tolerance * variation(found.own, found.seen)
    random_maps = _maps_of_random_networks(model, clips, target, attention, networks, seed)
    for index, clip in enumerate(clips):
        with replaceable(model, clip, target, attention) as at:
            found.fixed = found.fixed or at.fixed
            if not at.fixed:
                kinds = replacements(found.attention, index, seed)
                found.replaced.append({kind: at.run(np.stack(given)) for kind, given in kinds.items()})
                unique, free = _uniqueness(at, found.tolerance, seed + index)
                found.uniqueness.append(unique)
                found.free.append(free)
            areas, first, rows = _insertion(at, found, index, seed, random_maps[index])
            found.insertion.append(areas)
            found.first.append(first)
            found.curves += rows
        step()
    options = {"methods": methods, "heads": heads, "seed": seed, "step": step}
    found.scores = scores(model, clips, target, attention, found.attention, found.attributions, **options)
    found.places = places(clips, found.attention)
    return found


def _counted(progress: Callable[[int, int], None] | None, total: int) -> Callable[[], None]:
    """A function that says progress(done, total) once more each time it is called; 0 is said at once."""
    counter = itertools.count(1)
    if progress:
        progress(0, total)
    return lambda: progress(next(counter), total) if progress else None


def _maps_of_random_networks(model, clips: list[Clip], target: Target, attention, networks: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Where each clip would be attended to by the same architecture before any training, one map per random initialisation."""
    found: list[dict[str, np.ndarray]] = [{} for _ in clips]
    for number in range(networks if any(True for _ in model.parameters()) else 0):
        with randomised(model, None, seed + 1000 + number):
            for index, clip in enumerate(clips):
                found[index][f"random network {number + 1}"] = _without_gaps(recorded(model, clip, target, attention)[0])
    return found


def _without_gaps(maps: np.ndarray) -> np.ndarray:
    """Maps (T,h,w) that are even in frames without one: an even map ranks nothing, so that agreement with it stays undefined."""
    return np.where(np.isfinite(maps), maps, 1 / (maps.shape[1] * maps.shape[2]))


def scores(
    model: nn.Module,
    clips: list[Clip],
    target: Target,
    attention: nn.Module | str | None,
    maps: list[np.ndarray],
    attributions: list[dict[str, np.ndarray]],
    *,
    methods: Sequence[Callable[..., Attribution]],
    heads: int,
    seed: int,
    step: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """How alike the attention and each method's map are, with the nulls; tidy, see Evidence. NaN where a map is constant.

    attributions: the network's own maps by method's label, one dict per clip. step is called after each clip.
    """
    rows: list[dict] = []

    def note(place, method, against, a, b):
        table = agreement(a, b)
        means = {metric: _mean(table[metric]) for metric in METRICS}
        rows.extend({"clip": place, "method": method, "metric": m, "against": against, "score": s} for m, s in means.items())

    for place, own in enumerate(maps):
        for label, values in attributions[place].items():
            note(place, label, "attention", own, values)
        for name, null in map_nulls(clips, maps, place, seed).items():
            note(place, name, "null", own, null)
    head = branches(model, clips[0], attention)["head"]
    seeds = [seed + 2000 + number for number in range(heads if head and methods else 0)]
    options = {"head": head, "seeds": seeds, "fixed": independent_of(model, head, clips[0]) if seeds else []}
    for place, clip in enumerate(clips):
        run = partial(call, model=model, clip=clip, target=target, attention=attention)
        for label, number, values in maps_behind_heads(model, clip, target, methods, run, **options):
            note(place, label, f"random head {number + 1}", maps[place], values)
        step()
    return pd.DataFrame(rows, columns=["clip", "method", "metric", "against", "score"])


def attributions_of(
    model: nn.Module, clips: list[Clip], target: Target, attention, methods: Sequence[Callable[..., Attribution]], limits: Notes
) -> list[dict[str, np.ndarray]]:
    """The network's own maps (T,H,W), one dict per clip, by the method's label; where gradients were cut, that is added to `limits`."""
    found = [{method.label: call(method, model, clip, target, attention) for method in methods} for clip in clips]
    cuts = (note for maps in found for one in maps.values() for note in one.notes if note.startswith(SAID))
    limits.add(*(f"{_sentence(note)} Agreement is judged by what is left." for note in cuts))
    return [{label: one.values for label, one in maps.items()} for maps in found]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def between_methods(attributions: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """How alike the methods' maps are to each other: one row per clip and pair, with `cc` and `spearman` of their sizes |.|."""
    rows = []
    for index, maps in enumerate(attributions):
        found = [(label, pooled(np.abs(values), tuple(min(16, side) for side in values.shape[1:]))) for label, values in maps.items()]
        for first, (label, values) in enumerate(found):
            for other, others in found[first + 1 :]:
                table = agreement(values, others)
                scores = {name: _mean(table[name]) for name in ("cc", "spearman")}
                rows.append({"clip": index, "method": label, "other": other} | scores)
    return pd.DataFrame(rows, columns=["clip", "method", "other", "cc", "spearman"])


def map_nulls(clips: list[Clip], maps: list[np.ndarray], place: int, seed: int) -> dict[str, np.ndarray]:
    """The maps that know nothing of this clip or of the network, by name; those that need other clips only where there are some."""
    own, clip = maps[place], clips[place]
    found = {
        "smooth random": nulls.smooth_random(own, seed + place),
        "centre": nulls.centre(own.shape),
        "edges": nulls.edges(clip, own.shape[1:]),
        "mean face": nulls.mean_face(clip, own.shape[1:]),
        "mean map": nulls.mean_map(maps, place),
        "another clip's": nulls.of_another(maps, place),
    }
    return {name: null for name, null in found.items() if null is not None}


def places(clips: list[Clip], maps: list[np.ndarray]) -> pd.DataFrame:
    """Where the attention lies: one row per clip and region, means over its frames; empty without regions."""
    tables = []
    for place, (clip, own) in enumerate(zip(clips, maps, strict=True)):
        if clip.regions is not None:
            valid = np.flatnonzero(clip.valid)
            own, regions = _of_content(own[valid], clip.regions[valid], clip.content)
            names = clip.region_set.names
            table = localisation(own, regions, names).drop(columns="frame").groupby("part", sort=False).mean()
            tables.append(table.reset_index().assign(clip=place))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["part", "share", "density", "clip"])


def _of_content(maps: np.ndarray, regions: np.ndarray, content: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Maps and regions of the part of the images that shows the video: without the bars of a letterbox."""
    if content is None:
        return maps, regions
    rows, columns = (slice(on[0], on[-1] + 1) for on in (np.flatnonzero(content.any(axis)) for axis in (1, 0)))
    return spread(maps, content.shape)[:, rows, columns], regions[:, :, rows, columns]


def call(method: Callable[..., Attribution], model, clip: Clip, target: Target, attention) -> Attribution:
    """A method's attribution, with the attention module where the method takes one."""
    if attention is not None and "attention" in inspect.signature(method).parameters:
        return method(model, clip, target, attention=attention)
    return method(model, clip, target)


def _insertion(at: AttentionOverride, found: Evidence, index: int, seed: int, more: dict[str, np.ndarray]):
    """What each order of cells brings back on the network in question: the area under its curve, and the height of its first steps."""
    clip, maps = at.asked.clip, found.attention
    own, explained = maps[index], found.attributions[index].get(exact_deeplift.label)
    uncover = InsertionDeletion(at.asked)
    if explained is None and not found.unfollowed:
        explained = exact_deeplift(at.asked.model, clip, at.asked.target, attention=at.attention).values
    orders = {
        "attention": own,
        "random order": nulls.uniform(own.shape),
        "smooth random 1": nulls.smooth_random(own, seed + 10 * index),
        "smooth random 2": nulls.smooth_random(own, seed + 10 * index + 1),
        "centre": nulls.centre(own.shape),
        "edges": nulls.edges(clip, own.shape[1:]),
        "mean map": nulls.mean_map(maps, index),
        "another clip's": nulls.of_another(maps, index),
        "exact DeepLIFT": None if explained is None else pooled(np.abs(explained), own.shape[1:]),
    } | more
    orders = {name: order for name, order in orders.items() if order is not None}
    areas, first, rows = {}, {}, []
    for name, curve in zip(orders, uncover.insertions(list(orders.values()), seed + index), strict=True):
        areas[name] = float(np.trapezoid(curve, uncover.fractions))
        first[name] = float(np.interp(FIRST, uncover.fractions, curve).mean())
        if name in SHOWN_CURVES:
            rows += _curve_rows(index, name, "insertion", uncover.fractions, curve)
    for name in (name for name in SHOWN_CURVES if name in orders):
        rows += _curve_rows(index, name, "deletion", uncover.fractions, uncover.deletion(orders[name], seed + index))
    return areas, first, rows


def _curve_rows(index: int, order: str, direction: str, fractions: np.ndarray, curve: np.ndarray) -> list[dict]:
    place = {"clip": index, "order": order, "direction": direction}
    return [place | {"fraction": float(at), "height": float(height)} for at, height in zip(fractions, curve, strict=True)]


def _uniqueness(at: AttentionOverride, tolerance: float, seed: int) -> tuple[float, float]:
    """1 − JSD in bits of the map most unlike the model's own, mean over frames: at the same prediction, and at any; NaN where
    the prediction does not vary."""
    if not tolerance > 0:
        return float("nan"), float("nan")
    other = adversarial(at, tolerance=tolerance, seed=seed)
    free = max(float(jensen_shannon(at.weights, far).mean()) for far in far_maps(at.weights, seed))
    bound = float(jensen_shannon(at.weights, other).mean())
    return 1 - bound, 1 - max(free, bound)


def _gold(clip: Clip, target: Target) -> np.ndarray | None:
    if clip.labels is None or target.dimension not in clip.dimensions:
        return None
    gold = np.asarray(clip.labels[:, clip.dimensions.index(target.dimension)], float)
    return gold if np.isfinite(gold[np.asarray(clip.valid, bool)]).any() else None


def _seen(clip: Clip, target: Target, gold: np.ndarray | None) -> np.ndarray:
    seen = np.asarray(clip.valid, bool).copy()
    if gold is not None:
        seen &= np.isfinite(gold)
    if target.frame is not None:
        seen &= np.arange(len(clip)) == target.frame
    return seen


def _mean(values) -> float:
    values = np.asarray(values, float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def check_clips(clips: Clip | Sequence[Clip]) -> list[Clip]:
    """The clips as a list, after a look that there are some and of one size."""
    clips = [clips] if isinstance(clips, Clip) else list(clips)
    if not clips:
        raise StavisError("there is no clip to judge by: give at least one.")
    sizes = {clip.frames.shape[1:3] for clip in clips}
    if len(sizes) > 1:
        raise StavisError(f"the clips have {len(sizes)} sizes ({', '.join(f'{w}x{h}' for h, w in sorted(sizes))}): cut them to one.")
    return clips


def says_nothing(maps: list[np.ndarray]) -> bool:
    """Whether the attention is constant in every frame of every clip."""
    return all(bool(constant(own).all()) for own in maps)
