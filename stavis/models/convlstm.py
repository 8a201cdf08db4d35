"""The temporal decoder's memory: a recurrence over frames whose states are pictures (Shi et al. 2015).

References
----------
Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM network. NeurIPS 2015.
"""

import torch
from torch import nn

State = tuple[torch.Tensor, torch.Tensor]


class ConvLSTM(nn.Module):
    """A convolutional LSTM over time: (B,T,C,h,w) -> (B,T,hidden,h,w), causal; the state (h, c) can be carried to the next stretch.

    The convolutions over the input are done for all frames at once. The gates are plain elementwise operations, so that
    attributions can give each its own rule. The forget gates begin open (bias 1); the kernels begin small, which in trials let the
    attention find its cue (orthogonal recurrent kernels did not).
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
        driven = self.from_input(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])  # B,T,4*hidden,h,w
        if state is None:
            zero = driven.new_zeros(driven.shape[0], self.hidden, *driven.shape[3:])
            state = (zero, zero)
        hidden, cell = state
        outputs = []
        for frame in driven.unbind(1):
            gates = frame + self.from_state(hidden)
            entry, forget, leave, candidate = gates.chunk(4, 1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(entry) * torch.tanh(candidate)
            hidden = torch.sigmoid(leave) * torch.tanh(cell)
            outputs.append(hidden)
        return torch.stack(outputs, 1), (hidden, cell)
