"""Whether what a map marks is what the prediction depends on: parts of the clip are taken away or shown, in the map's order.

Every frame's cells are ranked by themselves, so each step changes the same part of every frame (cells of space and time).

References
----------
Petsiuk, Das, Saenko: RISE. BMVC 2018 (deletion, insertion). DeYoung et al.: ERASER. ACL 2020 (comprehensiveness, sufficiency).
Yeh et al.: On the (in)fidelity and sensitivity of explanations. NeurIPS 2019.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import lazy_loader
import numpy as np
import torch
from torch import nn

from stavis.attribution.baselines import Baseline, baseline_frames
from stavis.attribution.target import AttributionContext, attribution_context
from stavis.errors import StavisError
from stavis.regions import spread
from stavis.types import Attribution, Clip, Target

captum = lazy_loader.load("captum")

FRACTIONS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
"""The fractions of the cells that are shown or taken away at each step."""

FIRST = (0.02, 0.05)
"""The first steps of a curve: what a few cells alone bring back, also where the area under the curve is saturated."""


@dataclass(frozen=True)
class FaithfulnessCurves:
    """How much of the prediction is there as cells are shown (insertion) or left (deletion), in the order of a map.

    fractions (N,) in [0,1]: the fraction of the cells touched; insertion and deletion (N,): 0 as at the baseline, 1 as on the clip,
    below 0 (never below −1) where the prediction is further off than at the baseline. NaN where the baseline changes nothing.
    """

    fractions: np.ndarray
    insertion: np.ndarray
    deletion: np.ndarray

    @property
    def insertion_area(self) -> float:
        """The mean height of the insertion curve; more is better, 1 at most."""
        return float(np.trapezoid(self.insertion, self.fractions))

    @property
    def deletion_area(self) -> float:
        """The mean height of the deletion curve; less is better."""
        return float(np.trapezoid(self.deletion, self.fractions))

    def sufficiency(self, fraction: float = 0.2) -> float:
        """How much of the prediction the map's highest cells carry alone: the insertion curve at `fraction`."""
        return float(np.interp(fraction, self.fractions, self.insertion))

    def comprehensiveness(self, fraction: float = 0.2) -> float:
        """How much of the prediction goes with the map's highest cells: 1 − the deletion curve at `fraction`."""
        return 1 - float(np.interp(fraction, self.fractions, self.deletion))


def curves(
    model: nn.Module,
    clip: Clip,
    maps: np.ndarray,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    fractions: tuple[float, ...] = FRACTIONS,
    seed: int = 0,
) -> FaithfulnessCurves:
    """The insertion and deletion curves of one map (T,h,w), by size |.|; cells of equal weight are ordered at random.

    Raises StavisError where the map has not the clip's frames, or the fractions do not run from 0 to 1.
    """
    with attribution_context(model, clip, target) as asked:
        runner = InsertionDeletion(asked, baseline, fractions)
        return FaithfulnessCurves(runner.fractions, runner.insertion(maps, seed), runner.deletion(maps, seed))


class InsertionDeletion:
    """A model on one clip of which only some cells are shown, the others as in the baseline."""

    def __init__(self, asked: AttributionContext, baseline: Baseline = "blur", fractions: tuple[float, ...] = FRACTIONS, batch: int = 12):
        self.fractions = np.asarray(fractions, float)
        if self.fractions[0] != 0 or self.fractions[-1] != 1 or (np.diff(self.fractions) <= 0).any():
            raise StavisError("the fractions of a curve rise from 0 to 1: fix them.")
        self.asked, self.batch = asked, batch
        self.start = baseline_frames(asked.clip, baseline, asked.frames.device)
        self.chosen = asked.value.chosen
        empty, whole = self._traces([self.start, asked.frames])
        self.empty, self.whole = empty, whole

    def insertion(self, maps: np.ndarray, seed: int = 0) -> np.ndarray:
        """How much of the prediction is there with the highest cells shown: (N,), 0 at the baseline and 1 on the clip."""
        return self._curve(maps, seed, show=True)

    def deletion(self, maps: np.ndarray, seed: int = 0) -> np.ndarray:
        """How much is left with the highest cells taken away: (N,), 1 on the clip and 0 at the baseline."""
        return self._curve(maps, seed, show=False)

    def insertion_area(self, maps: np.ndarray, seed: int = 0) -> float:
        """The mean height of the insertion curve."""
        return float(np.trapezoid(self.insertion(maps, seed), self.fractions))

    def insertions(self, orders: Sequence[np.ndarray], seed: int = 0) -> np.ndarray:
        """The insertion curves of several maps, their clips run together: (K,N)."""
        return self._curves(orders, seed, show=True)

    def _curve(self, maps: np.ndarray, seed: int, *, show: bool) -> np.ndarray:
        return self._curves([maps], seed, show=show)[0]

    def _curves(self, orders: Sequence[np.ndarray], seed: int, *, show: bool) -> np.ndarray:
        scale = np.linalg.norm(self.whole - self.empty)
        if scale <= 1e-6 * max(np.linalg.norm(self.whole), np.linalg.norm(self.empty)):
            return np.full((len(orders), len(self.fractions)), np.nan)
        images = (image for maps in orders for image in self._images(_ranks(maps, len(self.asked.clip), seed), show))
        traces = self._traces(images).reshape(len(orders), len(self.fractions) - 2, -1)
        ends = [self.empty, self.whole] if show else [self.whole, self.empty]
        first, last = (np.broadcast_to(end, (len(orders), 1, len(end))) for end in ends)
        traces = np.concatenate([first, traces, last], 1)
        return np.clip(1 - np.linalg.norm(traces - self.whole, axis=2) / scale, -1, 1)

    def _images(self, ranks: np.ndarray, show: bool) -> Iterator[torch.Tensor]:
        """The clip (1,T,3,H,W) at each step between the ends; ranks (T,h,w) are 0 for the highest cell of each frame."""
        for fraction in self.fractions[1:-1]:
            touched = ranks < max(1, round(fraction * ranks[0].size))
            # The mask keeps the cells' borders; a cell that covers a pixel in part shows it in part.
            weight = _pixels(touched.astype(float) if show else (~touched).astype(float), self.asked.clip.frames.shape[1:3])
            weight = torch.from_numpy(weight).to(self.asked.frames)[None, :, None]
            yield torch.lerp(self.start, self.asked.frames, weight)

    @torch.no_grad()
    def _traces(self, images: Iterable[torch.Tensor]) -> np.ndarray:
        images, found = iter(images), []
        while batch := list(itertools.islice(images, self.batch)):
            found.append(self.asked.value.trace(torch.cat(batch)))
        return torch.cat(found).double().cpu().numpy()[:, self.chosen]


def infidelity(model: nn.Module, clip: Clip, attribution: Attribution, *, noise: float = 0.05, samples: int = 10, seed: int = 0) -> float:
    """How badly a map predicts the target's change under small noise (Yeh et al. 2019), normalised; 0 = perfectly.

    The map must be in units of the target per unit of pixel value, as gradients are.
    """
    with attribution_context(model, clip, attribution.target) as asked:
        values = torch.from_numpy(attribution.values).to(asked.frames)[None, :, None] / 3
        generator = torch.Generator(device=asked.frames.device).manual_seed(seed)

        def perturb(frames):
            change = noise * torch.randn((*frames.shape[:2], 1, *frames.shape[3:]), generator=generator, device=frames.device)
            change = change.expand_as(frames)
            return change, frames - change

        options = {"n_perturb_samples": samples, "max_examples_per_batch": 2, "normalize": True}
        return float(captum.metrics.infidelity(asked.value, perturb, asked.frames, values.expand_as(asked.frames), **options))


def sensitivity(
    method: Callable[..., Attribution],
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    radius: float = 0.02,
    samples: int = 4,
    seed: int = 0,
    **options,
) -> float:
    """How much a method's map can change under noise of at most `radius` a pixel, relative to its own size (Yeh et al. 2019)."""

    def explain(given):
        frames = given[0] if isinstance(given, tuple) else given
        images = (frames.clamp(0, 1) * 255).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()
        maps = [method(model, replace(clip, frames=one), target, **options).values for one in images]
        return torch.from_numpy(np.stack(maps))

    frames = torch.from_numpy(clip.frames).permute(0, 3, 1, 2)[None].float() / 255
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        score = captum.metrics.sensitivity_max(explain, frames, perturb_radius=radius, n_perturb_samples=samples, max_examples_per_batch=1)
    return float(score)


def _ranks(maps: np.ndarray, frames: int, seed: int) -> np.ndarray:
    maps = np.abs(np.asarray(maps, np.float64))
    if maps.ndim != 3 or len(maps) != frames:
        raise StavisError(f"the map is {maps.shape}, the clip has {frames} frames: give (T,h,w).")
    flat = maps.reshape(frames, -1)
    chance = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((chance, -flat), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], 1)
    return ranks.reshape(maps.shape)


def _pixels(cells: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask of cells (T,h,w) in [0,1] on pixels (T,H,W): the fraction of each pixel that lies in masked cells."""
    scale = size[0] * size[1] / (cells.shape[1] * cells.shape[2])
    return np.clip(spread(cells, size) * scale, 0, 1) if cells.shape[1:] != size else cells
