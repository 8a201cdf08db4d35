"""Exact DeepLIFT for operations that are made of simpler ones: norms, maxima, scaled dot products, recurrent layers.

Each rule is `rule(mode, func, args, options)`; it answers NotImplemented where it does not cover the options given.
"""

import math

import torch
from torch.nn import functional


def _bind(args: tuple, options: dict, **defaults) -> list:
    """The arguments in the order of `defaults`, however they were given."""
    given = dict(zip(defaults, args, strict=False)) | options
    return [given.get(name, default) for name, default in defaults.items()]


def _normalised(mode, x: torch.Tensor, dims: tuple[int, ...], eps: float, *, centred: bool = True) -> torch.Tensor:
    if centred:
        x = x - x.mean(dims, keepdim=True)
    scale = mode.rescale(torch.rsqrt, mode.rescale(torch.square, x).mean(dims, keepdim=True) + eps)
    return mode.integrate(torch.mul, (x, scale))


def _affine(x: torch.Tensor, weight, bias, *, channels_first: bool) -> torch.Tensor:
    shape = (-1, *([1] * (x.ndim - 2))) if channels_first else None
    for part, apply in ((weight, torch.mul), (bias, torch.add)):
        if part is not None:
            x = apply(x, part.view(shape) if shape else part)
    return x


def _layer_norm(mode, func, args, options):
    x, shape, weight, bias, eps = _bind(args, options, input=None, normalized_shape=None, weight=None, bias=None, eps=1e-5)
    return _affine(_normalised(mode, x, tuple(range(-len(shape), 0)), eps), weight, bias, channels_first=False)


def _rms_norm(mode, func, args, options):
    x, shape, weight, eps = _bind(args, options, input=None, normalized_shape=None, weight=None, eps=None)
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return _affine(_normalised(mode, x, tuple(range(-len(shape), 0)), eps, centred=False), weight, None, channels_first=False)


def _group_norm(mode, func, args, options):
    x, groups, weight, bias, eps = _bind(args, options, input=None, num_groups=None, weight=None, bias=None, eps=1e-5)
    grouped = _normalised(mode, x.reshape(x.shape[0], groups, -1), (2,), eps)
    return _affine(grouped.reshape(x.shape), weight, bias, channels_first=True)


def _statistics_norm(kept_axes: tuple[int, ...], flag: str, flag_default: bool):
    """Batch norm and instance norm: affine with stored statistics, a norm over the input's own without."""

    def rule(mode, func, args, options):
        defaults = {"input": None, "running_mean": None, "running_var": None, "weight": None, "bias": None}
        x, _, _, weight, bias, own, _, eps = _bind(args, options, **defaults, **{flag: flag_default}, momentum=0.1, eps=1e-5)
        if not own:
            return func(*args, **options)
        dims = tuple(axis for axis in range(x.ndim) if axis not in kept_axes)
        return _affine(_normalised(mode, x, dims, eps), weight, bias, channels_first=True)

    return rule


def _softmax(mode, func, args, options):
    x, dim = _bind(args, options, input=None, dim=None)
    return NotImplemented if dim is None else mode.along(torch.softmax, x, dim)


def _log_softmax(mode, func, args, options):
    x, dim = _bind(args, options, input=None, dim=None)
    return NotImplemented if dim is None else mode.along(torch.log_softmax, x, dim)


def _logsumexp(mode, func, args, options):
    x, dim, keepdim = _bind(args, options, input=None, dim=None, keepdim=False)
    if not isinstance(dim, int):
        return NotImplemented
    return mode.along(lambda z, axis: torch.logsumexp(z, axis, keepdim=keepdim), x, dim)


def _glu(mode, func, args, options):
    x, dim = _bind(args, options, input=None, dim=-1)
    a, b = x.chunk(2, dim)
    return mode.integrate(torch.mul, (a, mode.rescale(torch.sigmoid, b)))


def _largest(mode, x: torch.Tensor) -> torch.Tensor:
    """The maximum over the last axis, pair by pair."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        pairs = mode.maximum(x[..., :half], x[..., half : 2 * half])
        x = torch.cat([pairs, x[..., 2 * half :]], -1) if x.shape[-1] % 2 else pairs
    return x.squeeze(-1)


def _max_pool(axes: int):
    """Max pooling, one axis after another (a maximum of maxima)."""

    def rule(mode, func, args, options):
        defaults = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False}
        x, kernel, stride, padding, dilation, ceil, indices = _bind(args, options, input=None, **defaults)
        kernel, padding, dilation = (_each(value, axes) for value in (kernel, padding, dilation))
        stride = _each(stride, axes) if stride else kernel
        if ceil or indices or any(value != 1 for value in dilation):
            return NotImplemented
        if any(padding):
            x = functional.pad(x, [side for pad in reversed(padding) for side in (pad, pad)], value=-1e30)
        for axis in range(axes):
            x = _largest(mode, x.unfold(x.ndim - axes + axis, kernel[axis], stride[axis]))
        return x

    return rule


def _adaptive_max_pool(axes: int):
    def rule(mode, func, args, options):
        x, size, indices = _bind(args, options, input=None, output_size=None, return_indices=False)
        size = [have if want is None else want for want, have in zip(_each(size, axes), x.shape[-axes:], strict=True)]
        if indices or any(have % want for want, have in zip(size, x.shape[-axes:], strict=True)):
            return NotImplemented
        windows = [have // want for want, have in zip(size, x.shape[-axes:], strict=True)]
        return _max_pool(axes)(mode, func, (x, windows), {})

    return rule


def _amax(mode, func, args, options):
    x, dim, keepdim = _bind(args, options, input=None, dim=None, keepdim=False)
    axes = sorted(axis % x.ndim for axis in (range(x.ndim) if dim in (None, ()) else [dim] if isinstance(dim, int) else dim))
    others = [axis for axis in range(x.ndim) if axis not in axes]
    answer = _largest(mode, x.permute(*others, *axes).flatten(len(others)))
    for axis in axes if keepdim else ():
        answer = answer.unsqueeze(axis)
    return answer


def _max(mode, func, args, options):
    x, dim, keepdim = _bind(args, options, input=None, dim=None, keepdim=False)
    if isinstance(dim, torch.Tensor):
        return mode.maximum(x, dim)
    answer = _amax(mode, func, (x, dim, keepdim), {})
    return answer if dim is None else torch.return_types.max((answer, x.detach().argmax(dim, keepdim)))


def _amin(mode, func, args, options):
    x, dim, keepdim = _bind(args, options, input=None, dim=None, keepdim=False)
    return -_amax(mode, func, (-x, dim, keepdim), {})


def _maximum(mode, func, args, options):
    a, b = _bind(args, options, input=None, other=None)
    return mode.maximum(a, b)


def _minimum(mode, func, args, options):
    a, b = _bind(args, options, input=None, other=None)
    return -mode.maximum(-a, -b)


def _attention(mode, func, args, options):
    """Scaled dot-product attention of a transformer, written out."""
    defaults = {"attn_mask": None, "dropout_p": 0.0, "is_causal": False, "scale": None, "enable_gqa": False}
    query, key, value, mask, _, causal, scale, grouped = _bind(args, options, query=None, key=None, value=None, **defaults)
    if grouped:
        return NotImplemented
    scores = mode.integrate(torch.matmul, (query * (scale or 1 / math.sqrt(query.shape[-1])), key.transpose(-1, -2)))
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e4) if mask.dtype == torch.bool else scores + mask
    return mode.integrate(torch.matmul, (mode.along(torch.softmax, scores, -1), value))


def _recurrent(cell, states: int):
    """nn.LSTM and nn.GRU as elementwise operations, layer by layer and frame by frame."""

    def rule(mode, func, args, options):
        if len(args) != 9 or not isinstance(args[2], (list, tuple)):  # packed sequences
            return NotImplemented
        x, start, weights, biases, layers, _, _, both, batch_first = args
        start = list(start) if states == 2 else [start]
        x = x.transpose(0, 1) if batch_first else x
        each, sides, ends = (4 if biases else 2), (2 if both else 1), []
        if len(weights) != layers * sides * each:  # projections
            return NotImplemented
        for layer in range(layers):
            outputs = []
            for side in range(sides):
                row = layer * sides + side
                own = list(weights[row * each : (row + 1) * each]) + [None] * (4 - each)
                state, steps = [part[row] for part in start], []
                for frame in x.flip(0) if side else x:
                    state = cell(mode, frame, state, *own)
                    steps.append(state[0])
                outputs.append(torch.stack(steps[::-1] if side else steps))
                ends.append(state)
            x = torch.cat(outputs, -1)
        finals = [torch.stack([end[place] for end in ends]) for place in range(states)]
        return (x.transpose(0, 1) if batch_first else x, *finals)

    return rule


def _lstm_cell(mode, frame, state, from_input, from_state, bias_input, bias_state):
    hidden, memory = state
    gates = functional.linear(frame, from_input, bias_input) + functional.linear(hidden, from_state, bias_state)
    entry, forget, candidate, leave = gates.chunk(4, -1)
    kept = mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, forget), memory))
    new = mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, entry), mode.rescale(torch.tanh, candidate)))
    memory = kept + new
    return [mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, leave), mode.rescale(torch.tanh, memory))), memory]


def _gru_cell(mode, frame, state, from_input, from_state, bias_input, bias_state):
    (hidden,) = state
    reset, update, new = functional.linear(frame, from_input, bias_input).chunk(3, -1)
    reset_h, update_h, new_h = functional.linear(hidden, from_state, bias_state).chunk(3, -1)
    gate = mode.rescale(torch.sigmoid, reset + reset_h)
    candidate = mode.rescale(torch.tanh, new + mode.integrate(torch.mul, (gate, new_h)))
    return [candidate + mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, update + update_h), hidden - candidate))]


COMPOSED = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "batch_norm": _statistics_norm((1,), "training", False),
    "instance_norm": _statistics_norm((0, 1), "use_input_stats", True),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "glu": _glu,
    "amax": _amax,
    "amin": _amin,
    "max": _max,
    "maximum": _maximum,
    "minimum": _minimum,
    "scaled_dot_product_attention": _attention,
    "lstm": _recurrent(_lstm_cell, 2),
    "gru": _recurrent(_gru_cell, 1),
    **{f"max_pool{axes}d": _max_pool(axes) for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d": _adaptive_max_pool(axes) for axes in (1, 2, 3)},
}
"""The rules by the name of their operation."""


def _each(value, axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else list(value) * (axes if len(value) == 1 else 1)
