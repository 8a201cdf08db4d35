"""The mean map of a condition, and the difference of two conditions with a test that is right for the whole map.

Frames are averaged within a recording, recordings within a person, people within a condition: each person counts the same. The test
permutes people: it flips the signs of paired differences, or exchanges people between the groups, and compares every cell with the
largest statistic that any cell reaches (Nichols & Holmes 2002), so that the chance of any false cell in the map is ALPHA.

References
----------
Nichols, Holmes: Nonparametric permutation tests for functional neuroimaging. 2002. Tusher, Tibshirani, Chu: Significance analysis of
microarrays. 2001 (the constant in the denominator).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from stavis.bootstrap import DRAWS, FEWEST, sign_flips, too_few
from stavis.errors import StavisError
from stavis.groups.canonical import canonical_face
from stavis.groups.members import Member
from stavis.printable import ShortRepr, telling_apart

ALPHA = 0.05
"""The chance of any false cell in a map without a difference."""

PERMUTATIONS = DRAWS
"""Permutations that stand for all of them where there are too many."""

_CHUNK = 512  # permutations whose maps are in memory at once


@dataclass(frozen=True, repr=False)
class MeanMap(ShortRepr):
    """The mean map of a condition on the canonical face.

    kind: which map; condition; density (P,): mean over people, 1 is what an even map has, NaN where no one's cell is visible; people
    (P,): in how many people each cell is visible; recordings, frames: how many went in.
    """

    kind: str
    condition: str
    density: np.ndarray
    people: np.ndarray
    names: tuple[str, ...]
    recordings: int
    frames: int

    @property
    def image(self) -> np.ndarray:
        """The density as an image (GRID,GRID), NaN outside the face; left and right as one sees the person."""
        return canonical_face().image(self.density)


@dataclass(frozen=True, repr=False)
class MapDifference(ShortRepr):
    """The difference of two conditions on the canonical face, the first less the second.

    difference (P,): in densities; p (P,): for the whole map, NaN where a cell was not tested; people: of the first and the second
    condition (of pairs, the same number twice); paired; reason: why there is no test, '' where there is one; smallest_p: the smallest that
    so few people can give; left_out: people of a paired test who are in one condition only.
    """

    kind: str
    first: str
    second: str
    difference: np.ndarray
    p: np.ndarray
    people: tuple[int, int]
    paired: bool
    reason: str = ""
    smallest_p: float = float("nan")
    left_out: tuple[str, ...] = ()

    @property
    def significant(self) -> np.ndarray:
        """Which cells differ: (P,) bool, corrected for the whole map."""
        return np.nan_to_num(self.p, nan=1.0) <= ALPHA

    @property
    def image(self) -> np.ndarray:
        """The difference as an image (GRID,GRID), NaN outside the face."""
        return canonical_face().image(self.difference)

    @property
    def design(self) -> str:
        """Who was compared with whom."""
        if self.paired:
            return f"{self.people[0]} people in both conditions, paired"
        return f"{self.people[0]} people in {self.first}, {self.people[1]} others in {self.second}"

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        what = f"{self.first} minus {self.second}, {self.design}"
        if self.reason:
            return f"{what}: no test, {self.reason}."
        found = int(self.significant.sum())
        smallest = float(np.nanmin(self.p))
        show = telling_apart([smallest, self.smallest_p], [ALPHA], 3)
        if not found:
            lacks = f"; with so few people no p below {show(self.smallest_p)} is possible" if self.smallest_p > ALPHA else ""
            return f"{what}: no cell of the map differs (smallest corrected p {show(smallest)}{lacks})."
        return f"{what}: {100 * found / len(self.p):.0f} % of the face differs (smallest corrected p {show(smallest)})."


def people_of(members: Sequence[Member]) -> tuple[str, ...]:
    """The people shown, in alphabetical order."""
    return tuple(sorted({one.person for one in members}))


def person_maps(members: Sequence[Member], kind: str) -> np.ndarray:
    """The mean map of each person of `people_of`: (N,P), every recording of a person counts the same; NaN where no cell is visible.

    Raises StavisError where a recording has no such map.
    """
    for one in members:
        if one.maps is None or one.maps.map(kind) is None:
            raise StavisError(_lacking(one, kind))
    return np.stack([nan_mean(np.stack([one.maps.map(kind) for one in members if one.person == name])) for name in people_of(members)])


def _lacking(member: Member, kind: str) -> str:
    if member.subject != "face":
        return f"{member.name} was read as whole frames: maps on the face need a network that is shown the face."
    if member.maps is None:
        return f"{member.name} has no maps on the face: explain it again with this version of stavis, with a face tracked."
    return f"{member.name} has no map {kind!r}: choose one of {', '.join(member.maps.names)}."


def nan_mean(values: np.ndarray) -> np.ndarray:
    """The mean (P,) of rows (N,P) over those that are known; NaN where none is."""
    known = np.isfinite(values)
    count = known.sum(0)
    return np.divide(np.where(known, values, 0).sum(0), count, out=np.full(values.shape[1], np.nan), where=count > 0)


def mean_map(members: Sequence[Member], kind: str, condition: str) -> MeanMap:
    """The mean map of the recordings of one condition; raises StavisError as `person_maps`."""
    maps = person_maps(members, kind)
    frames = sum(int(one.maps.frames[one.maps.names.index(kind)].max()) for one in members)
    return MeanMap(kind, condition, nan_mean(maps), np.isfinite(maps).sum(0), people_of(members), len(members), frames)


def map_difference(
    one: Sequence[Member], other: Sequence[Member], kind: str, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> MapDifference:
    """The difference of two conditions: paired over the people who are in both, or unpaired where no one is.

    Raises StavisError as `person_maps`, or where a condition has no recording.
    """
    for members in (one, other):
        if not members:
            raise StavisError("a condition without a recording cannot be compared: name two conditions of the table.")
    names = (one[0].condition, other[0].condition)
    people = (people_of(one), people_of(other))
    maps = (person_maps(one, kind), person_maps(other, kind))
    both = sorted(set(people[0]) & set(people[1]))
    if both:
        rows = [[who.index(name) for name in both] for who in people]
        pairs = maps[0][rows[0]] - maps[1][rows[1]]
        alone = tuple(sorted(set(people[0]) ^ set(people[1])))
        tested = _result(pairs, None, permutations, seed, too_few(len(both), "people in both conditions") if len(both) < FEWEST else "")
        return MapDifference(kind, *names, nan_mean(pairs), *tested[:1], (len(both),) * 2, True, *tested[1:], alone)
    few = min(len(who) for who in people)
    reason = too_few(few, "people in a condition") if few < FEWEST else ""
    ordered = sorted(zip(names, maps, strict=True), key=lambda pair: pair[0])  # the p is the same whichever condition comes first
    tested = _result(np.concatenate([rows for _, rows in ordered]), len(ordered[0][1]), permutations, seed, reason)
    counts = (len(people[0]), len(people[1]))
    return MapDifference(kind, *names, nan_mean(maps[0]) - nan_mean(maps[1]), *tested[:1], counts, False, *tested[1:])


def _result(values: np.ndarray, first: int | None, permutations: int, seed: int, reason: str) -> tuple[np.ndarray, str, float]:
    """The p values, why there are none, and the smallest that is possible."""
    if reason:
        return np.full(values.shape[1], np.nan), reason, float("nan")
    p, smallest = paired_p(values, permutations, seed) if first is None else unpaired_p(values, first, permutations, seed)
    return p, "" if np.isfinite(p).any() else f"no cell is visible in {FEWEST} people", smallest


def paired_p(pairs: np.ndarray, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[np.ndarray, float]:
    """p values (P,) of paired differences (N,P), corrected for all cells by the largest statistic when people's signs are flipped, and
    the smallest p that is possible. Cells that fewer than FEWEST people have are not tested: NaN."""
    known = np.isfinite(pairs)
    count = known.sum(0)
    tested = count >= FEWEST
    count, values = count[tested], np.where(known, pairs, 0.0)[:, tested]
    squares = (values**2).sum(0)

    def statistic(signs: np.ndarray) -> np.ndarray:
        mean = signs @ values / count
        variance = np.maximum(squares / count - mean**2, 0) / (count - 1)
        return _studentised(mean, np.sqrt(variance))

    signs = 1 - 2 * sign_flips(len(pairs), seed, permutations)
    rows = np.concatenate([np.ones((1, len(pairs))), signs]) if signs[0].min() < 0 else signs  # the data as they are come first
    return _corrected(rows, statistic, tested), 2 / len(rows) if len(rows) == 2 ** len(pairs) else 1 / len(rows)


def unpaired_p(values: np.ndarray, first: int, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[np.ndarray, float]:
    """As `paired_p` for people (N,P) of whom the first `first` are in one group and the rest in the other: people are exchanged."""
    known = np.isfinite(values)
    tested = (known[:first].sum(0) >= FEWEST) & (known[first:].sum(0) >= FEWEST)
    count, plain = known[:, tested].astype(float), np.where(known, values, 0.0)[:, tested]
    squares = plain**2
    totals = (count.sum(0), plain.sum(0), squares.sum(0))

    def statistic(group: np.ndarray) -> np.ndarray:
        n, s, q = (group @ part for part in (count, plain, squares))
        m, t, r = (total - part for total, part in zip(totals, (n, s, q), strict=True))
        with np.errstate(invalid="ignore", divide="ignore"):
            within = np.maximum(q - s**2 / n, 0) + np.maximum(r - t**2 / m, 0)
            found = _studentised(s / n - t / m, np.sqrt(within / (n + m - 2) * (1 / n + 1 / m)))
        return np.where((n < 2) | (m < 2), 0, found)  # a cell that hardly anyone of one group has says nothing in this exchange

    rows = _groupings(len(values), first, permutations, seed)
    alike = 2 if 2 * first == len(values) else 1
    return _corrected(rows, statistic, tested), (alike if len(rows) == comb(len(values), first) else 1) / len(rows)


def _groupings(people: int, first: int, permutations: int, seed: int) -> np.ndarray:
    """Who is in the first group (K,N), as it was in the first row: all ways where there are few of them, else as many as asked for."""
    observed = (np.arange(people) < first).astype(float)
    if comb(people, first) <= max(permutations, 1):
        chosen = combinations(range(people), first)
        return np.stack([np.isin(np.arange(people), one).astype(float) for one in chosen])  # in order: the first is the observed one
    rng = np.random.default_rng(seed)
    return np.stack([observed, *(rng.permutation(observed) for _ in range(permutations))])


def _studentised(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """|difference| over its standard error (K,P) plus the median error of the map, so that no cell wins by a small error alone."""
    usual = np.nanmedian(error, 1, keepdims=True)
    return np.divide(np.abs(difference), error + usual, out=np.zeros(difference.shape), where=error + usual > 0)


def _corrected(rows: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], tested: np.ndarray) -> np.ndarray:
    """p (P,) of the statistic in the first of the rows against the largest in each of them; NaN in cells that are not tested."""
    p = np.full(len(tested), np.nan)
    if not tested.any():
        return p
    observed = statistic(rows[:1])[0]
    largest = np.sort(np.concatenate([statistic(rows[k : k + _CHUNK]).max(1) for k in range(0, len(rows), _CHUNK)]))
    reached = len(largest) - np.searchsorted(largest, observed - 1e-9 * max(1.0, float(observed.max())))
    p[tested] = reached / len(rows)
    return p
