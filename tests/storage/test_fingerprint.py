"""Two networks that compute something else never have one content; the same one has one, whatever it was used for."""

import copy
import functools
import io
import itertools
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stavis.storage.fingerprint import model_hash, weights_hash

SCALE = 2.0


class Net(nn.Module):
    def __init__(self, **held):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.norm(self.layer(x))


class Callable:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, x):
        return self.scale * x


def filled(value):
    layer = nn.Linear(2, 2)
    nn.init.constant_(layer.weight, value)
    nn.init.zeros_(layer.bias)
    return layer


def times(x, factor):
    return x * factor


def closing_over(value):
    return lambda x: x * value


def with_global(value):
    function = types.FunctionType(
        compile("def f(x):\n    return x * SCALE", "here", "exec").co_consts[0], {"SCALE": value, "__name__": "a"}
    )
    function.__module__ = "__main__"
    return function


def with_forward(text):
    names = {"Net": Net}
    exec(f"class Other(Net):\n    def forward(self, x):\n        return {text}", names)
    names["Other"].__module__ = "__main__"
    return names["Other"]()


def with_class_attribute(value):
    kind = type("Other", (Net,), {"mean": value, "__module__": "__main__"})
    return kind()


def in_own_module(text):
    """A function that calls another of a module that is not installed."""
    module = types.ModuleType("mine")
    exec(f"def inner(x):\n    return {text}", vars(module))
    names = {"mine": module, "__name__": "__main__"}
    exec("def outer(x):\n    return mine.inner(x)", names)
    return names["outer"]


PAIRS = {
    "setting": (Net(gain=1.0), Net(gain=2.0)),
    "private setting": (Net(_gain=1.0), Net(_gain=2.0)),
    "function": (Net(act=F.relu), Net(act=torch.sigmoid)),
    "functions of torch": (Net(act=torch.tanh), Net(act=torch.sigmoid)),
    "lambda": (Net(act=lambda x: x + 1), Net(act=lambda x: x + 2)),
    "inner lambda": (Net(act=lambda x: (lambda y: y + 1)(x)), Net(act=lambda x: (lambda y: y + 2)(x))),
    "closure": (Net(act=closing_over(1)), Net(act=closing_over(2))),
    "closure over a function": (Net(act=closing_over(closing_over(1))), Net(act=closing_over(closing_over(2)))),
    "partial": (Net(act=functools.partial(times, factor=1)), Net(act=functools.partial(times, factor=2))),
    "default": (Net(act=lambda x, a=1: x * a), Net(act=lambda x, a=2: x * a)),
    "callable": (Net(act=Callable(1)), Net(act=Callable(2))),
    "method": (Net(act=Callable(1).__call__), Net(act=Callable(2).__call__)),
    "global": (Net(act=with_global(1.0)), Net(act=with_global(2.0))),
    "forward": (with_forward("1 * x"), with_forward("2 * x")),
    "tensor of the class": (with_class_attribute(torch.zeros(3)), with_class_attribute(torch.ones(3))),
    "array of the class": (with_class_attribute(np.zeros(3)), with_class_attribute(np.ones(3))),
    "own module": (Net(act=in_own_module("x")), Net(act=in_own_module("2 * x"))),
    "tensor": (Net(mean=torch.zeros(3)), Net(mean=torch.tensor([0, 0, 1e-7]))),
    "modules in a list": (Net(parts=[filled(1.0)]), Net(parts=[filled(2.0)])),
    "which module": (Net(chosen=[nn.ReLU()]), Net(chosen=[nn.GELU()])),
    "nested": (Net(config={"a": [1, {"b": (1, 2)}]}), Net(config={"a": [1, {"b": (1, 3)}]})),
}


@pytest.mark.parametrize("case", PAIRS)
def test_what_computes_something_else_has_another_content(case):
    one, two = map(model_hash, PAIRS[case])
    assert one != two and None not in (one, two)


def test_weights_and_statistics_are_in_both():
    network = Net()
    seen = [(model_hash(network), weights_hash(network))]
    with torch.no_grad():
        network.layer.weight[0, 0] += 1e-6
    seen.append((model_hash(network), weights_hash(network)))
    network.norm.running_mean.data.add_(1)
    seen.append((model_hash(network), weights_hash(network)))
    assert all(len(set(column)) == 3 for column in zip(*seen, strict=True))


def test_a_shared_part_is_not_two():
    one, two = Net(), Net()
    one.again, two.again = one.layer, nn.Linear(3, 2)
    two.again.load_state_dict(two.layer.state_dict())
    assert model_hash(one) != model_hash(two)


def test_a_hook_of_the_user_counts():
    network = Net()
    before = model_hash(network)
    handle = network.layer.register_forward_hook(lambda module, given, output: output * 2)
    assert model_hash(network) != before
    handle.remove()
    assert model_hash(network) == before


def test_use_changes_nothing():
    class Remembers(Net):
        def forward(self, x):
            self.last = super().forward(x)
            return self.last

    network = Remembers().eval()
    with torch.no_grad():
        network.last = torch.zeros(1, requires_grad=True) * 1
    seen = {model_hash(network)}
    network(torch.zeros(2, 3))
    seen.add(model_hash(network))
    with torch.inference_mode():
        network(torch.zeros(2, 3))
    network.train()
    assert model_hash(network) in seen


def test_what_holds_itself_has_a_content():
    network = Net()
    object.__setattr__(network, "own", {"me": network, "list": [network]})
    network.own["round"] = network.own
    assert model_hash(network) is not None


@pytest.mark.parametrize(
    "held",
    [torch.Generator(), io.TextIOWrapper(io.BytesIO()), iter([1]), itertools.repeat(1), torch._C._ImperativeEngine()],
    ids=["generator", "file", "iterator", "repeated", "of C++"],
)
def test_what_cannot_be_told_has_none(held):
    assert model_hash(Net(held=held)) is None and len(weights_hash(Net(held=held))) == 64


def test_it_is_the_same_in_another_process():
    text = "from tests.storage.test_fingerprint import *; print(model_hash(Net(act=closing_over({'a', 'b'}), gain=(1, 2))))"
    found = {subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)}
    assert found == {model_hash(Net(act=closing_over({"a", "b"}), gain=(1, 2)))}


def test_a_copy_has_the_content_of_its_original():
    network = Net(gain=[1, (2, 3)], _mean=torch.ones(3))
    assert model_hash(copy.deepcopy(network)) == model_hash(network)
