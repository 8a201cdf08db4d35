"""Parameters: the type of the notebook's own parameter decides what a typed text is."""

import nbformat
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.batch.parameters import UNKNOWN, Plain, checked, parameters_of
from stavis.batch.study import plan_study
from stavis.errors import StavisError
from tests.batch.conftest import WORK, write_notebook

CELL = """
# what to look at
%matplotlib inline
video = ""
subject = "s1"  # may look like a number
clock = "0:30"
answer = "yes"
formula = "a=b"  # an equals sign in a text
mode: Literal["fast", "slow"] = "fast"
level: typing.Literal[1, 2] = 1
count = 1
rate: float = 25
ready = True
free = None
maybe: int | None = None
named: Optional[str] = None
later: "str" = None
computed = 3 * 4
many = ["a"]
"""


def parameters(cell: str = CELL, language: str = "python"):
    node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "any", "display_name": "any", "language": language}})
    node.cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]})]
    return parameters_of(node, {"seen": {"default": "5"}})


def test_parameters_are_read_from_the_syntax_tree():
    found = parameters()
    assert list(found) == ["video", "subject", "clock", "answer", "formula", "mode", "level", "count", "rate", "ready", "free", "maybe",
                           "named", "later", "computed", "many"]  # fmt: skip
    assert found["formula"].default == "a=b" and found["mode"].choices == ("fast", "slow") and found["computed"].default is UNKNOWN
    assert list(parameters("seen <- 5", language="R")) == ["seen"]
    assert list(parameters("seen = (")) == ["seen"] and parameters("seen = (")["seen"].default == 5
    assert parameters_of(nbformat.v4.new_notebook(), {}) == {}


TYPED = [
    ("subject", "010", "010"),
    ("subject", "007", "007"),
    ("subject", "1e3", "1e3"),
    ("subject", "true", "true"),
    ("subject", "null", "null"),
    ("clock", "1:30", "1:30"),
    ("answer", "NO", "NO"),
    ("formula", "c=d", "c=d"),
    ("mode", "slow", "slow"),
    ("level", "2", 2),
    ("count", "12", 12),
    ("count", "010", 10),
    ("rate", "30", 30.0),
    ("rate", "1e3", 1000.0),
    ("ready", "NO", False),
    ("ready", "true", True),
    ("free", "010", "010"),
    ("free", "1:30", "1:30"),
    ("free", "NO", "NO"),
    ("free", "7", 7),
    ("free", "1.5", 1.5),
    ("free", "true", True),
    ("maybe", "7", 7),
    ("maybe", "none", None),
    ("named", "007", "007"),
    ("later", "12", "12"),
    ("computed", "0012", "0012"),
]


@pytest.mark.parametrize(("name", "text", "value"), TYPED)
def test_the_parameters_own_type_decides(name, text, value):
    found = checked(parameters(), name, Plain(text), "n.ipynb")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("count", Plain("1.5"), "is 1.5, expected a whole number"),
        ("count", Plain("1:30"), "is '1:30', expected a whole number"),
        ("count", Plain("1_0"), "expected a whole number"),
        ("rate", Plain("inf"), "expected a number"),
        ("rate", Plain("nan"), "expected a number"),
        ("rate", Plain("1e999"), "expected a number"),
        ("ready", Plain("perhaps"), "expected true or false"),
        ("mode", Plain("medium"), "is 'medium', expected one of 'fast', 'slow'"),
        ("level", True, "expected one of 1, 2"),
        ("subject", 7, r"is 7, expected text \(in quotes\)"),
        ("colour", Plain("red"), "n.ipynb has no parameter 'colour'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name, given, expected):
    with pytest.raises(StavisError, match=expected):
        checked(parameters(), name, given, "n.ipynb")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_text_for_a_text_is_that_text(text):
    assert checked(parameters(), "subject", Plain(text), "n.ipynb") == text


def spec_of(home, lines: str):
    write_notebook(home.folder / "typed.ipynb", WORK, CELL.replace("%matplotlib inline\n", ""))
    home.yaml.write_text(f"notebook: typed.ipynb\n{lines}")
    return plan_study(home.yaml, out=home.out, quiet=True)


def test_the_same_rule_in_a_spec_and_in_the_shell(home):
    unquoted = [(name, text, value) for name, text, value in TYPED if text not in ("null", "none")]
    for name, text, value in unquoted:
        (report,) = spec_of(home, f"parameters:\n  {name}: {text}\n").reports
        assert report.parameters[name] == value and type(report.parameters[name]) is type(value)
        (report,) = plan_study(home.folder / "typed.ipynb", out=home.out, parameters={name: text}, quiet=True).reports
        assert report.parameters[name] == value and type(report.parameters[name]) is type(value)


def test_varied_values_keep_their_text_and_quotes_make_text(home):
    plan = spec_of(home, "vary:\n  subject: [010, 007, 1:30, NO, 8]\nparameters:\n  free: '7'\n")
    assert [one.parameters["subject"] for one in plan.reports] == ["010", "007", "1:30", "NO", "8"]
    assert {one.parameters["free"] for one in plan.reports} == {"7"} and len({one.id for one in plan.reports}) == 5
    assert yaml.safe_load("010") == 8 and yaml.safe_load("1:30") == 90 and yaml.safe_load("NO") is False  # what is not wanted
