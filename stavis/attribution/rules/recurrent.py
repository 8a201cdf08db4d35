"""Exact DeepLIFT for recurrent layers, as elementwise operations step by step: LSTM, GRU and RNN, packed, projected, and their cells.

Each rule is `rule(mode, func, args, options)`; it answers NotImplemented where it does not cover the options given.
"""

import torch
from torch.nn import functional


def _lstm_step(mode, frame, state, from_input, from_state, bias_input=None, bias_state=None, project=None):
    hidden, memory = state
    gates = functional.linear(frame, from_input, bias_input) + functional.linear(hidden, from_state, bias_state)
    entry, forget, candidate, leave = gates.chunk(4, -1)
    kept = mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, forget), memory))
    new = mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, entry), mode.rescale(torch.tanh, candidate)))
    memory = kept + new
    hidden = mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, leave), mode.rescale(torch.tanh, memory)))
    return [hidden if project is None else functional.linear(hidden, project), memory]


def _gru_step(mode, frame, state, from_input, from_state, bias_input=None, bias_state=None):
    (hidden,) = state
    reset, update, new = functional.linear(frame, from_input, bias_input).chunk(3, -1)
    reset_h, update_h, new_h = functional.linear(hidden, from_state, bias_state).chunk(3, -1)
    gate = mode.rescale(torch.sigmoid, reset + reset_h)
    candidate = mode.rescale(torch.tanh, new + mode.integrate(torch.mul, (gate, new_h)))
    return [candidate + mode.integrate(torch.mul, (mode.rescale(torch.sigmoid, update + update_h), hidden - candidate))]


def _plain_step(function):
    def step(mode, frame, state, from_input, from_state, bias_input=None, bias_state=None):
        (hidden,) = state
        total = functional.linear(frame, from_input, bias_input) + functional.linear(hidden, from_state, bias_state)
        return [mode.rescale(function, total)]

    return step


def _cell(step, states: int):
    """One step of a cell module: (input, state, weights and biases)."""

    def rule(mode, func, args, options):
        if options or len(args) < 4:
            return NotImplemented
        frame, state, *weights = args
        result = step(mode, frame, list(state) if states == 2 else [state], *weights)
        return tuple(result) if states == 2 else result[0]

    return rule


def _layer(step, states: int):
    """A layer module over padded or packed sequences, one layer, direction and step after another."""

    def rule(mode, func, args, options):
        if len(args) != 9 or options:
            return NotImplemented
        packed = isinstance(args[3], (list, tuple))
        if packed:
            data, sizes, start, weights, biases, layers, dropout, training, both = args
            steps = list(data.split(sizes.tolist()))
        else:
            data, start, weights, biases, layers, dropout, training, both, batch_first = args
            steps = list(data.unbind(1 if batch_first else 0))
        if training and dropout:
            return NotImplemented
        start = list(start) if states == 2 else [start]
        sides = 2 if both else 1
        each, left = divmod(len(weights), layers * sides)
        if left or each not in ((4, 5) if biases else (2, 3)) or (each % 2 and states == 1):
            return NotImplemented
        ends = []
        for layer in range(layers):
            outputs = []
            for side in range(sides):
                row = layer * sides + side
                own = list(weights[row * each : (row + 1) * each])
                if not biases:
                    own[2:2] = [None, None]
                output, end = _run(step, mode, steps[::-1] if side else steps, [part[row] for part in start], own)
                outputs.append(output[::-1] if side else output)
                ends.append(end)
            steps = [torch.cat(parts, -1) for parts in zip(*outputs, strict=True)]
        finals = [torch.stack([end[index] for end in ends]) for index in range(states)]
        return (torch.cat(steps) if packed else torch.stack(steps, 1 if batch_first else 0), *finals)

    return rule


def _run(step, mode, steps: list[torch.Tensor], state: list[torch.Tensor], weights: list) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """One direction of one layer: the output of each step, which holds the first rows of the batch, and the last state of every row."""
    outputs = []
    for frame in steps:
        rows = len(frame)
        new = step(mode, frame, [part[:rows] for part in state], *weights)
        outputs.append(new[0])
        state = [torch.cat([part, old[rows:]]) if rows < len(old) else part for part, old in zip(new, state, strict=True)]
    return outputs, state


RECURRENT = {
    "lstm": _layer(_lstm_step, 2),
    "gru": _layer(_gru_step, 1),
    "rnn_tanh": _layer(_plain_step(torch.tanh), 1),
    "rnn_relu": _layer(_plain_step(torch.relu), 1),
    "lstm_cell": _cell(_lstm_step, 2),
    "gru_cell": _cell(_gru_step, 1),
    "rnn_tanh_cell": _cell(_plain_step(torch.tanh), 1),
    "rnn_relu_cell": _cell(_plain_step(torch.relu), 1),
}
"""The rules by the name of their operation."""
