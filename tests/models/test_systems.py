"""The systems of the tables: their published sizes and figures, and that every neural one can be opened from its pixels on."""

import dataclasses

import numpy as np
import pytest
import torch

from stavis.attribution.methods import integrated_gradients
from stavis.errors import StavisError
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.cnn import CNN, CNNConfig
from stavis.models.published import ROWS, TABLE_ROWS, systems
from stavis.models.recurrent import CNNRNN, CNNRNNConfig, ElmanHead, LSTMConfig, LSTMHead, Smoothing
from stavis.models.systems import SYSTEMS, system
from stavis.tensors import as_input
from stavis.types import Clip, Target

# fmt: off
TABLES = [
    "lgbptop-svr", "cnn", "cnn-rnn-1s", "cnn-rnn-4s", "lgbptop-lstm", "lgbptop-bilstm", "lgbptop-lstm-eps", "cnn-lstm-eps", "bovw-svr",
    "bovw-lstm", "cnn3d", "sta",
]
# fmt: on
ABLATIONS = ["sta-2d", "sta-uniform", "sta-sigmoid", "sta-residual", "sta-deep", "sta-long"]
LITTLE = {"channels": (4, 6, 8), "hidden": 10, "vision": 32, "crop_size": 32}


def little(name: str):
    """A small network of a system that reads frames."""
    chosen = SYSTEMS[name]
    config = chosen.preset("small")
    changes = LITTLE if hasattr(config, "channels") else {"vision": 32, "crop_size": 32}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return chosen.network(dataclasses.replace(config, **changes)).eval()


def clip(frames: int = 6, size: int = 32) -> Clip:
    rng = np.random.default_rng(0)
    return Clip(rng.integers(0, 256, (frames, size, size, 3), np.uint8), np.arange(frames) / 6.25)


def test_the_rows_are_those_of_the_tables():
    assert list(SYSTEMS) == list(ROWS) == [one["name"] for one in systems()] == TABLES + ABLATIONS
    assert list(TABLE_ROWS) == TABLES
    assert not any(SYSTEMS[name].published or SYSTEMS[name].table for name in ABLATIONS)
    assert SYSTEMS["sta"].published == {
        "recola": {"rmse": 0.102, "cc": 0.572, "ccc": 0.546},
        "avec2017": {"rmse": 0.099, "cc": 0.638, "ccc": 0.612},
    }
    assert SYSTEMS["bovw-svr"].published == {"avec2017": {"rmse": None, "cc": None, "ccc": 0.4}}
    with pytest.raises(StavisError, match="choose one of lgbptop-svr, cnn"):
        system("resnet")


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_the_cnn_has_the_published_layers(preset):
    network = CNN(SYSTEMS["cnn"].preset(preset))
    shapes = [tuple(module.weight.shape) for module in network.modules() if hasattr(module, "weight")]
    assert shapes == [(64, 1, 5, 5), (128, 64, 5, 5), (256, 128, 5, 5), (300, 1024), (1, 300)]
    parts = (64 * 25 + 64, 128 * 64 * 25 + 128, 256 * 128 * 25 + 256, 1024 * 300 + 300, 300 + 1)
    assert sum(p.numel() for p in network.parameters()) == sum(parts) == 1_333_849


def test_the_cnn_sees_the_published_maps_at_96_pixels():
    network = CNN(CNNConfig()).eval()
    sides = []
    handles = [module.register_forward_hook(lambda _, __, out: sides.append(tuple(out.shape[1:]))) for module in network.layers[2::3]]
    with torch.inference_mode():
        network(torch.rand(1, 1, 3, 96, 96))
    for handle in handles:
        handle.remove()
    assert sides == [(64, 46, 46), (128, 21, 21), (256, 2, 2)]


def test_the_cnn_judges_each_frame_by_itself_and_by_its_luminance():
    network = little("cnn")
    frames = as_input(clip().frames)
    with torch.inference_mode():
        values = network(frames)
        assert torch.allclose(network(frames.flip(1)).flip(1), values, atol=1e-6)
        grey = (frames * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(2, keepdim=True).expand_as(frames)
        assert torch.allclose(network(grey), values, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, one in SYSTEMS.items() if one.reads == "frames"])
def test_every_network_of_frames_can_be_opened_from_its_pixels_on(name):
    network, shown = little(name), clip()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    result = integrated_gradients(network, shown, Target("valence", 5), baseline="black", steps=48)
    assert result.values.shape == shown.frames.shape[:3] and np.abs(result.values).max() > 0
    with torch.inference_mode():
        ends = [float(network(as_input(frames))[0, 5, 0]) for frames in (shown.frames, np.zeros_like(shown.frames))]
    assert result.values.sum() == pytest.approx(ends[0] - ends[1], rel=0.2, abs=2e-3)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_the_recurrent_rows_look_back_and_never_ahead():
    network = little("cnn-rnn-1s")
    one = as_input(clip(12).frames)
    other = one.clone()
    other[:, 8] = 0.5
    with torch.inference_mode():
        moved = (network(one) - network(other)).abs()[0, :, 0]
    assert torch.all(moved[:8] == 0) and moved[8] > 0
    assert CNNRNNConfig(rate=25, memory=1).steps == 25 and CNNRNNConfig(rate=25, memory=4).steps == 100


def test_an_elman_value_hangs_on_its_own_window_only():
    head = ElmanHead(3, 5, 2, 4, 1).eval()
    features = torch.randn(1, 12, 3)
    with torch.inference_mode():
        whole = head(features)
        assert torch.allclose(head.of_windows(features[:, 5:9]), whole[:, 8], atol=1e-6)
        assert torch.allclose(head(features[:, 4:])[:, 3:], whole[:, 7:], atol=1e-6)


def test_pooling_makes_steps_and_smoothing_keeps_constants():
    head = LSTMHead(LSTMConfig(inputs=3, units=(4,), pooling=0.64, rate=6.25)).eval()
    with torch.inference_mode():
        values = head(torch.randn(2, 10, 3))
    assert values.shape == (2, 10, 1) and torch.equal(values[:, 0], values[:, 3]) and not torch.equal(values[:, 3], values[:, 4])
    smooth = Smoothing(2.0)
    assert torch.allclose(smooth(torch.full((1, 9, 1), 0.3)), torch.full((1, 9, 1), 0.3), atol=1e-6)
    spike = torch.zeros(1, 41, 1)
    spike[0, 20] = 1
    assert smooth(spike).sum() == pytest.approx(1, abs=1e-5) and smooth(spike).argmax() == 20


@pytest.mark.parametrize("name", ["lgbptop-svr", "lgbptop-bilstm", "bovw-lstm"])
def test_a_network_of_descriptors_refuses_frames_in_one_sentence(name):
    network = SYSTEMS[name].network(SYSTEMS[name].preset("small"))
    with pytest.raises(StavisError, match="stavis bench"):
        network(torch.rand(1, 4, 3, 32, 32))


@pytest.mark.parametrize("name", TABLES + ABLATIONS)
def test_every_system_is_kept_as_a_checkpoint_bit_for_bit(name, tmp_path):
    chosen = SYSTEMS[name]
    network = little(name) if chosen.reads == "frames" else chosen.network(chosen.preset("small")).eval()
    loaded = load_checkpoint(save_checkpoint(tmp_path / "run", network, system=name)).model
    inputs = as_input(clip().frames) if chosen.reads == "frames" else torch.randn(1, 7, network.config.inputs)
    with torch.inference_mode():
        assert torch.equal(loaded(inputs), network(inputs)) and loaded(inputs).shape == (1, inputs.shape[1], 1)


def test_the_frozen_cnn_is_in_the_network_that_is_built_on_it():
    network = little("cnn-lstm-eps")
    frames = as_input(clip().frames)
    with torch.inference_mode():
        assert torch.allclose(network(frames), network.head(network.cnn.features(frames)))
    assert isinstance(little("cnn-rnn-4s"), CNNRNN)


def attention_of(network, frames: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network.decoder(network.encoder(network.vision(frames)))


def test_attention_without_memory_goes_with_the_frames_when_their_order_changes():
    frames, order = torch.rand(1, 6, 3, 32, 32), torch.tensor([3, 0, 5, 1, 4, 2])
    plain, mixed = (attention_of(little("sta-2d"), part) for part in (frames, frames[:, order]))
    torch.testing.assert_close(mixed, plain[:, order])
    remembered, other = (attention_of(little("sta"), part) for part in (frames, frames[:, order]))
    assert not torch.allclose(other, remembered[:, order], atol=1e-5)


def test_uniform_attention_is_the_network_without_attention():
    network, frames = little("sta-uniform"), torch.rand(2, 4, 3, 32, 32)
    weights = attention_of(network, frames)
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / weights[0, 0].numel()))
    with torch.inference_mode():
        torch.testing.assert_close(network(frames), network.regressor(network.stem(network.vision(frames))))


def test_two_layers_of_memory_lie_at_each_size_and_are_carried_on():
    network, frames = little("sta-deep"), torch.rand(1, 6, 3, 32, 32)
    assert len(network.decoder.memories) == 2 * len(network.config.decoder)
    with torch.inference_mode():
        features = network.encoder(network.vision(frames))
        first, states = network.decoder.run(features[:, :4])
        rest, _ = network.decoder.run(features[:, 4:], states)
    torch.testing.assert_close(torch.cat([first, rest], 1), attention_of(network, frames))
    with pytest.raises(StavisError, match="depth is 0"):
        dataclasses.replace(network.config, depth=0)


@pytest.mark.parametrize("name", TABLES + ABLATIONS)
def test_the_preset_of_the_contrasts_differs_from_small_in_its_pixels_alone(name):
    small, fewer = (SYSTEMS[name].preset(preset) for preset in ("small", "contrasts"))
    changed = {field.name for field in dataclasses.fields(small) if getattr(small, field.name) != getattr(fewer, field.name)}
    assert changed == ({"vision", "crop_size"} if SYSTEMS[name].reads == "frames" else {"crop_size"})
