"""Laws of the scores, then oracles."""

import audmetric
import numpy as np
import pytest
import torch
import torchmetrics.functional as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from stavis import metrics
from stavis.errors import StavisError

traces = arrays(np.float64, st.integers(3, 60), elements=st.floats(-1, 1, width=32))


def _random(n=200, seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.uniform(-1, 1, n)
    return np.clip(0.6 * gold + 0.3 * rng.standard_normal(n), -1, 1), gold


@given(traces)
@settings(deadline=None)
def test_a_trace_agrees_with_itself(trace):
    assert metrics.rmse(trace, trace) == 0
    if trace.std() > 1e-6:
        assert metrics.ccc(trace, trace) == pytest.approx(1)
        assert metrics.cc(trace, trace) == pytest.approx(1)
        assert metrics.ccc(-trace + 2 * trace.mean(), trace) == pytest.approx(-1)


@given(traces, st.floats(0.1, 3), st.floats(-1, 1))
@settings(deadline=None)
def test_ccc_punishes_scale_and_shift_that_cc_forgives(trace, scale, shift):
    if trace.std() > 1e-3:
        moved = scale * trace + shift
        assert metrics.cc(moved, trace) == pytest.approx(1, abs=1e-6)
        assert metrics.ccc(moved, trace) <= 1 + 1e-12


def test_constant_traces_are_undefined_not_zero():
    flat = np.full(10, 0.3)
    assert np.isnan(metrics.cc(flat, np.linspace(-1, 1, 10)))
    assert np.isnan(metrics.ccc(flat, flat))
    assert metrics.ccc(flat, np.linspace(-1, 1, 10)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_torchmetrics_and_audmetric(seed):
    predicted, gold = _random(seed=seed)
    p, g = torch.from_numpy(predicted), torch.from_numpy(gold)
    assert metrics.cc(predicted, gold) == pytest.approx(oracle.pearson_corrcoef(p, g).item(), abs=1e-9)
    assert metrics.cc(predicted, gold) == pytest.approx(audmetric.pearson_cc(gold, predicted), abs=1e-9)
    assert metrics.ccc(predicted, gold) == pytest.approx(audmetric.concordance_cc(gold, predicted), abs=1e-9)
    assert metrics.rmse(predicted, gold) == pytest.approx(oracle.mean_squared_error(p, g, squared=False).item(), abs=1e-9)


def test_ddof_one_is_the_organisers_formula():
    predicted, gold = _random()
    covariance = np.mean((predicted - predicted.mean()) * (gold - gold.mean()))
    expected = 2 * covariance / (predicted.var(ddof=1) + gold.var(ddof=1) + (predicted.mean() - gold.mean()) ** 2)
    assert metrics.ccc(predicted, gold, ddof=1) == pytest.approx(expected, abs=1e-12)


def test_the_protocols_differ_where_recordings_differ():
    rng = np.random.default_rng(0)
    pairs = [(level + 0.1 * rng.standard_normal(100), level + 0.1 * rng.standard_normal(100)) for level in (-0.5, 0, 0.5)]
    assert metrics.concatenated(metrics.ccc, pairs) > 0.9  # the levels alone agree
    assert abs(metrics.per_recording(metrics.ccc, pairs)) < 0.3  # within a recording nothing does


@pytest.mark.parametrize("protocol", [metrics.concatenated, metrics.per_recording])
@pytest.mark.parametrize("name", metrics.METRICS)
def test_sums_give_the_metric_of_the_arrays_and_the_interval_is_over_recordings(name, protocol):
    pairs = [_random(seed=s) for s in range(12)]
    rows, statistic = metrics.protocol_sums(protocol, name, metrics.sums_of(pairs))
    score = metrics.scored(protocol, name, pairs)
    assert score.value == protocol(metrics.METRICS[name], pairs) == pytest.approx(float(statistic(rows.sum(0))), abs=1e-12)
    assert score.low < score.value < score.high and score.count == 12
    assert metrics.scored(protocol, name, pairs) == score  # nothing is drawn
    lone = metrics.scored(protocol, name, pairs[:1])
    assert np.isnan(lone.low) and np.isnan(lone.high) and lone.reason


def test_sums_of_constants_are_undefined_as_the_metrics_are():
    flat = [(np.full(9, 0.3), np.full(9, 0.3))]
    total = metrics.sums_of(flat).sum(0)
    assert np.isnan(metrics.from_sums("cc")(total)) and np.isnan(metrics.from_sums("ccc")(total))
    assert metrics.from_sums("rmse")(total) == 0 and metrics.sums_of([]).shape == (0, metrics.SUMS)


def test_arrays_of_two_lengths_are_refused():
    with pytest.raises(StavisError, match="1-D arrays of one length"):
        metrics.ccc([0, 1, 2], [0, 1])


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.sampled_from([-1.5, 0.0, 0.25, 0.5, 3.0, np.nan])))
@settings(deadline=None)
def test_ranks_are_those_of_scipy(values):
    assert np.array_equal(metrics.mean_ranks(values), rankdata(values, axis=-1), equal_nan=True)
    assert np.array_equal(metrics.mean_ranks(values[0]), rankdata(values[0]), equal_nan=True)
