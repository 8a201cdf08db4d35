"""Convolutions as a CPU runs them best: those of a single clip, which torch sends to slow kernels, and those with what follows them."""

import torch
from torch import nn
from torch.nn.modules.module import _has_any_global_hook

_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_ONEDNN = torch.backends.mkldnn.is_available()
FUSED = getattr(torch.ops.mkldnn, "_convolution_pointwise", None) if _ONEDNN else None
"""oneDNN's convolution with what follows it; None where torch is built without it."""
ADDED = getattr(getattr(torch.ops.mkldnn, "_convolution_pointwise_", None), "binary", None) if _ONEDNN else None
"""The same, added in place to what is there."""
PACKED = getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None) if ADDED is not None else None
"""Weights in oneDNN's own order."""

_PROBES = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
HALF = any(probe() for probe in _PROBES if probe is not None)
"""Whether this CPU computes in bf16 natively."""


class ConvBlock(nn.Sequential):
    """A convolution without bias, its normalisation and a ReLU: (B,C,...) -> (B,C2,...).

    Where nothing but the result is wanted (no gradients, no hooks within, evaluation on a CPU in single precision) the normalisation is
    folded into the weights and oneDNN does all of it in one pass, channels last, also for one clip alone. The results are the same but
    for rounding.
    """

    def __init__(self, convolution: nn.Conv2d | nn.Conv3d, norm: nn.BatchNorm2d | nn.BatchNorm3d):
        super().__init__(convolution, norm, nn.ReLU())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not self._in_one_pass(images):
            return super().forward(images)
        convolution, norm, _ = self
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = convolution.weight * scale.view(-1, *[1] * (convolution.weight.ndim - 1))
        bias = norm.bias - norm.running_mean * scale
        how = convolution.padding, convolution.stride, convolution.dilation, convolution.groups
        last = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d  # so oneDNN reorders neither images nor results
        return FUSED(images.contiguous(memory_format=last), weight.contiguous(memory_format=last), bias, *how, "relu", [], "")

    def _in_one_pass(self, images: torch.Tensor) -> bool:
        """Whether the fused convolution may take the place of the three modules."""
        return not self.training and unwatched(images, *self) and self._as_built()

    def _as_built(self) -> bool:
        """Whether the three modules are still those that this was built of, in evaluation and single precision."""
        convolution, norm, last = self
        known = type(convolution) in (nn.Conv2d, nn.Conv3d, ClipConv3d) and type(norm) in _NORMS and type(last) is nn.ReLU
        plain = known and convolution.bias is None and convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)
        usual = plain and not norm.training and norm.affine and norm.running_mean is not None
        return usual and type(convolution.weight) is nn.Parameter and convolution.weight.dtype == norm.weight.dtype == torch.float32


def channels_last(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B,T,C,H,W) with their channels last in memory on a CPU, whose convolutions then reorder nothing, forward and backward: all
    layers after them keep that order. The values are the same."""
    if frames.device.type != "cpu":
        return frames
    return frames.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)


def unwatched(images: torch.Tensor, *modules: nn.Module, gradients: bool = False, half: bool = False) -> bool:
    """Whether operations of our own may be called on these images in place of the modules: on a CPU, where nobody looks at the modules or
    at each operation (hooks, torch's modes, transformations of functions).

    Without `gradients` these are oneDNN's, which know none and compute in single precision, with `half` also under an autocast to bf16
    where the CPU computes in it; with `gradients` any precision will do.
    """
    if type(images) is not torch.Tensor or images.device.type != "cpu" or not images.numel():
        return False
    if not gradients:
        halved = half and HALF and torch.get_autocast_dtype("cpu") == torch.bfloat16
        single = images.dtype == torch.float32 and (halved or not torch.is_autocast_enabled("cpu"))
        if FUSED is None or torch.is_grad_enabled() or not torch.backends.mkldnn.enabled or not single:
            return False
    watched = any(getattr(part, name) for part in modules for name in _HOOKS)
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or _has_any_global_hook() or watched:
        return False
    core = torch._C
    level = getattr(getattr(core, "_functorch", None), "maybe_current_level", lambda: None)()
    forward_mode = torch.autograd.forward_ad._current_level >= 0
    stacks = [getattr(core, name, None) for name in ("_len_torch_function_stack", "_len_torch_dispatch_stack")]
    return level is None and not forward_mode and not any(stack is not None and stack() > 0 for stack in stacks)


class ClipConv3d(nn.Conv3d):
    """A 3D convolution with 3 frames and a stride of 1 in time, as quick for one clip as for several: (B,C,T,H,W) -> (B,C2,T,h,w).

    On a CPU torch gives a batch of one with few numbers to a kernel three to five times slower than oneDNN's. One clip is therefore
    given as a batch of two: its halves in time, with the frame on either side that they share. The results are the same.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 3, stride=(1, 2, 2), padding=1, bias=False)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        if not _slow_alone(clip):
            return super().forward(clip)
        frames = clip.shape[2]
        half = (frames + 1) // 2
        padded = nn.functional.pad(clip, (0, 0, 0, 0, 1, 1 + frames % 2))  # 1,C,2*half + 2,H,W
        halves = torch.cat([padded[:, :, : half + 2], padded[:, :, half:]])
        first, second = nn.functional.conv3d(halves, self.weight, self.bias, self.stride, (0, 1, 1)).split(1)
        return torch.cat([first, second], 2)[:, :, :frames]


def _slow_alone(clip: torch.Tensor) -> bool:
    """Whether torch may send the convolution of this clip to a slow kernel because it is the only one of its batch."""
    plain = clip.ndim == 5 and len(clip) == 1 and clip.device.type == "cpu" and clip.dtype == torch.float32
    return plain and torch.backends.mkldnn.is_available() and not torch.is_autocast_enabled("cpu")
