"""The temporal decoder's memory: a recurrence over frames whose states are images (Shi et al. 2015).

References
----------
Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM network. NeurIPS 2015.
"""

from collections.abc import Iterator

import torch
from torch import nn

from stavis.models.convolutions import ADDED, FUSED, PACKED, unwatched
from stavis.models.recurrence import TOGETHER, Recurrence, cell_step

State = tuple[torch.Tensor, torch.Tensor]

_LAST = torch.channels_last


class ConvLSTM(nn.Module):
    """A convolutional LSTM over time: (B,T,C,h,w) -> (B,T,hidden,h,w), causal; the state (h, c) can be carried to the next segment.

    The convolutions over the input are done for many frames at once. Where something looks at the convolutions or at each operation
    (hooks, attributions with rules of their own, torch's transformations) the gates are plain elementwise operations; else the gradients
    are written out (see stavis.models.recurrence), and where none are kept all is done in place. The forget gates begin
    open (bias 1); the kernels begin small, which in trials let the attention find its cue (orthogonal recurrent kernels did not).
    """

    def __init__(self, inputs: int, hidden: int, kernel: int = 3):
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Conv2d(inputs, 4 * hidden, kernel, padding=kernel // 2)
        self.from_state = nn.Conv2d(hidden, 4 * hidden, kernel, padding=kernel // 2, bias=False)
        nn.init.ones_(self.from_input.bias[hidden : 2 * hidden])

    def forward(self, inputs: torch.Tensor, state: State | None = None) -> torch.Tensor:
        return self.run(inputs, state)[0]

    def run(self, inputs: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        """The outputs (B,T,hidden,h,w) and the state after the last frame."""
        convolutions = self.from_input, self.from_state
        if torch.is_grad_enabled() and unwatched(inputs, *convolutions, gradients=True) and self._as_built():
            return self._run_with_gradients(inputs, state)
        if state is None:
            zero = inputs.new_zeros(len(inputs), self.hidden, *inputs.shape[3:])
            state = (zero, zero)
        if not torch.is_grad_enabled():
            alone = PACKED is not None and unwatched(inputs, *convolutions, half=True) and self._as_built()
            return (self._run_packed if alone else self._run_in_place)(inputs, *state)
        outputs = []
        for driven in self._driven(inputs):
            state = cell_step(driven, self.from_state(state[0]), state[1])
            outputs.append(state[0])
        return torch.stack(outputs, 1), state

    def _as_built(self) -> bool:
        """Whether the two convolutions are still those that this was built of."""
        plain = type(self.from_input) is nn.Conv2d and type(self.from_state) is nn.Conv2d and self.from_state.bias is None
        return plain and self.from_input.bias is not None and self.from_input.weight.dtype == self.from_state.weight.dtype

    def _run_with_gradients(self, inputs: torch.Tensor, state: State | None) -> tuple[torch.Tensor, State]:
        """The same with the gradients written out; under autocast the cell stays in the weights' own precision."""
        weights = self.from_input.weight, self.from_input.bias, self.from_state.weight
        hidden, cell = state or [inputs.new_zeros(len(inputs), self.hidden, *inputs.shape[3:], dtype=weights[0].dtype)] * 2
        half = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if half else weights[0].dtype
        outputs, cell = Recurrence.apply(dtype, state is None, inputs, hidden, cell, *weights)
        return outputs, (outputs[:, -1], cell)

    def _driven(self, inputs: torch.Tensor) -> Iterator[torch.Tensor]:
        """What the input alone makes of the gates of each frame: (B,4*hidden,h,w)."""
        together = max(1, TOGETHER // len(inputs)) if inputs.device.type == "cpu" else inputs.shape[1]
        for part in inputs.split(together, 1):
            yield from self.from_input(part.flatten(0, 1)).unflatten(0, part.shape[:2]).unbind(1)

    def _run_in_place(self, inputs: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, State]:
        """The same in fewer passes over memory: tanh(x) = 2 sigmoid(2x) - 1, and a sigmoid takes a fifth of a tanh's time on a CPU."""
        outputs = None
        for step, driven in enumerate(self._driven(inputs)):
            if outputs is None:
                outputs = driven.new_empty(inputs.shape[1], *hidden.shape)  # T,B,hidden,h,w
                cell = cell.to(driven.dtype, copy=True)
            gates = driven + self.from_state(hidden)
            gates[:, 3 * self.hidden :].mul_(2)
            entry, forget, leave, candidate = gates.sigmoid_().chunk(4, 1)
            cell.mul_(forget).addcmul_(entry, candidate.mul_(2).sub_(1))
            hidden = torch.mul(leave, (cell * 2).sigmoid_().mul_(2).sub_(1), out=outputs[step])
        return outputs.transpose(0, 1), (hidden, cell)

    def _run_packed(self, inputs: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, State]:
        """The same by oneDNN's own operations, channels last: weights are reordered once and not in every step, and what the state makes of
        the gates is added in place to what the input makes of them. Under autocast the convolutions are in bf16, gates and cell are not.

        The loop holds half the state and twice the cell; the factors are in the weights.
        """
        size, factor, kind = self.hidden, inputs.new_ones(4 * self.hidden), _autocast() or inputs.dtype
        factor[3 * size :] = 2
        by_input, by_state = (part.weight * factor.view(-1, 1, 1, 1) for part in (self.from_input, self.from_state))
        bias = (self.from_input.bias * factor).to(kind)
        how = self.from_input.padding, self.from_input.stride, self.from_input.dilation, 1
        together = max(1, TOGETHER * inputs.element_size() // kind.itemsize // len(inputs))  # as many bytes
        by_input = PACKED(by_input.to(kind).to_mkldnn(), *how, [len(inputs) * together, *inputs.shape[2:]])
        by_state = PACKED((2 * by_state).to(kind).to_mkldnn(), *how, list(hidden.shape))
        half, twice = (hidden / 2).to(kind, memory_format=_LAST), (2 * cell).to(inputs.dtype, memory_format=_LAST)
        level, opened = torch.empty_like(twice), None
        outputs = inputs.new_empty(inputs.shape[1], len(inputs), *inputs.shape[3:], size, dtype=kind).permute(0, 1, 4, 2, 3)
        for start in range(0, inputs.shape[1], together):
            part = inputs[:, start : start + together].to(kind).permute(1, 0, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
            driven = FUSED(part.flatten(0, 1), by_input, bias, *how, "none", [], "").unflatten(0, part.shape[:2])
            for step, gates in enumerate(driven, start):
                ADDED(gates, half, by_state, None, *how, "add", 1.0, None, [], None)
                opened = gates if kind == inputs.dtype else gates.float() if opened is None else opened.copy_(gates)
                entry, forget, leave, candidate = opened.sigmoid_().chunk(4, 1)
                twice.mul_(forget).addcmul_(entry, candidate, value=4).sub_(entry, alpha=2)
                half = outputs[step].copy_(torch.sigmoid(twice, out=level).sub_(0.5).mul_(leave))
        return outputs.mul_(2).transpose(0, 1), (outputs[-1], twice / 2)


def _autocast() -> torch.dtype | None:
    """What autocast lets convolutions of a CPU be computed in; None without it."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
