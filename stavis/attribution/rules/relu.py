"""Other rules for the gradient of a ReLU, laid on the operation and not on a module: guided backpropagation and deconvolution.

`nn.ReLU`, `functional.relu`, `torch.relu`, `x.relu_()` and clamping at 0 from below are the same operation here, so networks that mix
them get what the same network made of modules alone gets.

References
----------
Springenberg, Dosovitskiy, Brox, Riedmiller: Striving for simplicity. ICLR workshop 2015. Zeiler, Fergus: Visualizing and
understanding convolutional networks. ECCV 2014.
"""

import torch
from torch import nn
from torch.autograd import Function
from torch.overrides import TorchFunctionMode


class ReluRule(TorchFunctionMode):
    """Inside this context the gradient of every ReLU is its positive part; with `guided` only where the ReLU was on.

    `count` is the number of ReLUs that ran on something that carries a gradient.
    """

    def __init__(self, *, guided: bool):
        super().__init__()
        self.guided = guided
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = kwargs or {}
        name = getattr(func, "__name__", "").partition(".")[0]  # of an exported program "relu.default"
        if not _is_relu(name, args, options):
            return func(*args, **options)
        x = args[0] if args else options["input"]
        if not (isinstance(x, torch.Tensor) and x.requires_grad and torch.is_grad_enabled()):
            return func(*args, **options)
        self.count += 1
        in_place = name.endswith("_") or options.get("inplace", False) or (name == "relu" and len(args) > 1 and args[1])
        if not in_place:
            return _Relu.apply(x, self.guided)
        return x.copy_(_Relu.apply(x.clone(), self.guided))


def _is_relu(name: str, args: tuple, options: dict) -> bool:
    if name in ("relu", "relu_"):
        return True
    if name in ("clamp", "clamp_", "clip", "clip_"):
        low, high = (args[index] if len(args) > index else options.get(name) for index, name in ((1, "min"), (2, "max")))
        return high is None and _is_zero(low)
    if name in ("clamp_min", "clamp_min_"):
        return _is_zero(args[1] if len(args) > 1 else options.get("min"))
    return False


def _is_zero(value) -> bool:
    return isinstance(value, (int, float)) and value == 0


class _Relu(Function):
    @staticmethod
    def forward(ctx, x, guided):
        result = x.clamp(min=0)
        ctx.guided = guided
        if guided:
            ctx.save_for_backward(result > 0)
        return result

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clamp(min=0)
        return (gradient * ctx.saved_tensors[0] if ctx.guided else gradient), None


def scripted(model: nn.Module) -> bool:
    """Whether a part of the model is compiled by torch.jit, whose operations cannot be seen."""
    return any(isinstance(module, torch.jit.ScriptModule) for module in model.modules())
