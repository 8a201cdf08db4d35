"""What a verdict is about: the network as it was loaded."""

import importlib

import pytest

import stavis
from stavis.errors import StavisError
from stavis.trust.known_answers import EXPECTED
from stavis.trust.rates import SAMPLE
from stavis.trust.token_answers import RULES as TOKEN_RULES


def test_a_mirrored_network_is_refused_with_the_way_out_before_the_work(tiny_run, tmp_path):
    net = stavis.load(tiny_run, device="cpu", mirror=True)
    with pytest.raises(StavisError, match=r"^tiny was loaded with mirror=True, .*: judge net\.mirrored\(False\), .*\.$"):
        net.verdict(tmp_path / "no data")
    with pytest.raises(StavisError, match="no data"):  # the way out is one: now the data are looked at
        net.mirrored(False).verdict(tmp_path / "no data", quiet=True)


def test_known_answers_say_how_far_they_are(monkeypatch, capsys):
    module = importlib.import_module("stavis.jobs.verdict")  # the name in the package is the function
    counts = {"judge_known": 2 * len(EXPECTED), "token_answers": 2 * len(TOKEN_RULES), "grammar_answers": len(SAMPLE)}
    row = {"model": "m", "seed": 0, "expected": {}, "right": True}

    def fake(times: int):
        def answers(seeds, *, judged):
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
    module.known_answers(2, quiet=True)
    assert capsys.readouterr().err == ""


def test_each_known_network_is_counted_when_it_is_judged(monkeypatch):
    module, done = importlib.import_module("stavis.trust.known_answers"), []
    monkeypatch.setattr(module, "known_answer", lambda name, seed: done.append(name) or {})
    seen = []
    module.known_answers((0, 1), judged=lambda: seen.append(len(done)))
    assert seen == list(range(1, 2 * len(EXPECTED) + 1))
