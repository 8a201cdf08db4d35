"""Branches are told apart by what depends on what; randomising comes undone; sane maps change."""

import numpy as np
import pytest
import torch

from stavis.attribution.methods import saliency
from stavis.errors import StavisError
from stavis.models.sta import STA
from stavis.trust.nulls import edges, uniform
from stavis.trust.sanity import branches, cascade, flicker, input_randomisation, randomised
from stavis.types import Attribution
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of


@pytest.mark.parametrize(("model", "above"), [(SmallSTA(), ("encoder", "cell", "score")), (STA(), ("encoder", "decoder"))])
def test_branches(model, above):
    before = state_of(model)
    found = branches(model, make_clip())
    assert same_state(model, before)
    assert {name.split(".")[0] for name in found["attention"]} == set(above)
    assert not {name.split(".")[0] for name in found["head"]} & set(above)
    owners = {name for name, module in model.named_modules() if list(module.parameters(recurse=False))}
    assert set(found["attention"]) | set(found["head"]) == owners


def test_randomising_comes_undone():
    model = SmallSTA()
    before = state_of(model)
    frames = torch.rand(1, 4, 3, 32, 32)
    own = model.eval()(frames)
    with randomised(model, None, 1):
        assert not torch.allclose(model(frames), own)
    assert torch.equal(model(frames), own)
    model.train()
    with pytest.raises(ZeroDivisionError), randomised(model, ["score"], 1):
        raise ZeroDivisionError
    assert same_state(model, before)
    with pytest.raises(StavisError, match="no module"), randomised(model, ["nowhere"], 1):
        pass


def test_randomising_the_head_leaves_the_attention():
    from stavis.attention.hooks import record_attention

    model, clip = SmallSTA().eval(), make_clip()
    frames = torch.rand(1, 4, 3, 32, 32)
    with record_attention(model) as recorder:
        model(frames)
        own = recorder.weights
        with randomised(model, branches(model, clip)["head"], 1):
            model(frames)
    assert torch.equal(recorder.weights, own)


def test_the_draw_hangs_on_the_seed_alone():
    model = SmallSTA().eval()
    frames = torch.rand(1, 2, 3, 32, 32)
    with torch.no_grad():
        outputs = []
        for seed in (1, 1, 2):
            torch.manual_seed(np.random.default_rng().integers(1000))
            with randomised(model, None, seed):
                outputs.append(model(frames))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_cascade_tells_a_sane_method_from_an_edge_detector():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()

    def edge_detector(model, clip, target=None):
        return Attribution("edges", target, edges(clip, (32, 32)).astype(np.float32), clip.times)

    sane, blind = (cascade(method, model, clip) for method in (saliency, edge_detector))
    assert set(sane.branch) == {"attention", "head"}
    assert sane.groupby("branch").depth.max().min() >= 3
    np.testing.assert_allclose(blind.cc, 1)
    assert sane[sane.branch == "head"].cc.iloc[-1] < 0.9


def test_input_randomisation():
    torch.manual_seed(0)
    found = input_randomisation(saliency, SmallSTA(), make_clip())
    assert set(found) == {"cc", "spearman"}
    assert abs(found["cc"]) < 0.6


def test_flicker():
    clip = make_clip()
    moving = clip.frames.mean(3)
    assert flicker(moving, clip) == pytest.approx(1)
    assert flicker(uniform((6, 4, 4)), clip) == 0
    assert np.isnan(flicker(moving[:1], clip[:1]))
    still = type(clip)(np.repeat(clip.frames[:1], 6, 0), clip.times)
    assert np.isnan(flicker(moving, still))
