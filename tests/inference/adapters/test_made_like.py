"""Networks made like those of torchvision and timm open as they do, with what their structure says of them."""

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.attribution.methods import grad_cam
from stavis.errors import StavisError
from stavis.inference.adapters.families import IMAGENET
from stavis.inference.adapters.timm_image import timm_image
from stavis.inference.adapters.torchvision_video import KNOWN, torchvision_video
from stavis.types import Target
from tests.inference.adapters import families, timm_like, torchvision_like
from tests.inference.adapters.families import FRAMES, TIMES

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("make", [families.r3d, families.s3d, families.mvit, families.swin3d])
def test_a_network_made_like_one_of_torchvision_is_known_by_its_class_and_parts(make):
    network = make()
    known = torchvision_video(network)
    assert known.labels == ("class 0", "class 1", "class 2") and known.classes == "softmax"
    part = next(name for name, _ in network.named_children())
    delattr(network, part)
    assert torchvision_video(network) is None
    assert torchvision_video(type(type(network).__name__, (nn.Module,), {})()) is None


PUBLISHED = {
    # of torchvision's weights: frames/s, frames, side, the sides in px to which frames are resized before (one: the shorter side)
    "VideoResNet": (15.0, 16, 112, (128, 171)),
    "S3D": (15.0, 128, 224, (256, 256)),
    "MViT": (7.5, 16, 224, (256,)),
    "SwinTransformer3d": (15.0, 32, 224, (256,)),
}


def framing_of(resized: tuple[int, ...], side: int) -> str:
    if len(resized) == 1:
        return f"center_crop:{side / resized[0]:g}"
    down, across = (f"{side / one:.3g}" for one in resized)
    return f"resize:{down}" if down == across else f"resize:{across}x{down}"


@pytest.mark.parametrize("make", [families.r3d, families.s3d, families.mvit, families.swin3d])
def test_what_is_taken_from_the_published_weights_is_what_they_are_evaluated_with(make):
    network = make()
    known, (rate, frames, side, resized) = torchvision_video(network), PUBLISHED[type(network).__name__]
    assert (known.rate, known.framing) == (rate, framing_of(resized, side))
    if type(network).__name__ != "MViT":  # which says its frames and side itself
        assert (known.frames, known.size) == (frames, side)
        assert any(f"{frames} frames a clip and {rate:g} frames/s" in note for note in stavis.load(network, size=32, device="cpu").notes)


def test_the_published_numbers_are_those_of_torchvisions_metadata():
    video = pytest.importorskip("torchvision.models.video", exc_type=(ImportError, RuntimeError))
    found = {"VideoResNet": video.R3D_18_Weights, "S3D": video.S3D_Weights, "MViT": video.MViT_V2_S_Weights}
    for name, weights in (found | {"SwinTransformer3d": video.Swin3D_T_Weights}).items():
        one, (rate, frames, side, resized) = weights.DEFAULT, PUBLISHED[name]
        shown, text = one.transforms(), one.meta["_docs"]
        assert f"`frame_rate={rate:g}`" in text and f"`clip_len={frames}`" in text
        assert (shown.crop_size, shown.resize_size) == ([side, side], list(resized))
        mean, std = KNOWN[name].normalise
        assert (shown.mean, shown.std) == (pytest.approx(mean), pytest.approx(std))


def test_a_class_that_is_made_from_one_of_them_is_known_too():
    class Mine(torchvision_like.SwinTransformer3d):
        pass

    assert torchvision_video(Mine(width=8, depths=(2,), heads=(2,), classes=1)).normalise == IMAGENET
    assert torchvision_video(Mine(width=8, depths=(2,), heads=(2,), classes=1)).classes == ""


def test_the_positions_of_an_mvit_say_how_long_and_large_its_clips_are():
    known = torchvision_video(families.mvit())
    assert (known.frames, known.size) == (4, 32) and "frames" not in known.assumed
    assert known.attention == ("blocks.2.attn",) and "t=2 h=2 w=2" in known.layout
    coarser = torchvision_like.MViT(size=32, frames=4, width=4, depth=2, halved=(1,), classes=3, kv=2)  # its last keys have a finer grid
    assert torchvision_video(coarser).attention == () and torchvision_video(families.r3d()).attention == ()
    assert stavis.load(coarser, rate=5.0, device="cpu").attention is None


def test_the_attention_of_an_mvits_last_block_is_what_it_computes():
    torch.manual_seed(0)
    network = families.mvit().eval()
    net = stavis.load(network, rate=5.0, device="cpu")
    given = []
    handle = network.blocks[2].attn.register_forward_hook(lambda _module, inputs, _output: given.append(inputs))
    found = net.read(FRAMES, times=TIMES).attention.weights
    handle.remove()
    attn, (x, thw) = network.blocks[2].attn, given[-1]
    with torch.no_grad():
        q, k, _ = attn.qkv(x).unflatten(2, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = attn.pool_q(q, thw)[0], attn.pool_k(k, thw)[0]
        row = (attn.scaler * q @ k.transpose(2, 3)).softmax(-1).mean(1)[0, 0, 1:].view(2, 2, 2)
    expected = (row / row.sum((1, 2), keepdim=True)).repeat_interleave(2, 0)
    assert found == pytest.approx(expected.numpy(), abs=1e-6)


def test_the_attention_of_a_vit_of_timm_is_what_passes_through_its_dropout_and_fusing_stays_on():
    torch.manual_seed(0)
    network = families.timm_like_vit().eval()
    net = stavis.load(network, rate=5.0, device="cpu")
    assert len(timm_image(network).attention) == 2 and net.network.size == 32
    found = net.read(FRAMES, times=TIMES).attention.weights
    assert all(block.attn.fused_attn for block in network.blocks)
    seen = []
    network.blocks[1].attn.fused_attn = False
    handle = network.blocks[1].attn.attn_drop.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    plain = net.network.clip.core
    frames = torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        network((frames - torch.tensor(plain.mean).view(3, 1, 1)) / torch.tensor(plain.std).view(3, 1, 1))
    handle.remove()
    row = seen[0].mean(1)[:, 0, 1:].view(-1, 4, 4)
    assert found == pytest.approx((row / row.sum((1, 2), keepdim=True)).numpy(), abs=1e-6)
    assert timm_image(timm_like.Block(8, 2)) is None


def test_grad_cam_takes_the_last_convolution_that_has_a_map_of_the_clip():
    torch.manual_seed(0)
    network = families.mvit().eval()
    net = stavis.load(network, rate=5.0, device="cpu")
    clip = net.crops(FRAMES, times=TIMES).clip()
    target = Target("class 1")
    found = grad_cam(net.differentiable(), clip, target).values
    named = grad_cam(net.differentiable(), clip, target, layer=network.conv_proj).values
    assert found == pytest.approx(named, abs=1e-7) and np.abs(found).max() > 0


CONFIGURED = {
    "what timm takes without one": ({}, "center_crop:0.875"),
    "all of it": ({"crop_pct": 1.0}, "center_crop"),
    "squeezed": ({"crop_pct": 1.0, "crop_mode": "squash"}, "resize"),
    "squeezed, its middle": ({"crop_pct": 0.95, "crop_mode": "squash"}, "resize:0.95"),
    "between borders": ({"crop_pct": 1.0, "crop_mode": "border"}, "letterbox"),
}


@pytest.mark.parametrize("kind", CONFIGURED)
def test_the_images_of_a_network_of_timm_are_those_that_its_configuration_names(kind):
    more, framing = CONFIGURED[kind]
    network = families.timm_like_vit()
    network.pretrained_cfg |= more
    assert timm_image(network).framing == framing
    net = stavis.load(network, rate=5.0, region="frame", device="cpu")
    assert net.network.framing == framing and any(f"by {framing};" in note for note in net.notes)


def test_a_network_that_attends_in_another_way_than_its_family_is_read_without_maps():
    network = families.timm_like_vit()
    network.num_prefix_tokens = 2  # as where the class token comes after these blocks
    net = stavis.load(network, rate=5.0, device="cpu")
    assert net.attention is None and net.read(FRAMES, times=TIMES).attention is None
    (said,) = [note for note in net.notes if "attends in another way" in note]
    assert said.startswith("VisionTransformer is read without attention maps") and said.endswith("give attention= and layout= for them.")
    with pytest.raises(StavisError, match="does not fit"):
        stavis.load(network, rate=5.0, device="cpu", maps="rollout")


def test_adapters_of_peft_stay_in_the_network_that_is_known_by_its_class():
    peft = pytest.importorskip("peft", exc_type=ImportError)
    torch.manual_seed(0)
    wrapped = peft.get_peft_model(families.timm_like_vit(), peft.LoraConfig(target_modules=["qkv"], r=2, init_lora_weights=False)).eval()
    net = stavis.load(wrapped, rate=5.0, device="cpu")
    assert net.name == "VisionTransformer" and net.attention == "blocks.1.attn"
    assert "VisionTransformer is read without the PeftModel around it; its adapters stay." in net.notes
    frames = torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = wrapped((frames - 0.5) / 0.5).softmax(1).numpy()
    assert net.read(FRAMES, times=TIMES).values == pytest.approx(expected, abs=1e-6)
