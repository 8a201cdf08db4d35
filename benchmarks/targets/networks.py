"""The network alone: one clip against eight, the share of the machine's peak, the ConvLSTM against a textbook cell."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.targets.measure import Result, at_least, at_most, convolution, has_bf16, paired, unknown
from stavis.inference.devices import memory_kept
from stavis.models.convlstm import ConvLSTM
from stavis.models.convolutions import FUSED
from stavis.models.sta import STA

FRAMES = 25
LAYERS = ((64, 32, 8), (32, 16, 16))  # inputs, hidden, side: the two memories of the small network
LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
BATCH, STEPS = 16, 6  # of a training step


def textbook(memory: ConvLSTM, inputs: torch.Tensor) -> torch.Tensor:
    """A ConvLSTM as public ones are written: in each step one convolution over input and state, then the gates one by one."""
    weight = torch.cat([memory.from_input.weight, memory.from_state.weight], 1)
    hidden = cell = inputs.new_zeros(len(inputs), memory.hidden, *inputs.shape[3:])
    outputs = []
    for step in range(inputs.shape[1]):
        both = torch.cat([inputs[:, step], hidden], 1)
        gates = nn.functional.conv2d(both, weight, memory.from_input.bias, padding=1)
        entry, forget, leave, candidate = torch.split(gates, memory.hidden, 1)
        entry, forget, leave, candidate = torch.sigmoid(entry), torch.sigmoid(forget), torch.sigmoid(leave), torch.tanh(candidate)
        cell = forget * cell + entry * candidate
        hidden = leave * torch.tanh(cell)
        outputs.append(hidden)
    return torch.stack(outputs, 1)


def cell_convolutions(inputs: int, hidden: int, side: int, *, train: bool, half: bool) -> Callable[[], None]:
    """What no cell can do without: in each step a convolution over input and state, forward and (train) backward, channels last."""
    kind, last = torch.bfloat16 if half else torch.float32, {"memory_format": torch.channels_last}
    both = torch.rand(BATCH, inputs + hidden, side, side).to(kind).contiguous(**last).requires_grad_(train)
    weight = torch.rand(4 * hidden, inputs + hidden, 3, 3).to(kind).contiguous(**last).requires_grad_(train)

    def run() -> None:
        for _ in range(STEPS):
            with torch.set_grad_enabled(train):
                gates = nn.functional.conv2d(both, weight, padding=1)
            if train:
                torch.autograd.grad(gates, (both, weight), gates.detach())

    return run


def b1_dispatch() -> Result:
    """What a frame costs read alone as one clip, by what it costs in a batch of eight."""
    model = STA().eval()
    clips = {count: torch.rand(count, FRAMES, 3, 64, 64) for count in (1, 8)}
    with torch.inference_mode():
        seconds = paired({str(count): lambda clip=clip: model(clip) for count, clip in clips.items()})
    each = {name: value / int(name) / FRAMES * 1e3 for name, value in seconds.items()}
    return at_most("b1_dispatch", each["1"] / each["8"], 1.15, "x", f"{each['1']:.2f} and {each['8']:.2f} ms a frame at B = 1 and 8")


def convolutions_alone(model: nn.Module, clip: torch.Tensor, *, last: bool) -> list[tuple[nn.Module, torch.Tensor]]:
    """Every call of a convolution in a run of the network: the layer and what it got, asking for gradients where its input depends on
    weights; last: channels last."""
    calls: list[tuple[nn.Module, torch.Tensor]] = []
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Conv3d)]
    handles = [layer.register_forward_pre_hook(lambda layer, given: calls.append((layer, given[0]))) for layer in layers]
    try:
        model(clip)
    finally:
        for handle in handles:
            handle.remove()
    order = {size: kind if last else torch.contiguous_format for size, kind in LAST.items()}
    return [(layer, one.detach().contiguous(memory_format=order[one.ndim]).requires_grad_(one.requires_grad)) for layer, one in calls]


def forward_alone(layer: nn.Module, given: torch.Tensor) -> torch.Tensor:
    """One convolution by itself, by oneDNN where torch has it."""
    if FUSED is None:
        return layer(given)
    weight = layer.weight.contiguous(memory_format=LAST[given.ndim])
    return FUSED(given, weight, layer.bias, layer.padding, layer.stride, layer.dilation, layer.groups, "none", [], "")


def train_alone(layer: nn.Module, given: torch.Tensor) -> None:
    """One convolution by itself with the gradients that training asks of it."""
    result = layer(given)
    torch.autograd.grad(result, [one for one in (given, layer.weight) if one.requires_grad], result)


def _bounds(model: nn.Module, clip: torch.Tensor) -> dict:
    """What only the convolutions of a run take: forward, and with gradients, channels first and last."""
    first, last = (convolutions_alone(model, clip, last=one) for one in (False, True))

    def forward() -> None:
        with torch.no_grad():
            for one in last:
                forward_alone(*one)

    train = {f"train alone {k}": lambda calls=calls: [train_alone(*one) for one in calls] for k, calls in enumerate((first, last))}
    return {"forward alone": forward, **train}


def small_peak_fraction() -> Result:
    """The share of the machine's own convolution peak that the small network reaches on one clip."""
    model, clip, eight = STA().eval(), torch.rand(1, FRAMES, 3, 64, 64), torch.rand(8, FRAMES, 3, 64, 64)
    work = []
    for train in (False, True):
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(train):
            result = model(eight)
            if train:
                result.mean().backward()
        work.append(counter.get_total_flops() / 8 / 1e9)
    run, peak_work = convolution()

    def forward():
        with torch.inference_mode():
            model(clip)

    def peak():
        with torch.inference_mode():
            run()

    train = {"forward": forward, "train": lambda: model(clip).mean().backward(), "peak": peak}
    seconds = paired(train | _bounds(model, clip))
    peak_rate = peak_work / seconds["peak"]
    shares = [work[0] / seconds["forward"] / peak_rate, work[1] / seconds["train"] / peak_rate]
    bounds = [work[0] / seconds["forward alone"] / peak_rate, work[1] / min(seconds["train alone 0"], seconds["train alone 1"]) / peak_rate]
    detail = (
        f"forward {shares[0]:.2f} (bound {bounds[0]:.2f}), forward and backward {shares[1]:.2f} (>= .65; bound {bounds[1]:.2f}) "
        f"of {peak_rate:.0f} GFLOP/s; bound: the network's convolutions one by one, and nothing between them"
    )
    return at_least("small_peak_fraction", shares[0], 0.7, "of peak", detail, also=shares[1] >= 0.65)


def _against_textbook(name: str, limit: float, *, train: bool, half: bool) -> Result:
    """How many times as fast as the textbook cell in fp32 the two memories are."""
    if half and not has_bf16():
        return unknown(name, "x", f">= {limit:g}", "this CPU does not compute in bf16")
    torch.manual_seed(0)
    seconds = {"textbook": 0.0, "ours": 0.0, "bound": 0.0}
    parts = []
    for inputs, hidden, side in LAYERS:
        memory, clip = ConvLSTM(inputs, hidden), torch.rand(BATCH, STEPS, inputs, side, side, requires_grad=train)

        def ours(memory=memory, clip=clip):
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                return memory(clip)

        def run(make):
            with torch.set_grad_enabled(train):
                result = make()
                if train:
                    result.float().square().mean().backward()

        plain = lambda memory=memory, clip=clip: textbook(memory, clip)  # noqa: E731
        bound = cell_convolutions(inputs, hidden, side, train=train, half=half)
        with memory_kept() if train else nullcontext():  # as training runs
            found = paired({"textbook": lambda plain=plain: run(plain), "ours": lambda ours=ours: run(ours), "bound": bound})
        seconds = {one: seconds[one] + found[one] for one in seconds}
        parts.append(f"{inputs}-{hidden} at {side}x{side}: {found['textbook'] / found['ours']:.2f}")
    most = f"with its convolutions alone it would be {seconds['textbook'] / seconds['bound']:.2f}"
    return at_least(name, seconds["textbook"] / seconds["ours"], limit, "x", f"B = {BATCH}, T = {STEPS}; {', '.join(parts)}; {most}")


def convlstm_forward_fp32() -> Result:
    """Forward, single precision."""
    return _against_textbook("convlstm_forward_fp32", 1.2, train=False, half=False)


def convlstm_forward_bf16() -> Result:
    """Forward, bf16 against the textbook's fp32."""
    return _against_textbook("convlstm_forward_bf16", 2.0, train=False, half=True)


def convlstm_train_fp32() -> Result:
    """Forward and backward, single precision."""
    return _against_textbook("convlstm_train_fp32", 1.15, train=True, half=False)


def convlstm_train_bf16() -> Result:
    """Forward and backward, bf16 against the textbook's fp32."""
    return _against_textbook("convlstm_train_bf16", 1.6, train=True, half=True)
