"""Ways to ask which pixels a prediction came from; all share one signature, `method(model, clip, target, *, ...) -> Attribution`.

Every map is signed and lies on the clip's grid (the colour channels summed). Each function carries `label` (what to call it),
`cost` (in passes of the network) and `caution` (what is known against it, '' where nothing is). DEFAULT_METHODS and ALL_METHODS are
plain lists of these functions: make your own.

References
----------
Simonyan, Vedaldi, Zisserman 2014 (saliency); Shrikumar et al. 2016 (input x gradient); Sundararajan et al. 2017 (integrated
gradients); Smilkov et al. 2017 (SmoothGrad); Springenberg et al. 2015 (guided backpropagation); Zeiler, Fergus 2014 (deconvolution,
occlusion); Selvaraju et al. 2017 (Grad-CAM); Adebayo et al. 2018 (sanity checks).
"""

from collections.abc import Callable
from contextlib import contextmanager

import lazy_loader
import torch
from torch import nn

from stavis.attention.tokens import TokenAttention
from stavis.attribution.attention_maps import attention_x_gradient, raw_attention
from stavis.attribution.baselines import Baseline, baseline_frames
from stavis.attribution.cam import class_activation, enlarged
from stavis.attribution.cuts import no_checkpointing
from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.integration import integrate_path
from stavis.attribution.rules.relu import ReluRule, scripted
from stavis.attribution.target import AttributionContext, attribution_context, described, relative_size
from stavis.attribution.token_methods import patch_activation, relevance
from stavis.errors import StavisError
from stavis.types import COMPLETE, Attribution, Clip, Target

captum = lazy_loader.load("captum")  # takes a second to import, and only two methods here need it

FAILS_SANITY = "hardly changes when the network is randomised (Adebayo et al. 2018)"


@described("Saliency", "1 gradient")
def saliency(model: nn.Module, clip: Clip, target: Target | None = None) -> Attribution:
    """How fast the target rises with each pixel: the gradient (Simonyan et al. 2014)."""
    with attribution_context(model, clip, target) as context:
        return context.to_attribution(saliency.label, _gradient(context))


@described("Input × gradient", "1 gradient", "a bright pixel counts more than a dark one of the same slope")
def input_x_gradient(model: nn.Module, clip: Clip, target: Target | None = None) -> Attribution:
    """The gradient times the pixel's own value (Shrikumar et al. 2016): a linear guess of what the pixel adds against black."""
    with attribution_context(model, clip, target) as context:
        return context.to_attribution(input_x_gradient.label, context.frames * _gradient(context))


@described("Integrated gradients", "5 to 33 gradients")
def integrated_gradients(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    steps: int = 33,
    internal_batch_size: int = 4,
) -> Attribution:
    """What each pixel adds along the straight path from the baseline (Sundararajan et al. 2017); complete up to `relative_delta`.

    steps is the most gradients it takes; fewer where 1 % is reached before. internal_batch_size bounds the memory. `relative_delta` adds
    up what each interval of the path misses by its size, so that the sum of the map may be nearer to the prediction's change.
    """
    if steps < 2:
        raise StavisError(f"steps is {steps}: integrated gradients take 2 or more.")
    with attribution_context(model, clip, target) as context:
        start = baseline_frames(clip, baseline, context.frames.device)
        path = integrate_path(context, start, steps=steps, tolerance=COMPLETE, batch=internal_batch_size)
        error = relative_size(path.missed, path.difference)
        return context.to_attribution(integrated_gradients.label, path.values, relative_delta=error)


@described("SmoothGrad", "10 gradients")
def smooth_grad(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    samples: int = 10,
    noise: float = 0.1,
    internal_batch_size: int = 2,
    seed: int = 0,
) -> Attribution:
    """The gradient averaged over noisy copies of the clip (Smilkov et al. 2017); noise is a standard deviation, as a part of the range."""
    with attribution_context(model, clip, target) as context, _seeded(seed, context.frames.device):
        method = captum.attr.NoiseTunnel(captum.attr.Saliency(context.value))
        options = {"nt_samples": samples, "nt_samples_batch_size": internal_batch_size, "stdevs": noise, "abs": False}
        return context.to_attribution(smooth_grad.label, method.attribute(context.frames, nt_type="smoothgrad", **options))


@described("Guided backpropagation", "1 gradient", FAILS_SANITY)
def guided_backprop(model: nn.Module, clip: Clip, target: Target | None = None) -> Attribution:
    """The gradient through ReLUs that were on and only where it is positive (Springenberg et al. 2015)."""
    with attribution_context(model, clip, target) as context:
        return context.to_attribution(guided_backprop.label, _modified(context, guided=True))


@described("Deconvolution", "1 gradient", FAILS_SANITY)
def deconvolution(model: nn.Module, clip: Clip, target: Target | None = None) -> Attribution:
    """The positive part of the gradient at every ReLU, on or not, module or function (Zeiler and Fergus 2014)."""
    with attribution_context(model, clip, target) as context:
        return context.to_attribution(deconvolution.label, _modified(context, guided=False))


@described("Grad-CAM", "1 gradient", "coarse: no finer than the layer it looks at", takes_tokens=True)
def grad_cam(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    layer: nn.Module | str | None = None,
    attention: TokenAttention | None = None,
) -> Attribution:
    """Which locations of a layer speak for (+) or against (−) the target (Selvaraju et al. 2017): signed, time kept.

    `layer` is a convolution or its name; by default the last 3D one (the last 2D one in a network without) whose features have places and
    reach the target: not a classifier behind the pooling, nor the head of another output; a note names it where it is not the last that
    ran. Where `attention` says where a transformer's is, what its last attention reads, on the grid of its patches; `layer` is then a
    module that gives tokens.

    Raises StavisError where no layer is left.
    """
    with attribution_context(model, clip, target) as context:
        return context.to_attribution(grad_cam.label, enlarged(_activation(context, layer, attention), clip.frames.shape[:3]))


@described("Guided Grad-CAM", "2 gradients", FAILS_SANITY, takes_tokens=True)
def guided_grad_cam(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    layer: nn.Module | str | None = None,
    attention: TokenAttention | None = None,
) -> Attribution:
    """Guided backpropagation times Grad-CAM's positive part (Selvaraju et al. 2017)."""
    with attribution_context(model, clip, target) as context:
        coarse = enlarged(_activation(context, layer, attention), clip.frames.shape[:3])
        fine = _modified(context, guided=True).sum(2)[0]
        return context.to_attribution(guided_grad_cam.label, fine * coarse.clamp(min=0).to(fine))


@described("Occlusion", "about 100 runs")
def occlusion(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    blocks: tuple[int, int, int] = (4, 5, 5),
    internal_batch_size: int = 4,
) -> Attribution:
    """How much the target falls when a block of space and time is replaced by the baseline (Zeiler and Fergus 2014).

    `blocks` are counted along time, height and width; each pixel bears its block's fall divided by the block's size.
    """
    if len(blocks) != 3 or min(blocks) < 1:
        raise StavisError(f"blocks are {blocks}: give three counts of 1 or more, along time, height and width.")
    with attribution_context(model, clip, target) as context, torch.no_grad():
        start = baseline_frames(clip, baseline, context.frames.device)
        size = [-(-have // count) for have, count in zip(clip.frames.shape[:3], blocks, strict=True)]
        window = (size[0], 3, size[1], size[2])
        values = captum.attr.Occlusion(context.value).attribute(
            context.frames, window, strides=window, baselines=start, perturbations_per_eval=internal_batch_size
        )
        lengths = [_block_lengths(have, block).to(values) for have, block in zip(clip.frames.shape[:3], size, strict=True)]
        pixels = lengths[0].view(-1, 1, 1, 1) * lengths[1].view(-1, 1) * lengths[2]
        return context.to_attribution(occlusion.label, values / (3 * pixels))


def _activation(context: AttributionContext, layer: nn.Module | str | None, attention: object) -> torch.Tensor:
    """The coarse map (t,h,w) of a layer of a CNN, or of a transformer's tokens."""
    if isinstance(attention, TokenAttention) and attention.has_heads:
        return patch_activation(context, attention, layer)
    return class_activation(context, layer)


DEFAULT_METHODS: list[Callable[..., Attribution]] = [
    saliency,
    input_x_gradient,
    grad_cam,
    exact_deeplift,
    attention_x_gradient,
    raw_attention,
]
"""The quick ones: all of them together take a few gradients."""

ALL_METHODS: list[Callable[..., Attribution]] = [
    saliency,
    input_x_gradient,
    integrated_gradients,
    smooth_grad,
    guided_backprop,
    deconvolution,
    grad_cam,
    guided_grad_cam,
    occlusion,
    exact_deeplift,
    attention_x_gradient,
    raw_attention,
]
"""Every method that gives one map of pixels; those over facial regions are in stavis.attribution.regions."""

TOKEN_METHODS: list[Callable[..., Attribution]] = [relevance]
"""Those for transformers alone."""


def _block_lengths(have: int, block: int) -> torch.Tensor:
    """How long the block is in which each index along an axis lies; the last one may be shorter."""
    start = torch.arange(have) // block * block
    return (start + block).clamp(max=have) - start


def gradient_maps(context: AttributionContext, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient at frames (1,T,3,H,W) that ask for one, and its product with them: the values of saliency and input × gradient.

    Graphs are kept, so that what the frames reach through parts that ran before can be followed again.
    """
    (gradient,) = torch.autograd.grad(context.value(frames).sum(), frames, allow_unused=True, retain_graph=True)
    gradient = torch.zeros_like(frames) if gradient is None else gradient
    return gradient, frames.detach() * gradient


def _gradient(context: AttributionContext) -> torch.Tensor:
    frames = context.frames.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(context.value(frames).sum(), frames, allow_unused=True)
    return torch.zeros_like(context.frames) if gradient is None else gradient


@no_checkpointing()
def _modified(context: AttributionContext, *, guided: bool) -> torch.Tensor:
    """The gradient with another rule at every ReLU, whether it is a module or a function."""
    with ReluRule(guided=guided) as rule:
        gradient = _gradient(context)
    if scripted(context.model):
        context.notes.add("parts of the model are compiled by torch.jit: ReLUs in them keep their plain gradient.")
    if not rule.count:
        context.notes.add("the model ran no ReLU: this is the plain gradient.")
    return gradient


@contextmanager
def _seeded(seed: int, device: torch.device):
    """Torch's random numbers from `seed` inside the block, and as if none had been taken after it."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
