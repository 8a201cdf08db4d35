"""Where a network cuts gradients inside itself: torch.no_grad or inference_mode in its forward, detach, numbers that go through numpy.

A map made of gradients shows nothing of what reaches the prediction through there, however much that decides.
"""

import re

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from stavis.attribution.rules.deeplift import name_of
from stavis.errors import StavisError

SAID = "the model cuts gradients inside itself"
"""How the note of a cut begins."""

CHECKPOINTED = (
    "the model uses activation checkpointing, through which this method cannot follow gradients: switch it off while explaining, such as "
    "by model.gradient_checkpointing_disable()."
)

DETACHING = frozenset({"detach", "detach_", "data"})
LEAVING = frozenset({"numpy", "array", "tolist"})
"""Operations by which numbers leave torch."""
UNRELATED = frozenset({"requires_grad_", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros"}) | {
    f"new_{kind}" for kind in ("ones", "empty", "full", "tensor")
}
"""Operations whose result does not follow the numbers that they are given."""


WITHOUT = ("torch::autograd::WarnNotImplemented", "torch::autograd::NotImplemented")
"""What torch says of the result of an operation that has no derivative, such as a quantised layer: its gradient is lost without a word."""
_NO_FORMULA = re.compile(r"backward through (\S+) but no autograd formula|derivative for (\S+) is not implemented")


class NoGradient(StavisError):
    """No gradient of a prediction reaches what a method asks for it."""


class GradientCuts(TorchFunctionMode):
    """Watches one run of a network on frames that ask for gradients: what its output owes to numbers whose gradient was cut.

    A result without a gradient that was made of something with one is marked, and so is what is made of it. `fixed`: the ids of the
    weights, which come from outside and are no such numbers.
    """

    def __init__(self, fixed: frozenset[int]):
        super().__init__()
        self.fixed = fixed
        self.left = False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = kwargs or {}
        name = name_of(func).partition(".")[0]  # of an exported program "detach.default"
        parts = [part for part in tree_flatten((args, options))[0] if _counts(part)]
        follows = any(part.requires_grad for part in parts)
        lost, behind = self._marks(parts)
        result = func(*args, **options)
        if name in LEAVING:
            self.left = self.left or bool(lost or behind)
        if name in UNRELATED:
            return _mark(result, frozenset(), frozenset())
        if follows and any(map(_without_derivative, tree_flatten(result)[0])):
            result = tree_map(lambda part: part.detach() if _without_derivative(part) else part, result)
            lost |= {name}
        elif follows and (name in DETACHING or not torch.is_grad_enabled()):
            lost |= {"detach" if name in DETACHING else "torch.no_grad or inference_mode"}
        elif torch.is_grad_enabled() and name not in DETACHING:
            lost, behind = frozenset(), lost | behind
        if (name == "setitem" or (name.endswith("_") and result is args[0])) and _counts(args[0]):
            for written in (args[0], args[0]._base):
                _mark(written, lost, behind)
        return _mark(result, lost, behind)

    def cuts_behind(self, output: torch.Tensor) -> tuple[str, ...]:
        """By what gradients were cut on the way to an output, in words; () where none was."""
        lost, behind = self._marks([output])
        return tuple(sorted(lost | behind))

    def _marks(self, parts: list[torch.Tensor]) -> tuple[frozenset[str], frozenset[str]]:
        """The cuts of tensors that have no gradient themselves, and of those that others of theirs stand behind.

        What runs inside a Function of one's own has no gradient yet and gets one when the Function gives it back: it is no cut then.
        """
        lost, behind = set(), set()
        for part in parts:
            marks = getattr(part, "_cut_by", None)
            if marks is None:
                if self.left and not part.requires_grad and id(part) not in self.fixed:
                    lost.add("numpy")
                continue
            behind |= marks[1]
            if not part.requires_grad:
                lost |= marks[0]
        return frozenset(lost), frozenset(behind)


def cut_note(cuts: tuple[str, ...]) -> str:
    """What a reader of a map of gradients must know of cuts."""
    return f"{SAID} (by {', '.join(cuts)}): what reaches the prediction through there is missing in maps of gradients."


def no_gradient(cuts: tuple[str, ...], what: str = "the pixels") -> NoGradient:
    """The refusal where nothing is left to follow."""
    why = f"the model cuts it by {', '.join(cuts)}" if cuts else "the model does not read them, or cuts it"
    return NoGradient(f"no gradient of the prediction reaches {what} ({why}): let gradients through, or take occlusion, which needs none.")


def without_formula(error: RuntimeError) -> str:
    """The operation that torch's error says has no derivative; '' for any other error."""
    found = _NO_FORMULA.search(str(error))
    return next(filter(None, found.groups())) if found else ""


def is_checkpointed(error: RuntimeError) -> bool:
    """Whether an error of torch says that gradients do not go through activation checkpointing in this way."""
    return "torch.utils.checkpoint" in str(error) or CHECKPOINTED in str(error)


def no_checkpointing():
    """A context, or decorator, in which checkpointing that would run a part of the network again, without the rules that a method lays on
    it, is an error at once."""
    return torch.autograd.graph.disable_saved_tensors_hooks(CHECKPOINTED)


def _without_derivative(part) -> bool:
    return isinstance(part, torch.Tensor) and part.grad_fn is not None and part.grad_fn.name() in WITHOUT


def _counts(part) -> bool:
    return isinstance(part, torch.Tensor) and (part.is_floating_point() or part.is_complex())


def _mark(result, lost: frozenset[str], behind: frozenset[str]):
    for part in (result,) if isinstance(result, torch.Tensor) else tree_flatten(result)[0]:
        if _counts(part):
            part._cut_by = (lost, behind)
    return result
