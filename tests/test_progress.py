"""Progress: in a file one line a stage without carriage returns, in a terminal a bar with the time that remains."""

import sys
from pathlib import Path

from stavis import progress
from stavis.progress import bar, stages


def test_in_a_file_each_stage_is_one_line(capsys):
    with stages() as told:
        for done in range(4):
            told("crops", done, 3)
        told("read", 2, 2)
    err = capsys.readouterr().err
    assert "\r" not in err
    lines = err.splitlines()
    assert [line.rpartition(" in ")[0] for line in lines] == ["crops: 3 of 3", "read: 2 of 2"]


def test_a_stage_that_fails_says_how_far_it_came(capsys):
    try:
        with bar("reading") as told:
            told(1, 9)
            raise KeyError
    except KeyError:
        pass
    assert capsys.readouterr().err.startswith("reading: 1 of 9 in ")


def test_a_long_stage_says_now_and_then_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", -1.0)
    with bar("reading") as told:
        told(1, 9)
    assert capsys.readouterr().err.startswith("reading: 1 of 9 after ")


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with bar("reading") as told:
        told(1, 9)
    err = capsys.readouterr().err
    assert "\r" in err and "reading" in err and "1/9" in err


def test_quiet_is_nothing(capsys):
    with stages(quiet=True) as told:
        assert told is None
    assert capsys.readouterr().err == ""


def test_bars_are_made_in_one_place_that_knows_what_is_a_terminal():
    package = Path(progress.__file__).parent
    makers = [path.name for path in package.rglob("*.py") if "tqdm(" in path.read_text(encoding="utf-8")]
    assert makers == ["progress.py"]
