"""Training on several devices or machines as if on one: the loss, the norms and the random numbers are those of the whole batch.

Each process computes a part of the batch. Predictions are gathered with their gradients before the loss is computed, because CCC of a
batch is not the mean of the CCCs of its parts; batch norms take mean and variance over all processes for the same reason.
"""

import os

import torch
import torch.distributed as dist
from torch import nn


def processes() -> int:
    """How many processes train together; 1 outside of a group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank_of(devices: int) -> int:
    """Which process of all this is (0 the first), as its launcher says, also before the group is formed."""
    for name in ("RANK", "SLURM_PROCID"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    node = os.environ.get("NODE_RANK") or os.environ.get("GROUP_RANK") or "0"
    return int(node) * devices + int(os.environ.get("LOCAL_RANK") or "0")


class _Gather(torch.autograd.Function):
    """The parts of all processes one after another; each part's gradient is the sum of what all processes say of it."""

    @staticmethod
    def forward(context, part: torch.Tensor) -> torch.Tensor:
        whole = [torch.empty_like(part) for _ in range(dist.get_world_size())]
        dist.all_gather(whole, part.contiguous())
        return torch.cat(whole)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        return _sum(gradient).chunk(dist.get_world_size())[dist.get_rank()]


class _Sum(torch.autograd.Function):
    """The sum over all processes, and of their gradients."""

    @staticmethod
    def forward(context, part: torch.Tensor) -> torch.Tensor:
        return _sum(part)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        return _sum(gradient)


def _sum(part: torch.Tensor) -> torch.Tensor:
    total = part.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def gathered(part: torch.Tensor) -> torch.Tensor:
    """The whole batch, of which each process has a part of equal size; gradients go back to the process that made each part."""
    return part if processes() == 1 else _Gather.apply(part)


class _OverAll(nn.modules.batchnorm._BatchNorm):
    """A batch norm whose mean and variance are those of the batches of all processes together."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or processes() == 1:
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        whole = x.float()
        mean = _Sum.apply(whole.mean(axes)) / processes()
        variance = _Sum.apply(((whole - mean.view(shape)) ** 2).mean(axes)) / processes()
        count = x.numel() / x.shape[1] * processes()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var.dtype), self.momentum)
        normal = (whole - mean.view(shape)) * torch.rsqrt(variance.view(shape) + self.eps)
        return (normal * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)


class _OverAll1d(_OverAll, nn.BatchNorm1d):
    pass


class _OverAll2d(_OverAll, nn.BatchNorm2d):
    pass


class _OverAll3d(_OverAll, nn.BatchNorm3d):
    pass


_TWINS = {nn.BatchNorm1d: _OverAll1d, nn.BatchNorm2d: _OverAll2d, nn.BatchNorm3d: _OverAll3d}


def convert_sync_batchnorm(network: nn.Module) -> nn.Module:
    """The same network, whose batch norms count all processes while it trains; its names, weights and predictions stay as they are."""
    for module in network.modules():
        if type(module) in _TWINS:
            module.__class__ = _TWINS[type(module)]
    return network


def all_reduce_any(value: bool, device: torch.device) -> bool:
    """Whether it is so in any process: what one decides (Ctrl-C, no patience left), all must do in the same step."""
    if processes() == 1:
        return value
    votes = torch.tensor(float(value), device=device)
    dist.all_reduce(votes)
    return bool(votes > 0)
