"""Networks and clips that the tests of attention, attribution and trust share: small, random, and of many kinds."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stavis.attention.modules import AttentionProduct, SpatialSoftmax
from stavis.regions import REGIONS
from stavis.types import Clip


def make_clip(seed: int = 0, frames: int = 6, size: int = 32, *, labels: bool = True, recording: str = "") -> Clip:
    """A clip of coloured blocks with some noise, regions that cover it, and labels."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (frames, size // 4, size // 4, 3)).repeat(4, 1).repeat(4, 2)
    images = np.clip(blocks + rng.normal(0, 8, blocks.shape), 0, 255).astype(np.uint8)
    regions = np.zeros((frames, len(REGIONS), size, size), bool)
    third = size // 3
    regions[:, REGIONS.index("left_eye"), third - 4 : third + 4, 4:12] = True
    regions[:, REGIONS.index("right_eye"), third - 4 : third + 4, size - 12 : size - 4] = True
    regions[:, REGIONS.index("mouth"), -third:-4, third:-third] = True
    regions[:, REGIONS.index("rest"), 4:-4, 8:-8] = ~regions.any(1)[:, 4:-4, 8:-8]
    regions[:, REGIONS.index("outside")] = ~regions.any(1)
    values = np.tanh(rng.normal(size=(frames, 1)).cumsum(0)) if labels else None
    return Clip(images, np.arange(frames) / 6.25, values, regions=regions, recording=recording)


class Cell(nn.Module):
    """A recurrent cell of elementwise operations over images, gated like an LSTM or a GRU."""

    def __init__(self, inputs: int, hidden: int, kind: str):
        super().__init__()
        self.hidden, self.kind = hidden, kind
        self.x = nn.Conv2d(inputs, (4 if kind == "lstm" else 3) * hidden, 3, padding=1)
        self.h = nn.Conv2d(hidden, (4 if kind == "lstm" else 3) * hidden, 3, padding=1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        h = c = inputs.new_zeros(inputs.shape[0], self.hidden, *inputs.shape[3:])
        outputs = []
        for step in inputs.unbind(1):
            if self.kind == "lstm":
                i, f, o, g = (self.x(step) + self.h(h)).chunk(4, 1)
                c = torch.sigmoid(f + 1) * c + i.sigmoid() * g.tanh()
                h = torch.sigmoid(o) * torch.tanh(c)
            else:
                (xr, xz, xn), (hr, hz, hn) = self.x(step).chunk(3, 1), self.h(h).chunk(3, 1)
                z = torch.sigmoid(xz + hz)
                h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
            outputs.append(h)
        return torch.stack(outputs, 1)


NORMS = {
    "batch": lambda c, d: (nn.BatchNorm2d if d == 2 else nn.BatchNorm3d)(c),
    "group": lambda c, d: nn.GroupNorm(2, c),
    "instance": lambda c, d: (nn.InstanceNorm2d if d == 2 else nn.InstanceNorm3d)(c, affine=True),
    "none": lambda c, d: nn.Identity(),
}
ACTIVATIONS = [nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.ELU, nn.LeakyReLU, nn.Softplus]
POOLS = ["stride", "max", "average"]


class SmallSTA(nn.Module):
    """A network of the STA family: encoder, recurrent decoder, SpatialSoftmax, 3D stem, product, 3D regressor, global pooling."""

    def __init__(self, norm="batch", activation=nn.ReLU, pool="stride", cell="lstm", dimensions=("valence",), residual=False):
        super().__init__()
        self.dimensions = dimensions
        self.encoder = nn.Sequential(*self._block(3, 8, 2, norm, activation, pool), *self._block(8, 8, 2, norm, activation, pool))
        self.cell = Cell(8, 6, cell)
        self.score = nn.Conv2d(6, 1, 1)
        self.softmax = SpatialSoftmax(4.0)
        self.stem = nn.Sequential(*self._block(3, 8, 3, norm, activation, pool))
        self.attend = AttentionProduct(residual)
        self.body = nn.Sequential(*self._block(8, 12, 3, norm, activation, "stride"))
        self.layer_norm = nn.LayerNorm(12)
        self.head = nn.Sequential(nn.Linear(12, 8), activation(), nn.Linear(8, len(dimensions)), nn.Tanh())

    @staticmethod
    def _block(inputs, outputs, axes, norm, activation, pool):
        convolution = nn.Conv2d if axes == 2 else nn.Conv3d
        window = 2 if axes == 2 else (1, 2, 2)
        layers = [convolution(inputs, outputs, 3, padding=1, stride=window if pool == "stride" else 1)]
        layers += [NORMS[norm](outputs, axes), activation()]
        if pool == "max":
            layers.append(nn.MaxPool2d(3, 2, 1) if axes == 2 else nn.MaxPool3d((1, 2, 2)))
        if pool == "average":
            layers.append((nn.AvgPool2d if axes == 2 else nn.AvgPool3d)(window))
        return layers

    def forward(self, frames, attention=None):
        if attention is None:
            features = self.cell(self.encoder(frames.flatten(0, 1) - 0.5).unflatten(0, frames.shape[:2]))
            larger = functional.interpolate(features.flatten(0, 1), scale_factor=2, mode="bilinear")
            attention = self.softmax(self.score(larger).squeeze(1).unflatten(0, frames.shape[:2]))
        features = self.body(self.attend(self.stem(frames.transpose(1, 2) - 0.5), attention))
        return self.head(self.layer_norm(features.mean((3, 4)).transpose(1, 2)))


def random_network(seed: int) -> SmallSTA:
    """One of the family, with its kinds of layers, its weights and its stored statistics all sampled by the seed."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SmallSTA(
            norm=rng.choice(list(NORMS)),
            activation=ACTIVATIONS[rng.integers(len(ACTIVATIONS))],
            pool=rng.choice(POOLS),
            cell=rng.choice(["lstm", "gru"]),
            residual=bool(rng.integers(2)),
        )
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.1, 1)
        model.score.weight.data *= 10
    return model.eval()


def nothing_left(model: nn.Module) -> bool:
    """Whether no module of the model carries a hook."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return not any(getattr(module, kind) for module in model.modules() for kind in kinds)


def state_of(model: nn.Module):
    """What must be as before: modes, flags and numbers of a model."""
    numbers = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()], numbers


def same_state(model: nn.Module, before) -> bool:
    """Whether a model is bit for bit as it was."""
    modes, flags, numbers = state_of(model)
    same = all(torch.equal(numbers[name], tensor) and numbers[name].dtype == tensor.dtype for name, tensor in before[2].items())
    return same and modes == before[0] and flags == before[1] and nothing_left(model)
