"""The report's table of agreement: attention agrees with itself, nulls stand beside it, nothing is invented."""

from dataclasses import replace

import numpy as np
import pytest

import stavis
from stavis.jobs.explain_report import agreement_table
from stavis.types import Attribution, Target


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    from stavis.data.datasets.selection import recordings_of
    from stavis.jobs.synth import synth
    from stavis.synthetic.config import SyntheticConfig

    data = synth(tmp_path_factory.mktemp("faces") / "data", SyntheticConfig(recordings=1, seconds=2.0, fps=6.25, seed=3), quiet=True)
    return stavis.load("sta-synthetic").explain(recordings_of(data)[0], methods=())


def test_a_map_that_is_the_attention_agrees_fully_and_nulls_less(explained):
    weights = explained.attention.weights
    same = Attribution("the same", Target(), weights.astype(np.float32), explained.attention.times)
    table = agreement_table(replace(explained, attributions={"the same": same})).set_index("map")
    assert table.loc["the same"].tolist() == [1, 0, 1] and len(table) == 4
    assert (table["rank correlation"][1:] < 0.9).all() and (table["divergence"][1:] > 0.05).all()


def test_a_constant_map_has_no_agreement(explained):
    flat = Attribution("flat", Target(), np.ones_like(explained.attention.weights, np.float32), explained.attention.times)
    assert agreement_table(replace(explained, attributions={"flat": flat})).iloc[0, 1:].isna().all()


def test_without_attributions_there_is_nothing_to_compare(explained):
    assert agreement_table(replace(explained, attributions={})).empty
