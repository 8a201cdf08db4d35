"""Training of heads, of single frames and of support vector machines on problems whose answers are known."""

import numpy as np
import pytest
import torch

from stavis.bench.trainers.sequence_heads import FeatureSequence, HeadConfig, ccc_each, fit_head, predict_head, score
from stavis.bench.trainers.single_frames import FrameConfig, fit_frames
from stavis.bench.trainers.svr import Described, fit_svr
from stavis.errors import StavisError
from stavis.models.cnn import CNN, CNNConfig
from stavis.models.recurrent import DescriptorLSTM, ElmanHead, LSTMConfig
from stavis.models.svr import SVRConfig
from stavis.training.plateau import PlateauConfig
from tests.training.made_crops import made_crops

RATE = 6.25


def sequences(count: int, seed: int, *, lag: int = 0) -> list[FeatureSequence]:
    """Recordings whose label is the first of three features, `lag` frames ago."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        features = np.clip(rng.normal(0, 0.5, (60, 3)), -1, 1).astype(np.float32)
        labels = np.roll(features[:, :1], lag, 0).astype(float)
        labels[:lag] = np.nan
        made.append(FeatureSequence(features, labels))
    return made


@pytest.mark.parametrize("loss", ["mse", "epsilon", "ccc-each"])
def test_an_lstm_learns_to_remember(loss):
    head = DescriptorLSTM(LSTMConfig(inputs=3, units=(16,), dropout=0.0)).head
    plan = HeadConfig(epochs=40, batch=4, loss=loss, learning_rate=2e-2)
    reached = fit_head(head, sequences(12, 0, lag=1), sequences(4, 1, lag=1), plan, rate=RATE, seed=0).dev_ccc
    assert reached > 0.8 and reached == pytest.approx(score(head, sequences(4, 1, lag=1)))


def test_an_elman_head_learns_within_its_window():
    torch.manual_seed(0)
    head = ElmanHead(3, 16, 1, 4, 1)
    plan = HeadConfig(epochs=25, batch=64, learning_rate=5e-3)
    assert fit_head(head, sequences(12, 0, lag=2), sequences(4, 1, lag=2), plan, rate=RATE, seed=0).dev_ccc > 0.8


def test_the_same_seed_trains_the_same_head_and_another_does_not():
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(5)
        head = DescriptorLSTM(LSTMConfig(inputs=3, units=(4,))).head
        fit_head(head, sequences(4, 0), sequences(2, 1), HeadConfig(epochs=2), rate=RATE, seed=seed)
        return head.value.weight.detach()

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_frames_that_are_not_known_are_not_trained_on_and_not_predicted():
    head = DescriptorLSTM(LSTMConfig(inputs=3, units=(4,))).head
    train = sequences(3, 0)
    train[0].features[5:20] = np.nan
    train[1].labels[:] = np.nan
    fit_head(head, train, [], HeadConfig(epochs=2), rate=RATE, seed=0)
    assert all(torch.isfinite(p).all() for p in head.parameters())
    values = predict_head(head, train[0].features)
    assert np.isnan(values[5:20]).all() and np.isfinite(values[20:]).all() and np.abs(values[20:]).max() <= 1
    with pytest.raises(StavisError, match="no training frame"):
        fit_head(head, train[1:2], [], HeadConfig(epochs=1), rate=RATE, seed=0)


def test_ccc_of_each_sequence_does_not_mix_them():
    rising = torch.linspace(-1, 1, 20)[None, :, None]
    predicted = torch.cat([rising, rising + 0.5])
    gold = torch.cat([rising, rising])
    mask = torch.ones(2, 20, dtype=torch.bool)
    one = 1 - 2 * rising.var(correction=0) / (2 * rising.var(correction=0) + 0.25)
    assert float(ccc_each(predicted, gold, mask)) == pytest.approx(float(one) / 2, abs=1e-5)


def test_a_network_of_frames_learns_how_bright_they_are():
    torch.manual_seed(0)
    network = CNN(CNNConfig(channels=(4, 6, 8), hidden=10, vision=32, dropout=0.0))
    train, held = made_crops(4), made_crops(2, seed=7)
    scored = []

    def fit_of(model) -> float:
        with torch.inference_mode():
            values = [model(torch.from_numpy(c.frames.copy()).permute(0, 3, 1, 2)[None].float() / 255)[0, :, 0].numpy() for c in held]
        scored.append(np.corrcoef(np.concatenate(values), np.concatenate([c.labels[:, 0] for c in held]))[0, 1])
        return scored[-1]

    rule = PlateauConfig(checks=3)
    fitted = fit_frames(network, train, fit_of, FrameConfig(steps=60, batch=32, learning_rate=5e-3, plateau=rule), seed=0)
    assert (fitted.steps, fitted.stopped, [step for step, _, _ in fitted.checks]) == (60, "cap", [20, 40, 60])
    assert fitted.dev_ccc == max(scored[:3]) > 0.8 and fit_of(network) == pytest.approx(fitted.dev_ccc, abs=1e-5)
    with pytest.raises(StavisError, match="no training frame"):
        fit_frames(network, [], None, FrameConfig(steps=1), seed=0)


@pytest.mark.parametrize("augment", [0.0, 0.5])
def test_every_trainer_ends_at_its_plateau_with_its_best_weights(augment):
    rule = PlateauConfig(checks=20, patience=2, gain=2.0, least=0.1)  # no gain is ever enough
    torch.manual_seed(0)
    network = CNN(CNNConfig(channels=(2, 2, 2), hidden=4, vision=32))
    by_frames = fit_frames(network, made_crops(2), lambda model: 0.5, FrameConfig(steps=40, batch=4, augment=augment, plateau=rule), seed=0)
    head = DescriptorLSTM(LSTMConfig(inputs=3, units=(4,))).head
    plan = HeadConfig(epochs=40, batch=64, augment=augment, plateau=rule)
    by_head = fit_head(head, sequences(4, 0), sequences(2, 1), plan, rate=RATE, seed=0)
    for fitted in (by_frames, by_head):
        assert fitted.stopped == "plateau" and fitted.steps == round(8 * 1.3) and fitted.cpu_seconds > 0
    assert by_head.dev_ccc == pytest.approx(max(ccc for _, _, ccc in by_head.checks)) == score(head, sequences(2, 1))


def described(count: int, seed: int, lag: float) -> list[Described]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        times = np.arange(125) / RATE
        course = np.convolve(rng.normal(size=160), np.hanning(14), "same")[:125] / 4
        noisy = np.column_stack([course * k + rng.normal(0, 0.15, 125) for k in (1, -0.5, 0)])
        gold_times = np.arange(0, 20, 0.04)
        gold = np.clip(np.interp(gold_times - lag, times, course), -1, 1)
        made.append(Described(noisy.astype(np.float32), times, gold_times, gold))
    return made


@pytest.mark.parametrize("lag", [0.0, 2.0])
def test_a_support_vector_machine_finds_the_raters_lag_and_is_a_linear_function(lag):
    train, dev = described(8, 0, lag), described(4, 1, lag)
    fitted = fit_svr(train, dev, SVRConfig(inputs=3), delays=np.arange(0, 4.01, 0.2))
    assert fitted.delay == pytest.approx(lag, abs=0.2) and fitted.dev_ccc > 0.8
    a, b = (torch.from_numpy(one.features)[None] for one in dev[:2])
    with torch.inference_mode():
        mixed = fitted.network(0.3 * a + 0.7 * b)
        assert torch.allclose(mixed, 0.3 * fitted.network(a) + 0.7 * fitted.network(b), atol=1e-5)


def test_a_support_vector_machine_without_labels_says_so():
    one = described(1, 0, 0.0)[0]
    empty = Described(one.features, one.times, one.label_times, np.full(len(one.labels), np.nan))
    with pytest.raises(StavisError, match="no training frame"):
        fit_svr([empty], [one], SVRConfig(inputs=3), delays=[0.0])
