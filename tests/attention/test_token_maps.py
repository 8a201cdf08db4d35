"""Maps from all layers of a transformer: a frame without relevance has none, and a cut on the way to the weights is said."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import stavis
from stavis.attention.token_maps import EMPTY, token_maps
from stavis.attention.tokens import TokenAttention
from stavis.attribution.attention_maps import attention_x_gradient
from stavis.attribution.methods import grad_cam
from stavis.attribution.token_methods import relevance
from stavis.errors import StavisError
from stavis.notes import Notes
from tests.attribution.networks import make_clip

FRAMES = torch.rand(1, 6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SIGNS = torch.tensor([1.0, 1, -1, -1, 1, -1])


class Patches(nn.Module):
    """Attention over the patches of each frame; how it counts is the sign of the frame, `cut` the part that keeps no gradient."""

    dimensions = ("valence",)

    def __init__(self, cut: str = ""):
        super().__init__()
        torch.manual_seed(7)
        self.embed, self.out, self.cut = nn.Linear(3, 8), nn.Linear(8, 1), cut
        self.layers = nn.ModuleList(nn.MultiheadAttention(8, 1, batch_first=True) for _ in range(2))

    def forward(self, frames):
        x = self.embed(functional.avg_pool2d(frames.flatten(0, 1), 8).flatten(2).transpose(1, 2))
        for index, layer in enumerate(self.layers):
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.cut not in ("all", str(index))):
                x = layer(x, x, x)[0]
        x = x.mean(1)
        return (x.square().sum(1, keepdim=True) * SIGNS[:, None]).unflatten(0, frames.shape[:2])


class Signed(nn.Module):
    """One attention whose weights count as the sign of their frame, so that half of the frames have no positive relevance."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Softmax(-1)])

    def forward(self, frames):
        x = functional.avg_pool2d(frames.flatten(0, 1).mean(1, keepdim=True), 8).flatten(1)
        weights = self.layers[0](5 * x[:, None, None, :] * x[:, None, :, None])
        value = (weights.mean((1, 2)) * x).sum(1)
        return value.view(*frames.shape[:2], 1) * SIGNS[:, None]


def maps_of(model, kind: str = "relevance"):
    paths = tuple(f"layers.{index}" for index in range(len(model.layers)))
    notes = Notes()
    tokens = TokenAttention(paths, "(b t) heads (h w) (h w)", kind=kind)
    return token_maps(model.eval(), tokens, lambda: model(FRAMES), lambda values: values.sum(), notes)[1], tuple(notes)


def test_frames_without_positive_relevance_have_no_map_and_that_is_said():
    maps, notes = maps_of(Signed())
    positive = SIGNS > 0
    assert torch.isnan(maps[0, ~positive]).all()
    torch.testing.assert_close(maps[0, positive].sum((1, 2)), torch.ones(3, dtype=maps.dtype))
    assert EMPTY in notes
    maps, notes = maps_of(Signed(), "rollout")
    assert torch.isfinite(maps).all() and EMPTY not in notes


def test_a_video_with_such_frames_is_read_explained_and_saved(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    options = {"attention": "layers.0", "layout": "(b t) heads (h w) (h w)", "maps": "relevance", "outputs": ("valence",)}
    frames = (255 * FRAMES[0].permute(0, 2, 3, 1)).byte().numpy()
    with pytest.warns(UserWarning):
        net = stavis.load(Signed(), size=32, rate=10, seconds=0.6, region="frame", framing="resize", device="cpu", **options)
        found = net.explain(frames, methods=("relevance",))
    without = np.isnan(found.reading.attention.weights).all((1, 2))
    np.testing.assert_array_equal(without, SIGNS.numpy() < 0)
    assert EMPTY in found.reading.notes
    density = found.density_table
    assert np.isnan(density[without]).all() and np.isfinite(density[~without]).all()
    assert found.save(tmp_path / "out", overlay=False).stat().st_size > 1000


def test_a_network_that_cuts_all_gradients_has_no_relevance():
    with pytest.raises(StavisError, match=r"^no gradient of the output reaches the attention.*another kind of map\.$"):
        maps_of(Patches("all"))
    assert torch.isfinite(maps_of(Patches("all"), "rollout")[0]).all()


def test_layers_that_no_gradient_reaches_are_counted():
    assert not [note for note in maps_of(Patches())[1] if "gradient" in note]
    assert "No gradient of the output reaches 1 of 2 attention layers: their relevance is left out." in maps_of(Patches("0"))[1]


class OfBothSides(nn.Module):
    """The mean over a video and its mirror image, or frame by frame: each layer runs several times."""

    dimensions = ("valence",)

    def __init__(self, looped: bool):
        super().__init__()
        self.of_one, self.looped = Patches(), looped
        self.layers = self.of_one.layers

    def forward(self, frames):
        if self.looped:
            return torch.cat([self.of_one(frames[:, [t] * 6])[:, t : t + 1] for t in range(frames.shape[1])], 1)
        return (self.of_one(frames) + self.of_one(frames.flip(-1))) / 2


@pytest.mark.parametrize("looped", [False, True])
def test_layers_that_run_several_times_are_refused_where_one_run_is_not_all(looped):
    model = OfBothSides(looped).eval()
    clip, tokens = make_clip(frames=6), TokenAttention(("layers.0", "layers.1"), "(b t) heads (h w) (h w)")
    said = rf"^the attention module layers\.[01] ran {6 if looped else 2} times in one run, .*\.$"
    for kind in ("rollout", "relevance"):
        with pytest.raises(StavisError, match=said):
            maps_of(model, kind)
    for method in (relevance, attention_x_gradient, grad_cam):
        with pytest.raises(StavisError, match=said.replace("layers", r"(of_one\.)?layers")):
            method(model, clip, attention=tokens)
