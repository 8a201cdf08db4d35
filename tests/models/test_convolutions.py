"""A single clip goes to the same kernels as several, with the same results."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from stavis.models.convolutions import ClipConv3d
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
