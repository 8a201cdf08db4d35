"""What the contrasts found, in sentences: what each part of the architecture buys, and when."""

from collections.abc import Iterator, Mapping, Sequence

from stavis.bench.contrasts import WORTHWHILE, ContrastResult
from stavis.bench.power import POWER, WIDEST, Components, detectable, seeds_needed
from stavis.bootstrap import Interval
from stavis.printable import percent

QUESTION = "What does each part of the architecture buy, and when?"
QUICK = "This is a quick bench: it shows the way and proves nothing. Leave --quick out for the whole one."


def sentence(found: ContrastResult) -> str:
    """One contrast: true, false or undecided, with its numbers."""
    one, interval = found.contrast, found.interval
    where = f"{one.part.capitalize()}, where {one.when} ({one.scenario}: {one.better} − {one.worse})"
    numbers = _numbers(interval)
    if found.reason or not interval.known:
        return f"{where}: {_for_want_of(found, numbers)}"
    p = f"p = {found.p_holm:.3f} after Holm" if found.p_holm >= 0.001 else "p < .001 after Holm"
    if found.verdict == "true":
        return f"{where}: true, it buys {numbers}, {p}."
    if found.verdict == "false" and interval.value < 0 and found.claimed:
        return f"{where}: false, it costs: {numbers}, {p}."
    if found.verdict == "false":
        return f"{where}: false, a gain of {WORTHWHILE:.2f} is ruled out: {numbers}, {p}."
    return f"{where}: undecided, {numbers}, {p}; {_missed(found.detectable)}."


def nothing_sentence(found: ContrastResult) -> str:
    """A contrast that must show nothing."""
    one, interval = found.contrast, found.interval
    where = f"{one.part.capitalize()} on {one.scenario} ({one.better} − {one.worse})"
    numbers = _numbers(interval)
    if found.reason or not interval.known:
        return f"{where}: {_for_want_of(found, numbers)}"
    ends = {
        "nothing": f"buys nothing, as it should: {numbers}",
        "little": f"is not nothing, but less than {WORTHWHILE:.2f}, the least that would matter: {numbers}",
        "something": f"is not nothing: {numbers}",
    }
    return f"{where} {ends[found.shows]}." if found.shows in ends else f"{where}: undecided, {numbers}."


def of_waiting(waiting: Sequence[Mapping]) -> str:
    """What has not been trained yet, by scenario, as one sentence; '' where nothing is missing."""
    rows: dict[str, list[str]] = {}
    for one in waiting:
        rows.setdefault(one["scenario"], []).append(one["system"])
    listed = "; ".join(f"{scenario}: {', '.join(names)}" for scenario, names in rows.items())
    return f"Not measured yet, or not with every seed: {listed}. The same command goes on where it stopped." if listed else ""


def _missed(smallest: float) -> str:
    return f"a difference below {smallest:.2f} would often be missed" if smallest < WIDEST else "any difference would often be missed"


def _numbers(interval: Interval) -> str:
    return f"CCC {signed(interval.value)} [{signed(interval.low)}, {signed(interval.high)}]"


def _for_want_of(found: ContrastResult, numbers: str) -> str:
    """Why nothing is decided, with the numbers that there are."""
    return f"undecided, for {found.reason}; so far {numbers}." if found.interval.known else f"undecided, for {found.reason}."


def design_lines(parts: Mapping[str, tuple[Components, int, int]], family: int) -> Iterator[str]:
    """What a pilot says a bench will show: parts by the contrast's name are the components, the recordings and the seeds to be used."""
    for name, (one, recordings, seeds) in parts.items():
        smallest = detectable(one, recordings, seeds, family=family)
        more = seeds_needed(one, recordings, WORTHWHILE, family=family)
        needed = f"{more} seeds would resolve {WORTHWHILE:.2f}" if more else f"no number of seeds up to 30 would resolve {WORTHWHILE:.2f}"
        spread = ", ".join(f"{each:.3f}" for each in one.seeds)
        shown = f"a difference of CCC {smallest:.3f}" if smallest < WIDEST else "no difference that two CCC can have"
        yield (
            f"{name}: with {recordings} recordings and {seeds} seeds {shown} is shown in {percent(POWER)} of "
            f"benches (SD over recordings {one.recordings:.2f}, over seeds {spread}); {needed}."
        )


def of_a_pilot(seeds: int) -> str:
    """How far the numbers of a pilot go."""
    return f"From a pilot of {seeds} seeds: the deviation over seeds is known no better than by its order."


def signed(value: float) -> str:
    """A difference with its sign, as a page shows it."""
    return f"{value:+.3f}".replace("-", "−")
