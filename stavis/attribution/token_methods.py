"""Attributions on the token grid of a transformer: relevance, attention times gradient, and Grad-CAM of its patches.

The class token and registers are dropped; a tubelet's map is shown for each of its frames, said in a note.

References
----------
Chefer, Gur, Wolf: Generic attention-model explainability for interpreting bi-modal and encoder-decoder transformers. ICCV 2021.
Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017.
"""

from collections import Counter
from dataclasses import replace

import torch
from torch import nn

from stavis.attention.calls import Run, unwrapped
from stavis.attention.layouts import fit, fits, parse_layout
from stavis.attention.token_layers import check_once, record_layers
from stavis.attention.token_maps import layer_maps, over_frames
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import AttributionContext, attribution_context, described
from stavis.errors import StavisError
from stavis.regions import spread
from stavis.types import Attribution, Clip, Target


@described("Relevance", "1 gradient", "0 or more: it does not tell evidence for the target from evidence against it", tokens=True)
def relevance(model: nn.Module, clip: Clip, target: Target | None = None, *, attention: TokenAttention) -> Attribution:
    """What reaches the target through the attention of all layers, each weighted by its gradient (Chefer et al. 2021).

    It follows the target: one output, over the clip or in one frame. It has no fixed sum.
    """
    with attribution_context(model, clip, target) as context:
        followed = replace(attention, kind="relevance")
        run = lambda: context.value.trace(context.frames)  # noqa: E731
        _, maps = layer_maps(context.model, followed, run, context.value.of_trace, context.notes)
        return context.to_attribution(relevance.label, spread(maps[0].cpu().double().numpy(), clip.frames.shape[1:3]))


def attention_times_gradient(context: AttributionContext, tokens: TokenAttention) -> torch.Tensor:
    """The weights of one layer times the target's gradient in them, summed over heads and the queries that are read: (T,h,w), signed.

    The share of a tubelet is divided among its frames, so that the sum stays.
    """
    run = Run(context.model)
    try:
        with record_layers(context.model, [tokens.path], keep_heads=True, keep_graph=True) as recorder:
            value = context.value(context.frames.detach().requires_grad_(True)).sum()
        weights = recorder.of(tokens.path)
        (slope,) = torch.autograd.grad(value, weights, allow_unused=True)
    finally:
        for handle in run.handles:
            handle.remove()
    layout = parse_layout(tokens.layout)
    fitted = fit(layout, weights.shape, run.shape, tokens.head)
    product = torch.zeros_like(weights) if slope is None else weights.detach() * slope
    queries = 1 if any(axis.query and axis.extra for axis in layout.axes) else weights.shape[2]
    maps = fitted.to_maps(product) * (queries * (weights.shape[1] if tokens.head is None else 1))
    steps = maps.shape[1] if maps.shape[1] > 1 else run.shape.time
    return run.of_input(over_frames(maps, run.shape.time, context.notes))[0] * (steps / run.shape.time)


def patch_activation(context: AttributionContext, tokens: TokenAttention, layer: nn.Module | str | None = None) -> torch.Tensor:
    """Grad-CAM on the token grid: (t,h,w), signed. The features are those that the last attention layer reads, or what `layer` gives.

    As on the layers of a CNN, each frame's features are weighted by their mean gradient over the frame's patches.

    Raises StavisError where no such features have the layout's tokens.
    """
    features, run, calls = _features(context, tokens, layer)
    found: list[torch.Tensor] = []
    try:
        value = context.value(context.frames.detach().requires_grad_(True)).sum()
        for path, count in calls.items():
            check_once(path, count)
        found = [tensor for tensor in features if fits(parse_layout(tokens.layout).of_features(), tensor.shape[:2], run.shape)]
        if not found:
            raise StavisError(f"Grad-CAM found no features of the tokens that layout {tokens.layout!r} names: give layer=<their module>.")
        (gradient,) = torch.autograd.grad(value, found[0], allow_unused=True)
        if gradient is None:
            raise StavisError("the features that Grad-CAM reads do not reach the target: give layer=<a module that does>.")
    finally:
        for handle in run.handles:
            handle.remove()
    fitted = fit(parse_layout(tokens.layout).of_features(), found[0].shape[:2], run.shape)
    grid = lambda tensor: torch.stack([fitted.to_maps(one) for one in tensor.detach().unbind(2)], 2)  # noqa: E731
    values = grid(found[0])  # N,t,C,h,w
    cam = (values * grid(gradient).mean((-2, -1), keepdim=True)).sum(2)
    cam = cam.reshape(-1, run.shape.time, *cam.shape[2:]) if cam.shape[1] == 1 else cam
    whole = len(cam) == 1 and run.shape.time == len(context.clip)
    return cam[0] if whole else run.of_input(over_frames(cam, run.shape.time, context.notes))[0]


def _features(
    context: AttributionContext, tokens: TokenAttention, layer: nn.Module | str | None
) -> tuple[list[torch.Tensor], Run, Counter[str]]:
    """A list that fills with candidates (N,tokens,C) while the model runs, the best first, the run with its hooks, and how often the
    module that is meant has run, by its path."""
    model = unwrapped(context.model)
    run, features, calls = Run(model), [], Counter()

    def keep(tensors) -> None:
        features.extend(one for one in tensors if isinstance(one, torch.Tensor) and one.ndim == 3 and one.requires_grad)

    watched = tokens.paths[-1] if layer is None else layer
    named = model.get_submodule(watched) if isinstance(watched, str) else watched
    name = next((name for name, module in model.named_modules() if module is named), "")
    run.handles.append(named.register_forward_pre_hook(lambda *_: calls.update([name])))
    if layer is not None:
        run.handles.append(
            named.register_forward_hook(lambda _m, _i, output: keep(output if isinstance(output, tuple | list) else [output]))
        )
        return features, run, calls
    parts = tokens.paths[-1].split(".")
    for count in range(len(parts), max(0, len(parts) - 3), -1):  # the module itself, or the nearest one around it that reads tokens
        module = model.get_submodule(".".join(parts[:count]))
        swapped = isinstance(module, nn.MultiheadAttention) and not module.batch_first

        def before(_module, inputs, options, swapped=swapped):
            given = [one for one in (*inputs, *options.values()) if isinstance(one, torch.Tensor)][:1]
            if swapped and given:
                raise StavisError("Grad-CAM reads no nn.MultiheadAttention with batch_first=False: give layer=<the module before it>.")
            features[:0] = [one for one in given if one.ndim == 3 and one.requires_grad]

        run.handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
    return features, run, calls
