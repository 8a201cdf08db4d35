"""What happens when attention is replaced: tests of whether the prediction depends on it.

References
----------
Jain, Wallace: Attention is not explanation. NAACL 2019. Wiegreffe, Pinter: Attention is not not explanation. EMNLP 2019.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import pandas as pd
import torch
from torch import nn

from stavis.attention.hooks import Attention, attention_module, inject_attention, record_attention
from stavis.attention.token_maps import token_maps
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import AttributionContext, attribution_context
from stavis.errors import StavisError
from stavis.trust import nulls
from stavis.trust.agreement import jensen_shannon
from stavis.trust.reuse import Reuse
from stavis.types import Clip, Target

TOLERANCE = 0.1
"""How much a prediction may change and still count as the same, in standard deviations of the prediction over the clips."""

SAME = 1e-4
"""How far a prediction may move, as a fraction of its size, when a network's own attention is put back: rounding."""


class AttentionOverride:
    """A model on one clip whose attention can be replaced: `weights` (T,h,w) is its own, `run` predicts with others.

    fixed: why it cannot be replaced, '' where it can.
    """

    def __init__(self, asked: AttributionContext, attention: Attention | None, batch: int = 12):
        self.asked, self.attention, self.batch = asked, attention, batch
        self.tensor, self.own = own_maps(asked, attention)
        self.fixed = why_fixed(asked, attention, self.tensor, self.own)
        self.weights = self.tensor[0].double().cpu().numpy()
        # A model that takes attention as an argument need not compute its own.
        self.takes = attention is None and "attention" in inspect.signature(asked.model.forward).parameters
        self.reuse = None if self.fixed else self._reusable()

    def _reusable(self) -> Reuse | None:
        """What need not run again, after a look that predictions stay as they are; None where that is nothing, or they do not."""
        if any("forward" in vars(module) for module in self.asked.model.modules()):  # somebody else has replaced a module's forward
            return None
        self.reuse = None
        found = Reuse(self.asked.model, lambda: self.trace(self.tensor.clone().requires_grad_(True)))
        if not found.outputs:
            return None
        pair = torch.cat([self.tensor, self.tensor.flip(2, 3)])
        with torch.no_grad():
            plain = self.trace(pair)
            self.reuse = found
            try:
                same = torch.allclose(self.trace(pair), plain, rtol=1e-4, atol=1e-6 * float(plain.abs().max()))
            except (StavisError, RuntimeError):
                same = False
        return found if same else None

    def trace(self, maps: torch.Tensor) -> torch.Tensor:
        """The prediction over time with each of the maps (B,T,h,w): (B,T); gradients flow into the maps."""
        with self.reuse.active(len(maps)) if self.reuse else nullcontext():
            return self._trace(maps)

    def _trace(self, maps: torch.Tensor) -> torch.Tensor:
        frames = self.asked.frames.expand(len(maps), *self.asked.frames.shape[1:])
        if self.takes:
            return self.asked.value.trace(frames, attention=maps)
        with inject_attention(self.asked.model, maps, self.attention):
            return self.asked.value.trace(frames)

    @torch.no_grad()
    def run(self, maps: np.ndarray) -> np.ndarray:
        """The prediction over time with each of the maps (B,T,h,w): (B,T) double; a few maps at a time."""
        tensor = torch.from_numpy(np.ascontiguousarray(maps)).to(self.tensor)
        rows = [self.trace(tensor[first : first + self.batch]) for first in range(0, len(tensor), self.batch)]
        return torch.cat(rows).double().cpu().numpy()


@contextmanager
def replaceable(
    model: nn.Module, clip: Clip, target: Target | None = None, attention: Attention | None = None
) -> Iterator[AttentionOverride]:
    """A model and clip whose attention can be replaced, inside the `with` block."""
    attention_module(model, attention)
    with attribution_context(model, clip, target) as asked:
        yield AttentionOverride(asked, attention)


def replacements(maps: list[np.ndarray], place: int, seed: int = 0, permutations: int = 3) -> dict[str, list[np.ndarray]]:
    """The maps that take the place of clip `place`'s own, by kind: uniform, permuted, shuffled in time, another clip's, the mean."""
    own = maps[place]
    seeds = np.random.SeedSequence([seed, place]).generate_state(permutations + 1)
    kinds = {
        "uniform": [nulls.uniform(own.shape)],
        "permuted": [nulls.permuted(own, int(one)) for one in seeds[:-1]],
        "shuffled in time": [nulls.time_shuffled(own, int(seeds[-1]))],
    }
    for name, other in (("another clip's", nulls.of_another(maps, place)), ("mean map", nulls.mean_map(maps, place))):
        if other is not None:
            kinds[name] = [other]
    return kinds


def attention_tests(
    model: nn.Module,
    clips: list[Clip],
    target: Target | None = None,
    *,
    attention: Attention | None = None,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> pd.DataFrame:
    """What each replacement of the attention does: one row per clip and test.

    Columns: clip (its index), test, change (RMS change of the prediction), jsd (bits between the two maps, mean over frames).
    `adversarial` is the map most unlike the model's own at a change, in every frame, of at most `tolerance` standard deviations of the
    prediction over all clips.
    """
    maps, own = zip(*[recorded(model, clip, target, attention) for clip in clips], strict=True)
    maps, allowed = list(maps), tolerance * variation(list(own), [np.asarray(clip.valid, bool) for clip in clips])
    rows = []
    for place, clip in enumerate(clips):
        with replaceable(model, clip, target, attention) as at:
            for test, given in replacements(maps, place, seed).items():
                change = np.sqrt(np.mean((at.run(np.stack(given)) - at.own) ** 2))
                distance = np.mean([jensen_shannon(at.weights, one).mean() for one in given])
                rows.append({"clip": place, "test": test, "change": float(change), "jsd": float(distance)})
            other = adversarial(at, tolerance=allowed, seed=seed)
            change = float(np.sqrt(np.mean((at.run(other[None]) - at.own) ** 2)))
            rows.append({"clip": place, "test": "adversarial", "change": change, "jsd": float(jensen_shannon(at.weights, other).mean())})
    return pd.DataFrame(rows)


def recorded(model: nn.Module, clip: Clip, target: Target | None, attention: Attention | None) -> tuple[np.ndarray, np.ndarray]:
    """A model's own attention (T,h,w) on a clip, and its prediction over time (T,)."""
    attention_module(model, attention)
    with attribution_context(model, clip, target) as asked:
        maps, own = own_maps(asked, attention)
        return maps[0].double().cpu().numpy(), own


def variation(traces: list[np.ndarray], seen: list[np.ndarray]) -> float:
    """The standard deviation of predictions (T,) over the frames of all clips that count; 0 up to rounding is 0."""
    everything = np.concatenate([trace[frames] for trace, frames in zip(traces, seen, strict=True)] or [np.zeros(1)])
    if not len(everything):
        return 0.0
    spread = float(everything.std())
    return spread if spread > 1e-6 * float(np.abs(everything).max()) else 0.0


def adversarial(at: AttentionOverride, *, tolerance: float | None = None, steps: int = 60, seed: int = 0) -> np.ndarray:
    """The map (T,h,w) most unlike the model's own that was found at a change of at most `tolerance` in every frame.

    `tolerance` is in the prediction's own unit; by default TOLERANCE standard deviations of the prediction over the clip.
    First along straight lines to dissimilar maps and to mixtures of two that err in opposite directions, then by gradient ascent on the
    divergence (Jain and Wallace 2019). A lower bound
    of what is possible: a better search can only find maps less alike.
    """
    if tolerance is None:
        tolerance = TOLERANCE * variation([at.own], [np.ones(len(at.own), bool)])
    best, found = at.weights, 0.0
    if not tolerance > 0:  # nothing that could change
        return best
    candidates = np.stack([*far_maps(at.weights, seed), *_pulls(at)])
    errors = at.run(candidates) - at.own
    for candidate in (*candidates, _balanced(candidates, errors), _farthest_mixture(at.weights, candidates, errors)):
        best, found = _keep_better(at, best, found, candidate, tolerance)
    return _ascend(at, best, found, tolerance, steps, seed) if found < 0.9 else best


def _keep_better(
    at: AttentionOverride, best: np.ndarray, found: float, candidate: np.ndarray, tolerance: float
) -> tuple[np.ndarray, float]:
    """The better of two maps: the best so far, or the candidate moved back towards the model's own, frame by frame, until it is allowed."""
    part = np.ones(len(candidate))
    for _ in range(6):
        mixed = at.weights + part[:, None, None] * (candidate - at.weights)
        distance = float(jensen_shannon(at.weights, mixed).mean())
        if distance <= found:
            break
        change = np.abs(at.run(mixed[None])[0] - at.own)
        if (change <= tolerance).all():
            return mixed, distance
        part = part * np.minimum(1, 0.9 * tolerance / np.maximum(change, 1e-9 * tolerance))
    return best, found


def _pulls(at: AttentionOverride) -> list[np.ndarray]:
    """In each frame the one cell that raises the prediction most, and the one that lowers it most, by the gradient."""
    tensor = at.tensor.clone().requires_grad_(True)
    total = at.trace(tensor).sum()
    slope = torch.autograd.grad(total, tensor, allow_unused=True)[0] if total.requires_grad else None
    if slope is None:
        return []
    flat = slope[0].flatten(1).cpu().numpy()
    maps = []
    for cells in (flat.argmax(1), flat.argmin(1)):
        maps.append(np.zeros(flat.shape))
        maps[-1][np.arange(len(flat)), cells] = 1
    return [one.reshape(at.weights.shape) for one in maps]


def _balanced(candidates: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """In each frame the mixture of two maps whose errors (K,T) cancel, were the head linear: the two that err least on either side."""
    over, under = (np.where(sign * errors > 0, np.abs(errors), np.inf) for sign in (1, -1))
    frames = np.arange(errors.shape[1])
    high, low = over.argmin(0), under.argmin(0)
    above, below = over[high, frames], under[low, frames]
    with np.errstate(invalid="ignore"):
        part = np.where(np.isfinite(above) & np.isfinite(below), below / (above + below), np.where(np.isfinite(above), 1.0, 0.0))
    part = part[:, None, None]
    return part * candidates[high, frames] + (1 - part) * candidates[low, frames]


def _farthest_mixture(own: np.ndarray, candidates: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """In each frame the mixture of two maps whose errors (K,T) cancel, were the head linear, that is most unlike the model's own."""
    best, found = own.copy(), np.zeros(len(own))
    for high, above in zip(candidates, errors, strict=True):
        for low, below in zip(candidates, errors, strict=True):
            cancels = (above >= 0) & (below <= 0)
            if not cancels.any():
                continue
            fraction = np.divide(-below, above - below, out=np.ones(len(own)), where=cancels & (above > below))[:, None, None]
            mixed = fraction * high + (1 - fraction) * low
            distance = np.where(cancels, jensen_shannon(own, mixed), 0.0)
            better = distance > found
            best[better], found[better] = mixed[better], distance[better]
    return best


def far_maps(own: np.ndarray, seed: int) -> list[np.ndarray]:
    """Maps with little in common with a given one: on one cell (the least or the most attended, one between, some at random), on the
    least attended quarter, upside down in rank, permuted, uniform."""
    flat = own.reshape(len(own), -1)
    order = flat.argsort(1, kind="stable")
    reverse = np.empty_like(flat)
    np.put_along_axis(reverse, order, np.sort(flat, 1)[:, ::-1], 1)
    quarter = max(1, flat.shape[1] // 4)
    some = []
    for cells in (slice(0, 1), slice(-1, None), slice(-quarter, 1 - quarter or None), slice(0, quarter)):
        some.append(np.zeros_like(flat))
        np.put_along_axis(some[-1], order[:, cells], 1, 1)
    for cell in np.random.default_rng(seed).choice(flat.shape[1], min(8, flat.shape[1]), replace=False):
        some.append(np.zeros_like(flat))
        some[-1][:, cell] = 1
    maps = [one / one.sum(1, keepdims=True) for one in (*some, reverse)]
    return [*(one.reshape(own.shape) for one in maps), nulls.permuted(own, seed), nulls.uniform(own.shape)]


def _ascend(at: AttentionOverride, best: np.ndarray, found: float, tolerance: float, steps: int, seed: int) -> np.ndarray:
    """Gradient ascent on the divergence, with a price on changes of the prediction that rises while they are too large.

    From the best map so far and from a uniform one, both in one batch; their searches do not touch each other.
    """
    own = at.tensor[0].double().flatten(1)
    truth = torch.as_tensor(at.own, device=own.device)
    shape, even = best.shape, nulls.uniform(best.shape)
    begin = torch.as_tensor(np.stack([0.9 * start + 0.1 * even for start in (best, even)]), device=own.device).flatten(2)
    # The divergence has no slope at the map itself, so the search starts beside it.
    noise = torch.as_tensor(np.random.default_rng(seed).standard_normal(begin.shape[1:]), device=own.device)
    scores = (begin.clamp_min(1e-8).log() + noise).requires_grad_(True)
    optimiser, price = torch.optim.Adam([scores], lr=0.4), torch.ones(len(scores), dtype=own.dtype, device=own.device)
    for step in range(steps):
        maps = torch.softmax(scores, 2)
        change = (at.trace(maps.to(at.tensor.dtype).unflatten(2, shape[1:])).double() - truth).abs()
        middle = ((maps + own) / 2).clamp_min(1e-30).log2()
        terms = maps * (maps.clamp_min(1e-30).log2() - middle) + own * (own.clamp_min(1e-30).log2() - middle)
        excess = torch.relu(change / tolerance - 0.7)
        price = price * torch.where(change.detach().amax(1) > tolerance, 1.2, 0.9)
        loss = price * (excess + excess**2).mean(1) - terms.sum(2).mean(1) / 2
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        if step % 10 == 9:
            for candidate in torch.softmax(scores.detach(), 2).unflatten(2, shape[1:]).cpu().numpy():
                best, found = _keep_better(at, best, found, candidate, tolerance)
    return best


def own_maps(asked: AttributionContext, attention: Attention | None) -> tuple[torch.Tensor, np.ndarray]:
    """The network's own attention (1,T,h,w) on the clip, and its prediction over time (T,); relevance is that for the clip's target."""
    if isinstance(attention, TokenAttention) and attention.kind != "raw":
        run = lambda: asked.value.trace(asked.frames)  # noqa: E731
        trace, maps = token_maps(asked.model, attention, run, asked.value.of_trace, asked.notes)
    else:
        with torch.no_grad(), record_attention(asked.model, attention) as recorder:
            trace = asked.value.trace(asked.frames)
        maps = recorder.weights
    return maps.detach(), trace[0].detach().double().cpu().numpy()


def why_fixed(asked: AttributionContext, attention: Attention | None, maps: torch.Tensor, own: np.ndarray) -> str:
    """Why a network's attention cannot be replaced, in a sentence; '' where its own map, put back, leaves the prediction as it is."""
    if not isinstance(attention, TokenAttention):
        return ""
    if attention.kind != "raw":
        return (
            f"The maps ({attention.kind}) are put together from {len(attention.paths)} layers, so that no weights of the network could be "
            "replaced by them: load it with maps='raw' to ask this."
        )
    try:
        with torch.no_grad(), inject_attention(asked.model, maps, attention):
            again = asked.value.trace(asked.frames)[0].double().cpu().numpy()
    except StavisError as error:
        return f"The attention cannot be replaced: {error}"
    moved = float(np.abs(again - own).max())
    if moved > SAME * max(float(np.abs(own).max()), 1e-6):
        return f"The attention cannot be replaced: its own map, put back, moves the prediction by {moved:.2g}."
    return ""
