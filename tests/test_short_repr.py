"""Whatever a public function returns prints as one short line: what it is, the few numbers that matter, where it is stored."""

import dataclasses
import inspect
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stavis
import stavis.jobs
from stavis.batch.status import Counts
from stavis.batch.study import Study
from stavis.bench.bench import Bench
from stavis.bootstrap import interval
from stavis.inference.explained import ExplainedVideo
from stavis.jobs.profile import Profile
from stavis.jobs.verify import Verification
from stavis.printable import ShortRepr, short_text
from stavis.training.fit import TrainingResult

LONGEST = 200


def classes_in(hint: object) -> list[type]:
    """The classes of the package that a type hint names."""
    own = [hint] if isinstance(hint, type) and getattr(hint, "__module__", "").startswith("stavis.") else []
    return own + [one for part in typing.get_args(hint) for one in classes_in(part)]


def hints(of: object) -> dict:
    try:
        return typing.get_type_hints(of)
    except (NameError, TypeError):
        return {}


def reached() -> list[type]:
    """Every class that a public function or method returns, with what their fields and methods give."""
    public = [getattr(module, name) for module in (stavis, stavis.jobs) for name in dir(module) if not name.startswith("_")]
    waiting = [one for one in public if isinstance(one, type)]
    waiting += [found for one in public if inspect.isfunction(one) for found in classes_in(hints(one).get("return"))]
    seen: dict[type, None] = {}
    while waiting:
        one = waiting.pop()
        if one in seen or not getattr(one, "__module__", "").startswith("stavis."):
            continue
        seen[one] = None
        waiting += [found for name, hint in hints(one).items() if name[0] != "_" for found in classes_in(hint)]
        for name, member in inspect.getmembers(one):
            if name[0] != "_":
                function = member.fget if isinstance(member, property) else member
                waiting += classes_in(hints(function).get("return"))
    return list(seen)


RESULTS = [one for one in reached() if dataclasses.is_dataclass(one) and not one.__name__.endswith(("Config", "Target"))]


def check(value: object) -> str:
    text = repr(value)
    assert text.startswith(f"{type(value).__name__}(") and text.endswith(")")
    assert "\n" not in text and len(text) <= LONGEST, text
    assert not [word for word in ("PosixPath", "array(", "DataFrame", " object at 0x", "nan") if word in text], text
    return text


def test_the_walk_finds_the_results():
    assert {"Crops", "Evaluation", "Interval", "Prediction", "Study", "TrainingResult", "Verdict"} <= {one.__name__ for one in RESULTS}


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_no_result_prints_as_a_dataclass_does(kind):
    assert not hasattr(kind.__repr__, "__wrapped__"), "the repr that dataclasses write: give it ShortRepr and repr=False"


PLAIN = [one for one in RESULTS if issubclass(one, ShortRepr) and one._facts is ShortRepr._facts and one is not Profile]  # it computes one
FULL = (Path("/a" * 300), np.zeros((9, 4)), pd.DataFrame({"a": [1]}), "words\nof " * 90, ("x" * 300,) * 9, {"a": "b" * 999}, 1.23456789e-9)


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("value", FULL, ids=lambda value: type(value).__name__)
def test_it_stays_one_line_whatever_it_holds(kind, value):
    made = object.__new__(kind)
    for one in dataclasses.fields(kind):
        object.__setattr__(made, one.name, value)
    check(made)


def walk(value: object, depth: int = 4) -> None:
    """Check a result and the results in its fields."""
    if not dataclasses.is_dataclass(value) or depth < 0 or type(value) not in RESULTS:
        return
    check(value)
    for one in dataclasses.fields(value):
        held = getattr(value, one.name)
        for part in held.values() if isinstance(held, dict) else held if isinstance(held, tuple | list) else [held]:
            walk(part, depth - 1)


@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_real_results_and_all_that_they_hold(tiny_run, drawn):
    net = stavis.load(tiny_run, device="cpu")
    evaluation = net.evaluate(drawn, split="test", quiet=True)
    explanation = net.explain(evaluation.recordings[0], methods=("saliency",))
    for result in (evaluation, explanation, explanation.summary, explanation.finding, explanation.crops, evaluation.score()):
        walk(result)
    assert isinstance(explanation, ExplainedVideo) and "CCC" in check(evaluation.evaluation)
    assert check(explanation.clip).startswith("Clip(") and "frames" in check(explanation.clip)


def test_what_matters_is_said():
    assert (
        check(TrainingResult(Path("runs/first"), 800, 0.6123, False, 12.0))
        == "TrainingResult(runs/first, step 800, best ccc 0.6123, seconds 12)"
    )
    assert check(TrainingResult(Path("r"), 8, float("nan"), True, 1.0)) == "TrainingResult(r, step 8, seconds 1, interrupted)"
    assert (
        check(Study(Path("out/a"), Path("out/a/index.html"), Counts(6, 1), 7, 12.3)) == "Study(out/a, 6 done, 1 failed, 7 made now in 12 s)"
    )
    assert check(interval(np.arange(6.0))).startswith("Interval(2.5 [") and check(interval([1.0])) == "Interval(1, 1 recording)"
    assert check(Bench(Path("b"), pd.DataFrame({"system": ["sta", "cnn", "sta"]}), ({},), {})) == "Bench(b, 2 systems, 1 runs failed)"
    assert check(Verification(pd.DataFrame({"same": [True, False]}))) == "Verification(1 of 2 metrics within tolerance)"
    assert check(stavis.Prediction(np.arange(3.0), np.zeros((3, 1)), ("valence",))) == "Prediction(values 3x1, valence)"


@pytest.mark.parametrize("value", [None, "", (), {}, False, float("nan"), float("inf"), object(), []])
def test_what_is_empty_or_undefined_is_left_out(value):
    assert short_text("name", value) == ""
