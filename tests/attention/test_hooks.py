"""Laws of recording and injecting attention: what goes in comes out, and nothing stays behind."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attention.hooks import attention_module, inject_attention, record_attention
from stavis.attention.modules import SpatialSoftmax
from stavis.errors import StavisError
from stavis.models.sta import STA
from tests.attribution.networks import SmallSTA, make_clip, nothing_left, same_state, state_of

SHAPE = (1, 5, 3, 32, 32)


@pytest.fixture(params=["small", "shipped"])
def model(request):
    torch.manual_seed(0)
    return (SmallSTA() if request.param == "small" else STA()).eval()


@pytest.fixture
def frames():
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))


class UserModel(nn.Module):
    """A network of one's own whose attention has a layout of its own."""

    def __init__(self, layout: str, scale: float = 1.0):
        super().__init__()
        self.look = Layout(layout, scale)
        self.layout = layout

    def forward(self, frames):
        maps = frames.mean(2)[..., ::4, ::4].flatten(2).softmax(2).unflatten(2, (8, 8))
        seen = self.look(maps)
        if isinstance(seen, tuple):
            seen = seen[1]
        seen = seen.reshape(maps.shape) if self.layout != "by frame" else seen
        return (seen * frames[..., ::4, ::4].mean(2)).sum((2, 3)).unsqueeze(-1)


class Layout(nn.Module):
    def __init__(self, layout, scale):
        super().__init__()
        self.layout, self.scale = layout, scale

    def forward(self, maps):
        b, t, h, w = maps.shape
        shapes = {
            "B1Thw": (b, 1, t, h, w),
            "BT1hw": (b, t, 1, h, w),
            "N1hw": (b * t, 1, h, w),
            "Nhw": (b * t, h, w),
            "BTn": (b, t, h * w),
            "Nn": (b * t, h * w),
        }
        maps = maps * self.scale
        if self.layout == "tuple":
            return None, maps
        return maps.reshape(shapes.get(self.layout, maps.shape))


LAYOUTS = ["BThw", "B1Thw", "BT1hw", "N1hw", "Nhw", "BTn", "Nn", "tuple"]


def test_recorded_attention_is_a_distribution_over_space(model, frames):
    with record_attention(model) as recorder:
        model(frames)
    assert recorder.weights.shape[:2] == SHAPE[:2]
    assert (recorder.weights >= 0).all()
    torch.testing.assert_close(recorder.weights.sum((2, 3)), torch.ones(SHAPE[:2]))
    maps = recorder.maps(np.arange(5) / 6.25)
    assert maps.weights.shape == tuple(recorder.weights.shape[1:])


def test_injecting_what_was_recorded_changes_nothing(model, frames):
    with torch.no_grad(), record_attention(model) as recorder:
        own = model(frames)
        with inject_attention(model, recorder.weights):
            torch.testing.assert_close(model(frames), own, rtol=0, atol=1e-6)


def test_injecting_equals_giving_the_argument(model, frames):
    with torch.no_grad(), record_attention(model) as recorder:
        model(frames)
        other = recorder.weights.flip(-1)
        with inject_attention(model, other):
            injected = model(frames)
        torch.testing.assert_close(injected, model(frames, attention=other))
        assert not torch.equal(injected, model(frames))


def test_attention_given_as_an_argument_is_recorded(model, frames):
    with torch.no_grad(), record_attention(model) as recorder:
        model(frames)
        other = recorder.weights.flip(-1)
        model(frames, attention=other)
    assert torch.equal(recorder.weights, other)


def test_nothing_is_left_behind_also_after_an_error(model, frames):
    model.train()
    before = state_of(model)
    with record_attention(model), inject_attention(model, np.full((5, *_grid(model, frames)), 1 / np.prod(_grid(model, frames)))):
        model.eval()(frames)
    model.train()
    model.load_state_dict(before[2])
    with pytest.raises(ZeroDivisionError), record_attention(model), inject_attention(model, _uniform(5, 4, 4)):
        raise ZeroDivisionError
    with pytest.raises(StavisError), inject_attention(model, _uniform(5, 3, 3)):
        model.eval()(frames)
    model.train()
    assert same_state(model, before)


def test_gradients_flow_into_injected_attention(model, frames):
    weights = torch.full((1, 5, *_grid(model, frames)), 1 / np.prod(_grid(model, frames)), requires_grad=True)
    with inject_attention(model, weights):
        model(frames).sum().backward()
    assert weights.grad.abs().sum() > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_user_modules_of_other_layouts(layout, frames):
    model = UserModel(layout)
    with record_attention(model, model.look) as recorder:
        own = model(frames)
    expected = frames.mean(2)[..., ::4, ::4].flatten(2).softmax(2).unflatten(2, (8, 8))
    torch.testing.assert_close(recorder.weights, expected)
    with inject_attention(model, expected.flip(1), "look"):
        changed = model(frames)
    assert not torch.allclose(changed, own)
    with inject_attention(model, expected, "look"):
        torch.testing.assert_close(model(frames), own)


def test_one_call_a_frame_is_put_together(frames):
    class ByFrame(nn.Module):
        def __init__(self):
            super().__init__()
            self.look = SpatialSoftmax()

        def forward(self, frames):
            maps = [self.look(frame.mean(1)[:, None, ::4, ::4]) for frame in frames.unbind(1)]
            return torch.cat(maps, 1).amax((2, 3)).unsqueeze(-1)

    model = ByFrame()
    with record_attention(model) as recorder:
        model(frames)
    assert recorder.weights.shape == (1, 5, 8, 8)
    shuffled = recorder.weights.flip(1)
    with inject_attention(model, shuffled):
        torch.testing.assert_close(model(frames)[0, :, 0], shuffled[0].amax((1, 2)))


def test_one_map_serves_a_batch(model, frames):
    with torch.no_grad(), inject_attention(model, _uniform(5, *_grid(model, frames))):
        assert model(frames.expand(3, -1, -1, -1, -1)).shape[0] == 3


def test_a_model_without_attention_says_what_to_give():
    with pytest.raises(StavisError, match="give attention=<module>"):
        attention_module(nn.Conv2d(3, 3, 1))


def test_two_candidates_ask_for_a_choice():
    with pytest.raises(StavisError, match="2 SpatialSoftmax"):
        attention_module(nn.ModuleList([SpatialSoftmax(), SpatialSoftmax()]))


@pytest.mark.parametrize("wrong", ["no.such", SpatialSoftmax()])
def test_a_module_of_another_model_is_refused(wrong):
    with pytest.raises(StavisError):
        attention_module(SmallSTA(), wrong)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.full((5, 8, 8), 1.0), "sum to 64"),
        (np.full((5, 8, 8), -1 / 64), "negative"),
        (np.full((5, 8, 8), np.nan), "non-finite"),
        (np.full((8, 8), 1 / 64), "are \\(T,h,w\\)"),
        (np.zeros((5, 8, 8), int), "real numbers"),
    ],
)
def test_weights_that_are_none_are_refused(weights, words):
    with pytest.raises(StavisError, match=words), inject_attention(SmallSTA(), weights):
        pass


def test_weights_of_another_grid_length_or_batch_are_refused(frames):
    model = SmallSTA().eval()
    for weights, words in (
        (_uniform(4, 16, 16), "give weights"),
        (_uniform(5, 4, 4), "give weights"),
        (_uniform(5, 16, 16)[None].repeat(2, 0), "2 clips"),
    ):
        with pytest.raises(StavisError, match=words), inject_attention(model, weights):
            model(frames)


def test_attention_that_does_not_sum_to_one_is_divided_and_noted(frames, recwarn):
    model = UserModel("BThw", scale=7.0)
    with record_attention(model, "look", layout="b t h w") as recorder:
        own = model(frames)
    assert recorder.notes == ("the attention sums to 7 a frame, not to 1: each map is divided by its sum.",)
    assert not recwarn.list
    torch.testing.assert_close(recorder.weights.sum((2, 3)), torch.ones(1, 5))
    with inject_attention(model, recorder.weights, "look", layout="b t h w"):  # put back with the mass of its own
        torch.testing.assert_close(model(frames), own)
    with pytest.raises(StavisError, match="sum to 7 and not to 1, as features do"), record_attention(model, "look"):
        model(frames)


def test_negative_attention_is_refused(frames):
    model = UserModel("BThw", scale=-1.0)
    with pytest.raises(StavisError, match="negative"), record_attention(model, "look"):
        model(frames)


def test_reading_before_running_is_refused():
    with record_attention(SmallSTA()) as recorder, pytest.raises(StavisError, match="run the model"):
        _ = recorder.weights


def test_several_clips_are_no_one_map(frames):
    model = SmallSTA().eval()
    with record_attention(model) as recorder:
        model(frames.expand(2, -1, -1, -1, -1))
    with pytest.raises(StavisError, match="2 clips"):
        recorder.maps(np.arange(5))


def test_a_compiled_model_is_seen_through(frames):
    model = SmallSTA().eval()
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(frames)
        with record_attention(compiled) as recorder:
            compiled(frames)
        with inject_attention(compiled, recorder.weights.flip(-1)):
            torch.testing.assert_close(compiled(frames), model(frames))
    assert recorder.weights.shape == (1, 5, 16, 16)
    assert nothing_left(model)


def test_make_clip_has_a_partition():
    assert (make_clip().regions.sum(1) == 1).all()


def _grid(model, frames):
    with torch.no_grad(), record_attention(model) as recorder:
        model.eval()(frames)
    return tuple(recorder.weights.shape[2:])


def _uniform(t, h, w):
    return np.full((t, h, w), 1 / (h * w), np.float32)
