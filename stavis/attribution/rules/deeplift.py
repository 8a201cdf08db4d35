"""How the difference between a clip and its baseline passes through each operation of a network: the rules of exact DeepLIFT.

A network is run twice: on the baseline, writing down what every non-linear operation got, then on the clip, where each operation
gets the multipliers that carry its own difference exactly:

- elementwise functions: Rescale, Δy/Δx (Shrikumar et al. 2017);
- products: Δ(ab) = Δa mean(b) + Δb mean(a), the Shapley value of a product;
- softmax: its Jacobian integrated along the straight path (Gauss nodes inside the softmax alone);
- maxima: max(a,b) = (a + b + |a−b|) / 2, pair by pair;
- norms over the input's own statistics, recurrent and attention layers, sorting: made of the former;
- affine operations, reshaping and indexing: as they are.

References
----------
Shrikumar, Greenside, Kundaje: Learning important features through propagating activation differences. ICML 2017.
Sundararajan, Taly, Yan: Axiomatic attribution for deep networks. ICML 2017.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.autograd import Function
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from stavis.attribution.rules.layers import COMPOSED
from stavis.errors import StavisError

LINEAR = frozenset(
    """add sub rsub subtract radd neg negative positive sum mean nansum cumsum to type type_as float double half bfloat16 contiguous clone
    view reshape view_as reshape_as expand expand_as repeat repeat_interleave tile squeeze unsqueeze permute transpose swapaxes swapdims
    movedim moveaxis t T mT flatten unflatten ravel cat concat concatenate stack hstack vstack chunk split tensor_split unbind narrow
    select index_select gather take_along_dim getitem setitem copy flip fliplr flipud roll rot90 pad constant_pad_nd diagonal tril triu
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d interpolate upsample
    upsample_bilinear upsample_nearest pixel_shuffle pixel_unshuffle channel_shuffle unfold fold detach_ requires_grad_ alias
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout trace kron cuda cpu real scatter
    scatter_add index_add index_copy masked_select zero fill get retain_grad register_hook movedim as_strided cdouble diff trapezoid
    where masked_fill masked_scatter _pack_padded_sequence _pad_packed_sequence max_unpool1d max_unpool2d max_unpool3d
    complex imag conj resolve_conj view_as_real view_as_complex stft istft fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2
    fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn fft_fftshift fft_ifftshift fft_hfft fft_ihfft
    """.split()  # noqa: SIM905
)
"""Operations that are affine in what they get, by name: differences pass as they are."""

MULTILINEAR = frozenset(
    """mul multiply matmul mm bmm mv dot inner outer einsum linear bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d rmul rmatmul tensordot lerp baddbmm addmm addbmm addcmul vdot chain_matmul
    """.split()  # noqa: SIM905
)
"""Operations that are affine in each of their operands: with one of them in play they are linear, with more they are products."""

ELEMENTWISE = frozenset(
    """relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign sigmoid logsigmoid tanh tanhshrink hardtanh hardswish
    hardsigmoid hardshrink softshrink threshold prelu rrelu exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square erf erfc sin
    cos tan atan arctan asinh arcsinh sinh cosh pow float_power rpow clamp clip clamp_min clamp_max sinc logit nan_to_num lgamma
    """.split()  # noqa: SIM905
)
"""Functions of one number, applied to each by itself."""

CHOOSING = frozenset({"where", "masked_fill", "masked_scatter", "getitem", "setitem", "gather", "index_select", "take_along_dim"})
"""Affine operations that are called by their own name where what they choose by depends on the input."""

NUMBERS = frozenset({"item", "tolist", "float", "int", "complex", "index"})
"""Operations that may turn a tensor into plain numbers."""

UNKNOWN_NODES = 32
MASKED = -1e4
"""A score in index of minus infinity, whose differences are no numbers."""


class RuleMode(TorchFunctionMode):
    """One run of a network under the rules: first on the baseline (records None), then on the clip with the baseline's records.

    `approximated` names whatever was not made under a rule: operations that have none (they get the path integral of their Jacobian),
    values that depend on the input but carry no gradient (masks, rounded or detached numbers), and results that came from elsewhere
    (functions with a gradient of their own, code compiled by torch.jit). `fixed` are the tensors that no run changes: the weights.

    Raises StavisError, where `unknown` is 'raise', at the first of them.
    """

    def __init__(self, records: list | None = None, unknown: str = "integrate", fixed: frozenset[int] = frozenset()):
        super().__init__()
        self.baseline = records is None
        self.records: list = [] if records is None else records
        self.position = 0
        self.unknown = unknown
        self.fixed = fixed
        self.passive = False
        self.approximated: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = kwargs or {}
        if self.passive:
            return func(*args, **options)
        parts = list(_tensors((args, options)))
        carriers = [part for part in parts if _carries(part)]
        name = name_of(func)
        if not carriers or not torch.is_grad_enabled():
            result = func(*args, **options)
            origin = "no_grad" if carriers else next((part._origin for part in parts if hasattr(part, "_origin")), None)
            return result if origin is None else _marked(result, origin)
        self._look_at_sources(carriers)
        self._look_at_constants(name.rstrip("_"), parts)
        in_place = options.get("inplace") or (name.endswith("_") and name[:-1] in ELEMENTWISE | MULTILINEAR | {"div", "softmax", "abs"})
        if in_place and args and _carries(args[0]):
            # On a copy, so that what the rule keeps of its input is not written over.
            inner = getattr(torch, name[:-1], func) if name.endswith("_") else func
            fresh = self._apply(name.rstrip("_"), inner, (args[0].clone(), *args[1:]), options, carriers)
            return _marked(args[0].copy_(fresh), name)
        result = self._apply(name if name in LINEAR else name.rstrip("_"), func, args, options, carriers)
        if args and _carries(args[0]):
            _marked(args[0], name)  # what was written on carries now, too
        return _marked(result, name)

    def _look_at_sources(self, carriers: list) -> None:
        """Name what came with a gradient from outside: every result of an operation that was seen is marked."""
        for part in carriers:
            if part.grad_fn is not None and not hasattr(part, "_ruled"):
                self._flag(part.grad_fn.name().rsplit("::", 1)[-1].removesuffix("Backward0").removesuffix("Backward"))
                part._ruled = True

    def _look_at_constants(self, name: str, parts: list) -> None:
        """Name operands without a gradient that are not those of the baseline: they follow the input, and no rule carries that."""
        constants = [part for part in parts if not _carries(part) and not {id(part), id(part._base)} & self.fixed]
        if not constants:
            return
        if self.baseline:
            self._write(*constants)
            return
        for part, before in zip(constants, self._read(name, *constants), strict=True):
            if not torch.equal(part.detach(), before):
                self._flag(name if name in CHOOSING else getattr(part, "_origin", name))

    def _flag(self, name: str) -> None:
        if self.unknown == "raise":
            raise StavisError(f"the operation {name} has no rule for exact DeepLIFT: allow the path integral, unknown='integrate'.")
        self.approximated.add(name)

    def _apply(self, name: str, func: Callable, args: tuple, options: dict, carriers: list):
        options = {key: value for key, value in options.items() if key != "inplace"}
        if name in LINEAR:
            if "dropout" in name and options.get("training", True) and options.get("p", 0.5):
                self._flag(name)
            return self._numbers(name, func(*args, **options))
        if name in MULTILINEAR:
            if len(carriers) == 1:
                return func(*args, **options)
            return self.integrate(func, args, options, nodes=-(-len(carriers) // 2))
        if name in ELEMENTWISE and len(carriers) == 1 and not carriers[0].is_complex():
            index = next((index for index, part in enumerate(args) if _carries(part)), None)
            if index is not None:
                return self.rescale(lambda z: func(*args[:index], z, *args[index + 1 :], **options), args[index])
        if name in ("div", "divide", "true_divide", "truediv", "rtruediv", "rdiv") and not options.get("rounding_mode"):
            above, below = (args[1], args[0]) if name in ("rtruediv", "rdiv") else args[:2]
            return self.quotient(above, below)
        if name in COMPOSED:
            result = COMPOSED[name](self, func, args, options)
            if result is not NotImplemented:
                return result
        return self._unknown(name, func, args, options)

    def _numbers(self, name: str, result):
        """The result; plain numbers made of the input are named where they are not those of the baseline."""
        if name in NUMBERS and not isinstance(result, torch.Tensor):
            numbers = torch.tensor(result)
            if self.baseline:
                self._write(numbers)
            elif not torch.equal(self._read(name, numbers)[0], numbers):
                self._flag(name)
        return result

    # What the rules are made of; those of layers and of order use these three.

    def rescale(self, function: Callable, x: torch.Tensor) -> torch.Tensor:
        """An elementwise function with the multiplier Δy/Δx; its slope half-way where Δx is next to nothing."""
        if not _carries(x):
            return function(x)
        if self.baseline:
            result = _Rescale.apply(x, function, None, None)
            self._write(x, result)
            return result
        return _Rescale.apply(x, function, *self._read("an elementwise function", x, x))

    def integrate(self, func: Callable, args: tuple, options: dict | None = None, *, nodes: int = 1):
        """Any differentiable operation with its Jacobian integrated along the straight path: exact for a product with one node."""
        parts, structure = tree_flatten((args, options or {}))
        indices = [index for index, part in enumerate(parts) if _carries(part)]
        if len(indices) == 0 or (func is torch.mul and len(indices) == 1):
            return func(*args, **(options or {}))
        tensors = [parts[index] for index in indices]
        references = None
        if self.baseline:
            self._write(*tensors)
        else:
            references = self._read(getattr(func, "__name__", "a product"), *tensors)

        if name_of(func) == "mul" and len(args) == 2 and not options and _alike(tensors):
            return _Product.apply(references, *tensors)

        def call(*given):
            filled = list(parts)
            for index, tensor in zip(indices, given, strict=True):
                filled[index] = tensor
            inner, keywords = tree_unflatten(filled, structure)
            return func(*inner, **keywords)

        return _PathIntegral.apply(call, nodes, references, *tensors)

    def along(self, function: Callable, x: torch.Tensor, dim: int) -> torch.Tensor:
        """A function of the softmax family along one axis; as many nodes as the spread of its score differences asks for, in double."""
        nodes = 1
        if bool(torch.isneginf(x.detach()).any()):
            x = x.masked_fill(torch.isneginf(x.detach()), MASKED)
        if _carries(x) and not self.baseline:
            change = x.detach() - self.records[self.position][0]
            spread = float((change.amax(dim) - change.amin(dim)).amax())
            nodes = min(512, max(4, math.ceil(11 / math.asinh(2 * math.pi / max(spread, 1e-3)))))
        return self.integrate(lambda z: function(z.double(), dim).to(z.dtype), (x,), nodes=nodes)

    def maximum(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The larger of two, number by number; each operand's multiplier lies in [0,1], together they are 1."""
        a, b = torch.broadcast_tensors(a, b)
        references = (None, None)
        if self.baseline:
            self._write(a, b)
        else:
            references = self._read("a maximum", a, b)
        return _Maximum.apply(a, b, *references)

    def quotient(self, above, below):
        """One number over another: a product with the reciprocal."""
        if not _carries(below):
            return torch.div(above, below)
        inverse = self.rescale(torch.reciprocal, below)
        return self.integrate(torch.mul, (above, inverse)) if _carries(above) else above * inverse

    def _unknown(self, name, func, args, options):
        parts, structure = tree_flatten(func(*args, **options))
        reached = [index for index, part in enumerate(parts) if _carries(part)]
        if not reached:
            return self._numbers(name, tree_unflatten(parts, structure))
        self._flag(name)
        for index in reached:
            parts[index] = self.integrate(
                lambda *inner, index=index, **keywords: tree_flatten(func(*inner, **keywords))[0][index], args, options, nodes=UNKNOWN_NODES
            )
        return tree_unflatten(parts, structure)

    def finish(self, output: torch.Tensor) -> None:
        """Look where the run's output came from, and that the run on the clip did all that the run on the baseline did.

        Raises StavisError where it did less.
        """
        if _carries(output):
            self._look_at_sources([output])
        if self.position < len(self.records):
            raise StavisError("the model takes another path for the baseline than for the clip: take another method.")

    def _write(self, *tensors: torch.Tensor) -> None:
        self.records.append([tensor.detach().clone() for tensor in tensors])

    def _read(self, name: str, *tensors: torch.Tensor) -> list[torch.Tensor]:
        record = self.records[self.position] if self.position < len(self.records) else []
        if [part.shape for part in record] != [part.shape for part in tensors]:
            raise StavisError(f"the model takes another path for the baseline than for the clip (at {name}): take another method.")
        self.records[self.position] = None  # frees the memory
        self.position += 1
        return record


def _tensors(given) -> Iterator[torch.Tensor]:
    """The tensors in what an operation was called with, in their order."""
    if isinstance(given, torch.Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _tensors(one)
    elif isinstance(given, dict):
        for one in given.values():
            yield from _tensors(one)


def _alike(tensors: list[torch.Tensor]) -> bool:
    """Whether these are two of one shape and one real type."""
    return (
        len(tensors) == 2 and tensors[0].shape == tensors[1].shape and tensors[0].dtype == tensors[1].dtype and not tensors[0].is_complex()
    )


def _carries(part) -> bool:
    return isinstance(part, torch.Tensor) and part.requires_grad and (part.is_floating_point() or part.is_complex())


def _marked(result, origin: str):
    """The result, whose tensors remember the operation that made them."""
    for part in (result,) if isinstance(result, torch.Tensor) else tree_flatten(result)[0]:
        if isinstance(part, torch.Tensor):
            part._origin = origin
            if _carries(part):
                part._ruled = True
    return result


def name_of(func: Callable) -> str:
    """An operation's name without what tells how it was called: __iadd__ and add are both 'add', `relu_` keeps its underscore."""
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":
        return getattr(getattr(func, "__self__", None), "__name__", "get")
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name in ("iadd", "isub", "imul", "itruediv", "ipow", "imatmul"):
            name = name[1:]
    return name


class _Rescale(Function):
    @staticmethod
    def forward(ctx, x, function, reference, before):
        x = x.detach()
        y = function(x)
        if reference is not None:
            change = x - reference
            small = change.abs() <= 1e-6 * (x.abs() + reference.abs()) + 1e-8
            multiplier = (y - before).div_(change.masked_fill_(small, 1))
            if bool(small.any()):
                with torch.enable_grad():
                    half_way = ((x[small] + reference[small]) / 2).requires_grad_(True)
                    (slope,) = torch.autograd.grad(function(half_way).sum(), half_way)
                multiplier[small] = slope
            ctx.save_for_backward(multiplier)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (multiplier,) = ctx.saved_tensors
        return gradient * multiplier, None, None, None


class _Maximum(Function):
    @staticmethod
    def forward(ctx, a, b, reference_a, reference_b):
        if reference_a is not None:
            gap, before = a - b, reference_a - reference_b
            change = gap - before
            small = change.abs() <= 1e-6 * (gap.abs() + before.abs()) + 1e-8
            steepness = (gap.abs() - before.abs()) / change.masked_fill(small, 1)
            ctx.save_for_backward((1 + torch.where(small, torch.sign(gap + before), steepness)) / 2)
        return torch.maximum(a, b)

    @staticmethod
    def backward(ctx, gradient):
        (part,) = ctx.saved_tensors
        return gradient * part, gradient * (1 - part), None, None


class _Product(Function):
    """The product of two tensors of one shape: each gets the mean of the other."""

    @staticmethod
    def forward(ctx, references, a, b):
        ctx.save_for_backward(a, b, *(references or ()))
        return a.detach() * b.detach()

    @staticmethod
    def backward(ctx, gradient):
        a, b, *before = ctx.saved_tensors
        middle_a, middle_b = (x + (y - x) * 0.5 for x, y in zip(before, (a, b), strict=True))
        return None, gradient * middle_b, gradient * middle_a


class _PathIntegral(Function):
    @staticmethod
    def forward(ctx, call, nodes, references, *tensors):
        ctx.call, ctx.nodes = call, nodes
        ctx.save_for_backward(*tensors, *(references or ()))
        return call(*(tensor.detach() for tensor in tensors))

    @staticmethod
    def backward(ctx, gradient):
        count = len(ctx.saved_tensors) // 2
        ends, starts = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        positions, weights = np.polynomial.legendre.leggauss(ctx.nodes)
        total = None
        for position, weight in zip((positions + 1) / 2, weights / 2, strict=True):
            with torch.enable_grad():
                points = [(a + (b - a) * float(position)).detach().requires_grad_(True) for a, b in zip(starts, ends, strict=True)]
                value, given = ctx.call(*points), (gradient,)
                if not gradient.is_complex():  # as one number: given a gradient torch imports its symbolic shapes, a second's work
                    value, given = (value * gradient).sum(), None
                parts = torch.autograd.grad(value, points, given, allow_unused=True)
            parts = [torch.zeros_like(p) if part is None else part * float(weight) for p, part in zip(points, parts, strict=True)]
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
        return None, None, None, *total
