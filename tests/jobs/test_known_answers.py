"""The known answers as a command: how far it is, whose faces it shows, what it refuses."""

import importlib

import pytest

from stavis.errors import StavisError
from stavis.trust.known.five import EXPECTED
from stavis.trust.known.rates import SAMPLE
from stavis.trust.known.tokens import RULES as TOKEN_RULES


def test_known_answers_say_how_far_they_are(monkeypatch, capsys):
    module = importlib.import_module("stavis.jobs.known_answers")  # the name in the package is the function
    counts = {"five_answers": 2 * len(EXPECTED), "token_answers": 2 * len(TOKEN_RULES), "grammar_answers": len(SAMPLE)}
    rendered = set()
    row = {"model": "m", "seed": 0, "expected": {}, "right": True}

    def fake(times: int):
        def answers(seeds, *, renderer, judged):
            rendered.add(renderer)
            assert times % len(seeds) == 0
            for _ in range(times):
                judged()
            return [row]

        return answers

    for name, times in counts.items():
        monkeypatch.setattr(module, name, fake(times))
    monkeypatch.setattr(module, "by_network", list)
    assert len(module.known_answers(2)) == 3
    total = sum(counts.values())
    assert capsys.readouterr().err.startswith(f"judging networks whose answers are known: {total} of {total} in ")
    assert rendered == {""}
    module.known_answers(2, renderer="flat", quiet=True)
    assert rendered == {"", "flat"}
    assert capsys.readouterr().err == ""


def test_each_known_network_is_counted_when_it_is_judged(monkeypatch):
    module, done = importlib.import_module("stavis.trust.known.five"), []
    monkeypatch.setattr(module, "known_answer", lambda name, seed, renderer: done.append(name) or {})
    seen = []
    module.known_answers((0, 1), judged=lambda: seen.append(len(done)))
    assert seen == list(range(1, 2 * len(EXPECTED) + 1))


def test_faces_that_there_are_not_are_refused_before_the_work(monkeypatch, tmp_path):
    module = importlib.import_module("stavis.jobs.known_answers")
    with pytest.raises(StavisError, match="no faces of 'both'"):
        module.known_answers(1, renderer="both")
    monkeypatch.setenv("STAVIS_HEADS", str(tmp_path / "nothing here"))
    with pytest.raises(StavisError, match="nothing here"):
        module.known_answers(1, renderer="heads")
