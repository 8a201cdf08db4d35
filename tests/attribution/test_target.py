"""A target becomes a number in one place; a model is prepared for it and comes back as it was."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import DEFAULT_METHODS, saliency
from stavis.attribution.target import TargetValue, attribution_context, prepare, relative_error
from stavis.errors import StavisError
from stavis.models.sta import STA
from stavis.types import Clip, Target
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of


def test_the_target_is_the_mean_over_frames_or_one_frame():
    model, clip = SmallSTA(dimensions=("arousal", "valence")).eval(), make_clip()
    with attribution_context(model, clip, Target("valence")) as context, torch.no_grad():
        output = model(context.frames)[0, :, 1]
        torch.testing.assert_close(context.value(context.frames)[0], output.mean())
    with attribution_context(model, clip, Target("arousal", 2)) as context, torch.no_grad():
        torch.testing.assert_close(context.value(context.frames)[0], model(context.frames)[0, 2, 0])


def test_frames_without_a_face_do_not_count():
    model, clip = SmallSTA().eval(), make_clip()
    valid = np.array([True, True, False, True, False, True])
    clip = Clip(clip.frames, clip.times, valid=valid)
    with attribution_context(model, clip) as context, torch.no_grad():
        torch.testing.assert_close(context.value(context.frames)[0], model(context.frames)[0, valid, 0].mean())


@pytest.mark.parametrize("mode", ["train", "eval", "mixed", "half", "frozen"])
def test_a_model_comes_back_as_it_was(mode):
    model = SmallSTA()
    if mode == "eval":
        model.eval()
    if mode == "mixed":
        model.encoder.eval()
    if mode == "half":
        model.half()
    if mode == "frozen":
        model.score.requires_grad_(False)
    before = state_of(model)
    with prepare(model) as ready:
        assert not any(module.training for module in ready.modules())
        assert not any(parameter.requires_grad for parameter in ready.parameters())
        assert all(parameter.dtype == torch.float32 for parameter in ready.parameters())
    assert same_state(model, before)
    with pytest.raises(ZeroDivisionError), prepare(model):
        raise ZeroDivisionError
    assert same_state(model, before)


def test_train_mode_compiled_and_half_models_give_the_same_map():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    own = saliency(model.eval(), clip)
    np.testing.assert_array_equal(saliency(model.train(), clip).values, own.values)
    np.testing.assert_array_equal(saliency(torch.compile(model, backend="eager"), clip).values, own.values)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(saliency(model, clip).values, own.values)


def test_wrapped_models_give_the_same_map():
    torch.manual_seed(0)
    model, clip = SmallSTA().eval(), make_clip()
    before = state_of(model)
    own = exact_deeplift(model, clip).values
    for wrapped in (nn.DataParallel(model), torch.compile(nn.DataParallel(model), backend="eager")):
        np.testing.assert_array_equal(exact_deeplift(wrapped, clip).values, own)
    assert same_state(model, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", DEFAULT_METHODS, ids=lambda method: method.label)
def test_half_precision_is_computed_in_single_and_comes_back(method, dtype):
    torch.manual_seed(0)
    model, clip = SmallSTA().train(), make_clip(frames=3)
    model.to(dtype)
    before = state_of(model)
    expected = method(copy.deepcopy(model).float(), clip).values
    np.testing.assert_array_equal(method(model, clip).values, expected)
    assert same_state(model, before)


def test_dropout_is_off_while_a_model_is_explained_and_on_again_after():
    model, clip = SmallSTA().train(), make_clip()
    model.head = nn.Sequential(nn.Dropout(0.5), *model.head)
    before = state_of(model)
    for method in (saliency, exact_deeplift):
        np.testing.assert_array_equal(method(model, clip).values, method(model, clip).values)
    assert same_state(model, before)


def test_no_gradient_reaches_the_weights():
    model = SmallSTA()
    saliency(model, make_clip())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("dominance"), "no dimension 'dominance': choose one of valence"),
        (Target(frame=6), "choose one from 0 to 5"),
        (Target(frame=-1), "not in the clip"),
        (Target(frame=2), "holds no face"),
    ],
)
def test_targets_that_there_are_not(target, words):
    clip = make_clip()
    clip = Clip(clip.frames, clip.times, valid=np.arange(6) != 2)
    with pytest.raises(StavisError, match=words):
        saliency(SmallSTA(), clip, target)


def test_a_clip_without_a_face_or_a_frame():
    clip = make_clip()
    with pytest.raises(StavisError, match="no frame of the clip holds a face"):
        saliency(SmallSTA(), Clip(clip.frames, clip.times, valid=np.zeros(6, bool)))
    with pytest.raises(StavisError, match="empty"):
        saliency(SmallSTA(), clip[:0])


def test_a_clip_shorter_than_the_halo_is_noted(recwarn):
    for count, text in ((3, "3 frames"), (1, "1 frame")):
        (note,) = saliency(STA().eval(), make_clip(frames=count)).notes
        assert note == f"the clip has {text}, the model looks 4 frames to each side: most of what it sees is padding."
    assert not recwarn.list


def test_a_model_that_cannot_run_on_so_short_a_clip_says_so():
    class Unpadded(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv3d(3, 1, 5)

        def forward(self, frames):
            return self.layer(frames.transpose(1, 2)).mean((3, 4)).transpose(1, 2)

    with pytest.raises(StavisError, match="cannot run on a clip of 3 frames"):
        saliency(Unpadded(), make_clip(frames=3))
    with pytest.raises(StavisError, match="must keep time"):
        saliency(Unpadded(), make_clip(frames=6))


def test_a_model_that_casts_to_half_precision_itself_is_told_so():
    class Casts(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(3, 1)

        def forward(self, frames):
            return self.out(frames.mean((3, 4)).bfloat16())

    with pytest.raises(StavisError, match=r"in single precision, so take the casts to another out of its forward\.$"):
        saliency(Casts().bfloat16(), make_clip(frames=3))


def test_a_model_without_names_for_its_dimensions():
    model = SmallSTA(dimensions=("a", "b"))
    model.dimensions = ()
    with pytest.raises(StavisError, match="without names"):
        saliency(model, make_clip())
    model.dimensions = ("valence",)
    with pytest.raises(StavisError, match="names 1 dimensions and gives 2"):
        saliency(model, make_clip())
    single = SmallSTA()
    single.dimensions = ()
    assert saliency(single, make_clip()).values.any()


def test_a_model_that_overflows_is_said():
    class Overflow(nn.Module):
        def forward(self, frames):
            return (frames * 1e38 * 1e38).mean((2, 3, 4)).unsqueeze(-1).square()

    with pytest.raises(StavisError, match="not finite"):
        saliency(Overflow(), make_clip())


def test_the_completeness_error():
    assert relative_error(np.array([1.0, 1.0]), 2.0) == 0
    assert relative_error(np.array([1.0]), 2.0) == 0.5
    assert relative_error(np.array([0.0]), 0.0) == 0
    assert relative_error(np.array([1.0]), 0.0) == float("inf")


def test_targets_are_checked_when_made():
    with pytest.raises(StavisError):
        TargetValue(SmallSTA(), make_clip(), Target("no"))
