"""The attention weights of several layers of a transformer in one run, and the switch to code that gives them."""

import difflib
import fnmatch
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from stavis.attention.calls import eager, parts_of, refuse_dropout, unwrapped
from stavis.attention.inside import Tap, written_out
from stavis.errors import StavisError


def paths_matching(model: nn.Module, pattern: str) -> tuple[str, ...]:
    """The dotted paths of a network's modules that a pattern names, in their order; `*` stands for one level, such as a layer's number.

    Raises StavisError where there is none.
    """
    model = unwrapped(model)
    wanted = pattern.split(".")
    names = [name for name, _ in model.named_modules() if name]
    found = [name for name in names if _fits(name.split("."), wanted)]
    if not found:
        close = [name for name in names if name.rpartition(".")[2] == wanted[-1]]
        close = list(dict.fromkeys([*close, *difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)]))[:3]
        offer = f"did you mean {' or '.join(close)}?" if close else f"choose among {', '.join(names[:6])}."
        raise StavisError(f"{type(model).__name__} has no module {pattern!r} to take the attention from: {offer}")
    return tuple(found)


def _fits(name: list[str], wanted: list[str]) -> bool:
    return len(name) == len(wanted) and all(fnmatch.fnmatchcase(one, pattern) for one, pattern in zip(name, wanted, strict=True))


class LayerRecorder:
    """The weights of the last run inside `record_layers`: `weights` by path, each (N,heads,queries,keys) or (N,heads,q,k) by head mean."""

    def __init__(self, model: nn.Module, paths: Sequence[str], *, keep_heads: bool | Collection[str], keep_graph: bool):
        self.weights: dict[str, torch.Tensor] = {}
        self._calls: Counter[str] = Counter()
        self._keep_heads, self._keep_graph = keep_heads, keep_graph
        self.handles = []
        for path in paths:
            self._watch(model.get_submodule(path), path)

    def of(self, path: str) -> torch.Tensor:
        """The weights of one layer. Raises StavisError where it never ran, or ran several times, of which no one is the layer's."""
        if path not in self.weights:
            raise StavisError(f"the attention module {path} was never called: name one that the network runs.")
        check_once(path, self._calls[path])
        return self.weights[path]

    def _watch(self, module: nn.Module, path: str) -> None:
        inside: list[torch.Tensor] = []

        def see(weights):
            inside.append(self._with_gradient(weights))
            return weights

        def keep(module, _inputs, output):
            refuse_dropout(module)
            named = path.removeprefix("core.model.")  # as a user knows it, where the network is wrapped
            tensor = self._with_gradient(attention_in(output, inside, named, type(module).__name__))
            inside.clear()
            self._calls[path] += 1
            if not (path in self._keep_heads if isinstance(self._keep_heads, Collection) else self._keep_heads):
                tensor = tensor.mean(1)
            self.weights[path] = tensor if self._keep_graph else tensor.detach()

        self.handles += [*Tap(module, see).handles, module.register_forward_hook(keep)]

    def _with_gradient(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights, which a score can be differentiated by where that is wanted, whether or not anything before them can."""
        if self._keep_graph and not weights.requires_grad and weights.is_floating_point():
            weights.requires_grad_(True)
        return weights

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self.handles:
            handle.remove()


def check_once(path: str, calls: int) -> None:
    """Raises StavisError where a layer ran several times in one run: frame by frame, on other views of it, or as several layers at once."""
    if calls > 1:
        raise StavisError(
            f"the attention module {path.removeprefix('core.model.')} ran {calls} times in one run, and what is made of several layers "
            "or their gradients needs each to run once, on all frames together (frames.flatten(0, 1)): change forward=, or choose raw maps."
        )


def attention_in(output, inside: Sequence[torch.Tensor], path: str, name: str) -> torch.Tensor:
    """The attention weights (N,heads,q,k) that a module computes inside or has in its output. Raises StavisError where it has none."""
    right: list[torch.Tensor] = []
    for tensors in (inside, parts_of(output)):
        right = right or [one for one in tensors if isinstance(one, torch.Tensor) and one.ndim == 4 and _rows_sum_to_one(one)]
    if len(right) != 1:
        raise StavisError(
            f"the attention module {path} ({name}) gives no weights (heads, queries, keys) whose rows sum to 1: name the module that "
            "does, or load the network with code that computes them (attn_implementation='eager')."
        )
    return right[0]


def _rows_sum_to_one(weights: torch.Tensor) -> bool:
    plain = weights.detach()
    return bool((plain >= 0).all()) and bool(((plain.float().sum(-1) - 1).abs() < 2e-2).all())


@contextmanager
def record_layers(
    model: nn.Module, paths: Sequence[str], *, keep_heads: bool | Collection[str] = False, keep_graph: bool = False
) -> Iterator[LayerRecorder]:
    """Watch the attention weights of several modules while the model runs inside the `with` block; no hook stays.

    keep_heads: whole weights and not the mean over heads, of all modules or of those named. keep_graph: weights with gradients.
    """
    recorder = LayerRecorder(unwrapped(model), paths, keep_heads=keep_heads, keep_graph=keep_graph)
    try:
        with eager(), written_out():
            yield recorder
    finally:
        recorder.remove()


@contextmanager
def weights_computed(model: nn.Module) -> Iterator[None]:
    """Inside the block fused attention is replaced by code that computes its weights, where the library allows it; restored after.

    Of transformers the attention implementation is set to "eager", of timm `fused_attn` to False.
    """
    model = unwrapped(model)
    with ExitStack() as stack:
        switch = getattr(model, "set_attn_implementation", None)
        before = getattr(getattr(model, "config", None), "_attn_implementation", None)
        if switch is not None and before not in (None, "eager", "sdpa"):  # sdpa is written out while it is watched
            try:
                switch("eager")
            except (ValueError, NotImplementedError, ImportError) as error:
                raise StavisError(
                    f"{type(model).__name__} computes attention as {before} and cannot be switched to eager: load it with "
                    "attn_implementation='eager'."
                ) from error
            stack.callback(switch, before)
        for module in model.modules():
            if getattr(module, "fused_attn", False) is True:
                module.fused_attn = False
                stack.callback(setattr, module, "fused_attn", True)
        yield
