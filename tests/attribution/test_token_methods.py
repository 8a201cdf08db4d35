"""Attributions on the token grid equal plain references: whole matrices, hooks of one's own, loops over blocks."""

import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.attribution.attention_maps import attention_x_gradient
from stavis.attribution.baselines import baseline_frames
from stavis.attribution.methods import grad_cam, guided_grad_cam, occlusion
from stavis.attribution.regions import region_shapley
from stavis.attribution.token_methods import relevance
from stavis.errors import StavisError
from stavis.regions import REGIONS, spread
from stavis.tensors import as_input
from stavis.types import Clip, Target
from tests.attention.test_inside import LAYOUT, Block
from tests.attribution.networks import nothing_left
from tests.inference.adapters.families import ATTENDING, FAMILIES, FRAMES, TIMES

CLIP = Clip(FRAMES, TIMES, recording="one")
BLOCK = {"attention": "encoder.layers.*.self_attn", "layout": LAYOUT, "size": 32, "rate": 5.0}
NAMES = ("VideoMAE", "TimeSformer", "ViViT", "ViT", "DINOv2", "own")


def opened(name: str, **more):
    make, options = (Block, BLOCK) if name == "own" else FAMILIES[name]
    torch.manual_seed(0)
    network = make().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return network, stavis.load(network, device="cpu", **(options | more))


def with_matrices(name: str, network, net, target: Target):
    """Each layer's weights (N,heads,q,k) with their gradients for a target, by plain hooks; (spatial, temporal), first layer to last."""
    found: dict[str, list] = {"space": [], "time": []}
    handles = []
    network.set_attn_implementation("eager") if name in ("VideoMAE", "ViViT", "ViT", "DINOv2") else None
    for path in (*net.network.tokens.paths, *net.network.tokens.temporal):
        kind = "time" if path in net.network.tokens.temporal else "space"

        def keep(_module, _inputs, output, kind=kind):
            found[kind].append(output[1] if isinstance(output, tuple) else output)

        handles.append(network.get_submodule(path).register_forward_hook(keep))
    frames = as_input(FRAMES).requires_grad_(True)
    output = net.differentiable()(frames)[0, :, net.dimensions.index(target.dimension)]
    score = output.mean() if target.frame is None else output[target.frame]
    for handle in handles:
        handle.remove()
    return tuple(
        [(one.detach(), torch.autograd.grad(score, one, retain_graph=True)[0]) for one in found[kind]] for kind in ("space", "time")
    )


def added(pair):
    return (pair[0] * pair[1]).clamp(min=0).mean(1).double()


def plain_relevance(name: str, space, time) -> torch.Tensor:
    """The map (t,h,w) on the tokens' grid, from the product of whole matrices."""
    if name == "TimeSformer":
        frames, patches = 4, 16
        joint = torch.eye(1 + frames * patches, dtype=torch.float64)
        for over_space, over_time in zip(space, time, strict=True):
            along, across = torch.zeros_like(joint), torch.zeros_like(joint)
            for p in range(patches):
                rows = 1 + p * frames + torch.arange(frames)
                along[rows[:, None], rows] = added(over_time)[p]
            for t in range(frames):
                columns = torch.tensor([0, *(1 + p * frames + t for p in range(patches))])
                across[columns[:, None], columns] += added(over_space)[t]
            joint = joint + along @ joint
            joint = joint + across @ joint
        return joint[0, 1:].reshape(patches, frames).T.reshape(frames, 4, 4)
    joint = torch.eye(space[0][0].shape[-1], dtype=torch.float64)
    for layer in space:
        joint = joint + added(layer) @ joint
    joint = joint - torch.eye(joint.shape[-1])
    return (joint.mean(1) if name in ("VideoMAE", "own") else joint[:, 0, 1:]).reshape(-1, 4, 4)


def on_frames(cells: torch.Tensor) -> np.ndarray:
    return spread(cells.repeat_interleave(4 // len(cells), 0).double().numpy(), (32, 32))


@pytest.mark.parametrize("frame", [None, 2], ids=["clip", "one frame"])
@pytest.mark.parametrize("name", NAMES[:-1])
def test_relevance_is_the_sum_over_all_paths_and_follows_the_target(name, frame):
    network, net = opened(name)
    maps = []
    for dimension in (net.dimensions[0], net.dimensions[-1]):
        target = Target(dimension, frame)
        maps.append(relevance(net.differentiable(), CLIP, target, **net.network.attention_options).values)
        expected = on_frames(plain_relevance(name, *with_matrices(name, network, net, target)))
        np.testing.assert_allclose(maps[-1], expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert (maps[0] >= 0).all() and not np.allclose(*maps, rtol=1e-3)
    if name in ("ViT", "DINOv2") and frame is not None:
        assert not maps[0][[0, 1, 3]].any() and maps[0][2].any()
    assert nothing_left(network)


def test_relevance_of_weights_that_no_module_gives():
    _, net = opened("own")
    found = relevance(net.differentiable(), CLIP, Target("valence", 1), **net.network.attention_options)
    assert found.values[1].any() and not found.values[[0, 2, 3]].any()


@pytest.mark.parametrize("name", NAMES[:-1])
def test_attention_times_gradient_is_that_of_the_last_layer(name):
    network, net = opened(name)
    target = Target(net.dimensions[-1])
    found = attention_x_gradient(net.differentiable(), CLIP, target, **net.network.attention_options).values
    weights, gradient = with_matrices(name, network, net, target)[0][-1]
    product = (weights * gradient).sum(1)
    cells = (product.sum(1) if name == "VideoMAE" else product[:, 0, 1:]).reshape(-1, 4, 4)
    expected = on_frames(cells * len(cells) / 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert found.sum() == pytest.approx(float(cells.sum()), rel=1e-4)  # a tubelet's share is divided among its frames


@pytest.mark.parametrize("name", NAMES)
def test_grad_cam_is_on_the_patches_that_the_last_attention_reads(name):
    network, net = opened(name)
    target, read = Target(net.dimensions[-1]), []
    path = net.network.tokens.paths[-1].removesuffix(".attn_drop")

    def keep(_module, inputs, options):
        read.append([*inputs, *options.values()][0])

    handle = network.get_submodule(path).register_forward_pre_hook(keep, with_kwargs=True)
    output = net.differentiable()(as_input(FRAMES).requires_grad_(True))[0, :, net.dimensions.index(target.dimension)].mean()
    handle.remove()
    features, gradient = read[0], torch.autograd.grad(output, read[0])[0]
    grid = lambda one: (one if name in ("VideoMAE", "own") else one[:, 1:]).reshape(-1, 16, one.shape[2])  # noqa: E731
    cam = (grid(features) * grid(gradient).mean(1, keepdim=True)).sum(2).reshape(1, 1, -1, 4, 4).detach()
    expected = torch.nn.functional.interpolate(cam, size=(4, 32, 32), mode="trilinear")[0, 0].numpy()
    options = net.network.attention_options
    found = grad_cam(net.differentiable(), CLIP, target, **options).values
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert np.isfinite(guided_grad_cam(net.differentiable(), CLIP, target, **options).values).all()
    assert nothing_left(network)


def test_grad_cam_of_a_layer_that_gives_no_tokens_is_refused():
    _, net = opened("own")
    with pytest.raises(StavisError, match="no features of the tokens"):
        grad_cam(net.differentiable(), CLIP, layer="core.model.head", **net.network.attention_options)


def test_occlusion_in_blocks_of_space_and_time_is_the_fall_of_the_prediction():
    _, net = opened("VideoMAE")
    model, target = net.differentiable(), Target(net.dimensions[1])
    found = occlusion(model, CLIP, target, blocks=(2, 2, 2)).values
    frames, blurred = as_input(FRAMES), baseline_frames(CLIP, "blur", torch.device("cpu"))
    value = lambda given: float(model(given)[0, :, 1].mean())  # noqa: E731
    with torch.no_grad():
        for t, h, w in np.ndindex(2, 2, 2):
            block = (slice(None), slice(2 * t, 2 * t + 2), slice(None), slice(16 * h, 16 * h + 16), slice(16 * w, 16 * w + 16))
            covered = frames.clone()
            covered[block] = blurred[block]
            fall = found[2 * t : 2 * t + 2, 16 * h : 16 * h + 16, 16 * w : 16 * w + 16].sum()
            assert fall == pytest.approx(value(frames) - value(covered), abs=1e-6)


def test_shapley_values_of_regions_share_out_the_change_of_a_transformer():
    _, net = opened("TimeSformer")
    regions = np.zeros((4, len(REGIONS), 32, 32), bool)
    for index in range(len(REGIONS)):
        regions[:, index, :, index * 32 // len(REGIONS) : (index + 1) * 32 // len(REGIONS)] = True
    clip = Clip(FRAMES, TIMES, regions=regions, recording="one")
    model = net.differentiable()
    found = region_shapley(model, clip, Target(net.dimensions[0]))
    with torch.no_grad():
        change = model(as_input(FRAMES)) - model(baseline_frames(clip, "blur", torch.device("cpu")))
    assert found.relative_delta <= 1e-4
    assert found.totals.sum() == pytest.approx(float(change[0, :, 0].mean()), abs=1e-6)


def test_relevance_maps_follow_the_output_that_is_explained():
    _, net = opened("VideoMAE", maps="relevance")
    smile, frown = (net.explain(FRAMES, methods=("relevance",), target=name) for name in ("smile", "frown"))
    assert not np.allclose(smile.attention.weights, frown.attention.weights, rtol=1e-3)
    assert any("relevance for frown" in note for note in frown.notes)
    cells = smile.attributions["Relevance"].values.reshape(4, 4, 8, 4, 8).sum((2, 4))
    np.testing.assert_allclose(smile.attention.weights, cells / cells.sum((1, 2), keepdims=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("maps", ["raw", "rollout", "relevance"])
@pytest.mark.parametrize("name", [one for one in ATTENDING if one != "own map"] + ["own"])
def test_each_map_sums_to_one_and_says_what_part_of_the_whole_lay_in_a_frame(name, maps):
    _, net = opened(name, maps=maps)
    reading = net.read(FRAMES, times=TIMES)
    np.testing.assert_allclose(reading.attention.weights.sum((1, 2)), np.ones(4), atol=1e-5)
    notes = " ".join((*net.notes, *reading.notes))
    whole = name == "own" and maps != "relevance"  # all of each frame's attention is in its own patches
    assert ("divided by its" in notes) != whole
    assert ("each is shown for" in notes) == (name in ("VideoMAE", "ViViT", "mvit"))
