"""Exact DeepLIFT for operations that put numbers in order: maxima, max pooling, sorting, the largest k, the median.

All are made of the maximum of two. Each rule is `rule(mode, func, args, options)`; it answers NotImplemented where it does not cover
the options given.
"""

import math

import torch
from torch.nn import functional

NOTHING = -1e30
"""Below every number that is compared."""
MOST_SORTED = 4096


def bind(args: tuple, options: dict, **defaults) -> list:
    """The arguments in the order of `defaults`, however they were given."""
    given = dict(zip(defaults, args, strict=False)) | options
    return [given.get(name, default) for name, default in defaults.items()]


def _largest(mode, x: torch.Tensor) -> torch.Tensor:
    """The maximum over the last axis, pair by pair."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        pairs = mode.maximum(x[..., :half], x[..., half : 2 * half])
        x = torch.cat([pairs, x[..., 2 * half :]], -1) if x.shape[-1] % 2 else pairs
    return x.squeeze(-1)


def _sorted(mode, x: torch.Tensor) -> torch.Tensor:
    """The last axis in rising order, by Batcher's odd-even merge sort: maxima and minima of pairs that do not depend on the numbers."""
    count = x.shape[-1]
    size = 1 << max(0, count - 1).bit_length()
    x = functional.pad(x, (0, size - count), value=-NOTHING)
    span = 1
    while span < size:
        step = span
        while step >= 1:
            low = [i + j for j in range(step % span, size - step, 2 * step) for i in range(min(step, size - j - step))]
            low = torch.tensor([i for i in low if i // (2 * span) == (i + step) // (2 * span)], device=x.device)
            a, b = x[..., low], x[..., low + step]
            ordered = torch.cat([-mode.maximum(-a, -b), mode.maximum(a, b)], -1)
            x = x.index_copy(-1, torch.cat([low, low + step]), ordered)
            step //= 2
        span *= 2
    return x[..., :count]


def _axes(value, axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else list(value) * (axes if len(value) == 1 else 1)


def _max_pool(axes: int):
    """Max pooling, one axis after another (a maximum of maxima); the indices, where requested, are the operation's own."""

    def rule(mode, func, args, options):
        defaults = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False}
        x, kernel, stride, padding, dilation, ceil, indices = bind(args, options, input=None, **defaults)
        kernel, padding, dilation = (_axes(value, axes) for value in (kernel, padding, dilation))
        stride = _axes(stride, axes) if stride else kernel
        own = func(*args, **options) if indices or "indices" in func.__name__ else None
        for axis in range(axes):
            x = _pool_axis(mode, x.movedim(axis - axes, -1), kernel[axis], stride[axis], padding[axis], dilation[axis], ceil=ceil)
            x = x.movedim(-1, axis - axes)
        return x if own is None else (x, own[1])

    return rule


def _pool_axis(mode, x: torch.Tensor, kernel: int, stride: int, padding: int, dilation: int, *, ceil: bool) -> torch.Tensor:
    length, window = x.shape[-1], dilation * (kernel - 1) + 1
    room = (length + 2 * padding - window) / stride
    count = (math.ceil(room) if ceil else math.floor(room)) + 1
    if ceil and (count - 1) * stride >= length + padding:  # the last window would begin behind the input
        count -= 1
    end = (count - 1) * stride + window
    x = functional.pad(x, (padding, max(0, end - length - padding)), value=NOTHING)
    return _largest(mode, x[..., :end].unfold(-1, window, stride)[..., ::dilation])


def _adaptive_max_pool(axes: int):
    """Adaptive max pooling: window i of n covers the numbers from floor(i·L/n) to ceil((i+1)·L/n)."""

    def rule(mode, func, args, options):
        x, size, indices = bind(args, options, input=None, output_size=None, return_indices=False)
        own = func(*args, **options) if indices or "indices" in func.__name__ else None
        for axis, count in enumerate(_axes(size, axes)):
            if count is None:
                continue
            x = x.movedim(axis - axes, -1)
            length = x.shape[-1]
            starts = [index * length // count for index in range(count)]
            ends = [-(-(index + 1) * length // count) for index in range(count)]
            width = max(end - start for start, end in zip(starts, ends, strict=True))
            windows = [[min(start + k, end - 1) for k in range(width)] for start, end in zip(starts, ends, strict=True)]
            x = _largest(mode, x[..., torch.tensor(windows, device=x.device)]).movedim(-1, axis - axes)
        return x if own is None else (x, own[1])

    return rule


def _amax(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    axes = sorted(axis % x.ndim for axis in (range(x.ndim) if dim in (None, ()) else [dim] if isinstance(dim, int) else dim))
    others = [axis for axis in range(x.ndim) if axis not in axes]
    result = _largest(mode, x.permute(*others, *axes).flatten(len(others)))
    for axis in axes if keepdim else ():
        result = result.unsqueeze(axis)
    return result


def _max(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    if isinstance(dim, torch.Tensor):
        return mode.maximum(x, dim)
    result = _amax(mode, func, (x, dim, keepdim), {})
    return result if dim is None else torch.return_types.max((result, x.detach().argmax(dim, keepdim)))


def _amin(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    return -_amax(mode, func, (-x, dim, keepdim), {})


def _min(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    if isinstance(dim, torch.Tensor):
        return -mode.maximum(-x, -dim)
    result = _amin(mode, func, (x, dim, keepdim), {})
    return result if dim is None else torch.return_types.min((result, x.detach().argmin(dim, keepdim)))


def _maximum(mode, func, args, options):
    a, b = bind(args, options, input=None, other=None)
    return mode.maximum(a, b)


def _minimum(mode, func, args, options):
    a, b = bind(args, options, input=None, other=None)
    return -mode.maximum(-a, -b)


def _in_order(x: torch.Tensor, dim: int) -> bool:
    return x.ndim > 0 and x.shape[dim] <= MOST_SORTED


def _sort(mode, func, args, options):
    x, dim, descending = bind(args, {k: v for k, v in options.items() if k != "stable"}, input=None, dim=-1, descending=False)
    if not _in_order(x, dim):
        return NotImplemented
    values = _sorted(mode, x.movedim(dim, -1)).movedim(-1, dim)
    own = func(*args, **options)
    return torch.return_types.sort((values.flip(dim) if descending else values, own[1]))


def _topk(mode, func, args, options):
    x, k, dim, largest, _ = bind(args, options, input=None, k=None, dim=-1, largest=True, sorted=True)
    if not _in_order(x, dim):
        return NotImplemented
    values = _sorted(mode, x.movedim(dim, -1))
    values = values.flip(-1)[..., :k] if largest else values[..., :k]
    return torch.return_types.topk((values.movedim(-1, dim), func(*args, **{**options, "sorted": True})[1]))


def _median(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    flat = x.reshape(-1) if dim is None else x.movedim(dim, -1)
    if not _in_order(flat, -1):
        return NotImplemented
    value = _sorted(mode, flat)[..., (flat.shape[-1] - 1) // 2]
    if dim is None:
        return value
    return torch.return_types.median((value.unsqueeze(dim) if keepdim else value, func(*args, **options)[1]))


def _kthvalue(mode, func, args, options):
    x, k, dim, keepdim = bind(args, options, input=None, k=None, dim=-1, keepdim=False)
    if not _in_order(x, dim):
        return NotImplemented
    value = _sorted(mode, x.movedim(dim, -1))[..., k - 1]
    return torch.return_types.kthvalue((value.unsqueeze(dim) if keepdim else value, func(*args, **options)[1]))


ORDER = {
    "amax": _amax,
    "amin": _amin,
    "max": _max,
    "min": _min,
    "maximum": _maximum,
    "fmax": _maximum,
    "minimum": _minimum,
    "fmin": _minimum,
    "sort": _sort,
    "topk": _topk,
    "median": _median,
    "kthvalue": _kthvalue,
    **{f"max_pool{axes}d": _max_pool(axes) for axes in (1, 2, 3)},
    **{f"max_pool{axes}d_with_indices": _max_pool(axes) for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d": _adaptive_max_pool(axes) for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d_with_indices": _adaptive_max_pool(axes) for axes in (1, 2, 3)},
}
"""The rules by the name of their operation."""
