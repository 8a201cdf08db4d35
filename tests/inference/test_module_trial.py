"""What a network gives for noise tells how it is read: outputs of a clip or of each frame, and of one clip alone."""

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.errors import StavisError
from tests.inference.adapters.families import FRAMES, TIMES
from tests.inference.adapters.test_own_network import Shaped

OPTIONS = {"size": 32, "rate": 5.0, "seconds": 0.8, "device": "cpu", "region": "frame"}
MEANS = FRAMES.mean((1, 2, 3)) / 255


pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    "give",
    [lambda x: x, lambda x: x[..., None].squeeze(), lambda x: x[:, None], lambda x: {"valence": x}],
    ids=["(B,T)", "squeeze", "(B,1,T)", "dictionary"],
)
@pytest.mark.parametrize("options", [{}, {"outputs": ("valence",)}, {"outputs": ("valence",), "frames": 4}], ids=["bare", "named", "fixed"])
def test_one_value_a_frame_is_no_output_of_the_clip(give, options):
    net = stavis.load(Shaped(give), **{**OPTIONS, **options})
    for length in (1, 3, 4):
        assert net.read(FRAMES[:length], times=TIMES[:length]).values[:, 0] == pytest.approx(MEANS[:length], abs=1e-6)
    assert net.dimensions == ("valence",) and not any("one value for a clip" in note for note in net.notes)


def test_two_values_of_each_frame_with_time_last():
    net = stavis.load(Shaped(lambda x: torch.stack([x, -x], 1)), **OPTIONS)
    assert net.read(FRAMES, times=TIMES).values == pytest.approx(np.stack([MEANS, -MEANS], 1), abs=1e-6)


def test_as_many_numbers_as_frames_of_a_fixed_clip_are_noted():
    net = stavis.load(Shaped(lambda x: x), **OPTIONS, frames=4)
    assert net.dimensions == ("output 0", "output 1", "output 2", "output 3")
    assert any("gives 4 numbers for a clip of 4 frames: they are taken for as many outputs" in note for note in net.notes)
    named = stavis.load(Shaped(lambda x: x), **OPTIONS, frames=4, outputs=("a", "b", "c", "d"))
    assert named.dimensions == ("a", "b", "c", "d") and not any("numbers for a clip" in note for note in named.notes)


class OverTheBatch(nn.Module):
    """Recurrence, attention or norm over clips instead of over time."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.kind, self.embed, self.head = kind, nn.Linear(3, 4), nn.Linear(4, 1)
        over = {"recurrence": nn.LSTM(4, 4), "attention": nn.TransformerEncoderLayer(4, 2, 8)}
        self.over = over.get(kind) or nn.BatchNorm1d(4, track_running_stats=False)

    def forward(self, frames):
        x = self.embed(10 * frames.mean((3, 4)))
        if self.kind == "norm":
            return self.head(self.over(x.transpose(1, 2)).transpose(1, 2))
        x = self.over(x)
        return self.head(x[0] if self.kind == "recurrence" else x)


@pytest.mark.parametrize("kind", ["recurrence", "attention", "norm"])
def test_a_clip_whose_values_depend_on_the_clips_beside_it_is_refused(kind):
    network = OverTheBatch(kind).eval()
    with pytest.raises(StavisError, match="gives other values for a clip when another one is in its batch"):
        stavis.load(network, **OPTIONS)
    alone = stavis.load(network, **OPTIONS, forward=lambda network, x: torch.cat([network(one[None]) for one in x]))
    with torch.no_grad():
        expected = network(torch.from_numpy(FRAMES).permute(0, 3, 1, 2)[None].float() / 255)
    long = alone.read(np.concatenate([FRAMES] * 3), times=np.arange(12) / 5)
    assert alone.read(FRAMES, times=TIMES).values == pytest.approx(expected[0].numpy(), abs=1e-5) and len(long) == 12


def test_outputs_that_change_their_number_are_refused_when_read():
    net = stavis.load(Shaped(lambda x: torch.cat([x[..., None]] * (2 if x.shape[1] == 4 else 3), 2)), **OPTIONS)
    with pytest.raises(StavisError, match=r"gives 3 outputs for 1 clips of 3 frames, and 2 \(output 0, output 1\) before"):
        net.read(FRAMES[:3], times=TIMES[:3])
