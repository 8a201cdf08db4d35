"""How often the verdict is right on networks whose answers are known, by the number of clips it is judged on.

    python -m benchmarks verdicts [--only known|hidden|tuning] [--seeds 1002,1003] [--renderer flat|heads]

known: the five networks of stavis.trust.known.five, seeds 0 to 11. hidden, tuning: the grammar of stavis.trust.known.grammar on seeds on
which no threshold was set, and on those on which they were. Without --only the first two are run. --renderer: on crops of rendered
faces, flat ones or 3D heads, in place of tiny grey ones. Every answer is kept in OUT as it comes: a run that was stopped goes on where it
was, as long as the code that decides is the same.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

import stavis.attribution
import stavis.trust
from stavis.trust.known.canvas import canvas_of
from stavis.trust.known.five import EXPECTED, known_answer
from stavis.trust.known.grammar import RULES, Rule, known_network
from stavis.trust.known.rates import HIDDEN_SEEDS, TUNING_SEEDS, answers_of, rates

CLIPS = (5, 8, 12)
KNOWN_SEEDS = tuple(range(12))
OUT = Path("reports/out/verdicts.jsonl")
WRONG = ["rule", "seed", "clips", "question", "expected", "answer", "effect", "low", "high", "threshold"]


def main(*options: str) -> None:
    """Judge the networks, print the rates and the wrong answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks verdicts")
    parser.add_argument("--only", choices=["known", "hidden", "tuning"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--renderer", choices=["flat", "heads"], default="")
    chosen = parser.parse_args(options)
    for part in [chosen.only] if chosen.only else ["known", "hidden"]:
        if part == "known":
            _known(chosen.seeds or KNOWN_SEEDS, chosen.renderer)
        else:
            _grammar(chosen.seeds or {"hidden": HIDDEN_SEEDS, "tuning": TUNING_SEEDS}[part], chosen.renderer)


def _known(seeds: Sequence[int], renderer: str) -> None:
    work = (
        (f"{renderer}known/{name}/{seed}", lambda name=name, seed=seed: [known_answer(name, seed, renderer)])
        for name in EXPECTED
        for seed in seeds
    )
    table = pd.DataFrame(_answers(work))
    print(f"\nfive known networks, seeds {', '.join(map(str, seeds))}: {int(table.right.sum())} of {len(table)} right")
    print(table[~table.right.astype(bool)].to_string(index=False))


def _grammar(seeds: Sequence[int], renderer: str) -> None:
    def answers(rule: Rule, seed: int) -> list[dict]:
        return list(answers_of(known_network(rule, seed, max(CLIPS), canvas_of(renderer)), CLIPS))

    work = ((f"{renderer}grammar/{rule.name}/{seed}", lambda rule=rule, seed=seed: answers(rule, seed)) for seed in seeds for rule in RULES)
    table = pd.DataFrame(_answers(work))
    print(f"\ngrammar: {len(RULES)} networks, seeds {', '.join(map(str, seeds))}")
    print(rates(table).round(3).to_string(index=False))
    wrong = table[(table.expected != "") & ~table.right.astype(bool)]
    print(wrong[WRONG].round(3).to_string(index=False))


def _answers(work: Iterator[tuple[str, Callable[[], list[dict]]]]) -> list[dict]:
    """The rows of every piece of work: those in OUT that were made by the same code, the rest made now and added to it."""
    OUT.parent.mkdir(parents=True, exist_ok=True)
    code, kept = _fingerprint(), {}
    for line in OUT.read_text(encoding="utf-8").splitlines() if OUT.exists() else []:
        entry = json.loads(line)
        if entry["code"] == code:
            kept[entry["key"]] = entry["rows"]
    rows, started, made = [], time.process_time(), 0
    for key, run in work:
        if key not in kept:
            kept[key], made = run(), made + 1
            with OUT.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"code": code, "key": key, "rows": kept[key]}, default=float) + "\n")
        rows += kept[key]
    print(f"{made} networks judged in {time.process_time() - started:.0f} s of CPU, every answer in {OUT}")
    return rows


def _fingerprint() -> str:
    """A hash of the code that decides: stavis.trust, but for its words, and stavis.attribution."""
    folders = [Path(package.__path__[0]) for package in (stavis.trust, stavis.attribution)]
    files = sorted(path for folder in folders for path in folder.rglob("*.py") if path.name != "wording.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


if __name__ == "__main__":
    main()
