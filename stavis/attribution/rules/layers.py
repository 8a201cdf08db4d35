"""Exact DeepLIFT for operations that are made of simpler ones: norms, the softmax family, scaled dot products, attention layers.

Each rule is `rule(mode, func, args, options)`; it answers NotImplemented where it does not cover the options given.
"""

import math

import torch
from torch.nn import functional

from stavis.attribution.rules.order import ORDER, bind
from stavis.attribution.rules.recurrent import RECURRENT


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
    x, shape, weight, bias, eps = bind(args, options, input=None, normalized_shape=None, weight=None, bias=None, eps=1e-5)
    return _affine(_normalised(mode, x, tuple(range(-len(shape), 0)), eps), weight, bias, channels_first=False)


def _rms_norm(mode, func, args, options):
    x, shape, weight, eps = bind(args, options, input=None, normalized_shape=None, weight=None, eps=None)
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return _affine(_normalised(mode, x, tuple(range(-len(shape), 0)), eps, centred=False), weight, None, channels_first=False)


def _group_norm(mode, func, args, options):
    x, groups, weight, bias, eps = bind(args, options, input=None, num_groups=None, weight=None, bias=None, eps=1e-5)
    grouped = _normalised(mode, x.reshape(x.shape[0], groups, -1), (2,), eps)
    return _affine(grouped.reshape(x.shape), weight, bias, channels_first=True)


def _statistics_norm(kept_axes: tuple[int, ...], flag: str, flag_default: bool):
    """Batch norm and instance norm: affine with stored statistics, a norm over the input's own without."""

    def rule(mode, func, args, options):
        defaults = {"input": None, "running_mean": None, "running_var": None, "weight": None, "bias": None}
        x, _, _, weight, bias, own, _, eps = bind(args, options, **defaults, **{flag: flag_default}, momentum=0.1, eps=1e-5)
        if not own:
            return func(*args, **options)
        dims = tuple(axis for axis in range(x.ndim) if axis not in kept_axes)
        return _affine(_normalised(mode, x, dims, eps), weight, bias, channels_first=True)

    return rule


def _softmax(mode, func, args, options):
    x, dim = bind(args, options, input=None, dim=None)
    return NotImplemented if dim is None else mode.along(torch.softmax, x, dim)


def _log_softmax(mode, func, args, options):
    x, dim = bind(args, options, input=None, dim=None)
    return NotImplemented if dim is None else mode.along(torch.log_softmax, x, dim)


def _logsumexp(mode, func, args, options):
    x, dim, keepdim = bind(args, options, input=None, dim=None, keepdim=False)
    if not isinstance(dim, int):
        return NotImplemented
    return mode.along(lambda z, axis: torch.logsumexp(z, axis, keepdim=keepdim), x, dim)


def _glu(mode, func, args, options):
    x, dim = bind(args, options, input=None, dim=-1)
    a, b = x.chunk(2, dim)
    return mode.integrate(torch.mul, (a, mode.rescale(torch.sigmoid, b)))


def _attention(mode, func, args, options):
    """Scaled dot-product attention of a transformer, written out."""
    defaults = {"attn_mask": None, "dropout_p": 0.0, "is_causal": False, "scale": None, "enable_gqa": False}
    query, key, value, mask, dropout, causal, scale, grouped = bind(args, options, query=None, key=None, value=None, **defaults)
    if dropout:
        return NotImplemented
    if grouped:
        key, value = (part.repeat_interleave(query.shape[-3] // part.shape[-3], -3) for part in (key, value))
    return _attend(mode, query, key, value, mask, causal=causal, scale=scale)[0]


def _attend(mode, query, key, value, mask, *, causal: bool = False, scale: float | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """What is read, and the weights."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = mode.integrate(torch.matmul, (query * scale, key.transpose(-1, -2)))
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    weights = mode.along(torch.softmax, scores, -1)
    return mode.integrate(torch.matmul, (weights, value)), weights


MULTI_HEAD = tuple(
    """query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p out_proj_weight
    out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight
    static_k static_v average_attn_weights is_causal
    """.split()  # noqa: SIM905
)
"""The arguments of functional.multi_head_attention_forward, in order."""


def _multi_head_attention(mode, func, args, options):
    """nn.MultiheadAttention: projections, masks, heads, the product and the projection behind it."""
    got = dict.fromkeys(MULTI_HEAD) | {"training": True, "need_weights": True, "average_attn_weights": True}
    got = got | dict(zip(MULTI_HEAD, args, strict=False)) | options
    if (got["training"] and got["dropout_p"]) or got["bias_k"] is not None or got["static_k"] is not None or got["static_v"] is not None:
        return NotImplemented
    inputs = [got["query"], got["key"], got["value"]]
    batched = inputs[0].ndim == 3
    inputs = inputs if batched else [part.unsqueeze(1) for part in inputs]
    weights = [got[f"{one}_proj_weight"] for one in "qkv"] if got["use_separate_proj_weight"] else got["in_proj_weight"].chunk(3)
    biases = [None] * 3 if got["in_proj_bias"] is None else got["in_proj_bias"].chunk(3)
    heads, batch = got["num_heads"], inputs[0].shape[1]
    projected = [functional.linear(part, *pair) for part, *pair in zip(inputs, weights, biases, strict=True)]
    query, key, value = (part.unflatten(2, (heads, -1)).permute(1, 2, 0, 3) for part in projected)  # batch, heads, tokens, features
    mask, padding = _added(got["attn_mask"], query), _added(got["key_padding_mask"], query)
    if mask is not None:
        mask = mask if mask.ndim == 2 else mask.reshape(batch, heads, *mask.shape[1:])
    if padding is not None:
        padding = padding.reshape(batch, 1, 1, -1)
        mask = padding if mask is None else mask + padding
    if got["add_zero_attn"]:
        key, value = (functional.pad(part, (0, 0, 0, 1)) for part in (key, value))
        mask = None if mask is None else functional.pad(mask, (0, 1))
    read, attention = _attend(mode, query, key, value, mask)
    read = functional.linear(read.permute(2, 0, 1, 3).flatten(2), got["out_proj_weight"], got["out_proj_bias"])
    attention = (attention.mean(1) if got["average_attn_weights"] else attention) if got["need_weights"] else None
    if batched:
        return read, attention
    return read.squeeze(1), None if attention is None else attention.squeeze(0)


def _added(mask: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor | None:
    """A mask as numbers that are added to the scores; in a boolean one True means: not attended to."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=like.dtype, device=mask.device).masked_fill(mask, -math.inf)


def _length(mode, x: torch.Tensor, dims, *, keepdim: bool, smallest: float = 0.0) -> torch.Tensor:
    """The Euclidean norm."""
    squares = mode.rescale(torch.square, x).sum(dims, keepdim=keepdim)
    return mode.rescale(lambda z: z.clamp(min=smallest * smallest).sqrt(), squares)


def _norm(mode, func, args, options):
    """Norms of order 1 and 2 over given axes or all."""
    x, order, dim, keepdim = bind(args, _renamed(options, p="ord"), input=None, ord=2, dim=None, keepdim=False)
    order = 2 if order in (None, "fro") else order
    dims = tuple(range(x.ndim)) if dim is None else dim
    if order == 2 and not x.is_complex():
        return _length(mode, x, dims, keepdim=keepdim)
    return mode.rescale(torch.abs, x).sum(dims, keepdim=keepdim) if order == 1 and not x.is_complex() else NotImplemented


def _renamed(options: dict, **names: str) -> dict:
    return {names.get(name, name): value for name, value in options.items()}


def _normalize(mode, func, args, options):
    x, order, dim, eps = bind(args, options, input=None, p=2.0, dim=1, eps=1e-12)
    if order != 2:
        return NotImplemented
    return mode.quotient(x, _length(mode, x, dim, keepdim=True, smallest=eps))


def _cosine(mode, func, args, options):
    a, b, dim, eps = bind(args, options, x1=None, x2=None, dim=1, eps=1e-8)
    a, b = torch.broadcast_tensors(a, b)
    product = mode.integrate(torch.mul, (a, b)).sum(dim)
    lengths = [_length(mode, part, dim, keepdim=False, smallest=eps) for part in (a, b)]
    return mode.quotient(product, mode.integrate(torch.mul, tuple(lengths)))


def _hypot(mode, func, args, options):
    a, b = bind(args, options, input=None, other=None)
    return mode.rescale(torch.sqrt, mode.rescale(torch.square, a) + mode.rescale(torch.square, b))


def _abs(mode, func, args, options):
    (x,) = bind(args, options, input=None)
    return _hypot(mode, func, (x.real, x.imag), {}) if x.is_complex() else mode.rescale(torch.abs, x)


def _softmin(mode, func, args, options):
    x, dim = bind(args, options, input=None, dim=None)
    return NotImplemented if dim is None else mode.along(torch.softmax, -x, dim)


def _spread(root: bool):
    """Variance and standard deviation."""

    def rule(mode, func, args, options):
        if len(args) == 2 and isinstance(args[1], bool):
            return NotImplemented
        x, dim, unbiased, keepdim = bind(args, options, input=None, dim=None, unbiased=True, keepdim=False)
        correction = options.get("correction", int(bool(unbiased)))
        dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        count = math.prod(x.shape[axis] for axis in dims)
        squares = mode.rescale(torch.square, x - x.mean(dims, keepdim=True))
        variance = squares.sum(dims, keepdim=keepdim) / max(0, count - (1 if correction is None else correction))
        return mode.rescale(torch.sqrt, variance) if root else variance

    return rule


COMPOSED = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "batch_norm": _statistics_norm((1,), "training", False),
    "instance_norm": _statistics_norm((0, 1), "use_input_stats", True),
    "softmax": _softmax,
    "softmin": _softmin,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "glu": _glu,
    "norm": _norm,
    "linalg_norm": _norm,
    "linalg_vector_norm": _norm,
    "normalize": _normalize,
    "cosine_similarity": _cosine,
    "hypot": _hypot,
    "abs": _abs,
    "absolute": _abs,
    "var": _spread(False),
    "std": _spread(True),
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head_attention,
    **RECURRENT,
    **ORDER,
}
"""The rules by the name of their operation."""
