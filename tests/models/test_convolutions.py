"""A single clip goes to the same kernels as several, with the same results."""

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from stavis.models import convolutions
from stavis.models.convolutions import ClipConv3d, ConvBlock
from stavis.models.sta import CNN3D, STA


def kernels(run) -> set[str]:
    """The names of the operations that a call ends up in."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    return {event.key for event in found.key_averages()}


def seeded(*shape: int, dtype=torch.float32) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 25])
@pytest.mark.parametrize("size", [(7, 5), (16, 16)])
def test_one_clip_gives_what_it_gives_among_several(frames, size):
    torch.manual_seed(0)
    layer, clip = ClipConv3d(3, 4), seeded(1, 3, frames, *size).requires_grad_()
    several = clip.detach().repeat(2, 1, 1, 1, 1).requires_grad_()
    alone, among = layer(clip), layer(several)[:1]
    assert alone.shape == among.shape and torch.allclose(alone, among, atol=1e-5)
    ours = torch.autograd.grad(alone.square().sum(), [clip, layer.weight])
    theirs = torch.autograd.grad(among.square().sum(), [several, layer.weight])
    assert torch.allclose(ours[0], theirs[0][:1], atol=1e-5) and torch.allclose(ours[1], theirs[1], atol=1e-4)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch is built without oneDNN here")
@pytest.mark.parametrize("system", [STA, CNN3D])
def test_the_3d_layers_of_one_clip_never_run_in_a_slow_kernel(system):
    network, clip = system().eval(), seeded(1, 25, 3, 64, 64)
    plain = torch.nn.Conv3d(3, 16, 3, padding=1)
    assert "aten::slow_conv3d_forward" in kernels(lambda: plain(clip.transpose(1, 2)))  # what torch does of itself
    used = kernels(lambda: network(clip).sum().backward())
    assert "aten::mkldnn_convolution" in used
    assert not {name for name in used if "slow_conv3d" in name}


def block(dimensions: int, **changes) -> ConvBlock:
    """A block in evaluation whose statistics are not the identity."""
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False) if dimensions == 2 else ClipConv3d(3, 5)
    made = ConvBlock(convolution, (torch.nn.BatchNorm2d if dimensions == 2 else torch.nn.BatchNorm3d)(5))
    for tensor in (made[1].running_mean, made[1].weight.data, made[1].bias.data):
        tensor.normal_()
    made[1].running_var.uniform_(0.5, 2)
    return made.eval()


def images_for(dimensions: int, count: int = 1) -> torch.Tensor:
    return seeded(count, 3, *([9, 7] if dimensions == 2 else [4, 9, 7]))


fused = pytest.mark.skipif(convolutions.FUSED is None, reason="torch is built without oneDNN here")


@fused
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_block_in_one_pass_is_its_three_modules(dimensions, count):
    layers, images = block(dimensions), images_for(dimensions, count)
    plain = layers(images.requires_grad_()).detach()
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            used = kernels(lambda: layers(images))
            assert "mkldnn::_convolution_pointwise" in used and "aten::batch_norm" not in used
            assert torch.allclose(layers(images), plain, atol=1e-5)
    halves = images.detach().to(memory_format=torch.channels_last if dimensions == 2 else torch.channels_last_3d)
    with torch.no_grad():
        assert torch.allclose(layers(halves), plain, atol=1e-5)


@fused
@pytest.mark.parametrize("dimensions", [2, 3])
def test_whoever_looks_into_a_block_sees_its_modules(dimensions):
    layers, images, seen = block(dimensions), images_for(dimensions), []
    handle = layers[1].register_forward_hook(lambda *call: seen.append(call[2].shape))
    with torch.no_grad():
        layers(images)
        handle.remove()
        assert len(seen) == 1
        everywhere = register_module_forward_hook(lambda module, *call: seen.append(module))
        layers(images)
        everywhere.remove()
        assert layers[1] in seen, "a hook on all modules sees them, too"
        with FlopCounterMode(display=False) as counter:
            layers(images)
        assert counter.get_total_flops() > 0
        plain = layers.double()(images.double())
        assert plain.dtype == torch.double
        layers.float()[2] = torch.nn.Identity()
        assert (layers(images) < 0).any()
        batched = torch.vmap(lambda one: layers(one[None])[0])(images)
    assert torch.allclose(batched, layers(images), atol=1e-5)


@fused
def test_a_block_in_training_keeps_its_statistics_up():
    layers, images = block(2).train(), images_for(2, 4)
    before = layers[1].running_mean.clone()
    with torch.no_grad():
        layers(images)
    assert not torch.equal(before, layers[1].running_mean)
