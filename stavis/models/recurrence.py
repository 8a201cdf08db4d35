"""The recurrence of a ConvLSTM with its gradients written out: far fewer passes over memory than autograd makes of the same cell.

The images of all frames lie one after another, channels last. Forward, the input's convolution is taken for several frames at once and
the four gates by one sigmoid; backward, the weights' gradients are taken for all frames at once. Gradients of gradients are those of the
plain cell, which is run again where they are asked for.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

LAST = torch.channels_last
TOGETHER = 32
"""Images that the convolution over the input takes at once: with more it leaves the processor's cache and is up to a third slower."""


class Kernels(NamedTuple):
    """The weights of a ConvLSTM: by_input (4*hidden,C,k,k) with its bias (4*hidden), by_state (4*hidden,hidden,k,k)."""

    by_input: torch.Tensor
    bias: torch.Tensor
    by_state: torch.Tensor

    @property
    def padding(self) -> list[int]:
        """What keeps the images' size."""
        return [side // 2 for side in self.by_input.shape[2:]]

    def prepared(self, dtype: torch.dtype) -> "Kernels":
        """The same, channels last, in the type that is computed in, twice the candidate's: tanh(x) = 2 sigmoid(2x) - 1."""
        factor = self.bias.new_ones(len(self.bias))
        factor[3 * (len(self.bias) // 4) :] = 2
        scaled = (part * factor.view(-1, *[1] * (part.ndim - 1)) for part in self)
        return Kernels(*(part.to(dtype, memory_format=LAST if part.ndim == 4 else torch.preserve_format) for part in scaled))


def cell_step(driven: torch.Tensor, by_state: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The next (hidden, cell) of what the input and what the state make of the gates, by plain operations."""
    hidden = cell.shape[1]
    gates = driven + by_state
    entry, forget, leave = torch.sigmoid(gates[:, : 3 * hidden]).chunk(3, 1)
    cell = forget * cell + entry * torch.tanh(gates[:, 3 * hidden :])
    return leave * torch.tanh(cell), cell


def plain(inputs: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor, kernels: Kernels) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs (B,T,hidden,h,w) and the last cell, by operations that autograd knows."""
    outputs = []
    for frame in inputs.unbind(1):
        driven = functional.conv2d(frame, kernels.by_input, kernels.bias, padding=kernels.padding)
        hidden, cell = cell_step(driven, functional.conv2d(hidden, kernels.by_state, padding=kernels.padding), cell)
        outputs.append(hidden)
    return torch.stack(outputs, 1), cell


class Recurrence(torch.autograd.Function):
    """(dtype, from_zero, inputs (B,T,C,h,w), hidden, cell (B,hidden,h,w), *Kernels) -> outputs (B,T,hidden,h,w), the last cell.

    dtype is that of the convolutions; from_zero: the first state is nothing, so no convolution is spent on it.
    """

    @staticmethod
    def forward(ctx, dtype, from_zero, inputs, hidden, cell, *kernels):
        with torch.autocast(inputs.device.type, enabled=False):
            outputs, kept = _forward(inputs, hidden, cell, Kernels(*kernels), dtype, from_zero)
        ctx.set_materialize_grads(False)
        ctx.dtype, ctx.from_zero = dtype, from_zero
        ctx.save_for_backward(inputs, hidden, cell, *kernels, *kept)
        return outputs, kept.cells[-1].clone()

    @staticmethod
    def backward(ctx, of_outputs, of_cell):
        inputs, hidden, cell, by_input, bias, by_state, *kept = ctx.saved_tensors
        given, kernels = (inputs, hidden, cell), Kernels(by_input, bias, by_state)
        if torch.is_grad_enabled():
            return None, None, *_of_plain(ctx, given, kernels, (of_outputs, of_cell))
        with torch.autocast(inputs.device.type, enabled=False):
            return None, None, *_backward(ctx, inputs, kernels, _Kept(*kept), of_outputs, of_cell)


class _Kept(NamedTuple):
    """What the way back needs, time first and channels last: images (T*B,C,h,w) and states (T,B,hidden,h,w), the hidden state before each
    frame, in the convolutions' type; gates (T,B,4*hidden,h,w) after their sigmoid, candidates (T,B,hidden,h,w) in (-1,1), cells
    (T+1,B,hidden,h,w) with the one before the first frame, and levels, their tanh after each frame."""

    images: torch.Tensor
    states: torch.Tensor
    gates: torch.Tensor
    candidates: torch.Tensor
    cells: torch.Tensor
    levels: torch.Tensor


def _forward(inputs, hidden, cell, kernels, dtype, from_zero):
    clips, frames, size = len(inputs), inputs.shape[1], hidden.shape[1]
    ready, padding = kernels.prepared(dtype), kernels.padding
    images = _time_first(inputs).to(dtype)

    def space(count: int, channels: int, kind: torch.dtype) -> torch.Tensor:
        return inputs.new_empty(count, clips, *inputs.shape[3:], channels, dtype=kind).permute(0, 1, 4, 2, 3)

    kept = _Kept(
        images,
        space(frames, size, dtype),
        space(frames, 4 * size, cell.dtype),
        space(frames, size, cell.dtype),
        space(frames + 1, size, cell.dtype),
        space(frames, size, cell.dtype),
    )
    kept.cells[0], kept.states[0] = cell, hidden
    outputs = inputs.new_empty(clips, frames, *inputs.shape[3:], size, dtype=dtype).permute(0, 1, 4, 2, 3)
    together = max(1, TOGETHER // clips)
    for first in range(0, frames, together):
        part = images[first * clips : (first + together) * clips]
        driven = functional.conv2d(part, ready.by_input, ready.bias, padding=padding)
        for at, now in enumerate(driven.split(clips), first):
            if at or not from_zero:
                now += functional.conv2d(kept.states[at], ready.by_state, padding=padding)
            gates, candidate, level = kept.gates[at], kept.candidates[at], kept.levels[at]
            torch.sigmoid(now.to(gates.dtype), out=gates)
            entry, forget, leave, raw = gates.chunk(4, 1)
            torch.mul(raw, 2, out=candidate).sub_(1)
            after = torch.mul(forget, kept.cells[at], out=kept.cells[at + 1]).addcmul_(entry, candidate)
            torch.mul(after, 2, out=level).sigmoid_().mul_(2).sub_(1)
            state = torch.mul(leave, level, out=outputs[:, at])
            if at + 1 < frames:
                kept.states[at + 1] = state
    return outputs, kept


def _backward(ctx, inputs, kernels, kept, of_outputs, of_cell):
    """The gradients of (inputs, hidden, cell, by_input, bias, by_state)."""
    frames, clips, size = kept.levels.shape[:3]
    dtype, padding = ctx.dtype, kernels.padding
    back = kernels.by_state.to(dtype).flip(2, 3).transpose(0, 1).contiguous(memory_format=LAST)
    edge = [side - 1 - pad for side, pad in zip(back.shape[2:], padding, strict=True)]
    slope = torch.addcmul(kept.gates, kept.gates, kept.gates, value=-1)  # of a sigmoid
    slope[:, :, 3 * size :] *= 4  # of the candidate, 2 sigmoid(2x) - 1
    leaves = kept.gates[:, :, 2 * size : 3 * size]
    to_cell = leaves - leaves * kept.levels.square()
    of_gates = torch.empty_like(kept.gates)
    if of_outputs is not None:
        of_outputs = _time_first(of_outputs.to(slope.dtype)).unflatten(0, (frames, clips))
    of_hidden = None
    of_cell = torch.zeros_like(kept.levels[0]) if of_cell is None else of_cell.clone(memory_format=LAST)
    for at in reversed(range(frames)):
        total = of_hidden
        if of_outputs is not None:
            total = of_outputs[at] if total is None else total.add_(of_outputs[at])
        entry, forget, leave, raw = of_gates[at].chunk(4, 1)
        if total is None:
            leave.zero_()
        else:
            of_cell.addcmul_(total, to_cell[at])
            torch.mul(total, kept.levels[at], out=leave)
        gates = kept.gates[at]
        torch.mul(of_cell, kept.candidates[at], out=entry)
        torch.mul(of_cell, kept.cells[at], out=forget)
        torch.mul(of_cell, gates[:, :size], out=raw)
        of_cell.mul_(gates[:, size : 2 * size])
        found = of_gates[at].mul_(slope[at])
        if at or not ctx.from_zero:
            of_hidden = functional.conv2d(found.to(dtype), back, padding=edge).to(found.dtype)
    of_gates = of_gates.flatten(0, 1)
    of_images, of_input, of_state = _of_convolutions(ctx, kernels, kept, of_gates.to(dtype))
    if of_images is not None:
        of_images = of_images.unflatten(0, (frames, clips)).transpose(0, 1).to(inputs.dtype)
    of_bias = of_gates.sum((0, 2, 3)) if ctx.needs_input_grad[6] else None
    return of_images, of_hidden, of_cell, of_input, of_bias, of_state


def _of_convolutions(ctx, kernels, kept, of_gates):
    """The gradients of the images, of by_input and of by_state, each for all frames at once."""
    wanted = ctx.needs_input_grad
    how = [1, 1], kernels.padding, [1, 1], False, [0, 0], 1
    by_input, by_state = (part.to(ctx.dtype, memory_format=LAST) for part in (kernels.by_input, kernels.by_state))
    of_images = of_input = of_state = None
    if wanted[2] or wanted[5]:
        mask = [wanted[2], wanted[5], False]
        of_images, of_input, _ = torch.ops.aten.convolution_backward(of_gates, kept.images, by_input, None, *how, mask)
    if wanted[7]:
        skipped = kept.states.shape[1] if ctx.from_zero and len(kept.states) > 1 else 0
        states = kept.states.flatten(0, 1)[skipped:]
        of_state = torch.ops.aten.convolution_backward(of_gates[skipped:], states, by_state, None, *how, [False, True, False])[1]
    of_input, of_state = (None if part is None else part.to(kernels.bias.dtype) for part in (of_input, of_state))
    return of_images, of_input, of_state


def _of_plain(ctx, given, kernels, upstream):
    """The same gradients as functions of what they depend on: the plain cell is run again."""
    needed = ctx.needs_input_grad[2:]
    half = ctx.dtype != kernels.bias.dtype
    with torch.autocast(given[0].device.type, ctx.dtype if half else None, enabled=half):
        results = plain(*given, kernels)
    wanted = [one for one, is_needed in zip((*given, *kernels), needed, strict=True) if is_needed]
    results, upstream = zip(*[pair for pair in zip(results, upstream, strict=True) if pair[1] is not None], strict=True)
    found = iter(torch.autograd.grad(results, wanted, upstream, create_graph=True, allow_unused=True))
    return [next(found) if is_needed else None for is_needed in needed]


def _time_first(inputs: torch.Tensor) -> torch.Tensor:
    """(B,T,C,h,w) as (T*B,C,h,w), channels last."""
    turned = inputs.permute(1, 0, 3, 4, 2).flatten(0, 1)  # T*B,h,w,C
    return turned.contiguous().permute(0, 3, 1, 2)
