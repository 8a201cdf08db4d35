"""Laws of exact DeepLIFT: complete on every network of the family, split exactly by path, honest where it has no rule."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import integrated_gradients
from stavis.attribution.rules.deeplift import _PathIntegral, _Product
from stavis.errors import StavisError
from stavis.models.sta import PRESETS, STA
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip, random_network, same_state, state_of


class Framewise(nn.Module):
    """A network whose one operation under test works on (B,T,C,8,8) features of each frame."""

    dimensions = ("valence",)

    def __init__(self, operation, modules=()):
        super().__init__()
        torch.manual_seed(3)
        self.features = nn.Conv2d(3, 8, 4, stride=4)
        self.operation, self.parts = operation, nn.ModuleList(modules)
        self.out = nn.LazyLinear(1)

    def forward(self, frames):
        features = self.features(frames.flatten(0, 1) * 4 - 2)
        result = self.operation(features, *self.parts)
        return self.out(result.flatten(1)).unflatten(0, frames.shape[:2])


def framewise(operation, *modules):
    model = Framewise(operation, modules)
    with torch.no_grad():
        model(torch.rand(1, 2, 3, 32, 32))
    return model.eval()


def _sequence(features):
    return features.flatten(2).transpose(1, 2)  # N,64,8


def _masked(x):
    y = x.clone()
    y[:, :2] = x[:, 2:4] * x[:, 4:6]
    return y


RULES = {
    "relu functional": lambda x: functional.relu(x),
    "relu in place": lambda x: functional.relu(x, inplace=True) + 1,
    "relu_": lambda x: (x * 1).relu_(),
    "in-place product": lambda x: (x * 1).mul_(x.sigmoid()),
    "leaky, clamp, abs": lambda x: functional.leaky_relu(x).clamp(-1, 1) + x.abs(),
    "gelu": functional.gelu,
    "silu": functional.silu,
    "softplus, elu, mish": lambda x: functional.softplus(x) + functional.elu(x) + functional.mish(x),
    "exp, log, sqrt": lambda x: (x.exp() + 1).log() + (x * x + 1).sqrt(),
    "powers": lambda x: x**2 + x.pow(3) + torch.square(x) + 2**x,
    "product": lambda x: x[:, :4] * x[:, 4:],
    "quotient": lambda x: x[:, :4] / (1 + x[:, 4:].square()),
    "a number over it": lambda x: 1 / (1 + x.square()),
    "difference from a number": lambda x: 1 - x * x,
    "broadcast product": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "matmul": lambda x: x.flatten(2) @ x.flatten(2).transpose(1, 2),
    "einsum": lambda x: torch.einsum("nchw,ndhw->ncd", x, x),
    "softmax": lambda x: x.flatten(1).softmax(1),
    "sharp softmax": lambda x: functional.softmax(x.flatten(1) * 20, dim=1) * x.flatten(1),
    "log softmax": lambda x: functional.log_softmax(x.flatten(1), dim=1),
    "logsumexp": lambda x: torch.logsumexp(x.flatten(2), 2),
    "glu": lambda x: functional.glu(x, 1),
    "max pool": lambda x: functional.max_pool2d(x, 2),
    "overlapping max pool": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "max pool 1d": lambda x: functional.max_pool1d(x.flatten(2), 3, 3, 1),
    "adaptive max pool": lambda x: functional.adaptive_max_pool2d(x, 2),
    "amax": lambda x: x.amax((2, 3)),
    "max along an axis": lambda x: x.max(1).values,
    "min and max": lambda x: torch.minimum(x[:, :4], x[:, 4:]) + torch.maximum(x[:, :4], x[:, 4:]) + x.amin(1, keepdim=True),
    "average pools": lambda x: functional.avg_pool2d(x.tanh(), 2) + functional.adaptive_avg_pool2d(x.tanh(), 4),
    "interpolate": lambda x: functional.interpolate(x.tanh(), scale_factor=2, mode="bilinear"),
    "pieces": lambda x: torch.cat([part.tanh() for part in x.chunk(4, 1)][::-1], 1).permute(0, 2, 3, 1).reshape(len(x), -1),
    "written in place": _masked,
    "where with a fixed mask": lambda x: torch.where(torch.arange(8) < 4, x.tanh(), x.sigmoid()),
    "scaled dot product": lambda x: functional.scaled_dot_product_attention(_sequence(x), _sequence(x), _sequence(x)),
    "causal dot product": lambda x: functional.scaled_dot_product_attention(*[_sequence(x)] * 3, is_causal=True),
}

MODULES = {
    "layer norm": lambda: ([nn.LayerNorm([8, 8, 8])], lambda x, norm: norm(x).tanh()),
    "group norm": lambda: ([nn.GroupNorm(2, 8)], lambda x, norm: norm(x).tanh()),
    "instance norm": lambda: ([nn.InstanceNorm2d(8, affine=True)], lambda x, norm: norm(x).tanh()),
    "batch norm": lambda: ([nn.BatchNorm2d(8)], lambda x, norm: norm(x).tanh()),
    "batch norm without statistics": lambda: ([nn.BatchNorm2d(8, track_running_stats=False)], lambda x, norm: norm(x).tanh()),
    "rms norm": lambda: ([nn.RMSNorm(8)], lambda x, norm: norm(_sequence(x)).tanh()),
    "lstm": lambda: ([nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)], lambda x, lstm: lstm(_sequence(x)[:, ::8])[0]),
    "gru": lambda: ([nn.GRU(8, 5, 2, batch_first=True)], lambda x, gru: gru(_sequence(x)[:, ::8])[0]),
    "dropout": lambda: ([nn.Dropout(0.5)], lambda x, drop: drop(x.tanh())),
    "3D": lambda: ([nn.Conv3d(8, 4, 3, padding=1)], lambda x, conv: conv(x[None].transpose(1, 2))[0].transpose(0, 1).relu()),
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_complete(name):
    clip = make_clip(1, frames=3)
    result = exact_deeplift(framewise(RULES[name]), clip, unknown="raise")
    assert result.relative_delta < 1e-5
    assert result.approximated == ()
    assert np.abs(result.values).sum() > 0


@pytest.mark.parametrize("name", MODULES)
def test_every_layer_is_complete(name):
    torch.manual_seed(0)
    modules, operation = MODULES[name]()
    result = exact_deeplift(framewise(operation, *modules), make_clip(1, frames=3), unknown="raise")
    assert result.relative_delta < 1e-5


@pytest.mark.parametrize("name", RULES)
def test_rules_do_not_change_what_the_network_says(name):
    """The run under the rules predicts what the plain run predicts, so the map explains that network and no other."""
    model, clip = framewise(RULES[name]), make_clip(1, frames=3)
    result = exact_deeplift(model, clip)
    frames = torch.from_numpy(clip.frames).permute(0, 3, 1, 2)[None].float() / 255
    with torch.no_grad():
        plain = model(frames).mean() - model(_blurred(clip)).mean()
    assert result.values.sum(dtype=np.float64) == pytest.approx(float(plain), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_complete_on_random_networks_of_the_family(seed):
    model, clip = random_network(seed), make_clip(seed)
    before = state_of(model)
    result = exact_deeplift(model, clip, unknown="raise")
    assert result.relative_delta <= 1e-5
    assert same_state(model, before)
    scale = np.abs(result.values).max()
    np.testing.assert_allclose(result.feature_path + result.attention_path, result.values, rtol=0, atol=1e-6 * scale)
    assert 0 < result.attention_part < 1


def test_complete_on_sta_and_by_frame():
    torch.manual_seed(0)
    model, clip = STA(PRESETS["small"]).eval(), make_clip(2, frames=6, size=64)
    for target in (Target(), Target(frame=3)):
        assert exact_deeplift(model, clip, target, unknown="raise").relative_delta <= 1e-5


def test_close_to_integrated_gradients_where_nothing_bends_much():
    """Different answers to the same question: alike, not equal."""
    model, clip = SmallSTA(activation=nn.Softplus).eval(), make_clip(3)
    a, b = exact_deeplift(model, clip), integrated_gradients(model, clip, steps=64)
    assert np.corrcoef(a.values.ravel(), b.values.ravel())[0, 1] > 0.8


def test_equal_to_the_gradient_on_a_linear_network():
    model, clip = framewise(lambda x: x), make_clip(4, frames=2)
    exact, path = exact_deeplift(model, clip), integrated_gradients(model, clip, steps=2)
    np.testing.assert_allclose(exact.values, path.values, atol=1e-7)


def test_functional_and_module_code_give_the_same():
    clip = make_clip(5, frames=2)
    a = exact_deeplift(framewise(functional.relu), clip)
    b = exact_deeplift(framewise(lambda x, on: on(x), nn.ReLU()), clip)
    np.testing.assert_array_equal(a.values, b.values)


def test_without_attention_all_goes_through_the_features():
    result = exact_deeplift(framewise(functional.relu), make_clip(frames=2))
    assert not result.attention_path.any()
    np.testing.assert_array_equal(result.feature_path, result.values)


def test_attention_nobody_reads_gets_nothing():
    class Decorative(SmallSTA):
        def forward(self, frames, attention=None):
            super().forward(frames)
            return super().forward(frames, torch.full((*frames.shape[:2], 16, 16), 1 / 256))

    result = exact_deeplift(Decorative().eval(), make_clip())
    assert not result.attention_path.any()
    assert result.relative_delta <= 1e-5


def test_an_operation_without_a_rule_is_named_or_refused():
    model, clip = framewise(lambda x: torch.cumprod(1 + 0.1 * x, 1)), make_clip(frames=2)
    with pytest.raises(StavisError, match="cumprod"):
        exact_deeplift(model, clip, unknown="raise")
    result = exact_deeplift(model, clip)
    assert result.approximated == ("cumprod",)
    assert result.relative_delta < 1e-4


def test_a_condition_that_depends_on_the_input_is_named():
    model = framewise(lambda x: torch.where(x > 0, x * 2, x * x))
    assert "where" in exact_deeplift(model, make_clip(frames=2)).approximated


def test_cut_gradients_are_named():
    assert "detach" in exact_deeplift(framewise(lambda x: x * x.detach()), make_clip(frames=2)).approximated


def test_a_network_that_branches_on_its_input_is_refused():
    model = framewise(torch.tanh)
    clip = make_clip(frames=2)
    frames = torch.from_numpy(clip.frames).permute(0, 3, 1, 2)[None].float() / 255
    spreads = [float(model.features(f[0] * 4 - 2).detach().std()) for f in (frames, _blurred(clip))]
    threshold = sum(spreads) / 2

    for more, less in ((torch.tanh, lambda x: x.tanh().sigmoid()), (lambda x: x.tanh().sigmoid(), torch.tanh)):
        model.operation = lambda x, more=more, less=less: more(x) if float(x.detach().std()) > threshold else less(x)
        with pytest.raises(StavisError, match="another path"):
            exact_deeplift(model, clip)


def test_a_wrong_choice_is_refused():
    with pytest.raises(StavisError, match="integrate or raise"):
        exact_deeplift(SmallSTA(), make_clip(), unknown="guess")


def _blurred(clip):
    from stavis.attribution.baselines import baseline_frames

    return baseline_frames(clip)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_product_has_a_rule_of_its_own_that_is_the_path_integral_to_the_bit(dtype):
    a, b, before_a, before_b, gradient = torch.rand(5, 2, 3, 4, generator=torch.manual_seed(0)).to(dtype).unbind()
    found = []
    for apply in (lambda *given: _Product.apply((before_a, before_b), *given), lambda *given: _integral(given, before_a, before_b)):
        given = [part.clone().requires_grad_(True) for part in (a, b)]
        result = apply(*given)
        found.append([result.detach(), *torch.autograd.grad((result * gradient).sum(), given)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def _integral(given, *before):
    return _PathIntegral.apply(torch.mul, 1, before, *given)


def test_torch_is_given_no_gradient_of_an_output_for_that_imports_its_symbolic_shapes(monkeypatch):
    grad, given = torch.autograd.grad, []
    monkeypatch.setattr(torch.autograd, "grad", lambda *args, **options: (given.append(args[2:3]), grad(*args, **options))[1])
    exact_deeplift(SmallSTA().eval(), make_clip())
    exact_deeplift(framewise(lambda x: torch.softmax(x, 1) * x), make_clip())
    assert given and all(one in ((), (None,)) for one in given)
