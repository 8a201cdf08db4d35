"""How often a verdict is right on the grammar of known networks, by question and number of clips."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace

import pandas as pd

from stavis.attribution.target import prepare
from stavis.trust.attention_tests import TOLERANCE
from stavis.trust.evidence import AGREEMENT_METHODS, Evidence, gather
from stavis.trust.judge import judge
from stavis.trust.known.canvas import canvas_of
from stavis.trust.known.grammar import RULES, KnownNetwork, Rule, known_network
from stavis.types import Target

TUNING_SEEDS = (0, 1)
"""The seeds on which the thresholds of stavis.trust.answers were set."""

HIDDEN_SEEDS = (1002, 1003)
"""Seeds that no threshold was set on and no answer was looked at before: the rates that are reported."""

SAMPLE = tuple(RULES[index] for index in (0, 3, 4, 7, 8, 9, 12, 14, 17, 19, 21, 25, 27))
"""A part of the grammar that is judged in a minute: every way of looking, and every right answer of every question."""

NO_PAIRS = pd.DataFrame(columns=["clip", "method", "other", "cc", "spearman"])


def answers_of(network: KnownNetwork, counts: Sequence[int], *, heads: int = 4, networks: int = 4) -> Iterator[dict]:
    """One row per question and number of clips: rule, seed, clips, question, expected ('' where left open), answer, right."""
    with prepare(network.model) as ready:
        options = {"methods": AGREEMENT_METHODS, "heads": heads, "networks": networks, "tolerance": TOLERANCE, "seed": network.seed}
        found = gather(ready, network.clips, Target(), None, **options)
    for count in counts:
        for answer in judge(first_clips(found, count), NO_PAIRS).answers:
            expected = network.expected.get(answer.question, "")
            row = {"rule": network.rule.name, "seed": network.seed, "clips": count, "question": answer.question}
            row |= {"expected": expected, "answer": answer.answer, "right": answer.answer == expected if expected else None}
            yield row | {"effect": answer.effect, "low": answer.low, "high": answer.high, "threshold": answer.threshold}


def first_clips(found: Evidence, count: int) -> Evidence:
    """The evidence of the first `count` clips."""
    lists = {each.name: getattr(found, each.name)[:count] for each in fields(found) if isinstance(getattr(found, each.name), list)}
    tables = {name: getattr(found, name)[getattr(found, name)["clip"] < count] for name in ("scores", "places")}
    return replace(found, **lists, **tables)


def grammar_answers(
    seeds: Sequence[int] = (0,),
    counts: Sequence[int] = (8,),
    rules: Sequence[Rule] = SAMPLE,
    *,
    renderer: str = "",
    judged: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """The answers of every rule and seed on the faces of a renderer, tiny grey ones by default; see answers_of. `judged` is called after
    each."""
    rows = []
    for rule in rules:
        for seed in seeds:
            rows += answers_of(known_network(rule, seed, max(counts), canvas_of(renderer)), counts)
            judged()
    return pd.DataFrame(rows)


def by_network(table: pd.DataFrame) -> list[dict]:
    """One entry per network and number of clips, as of the five known answers: {model, seed, needed, ..., expected: {...}, right}.

    `expected` holds the questions that the construction answers; right where all of these are.
    """
    rows = []
    for (rule, seed, _), part in table.groupby(["rule", "seed", "clips"], sort=False):
        expected = {question: answer for question, answer in zip(part.question, part.expected, strict=True) if answer}
        answers = dict(zip(part.question, part.answer, strict=True))
        right = all(answers[question] == answer for question, answer in expected.items())
        rows.append({"model": rule, "seed": int(seed), **answers, "expected": expected, "right": right})
    return rows


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Rates by number of clips and question, over the answers that the construction fixes.

    Columns: clips, question, yes (how many answers should be yes), false_no (the fraction of them that came out as no), not_yes (as
    anything else), no (how many should be anything but yes), false_yes (the fraction of them that came out as yes), right (the
    fraction of all that are right).
    """
    known = table[table.expected != ""]
    rows = []
    for (clips, question), part in [*known.groupby(["clips", "question"], sort=False), *((key, p) for key, p in _overall(known))]:
        yes, other = part[part.expected == "yes"], part[part.expected != "yes"]
        row = {"clips": clips, "question": question, "yes": len(yes), "false_no": (yes.answer == "no").mean()}
        row |= {"not_yes": (yes.answer != "yes").mean(), "no": len(other), "false_yes": (other.answer == "yes").mean()}
        rows.append(row | {"right": part.right.astype(bool).mean()})
    return pd.DataFrame(rows)


def _overall(known: pd.DataFrame) -> Iterator[tuple[tuple[int, str], pd.DataFrame]]:
    for clips, part in known.groupby("clips", sort=False):
        yield (clips, "all four"), part
