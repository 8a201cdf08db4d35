"""Laws of the STA network and its parts."""

import dataclasses

import pytest
import torch
from torch import nn

from stavis.attention.modules import AttentionProduct, SpatialSoftmax
from stavis.errors import StavisError
from stavis.models.convlstm import ConvLSTM
from stavis.models.convolutions import HALF
from stavis.models.sta import CNN3D, PRESETS, STA, STAConfig

TINY = STAConfig(encoder=(4, 6, 8), decoder=(6, 4), stem=(4, 6), regressor=(8, 10), hidden=8, vision=32)


def _network(cls=STA, config=TINY, seed=0):
    torch.manual_seed(seed)
    network = cls(config)
    for module in network.modules():  # statistics that are not the identity, so that eval mode is a real test
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def _clip(frames=9, size=32, seed=1):
    return torch.rand(2, frames, 3, size, size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@pytest.mark.parametrize("normalisation", ["softmax", "sigmoid"])
def test_attention_is_a_distribution_in_every_frame(normalisation):
    network = _network(config=dataclasses.replace(TINY, normalisation=normalisation))
    weights = network.decoder(network.encoder(network.vision(_clip())))
    assert weights.shape == (2, 9, TINY.grid, TINY.grid) and (weights >= 0).all()
    assert torch.allclose(weights.sum((2, 3)), torch.ones(2, 9), atol=1e-5)


@torch.no_grad()
def test_giving_the_network_its_own_attention_changes_nothing_and_another_one_does():
    network, clip = _network(), _clip()
    own = network.decoder(network.encoder(network.vision(clip)))
    assert torch.equal(network(clip, attention=own), network(clip))
    corner = torch.zeros_like(own)
    corner[..., 0, 0] = 1
    assert not torch.allclose(network(clip, attention=corner), network(clip), atol=1e-4)


@torch.no_grad()
def test_uniform_attention_is_the_network_without_attention():
    network, plain = _network(), _network(CNN3D)
    plain.load_state_dict({k: v for k, v in network.state_dict().items() if k in plain.state_dict()})
    uniform = torch.full((2, 9, TINY.grid, TINY.grid), 1 / TINY.grid**2)
    assert torch.allclose(network(_clip(), attention=uniform), plain(_clip()), atol=1e-5)


@torch.no_grad()
def test_convlstm_is_causal_and_its_state_can_be_carried():
    torch.manual_seed(0)
    memory = ConvLSTM(3, 5)
    x = torch.randn(2, 8, 3, 6, 6)
    whole = memory(x)
    changed = x.clone()
    changed[:, 5:] += 1
    assert torch.equal(memory(changed)[:, :5], whole[:, :5])
    assert not torch.equal(memory(changed)[:, 5:], whole[:, 5:])
    first, state = memory.run(x[:, :3])
    second, _ = memory.run(x[:, 3:], state)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-6)


def textbook(memory: ConvLSTM, x: torch.Tensor, state=None) -> torch.Tensor:
    """Shi et al. 2015, one convolution over input and state in each step."""
    weight = torch.cat([memory.from_input.weight, memory.from_state.weight], 1)
    h, c = state or 2 * (x.new_zeros(len(x), memory.hidden, *x.shape[3:]),)
    outputs = []
    for frame in x.unbind(1):
        i, f, o, g = nn.functional.conv2d(torch.cat([frame, h], 1), weight, memory.from_input.bias, padding="same").chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("frames", [1, 5, 70])
@pytest.mark.parametrize("grad", [False, True])
def test_convlstm_equals_the_textbook_cell(frames, grad):
    torch.manual_seed(0)
    memory, x = ConvLSTM(3, 4).double(), torch.randn(2, frames, 3, 5, 6, dtype=torch.double)
    state = torch.randn(2, 2, 4, 5, 6, dtype=torch.double).unbind()
    with torch.set_grad_enabled(grad):
        assert torch.allclose(memory(x), textbook(memory, x), rtol=0, atol=1e-12)
        outputs, (hidden, cell) = memory.run(x, state)
        assert torch.allclose(outputs, textbook(memory, x, state), rtol=0, atol=1e-12)
        assert torch.equal(hidden, outputs[:, -1]) and cell.shape == hidden.shape


@pytest.mark.parametrize("clips, frames", [(1, 1), (1, 40), (3, 7), (16, 6), (40, 2)])
def test_convlstm_without_gradients_in_single_precision_is_the_textbook_cell(clips, frames):
    torch.manual_seed(0)
    memory, x = ConvLSTM(3, 4), torch.randn(clips, frames, 3, 5, 6)
    state = torch.randn(2, clips, 4, 5, 6).unbind()
    before = [part.clone() for part in (x, *state)]
    with torch.no_grad():
        for given in (x, x.transpose(2, 3).contiguous().transpose(2, 3)):
            assert torch.allclose(memory(given), textbook(memory, x), atol=1e-5)
            outputs, (hidden, cell) = memory.run(given, state)
            expected = textbook(memory, x, state)
            assert torch.allclose(outputs, expected, atol=1e-5) and torch.equal(hidden, outputs[:, -1])
        again, _ = memory.run(x, (hidden, cell))
        longer = textbook(memory, torch.cat([x, x], 1), state)
    assert torch.allclose(again, longer[:, frames:], atol=1e-5)
    assert all(torch.equal(one, other) for one, other in zip(before, (x, *state), strict=True))


def test_convlstm_has_right_gradients_and_gradients_of_gradients():
    torch.manual_seed(0)
    memory = ConvLSTM(2, 2).double()
    x = torch.randn(1, 3, 2, 3, 3, dtype=torch.double, requires_grad=True)
    state = tuple(torch.randn(1, 2, 3, 3, dtype=torch.double, requires_grad=True) for _ in range(2))
    parameters = tuple(memory.parameters())

    def outputs(x, hidden, cell, *weights):
        names = dict(zip(dict(memory.named_parameters()), weights, strict=True))
        return torch.func.functional_call(memory, names, (x, (hidden, cell)))

    assert torch.autograd.gradcheck(outputs, (x, *state, *parameters))
    assert torch.autograd.gradgradcheck(lambda x: memory(x, state), (x,))


def _with_plain_steps(memory, run):
    """What `run` gives where a hook that does nothing looks on, so that the cell is made of plain operations."""
    handle = memory.from_state.register_forward_hook(lambda *_: None)
    try:
        return run()
    finally:
        handle.remove()


@pytest.mark.parametrize("clips, frames", [(1, 1), (1, 40), (3, 7), (40, 2)])
@pytest.mark.parametrize("carried", [False, True])
def test_convlstms_written_out_gradients_are_those_of_its_plain_steps(clips, frames, carried):
    torch.manual_seed(0)
    memory = ConvLSTM(3, 4)
    x = torch.randn(clips, frames, 3, 5, 6, requires_grad=True)
    state = tuple(torch.randn(2, clips, 4, 5, 6).requires_grad_().unbind()) if carried else None
    weights, last = torch.randn(clips, frames, 4, 5, 6), torch.randn(clips, 4, 5, 6)

    def gradients(of=lambda outputs, cell: (outputs * weights).sum() + (cell * last).sum()):
        outputs, (hidden, cell) = memory.run(x, state)
        assert torch.equal(hidden, outputs[:, -1])
        found = torch.autograd.grad(of(outputs, cell), (x, *(state or ()), *memory.parameters()), allow_unused=True)
        return outputs.detach(), *(torch.zeros(1) if one is None else one for one in found)

    for of in (*gradients.__defaults__, lambda outputs, cell: cell.square().sum(), lambda outputs, cell: outputs[:, -1].sum()):
        ours, plain = gradients(of), _with_plain_steps(memory, lambda of=of: gradients(of))
        assert len(ours) == len(plain)
        for one, other in zip(ours, plain, strict=True):
            assert torch.allclose(one, other, rtol=1e-5, atol=1e-6 * max(1.0, float(other.abs().max())))


def test_convlstms_gradients_of_gradients_are_those_of_its_plain_steps_from_no_state_as_well():
    torch.manual_seed(0)
    memory, x = ConvLSTM(2, 3).double(), torch.randn(2, 4, 2, 3, 4, dtype=torch.double, requires_grad=True)

    def second():
        (first,) = torch.autograd.grad(memory(x).square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), (x, *memory.parameters()))

    for one, other in zip(second(), _with_plain_steps(memory, second), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)
    assert torch.autograd.gradgradcheck(memory, (x[:1, :2].detach().requires_grad_(),))


def test_convlstm_gives_gradients_only_to_what_wants_them():
    torch.manual_seed(0)
    memory, x = ConvLSTM(3, 4), torch.randn(2, 5, 3, 4, 4)
    memory.from_input.requires_grad_(False)
    memory(x).sum().backward()
    assert x.grad is None and memory.from_input.weight.grad is None
    assert memory.from_state.weight.grad.abs().max() > 0
    memory.from_state.requires_grad_(False)
    assert not memory(x).requires_grad


@pytest.mark.parametrize("kind", ["forward mode", "transformed", "hooked", "replaced"])
def test_convlstm_stays_open_to_what_looks_at_each_operation(kind):
    torch.manual_seed(0)
    memory, x = ConvLSTM(3, 4).double(), torch.randn(2, 5, 3, 4, 4, dtype=torch.double)
    expected = textbook(memory, x)
    if kind == "forward mode":
        with torch.autograd.forward_ad.dual_level():
            along = torch.autograd.forward_ad.unpack_dual(memory(torch.autograd.forward_ad.make_dual(x, x))).tangent
        far = (memory(x * (1 + 1e-6)) - memory(x * (1 - 1e-6))) / 2e-6
        assert torch.allclose(along, far, atol=1e-7)
    elif kind == "transformed":
        assert torch.allclose(torch.func.grad(lambda x: memory(x).sum())(x), _gradient(lambda x: textbook(memory, x), x), atol=1e-12)
    elif kind == "hooked":
        seen = []
        memory.from_state.register_forward_hook(lambda *_: seen.append(1))
        assert torch.allclose(memory(x), expected, atol=1e-12) and len(seen) == 5
    else:
        memory.from_input = nn.Sequential(memory.from_input)
        assert torch.allclose(memory(x), expected, atol=1e-12)


def _gradient(function, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


def test_convlstm_under_autocast_keeps_its_cell_in_single_precision_and_its_gradients_near_those_of_it():
    torch.manual_seed(0)
    memory, x = ConvLSTM(8, 8), torch.randn(2, 12, 8, 6, 6)
    wanted = torch.autograd.grad(memory(x).square().mean(), tuple(memory.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        outputs, (_, cell) = memory.run(x)
    found = torch.autograd.grad(outputs.float().square().mean(), tuple(memory.parameters()))
    assert outputs.dtype == torch.bfloat16 and cell.dtype == torch.float32
    assert torch.allclose(outputs.float(), memory(x), atol=0.02)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == torch.float32 and (one - other).norm() < 0.05 * other.norm()


@pytest.mark.parametrize("way", ["wide", "channels last", "carried", "one clip"])
@torch.no_grad()
def test_convlstm_in_bf16_is_near_single_precision_with_a_cell_that_is_single(way):
    """Convolutions in bf16 are off by 2**-8 of what they add up; nothing that the cell keeps adds to it."""
    torch.manual_seed(0)
    memory, x = ConvLSTM(8, 8), torch.randn(1 if way == "one clip" else 3, 40, 8, 6, 5)
    state = None
    if way == "carried":
        state = (torch.randn(3, 8, 6, 5) / 4, torch.randn(3, 8, 6, 5) / 4)
    if way == "channels last":
        x = x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    outputs, (_, cell) = memory.run(x, state)
    with torch.autocast("cpu", torch.bfloat16):
        halved, (hidden, kept) = memory.run(x, state)
    assert halved.dtype == hidden.dtype == torch.bfloat16 and torch.equal(halved[:, -1], hidden)
    assert (halved.float() - outputs).abs().max() < 0.02
    if HALF:
        assert kept.dtype == torch.float32 and (kept - cell).abs().max() < 0.02 * cell.abs().max().clamp(min=1)


def test_the_network_sees_frames_with_channels_last_and_the_same_values():
    vision = _network().vision
    for clip in (_clip(), _clip(size=47), _clip().transpose(3, 4)):
        seen = vision(clip)
        assert torch.equal(seen, (vision.at_size(clip) - vision.mean) / vision.std)
        assert seen.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
        assert seen.transpose(1, 2).is_contiguous(memory_format=torch.channels_last_3d)


@torch.no_grad()
def test_hooks_on_the_state_convolution_see_every_step_and_may_change_it():
    torch.manual_seed(0)
    memory, x, seen = ConvLSTM(3, 4), torch.randn(1, 6, 3, 5, 5), []
    plain = memory(x)
    handle = memory.from_state.register_forward_hook(lambda _m, given, _o: seen.append(given[0].clone()))
    memory(x)
    handle.remove()
    assert len(seen) == 6 and torch.allclose(torch.stack(seen[1:], 1), plain[:, :-1], rtol=0, atol=1e-6)  # unseen, other kernels run
    handle = memory.from_state.register_forward_hook(lambda _m, _g, output: output * 0)
    assert not torch.allclose(memory(x), plain)
    handle.remove()
    assert torch.equal(memory(x), plain)


@torch.no_grad()
def test_streaming_with_carried_state_and_a_halo_equals_the_whole_clip():
    network, clip = _network(), _clip(frames=30)
    whole = network(clip)
    seen = network.vision(clip)
    parts, states = [], None
    for start in range(0, 30, 6):
        weights, states = network.decoder.run(network.encoder(seen[:, start : start + 6]), states)
        parts.append(weights)
    weights = torch.cat(parts, 1)
    halo = network.halo
    for start in range(0, 30, 6):
        low, high = max(0, start - halo), min(30, start + 6 + halo)
        part = network(clip[:, low:high], attention=weights[:, low:high])[:, start - low : start - low + 6]
        assert torch.allclose(part, whole[:, start : start + 6], atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [24, 57, 112])
def test_the_network_takes_crops_of_any_size_and_any_number_of_frames(size):
    network = _network()
    assert network(torch.rand(1, 1, 3, size, size)).shape == (1, 1, 1)
    assert network(torch.rand(2, 3, 3, size, size)).shape == (2, 3, 1)


def test_what_attributions_rely_on():
    for config in PRESETS.values():
        with torch.device("meta"):
            network = STA(config)
        relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
        assert relus and not any(module.inplace for module in relus)
        assert sum(isinstance(module, SpatialSoftmax) for module in network.modules()) == 1
        assert sum(isinstance(module, AttentionProduct) for module in network.modules()) == 1
        strides = [module.stride[0] for module in network.modules() if isinstance(module, nn.Conv3d)]
        assert set(strides) == {1}  # time is kept


def test_each_relu_is_used_once():
    network = _network()
    calls = {}
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda m, i, o: calls.__setitem__(m, calls.get(m, 0) + 1))
    network(_clip())
    assert calls and set(calls.values()) == {1}


def test_the_presets_are_of_the_promised_size():
    with torch.device("meta"):
        small, paper = (sum(p.numel() for p in STA(PRESETS[name]).parameters()) for name in ("small", "paper"))
    assert 0.4e6 < small < 1e6
    assert paper > 5e6 and PRESETS["paper"].rate * PRESETS["paper"].seconds == 100


def test_a_config_whose_grids_do_not_meet_is_refused():
    with pytest.raises(StavisError, match="meet on one grid"):
        STAConfig(stem=(16,))
    with pytest.raises(StavisError, match="pooling"):
        STAConfig(pooling="max")


@pytest.mark.parametrize("decoder", [(6, 4), (6, 4, 4)])
def test_a_side_is_refused_exactly_where_the_layers_cannot_meet_on_one_grid(decoder, monkeypatch):
    sizes = {"encoder": (4, 6, 8), "decoder": decoder, "stem": (4, 6)[: 4 - len(decoder)], "regressor": (8, 8), "hidden": 4}
    refused = []
    for side in range(9, 42):
        with monkeypatch.context() as patch:
            patch.setattr(STAConfig, "_check_side", lambda self, name, side: None)
            config = STAConfig(**sizes, vision=side, crop_size=48)
            try:
                STA(config).eval()(torch.zeros(1, 1, 3, 48, 48))
                works = True
            except RuntimeError:
                works = False
        try:
            STAConfig(**sizes, vision=side, crop_size=48)
        except StavisError as error:
            refused.append(side)
            assert str(error).startswith(f"vision is {side} px") and f"choose a multiple of 8, such as {side // 8 * 8} or" in str(error)
            assert not works, side
        else:
            assert works, side
    assert 25 in refused and not {16, 24, 32, 40} & set(refused)


@pytest.mark.parametrize("side", [0, -8, 3])
def test_a_side_of_no_pixels_is_refused(side):
    with pytest.raises(StavisError, match=r"^vision is .* choose a multiple of 8, such as 8\.$"):
        STAConfig(vision=side)
