"""Laws of a network that reads each clip with its mirror image: the values stay under a mirror, the maps turn with it."""

import dataclasses

import numpy as np
import pytest
import torch

from stavis.attention.hooks import record_attention
from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import ALL_METHODS, grad_cam, saliency
from stavis.inference.predictor import VideoReader
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.sta import CNN3D, STA
from stavis.types import Clip
from tests.training.made_crops import TINY, made_crops

SYMMETRIC = dataclasses.replace(TINY, symmetric=True)


def network(cls=STA, config=SYMMETRIC):
    torch.manual_seed(3)
    return cls(config).eval()


def clip(frames: int = 7, size: int = 48) -> torch.Tensor:
    return torch.rand(2, frames, 3, size, size, generator=torch.Generator().manual_seed(5))


@torch.no_grad()
@pytest.mark.parametrize("cls", [STA, CNN3D])
def test_a_mirror_changes_no_value_of_a_symmetric_network_and_those_of_another(cls):
    symmetric, plain, frames = network(cls), network(cls, TINY), clip()
    assert torch.allclose(symmetric(frames.flip(-1)), symmetric(frames), atol=1e-6)
    assert not torch.allclose(plain(frames.flip(-1)), plain(frames), atol=1e-4)
    assert symmetric.state_dict().keys() == plain.state_dict().keys(), "no weight is added: what one learned the other can begin with"


@torch.no_grad()
def test_the_attention_turns_with_the_mirror_and_is_one_map_a_frame():
    model, frames = network(), clip()
    maps = []
    for view in (frames, frames.flip(-1)):
        with record_attention(model) as recorder:
            model(view)
        maps.append(recorder.weights)
    assert maps[0].shape == (2, 7, TINY.grid, TINY.grid)
    assert torch.allclose(maps[0].sum((2, 3)), torch.ones(2, 7), atol=1e-5)
    assert torch.allclose(maps[1], maps[0].flip(-1), atol=1e-6)
    assert torch.equal(model(frames, attention=maps[0]), model(frames)), "what is shown is what was used"


@torch.no_grad()
def test_of_a_clip_that_is_its_own_mirror_image_it_says_what_the_network_says():
    frames = clip()
    frames = (frames + frames.flip(-1)) / 2
    assert torch.allclose(network(CNN3D)(frames), network(CNN3D, TINY)(frames), atol=1e-6)


def test_attributions_are_complete_and_turn_with_the_mirror():
    made = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    one, other = (Clip(frames, np.arange(5) / 6.25) for frames in (made, np.ascontiguousarray(made[:, :, ::-1])))
    model = network()
    split, turned = exact_deeplift(model, one), exact_deeplift(model, other)
    assert split.relative_delta < 1e-4 and not split.approximated and 0 < split.attention_part < 1
    for a, b in ((split.values, turned.values), (saliency(model, one).values, saliency(model, other).values)):
        assert b[:, :, ::-1] == pytest.approx(a, abs=1e-4 * float(np.abs(a).max()))


def test_its_checkpoint_is_read_as_it_was(tmp_path):
    model, crops = network(), made_crops(1, frames=12)[0]
    save_checkpoint(tmp_path / "best", model, system="sta", info={})
    loaded = load_checkpoint(tmp_path / "best").model
    assert loaded.config.symmetric
    frames = torch.from_numpy(np.array(crops.frames[None])).permute(0, 1, 4, 2, 3).float() / 255
    with torch.no_grad():
        assert torch.equal(loaded(frames), model(frames))
    assert VideoReader.load(tmp_path).model.config.symmetric


def test_the_mean_with_the_mirror_image_is_itself_and_is_not_read_twice(tmp_path):
    save_checkpoint(tmp_path / "best", network(), system="sta", info={})
    net = VideoReader.load(tmp_path, device="cpu")
    crops = made_crops(1, frames=7)[0]
    assert not net.mirrored().mirror and net.mirrored().notes == net.notes
    assert net.read(crops, mirror=True).values == pytest.approx(net.read(crops).values, abs=0)


@pytest.mark.parametrize("part", [None, "encoder", "decoder", "stem", "regressor"])
def test_grad_cam_turns_with_the_mirror(part):
    model, frames = network(), clip()[0]
    inside = [module for name, module in model.named_modules() if part and name.startswith(part)]
    layer = next((module for module in inside if isinstance(module, torch.nn.Conv2d | torch.nn.Conv3d)), None)

    def cam(frames):
        return grad_cam(model, Clip((frames.permute(0, 2, 3, 1) * 255).byte().numpy(), np.arange(7) / 6.25), layer=layer).values

    straight, turned = cam(frames), cam(frames.flip(-1))
    assert np.abs(straight).max() > 0 and np.allclose(turned, straight[:, :, ::-1], atol=1e-6 * np.abs(straight).max() + 1e-9)


@pytest.mark.parametrize("method", ALL_METHODS, ids=lambda method: method.label)
def test_every_method_explains_a_symmetric_network(method):
    images = (clip()[0].permute(0, 2, 3, 1) * 255).byte().numpy()
    values = method(network(), Clip(images, np.arange(7) / 6.25)).values
    assert values.shape == images.shape[:3] and np.isfinite(values).all()
