"""Training to a plateau: the rule by itself, and a run under it, killed and resumed."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.training.config import TrainingConfig
from stavis.training.fit import fit
from stavis.training.plateau import Plateau, PlateauConfig
from tests.training.made_crops import TINY, made_crops

RULE = PlateauConfig(checks=20, patience=3, gain=0.01, rise=0.1, least=0.2, fall=0.25)


def run_through(plateau: Plateau, score) -> int:
    """Train in thought: report every check's score(step); returns the step with which training ended."""
    for step in itertools.count(1):
        if step % plateau.every == 0:
            plateau.report(step, score(step))
        if step >= plateau.end:
            return step


def test_what_gains_at_every_check_ends_at_the_cap_with_its_whole_fall():
    plateau = Plateau(RULE, 1000)
    assert run_through(plateau, lambda step: step / 1000) == 1000 and plateau.reason == "cap"
    assert plateau.falls_from == 800 and plateau.factor(799) == 1 and plateau.factor(900) == pytest.approx(0.5)


def test_what_gains_no_more_ends_a_fall_after_the_last_check_it_waited_for():
    plateau = Plateau(RULE, 1000)
    assert run_through(plateau, lambda step: min(step, 400) / 1000) == round(550 * 1.25) and plateau.reason == "plateau"
    assert plateau.falls_from == 400 + 3 * 50 and plateau.factor(549) == 1 > plateau.factor(560)


@pytest.mark.parametrize("score", [np.nan, 0.0])
def test_no_plateau_is_seen_before_the_least_part_of_the_cap(score):
    plateau = Plateau(RULE, 1000)
    run_through(plateau, lambda step: score)
    assert plateau.falls_from == 200 + 3 * 50


def test_gains_count_together_as_far_as_the_patience_goes():
    plateau = Plateau(RULE, 1000)
    run_through(plateau, lambda step: 0.003 * step / 50)
    assert plateau.reason == "plateau"
    together = Plateau(RULE, 1000)
    run_through(together, lambda step: 0.004 * step / 50)
    assert together.reason == "cap", "three checks together gain what counts"


def test_the_rule_is_the_same_for_every_cap():
    ends = [run_through(Plateau(RULE, steps), lambda step, n=steps: min(step / n, 0.4)) / steps for steps in (1000, 5000, 20000)]
    assert ends == pytest.approx([ends[0]] * 3, rel=0.01)
    for steps in (1, 2, 7):
        assert run_through(Plateau(RULE, steps), lambda step: 0.0) <= steps


def test_the_learning_rate_rises_stays_and_falls_to_almost_nothing():
    plateau = Plateau(RULE, 1000)
    end = run_through(plateau, lambda step: 0.0)
    factors = [plateau.factor(step) for step in range(end)]
    assert factors[0] == 0.01 and factors[99] == 1 and max(factors) == 1 and 0 < factors[-1] < 0.02
    assert plateau.grown(0) == 0 and plateau.grown(200) == 1 and plateau.fallen(plateau.falls_from) == 0 and plateau.fallen(end) == 1


def test_a_rule_that_is_none_is_refused():
    with pytest.raises(StavisError, match="give at least 1 of each"):
        PlateauConfig(patience=0)
    with pytest.raises(StavisError, match="least is 2"):
        PlateauConfig(least=2)


PLAN = TrainingConfig(
    steps=60, batch=2, seconds=0.8, save_every=2, precision="32-true", learning_rate=1e-6,
    plateau=PlateauConfig(checks=15, patience=2, gain=0.5, least=0.2),
)  # fmt: skip


def test_a_run_ends_at_its_plateau_and_a_resumed_one_there_too(tmp_path, monkeypatch):
    train, dev = made_crops(3), made_crops(2, seed=9)
    done = fit(train, dev, tmp_path / "whole", config=TINY, training=PLAN, quiet=True)
    assert done.stopped == "plateau" and done.step < PLAN.steps and done.cpu_seconds > 0
    log = pd.read_csv(tmp_path / "whole" / "log.csv")
    assert log.step.iloc[-1] == done.step and log.step.iloc[0] == 4
    with monkeypatch.context() as patch:
        patch.setattr(Plateau, "report", failing_at(20, Plateau.report))
        with pytest.raises(RuntimeError, match="killed"):
            fit(train, dev, tmp_path / "again", config=TINY, training=PLAN, quiet=True)
    again = fit(train, dev, tmp_path / "again", config=TINY, training=PLAN, resume=True, quiet=True)
    assert (again.step, again.stopped) == (done.step, "plateau")
    columns = ["step", "train_loss", "dev_ccc", "learning_rate"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "again" / "log.csv")[columns], log[columns])
    once_more = fit(train, dev, tmp_path / "again", config=TINY, training=PLAN, resume=True, quiet=True)
    assert once_more.step == done.step, "what has ended has ended"


def failing_at(step: int, real):
    """A report that stops the run at a step."""

    def report(plateau, at, score):
        if at == step:
            raise RuntimeError("killed")
        real(plateau, at, score)

    return report


def test_without_development_recordings_the_cap_is_reached(tmp_path):
    done = fit(made_crops(2), [], tmp_path / "run", config=TINY, training=dataclasses.replace(PLAN, steps=8), quiet=True)
    assert done.step == 8 and done.stopped == "cap"
