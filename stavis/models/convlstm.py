"""The temporal decoder's memory: a recurrence over frames whose states are images (Shi et al. 2015).

References
----------
Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM network. NeurIPS 2015.
"""

import torch
from torch import nn

State = tuple[torch.Tensor, torch.Tensor]

TOGETHER = 32
"""Images that the convolution over the input takes at once: with more it leaves the processor's cache and is up to a third slower."""


class ConvLSTM(nn.Module):
    """A convolutional LSTM over time: (B,T,C,h,w) -> (B,T,hidden,h,w), causal; the state (h, c) can be carried to the next segment.

    The convolutions over the input are done for many frames at once. The gates are plain elementwise operations, so that attributions
    can give each its own rule; where no gradients are kept they are done in place, with one sigmoid for all. The forget gates begin
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
        parts = inputs.split(max(1, TOGETHER // len(inputs)) if inputs.device.type == "cpu" else inputs.shape[1], 1)
        step = self._step if torch.is_grad_enabled() else self._step_in_place
        outputs = []
        for part in parts:
            driven = self.from_input(part.flatten(0, 1)).unflatten(0, part.shape[:2])  # B,t,4*hidden,h,w
            if state is None:
                zero = driven.new_zeros(len(driven), self.hidden, *driven.shape[3:])
                state = (zero, zero.clone())
            for frame in driven.unbind(1):
                state = step(frame, *state)
                outputs.append(state[0])
        return torch.stack(outputs, 1), state

    def _step(self, driven: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> State:
        gates = driven + self.from_state(hidden)
        entry, forget, leave = torch.sigmoid(gates[:, : 3 * self.hidden]).chunk(3, 1)
        cell = forget * cell + entry * torch.tanh(gates[:, 3 * self.hidden :])
        return leave * torch.tanh(cell), cell

    def _step_in_place(self, driven: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor) -> State:
        """The same in fewer passes over memory: tanh(x) = 2 sigmoid(2x) - 1, and a sigmoid takes a fifth of a tanh's time on a CPU."""
        gates = driven + self.from_state(hidden)
        gates[:, 3 * self.hidden :].mul_(2)
        entry, forget, leave, candidate = gates.sigmoid_().chunk(4, 1)
        cell = torch.addcmul(forget * cell, entry, candidate.mul_(2).sub_(1))
        return leave * (cell * 2).sigmoid_().mul_(2).sub_(1), cell
