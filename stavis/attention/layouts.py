"""How the axes of an attention tensor are named, and how such a tensor becomes one map per frame: (b,t,h,w).

A layout is written with one entry per axis, in einops' letters:

- ``b`` batch, ``t`` time, ``h`` and ``w`` the rows and columns of the map, ``heads`` attention heads, ``q`` any number of queries,
  ``1`` an axis of length one;
- parentheses fold several into one axis: ``(b t) 1 h w``;
- a number and a plus inside parentheses stand for extra tokens in front of the others: ``(1 + t h w)`` is a class token and then
  the patches, ``(5 + h w)`` a class token, four registers and the patches;
- a letter that comes twice names the queries first and the keys last: ``b heads (t h w) (t h w)``;
- sizes may follow a comma where they cannot be worked out: ``b heads (t h w) (t h w), t=8 h=14 w=14``.

A layout without ``t`` is one frame in each call of the module.

The rule by which token attention becomes a map per frame: the mean over the heads; of the queries the class token where the layout
has one, else the mean over all queries; of the keys the patches. What a frame then holds is divided by its sum.
"""

import math
import re
from dataclasses import dataclass, field

import torch

from stavis.attention.least_change import with_mean
from stavis.errors import StavisError

AXES = ("b", "t", "h", "w", "heads", "q")
HELP = 'name its axes, for instance layout="b t h w", "(b t) heads (h w) (h w)" or "b heads (1 + t h w) (1 + t h w)"'
ROWS = ("heads", "q", "query")
"""The axes over which the mean is taken."""
GUESSES = ("b t h w", "b 1 t h w", "b t 1 h w", "(b t) 1 h w", "(b t) h w", "b t (h w)", "(b t) (h w)", "b 1 h w", "b h w")
"""The layouts that are tried where none is given: maps only, never token attention."""


@dataclass(frozen=True)
class RunShape:
    """The batch size, the number of frames and the frame size of a network's run; None where its input does not tell."""

    batch: int | None = None
    time: int | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Axis:
    """One axis of the tensor: its letters in order, and how many extra tokens come before them."""

    letters: tuple[str, ...]
    extra: int = 0
    query: bool = False


@dataclass(frozen=True)
class Layout:
    """A layout as it was written, taken apart. Made by `parse_layout`."""

    text: str
    axes: tuple[_Axis, ...]
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> bool:
        """Whether a map is put together from the rows of queries or from several heads."""
        return any(axis.query or "heads" in axis.letters or "q" in axis.letters or axis.extra for axis in self.axes)

    def of_features(self) -> "Layout":
        """The layout of one number per token, (N,tokens), such as those whose attention this layout names."""
        body, _, sizes = self.text.partition(",")
        first, *_, last = re.findall(r"\([^()]*\)|[^\s()]+", body)
        batch = " ".join(first.replace("heads", "").strip("() ").split())
        return parse_layout(f"({batch}) {last},{sizes}".rstrip(","))


def parse_layout(text: str) -> Layout:
    """A layout from its text. Raises StavisError where it cannot be read or holds no map per frame."""
    if not isinstance(text, str):
        raise StavisError(f"layout is {type(text).__name__}: give text like 'b t h w'.")
    body, _, sizes = text.partition(",")
    known = dict(re.findall(r"(\w+)\s*=\s*(\d+)", sizes))
    if re.sub(r"\w+\s*=\s*\d+|[\s,]", "", sizes) or set(known) - set(AXES) or "0" in known.values():
        raise StavisError(f"layout {text!r}: the sizes after the comma cannot be read: write them like 't=8 h=14 w=14'.")
    parts = re.findall(r"\([^()]*\)|[^\s()]+", body)
    if "".join(parts).replace(" ", "") != body.replace(" ", "") or not parts:
        raise StavisError(f"layout {text!r} has parentheses that do not match: write it like '(b t) 1 h w'.")
    axes = [_parse_axis(part, text) for part in parts]
    counts = {letter: sum(axis.letters.count(letter) for axis in axes) for letter in AXES}
    _check_map(text, axes, counts)
    last = {letter: max(i for i, axis in enumerate(axes) if letter in axis.letters) for letter, count in counts.items() if count}
    keys = {last["h"], last["w"]}
    marked = []
    for index, axis in enumerate(axes):
        query = index not in keys and any(counts[letter] == 2 and last[letter] != index for letter in axis.letters)
        if query and any(counts[letter] != 2 for letter in axis.letters):
            raise StavisError(f"layout {text!r}: the queries hold an axis that the keys have not: name both alike, or the queries q.")
        marked.append(_Axis(axis.letters, axis.extra, query))
    return Layout(" ".join(text.split()), tuple(marked), {letter: int(size) for letter, size in known.items()})


def _check_map(text: str, axes: list[_Axis], counts: dict[str, int]) -> None:
    if counts["h"] == 0 or counts["w"] == 0 or _temporal(axes):
        raise StavisError(
            f"layout {text!r} has no h and w among what is attended to, so it says when and not where the network looks: "
            "name a module that attends to places."
        )
    if counts["b"] > 1 or counts["heads"] > 1 or counts["q"] > 1 or max(counts["t"], counts["h"], counts["w"]) > 2:
        raise StavisError(f"layout {text!r} names an axis too often: b, heads and q come once, t, h and w once or twice.")
    if counts["h"] != counts["w"]:
        raise StavisError(f"layout {text!r} names h and w a different number of times: name both among the queries or neither.")


def _temporal(axes: list[_Axis]) -> bool:
    """Whether the keys are frames: t comes twice, and h and w only beside the batch."""
    times = [index for index, axis in enumerate(axes) if "t" in axis.letters]
    spaces = [index for index, axis in enumerate(axes) if "h" in axis.letters or "w" in axis.letters]
    return len(times) == 2 and bool(spaces) and times[-1] > spaces[-1]


def _parse_axis(part: str, text: str) -> _Axis:
    inner = part.strip("()").strip()
    extra, plus, rest = inner.rpartition("+")
    letters = tuple(rest.split())
    if plus and (not extra.strip().isdigit() or not letters or not part.startswith("(")):
        raise StavisError(f"layout {text!r}: {part!r} cannot be read: write extra tokens in front, like '(1 + t h w)'.")
    letters = tuple(letter for letter in letters if letter != "1")
    unknown = [letter for letter in letters if letter not in AXES]
    if unknown:
        raise StavisError(f"layout {text!r}: there is no axis {unknown[0]!r}: use {', '.join(AXES)} and 1.")
    return _Axis(letters, int(extra) if plus else 0)


class Fitted:
    """A layout with the size of every letter, for tensors of one shape.

    `to_maps` reads a tensor of that shape as (b,t,h,w); `from_maps` writes such maps into a tensor of that shape. head: the only one that
    is read and written, None for all of them.
    """

    def __init__(self, layout: Layout, shape: tuple[int, ...], sizes: dict[str, int], *, tubelets: bool = False, head: int | None = None):
        self.layout, self.shape, self.sizes, self.tubelets, self.head = layout, tuple(shape), sizes, tubelets, head

    @property
    def steps(self) -> int:
        """How many frames (or tubelets) one call holds."""
        return self.sizes.get("t", 1)

    @property
    def guessed(self) -> tuple[str, ...]:
        """A sentence where fewer steps in time than frames were worked out of an axis that holds places, too; () where they are given."""
        folded = any({"t", "h"} <= set(axis.letters) for axis in self.layout.axes)
        if not (self.tubelets and folded) or "t" in self.layout.sizes:
            return ()
        sizes = " ".join(f"{letter}={self.sizes[letter]}" for letter in "thw")
        return (f"The layout {self.layout.text!r} is read as {sizes}: add the sizes where the grid is another.",)

    def _unfold(self, tensor: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
        """The keys without extra tokens, the query axes kept whole, every other letter an axis of its own; with the axes' names."""
        names: list[str] = []
        shape: list[int] = []
        for index, axis in enumerate(self.layout.axes):
            if axis.query:
                if axis.extra:
                    tensor = tensor.narrow(index, 0, 1)
                names.append("query")
                shape.append(tensor.shape[index])
                continue
            if axis.extra:
                tensor = tensor.narrow(index, axis.extra, tensor.shape[index] - axis.extra)
            names += axis.letters
            shape += [self.sizes[letter] if letter != "q" else -1 for letter in axis.letters]
        return tensor.reshape(shape), names

    def to_maps(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor as maps (b,t,h,w), not yet divided by their sums."""
        maps, names = self._unfold(tensor)
        for axis in reversed(range(len(names))):
            if names[axis] in ROWS:
                one_head = names[axis] == "heads" and self.head is not None
                maps = maps.select(axis, self.head) if one_head else maps.mean(axis)
        kept = [name for name in names if name in ("b", "t", "h", "w")]
        maps = maps.permute([kept.index(name) for name in ("b", "t", "h", "w") if name in kept])
        for index, name in enumerate(("b", "t")):
            if name not in kept:
                maps = maps.unsqueeze(index)
        return maps

    def from_maps(self, maps: torch.Tensor, own: torch.Tensor, tolerance: float = 0.0) -> torch.Tensor:
        """The module's own output with these maps (b,t,h,w; each sums to 1) in place of its own; the mass of each row and frame stays.

        With a class token among the queries its row is replaced, else the rows of all queries and heads, which then differ from the
        module's own as little as the map allows (see stavis.attention.least_change): its own map leaves them as they are.
        """
        unfolded, names = self._unfold(own)
        order = [name for name in ("b", "t", "h", "w") if name in names]
        given = maps if "t" in names else maps.squeeze(1)
        given = given if "b" in names else given.squeeze(0)
        if any(name in ROWS for name in names):
            return self._fold(self._in_rows(given, unfolded, names, order), own)
        shape = [given.shape[order.index(name)] if name in order else 1 for name in names]
        given = given.permute(sorted(range(len(order)), key=lambda axis: names.index(order[axis]))).reshape(shape).expand_as(unfolded)
        space = [names.index("h"), names.index("w")]
        mass = unfolded.detach().sum(space, keepdim=True)
        if bool(((mass - 1).abs() > tolerance).any()):
            given = given * mass
        return self._fold(given, own)

    def _in_rows(self, given: torch.Tensor, unfolded: torch.Tensor, names: list[str], order: list[str]) -> torch.Tensor:
        """The unfolded weights whose mean over rows is the given map; of one head where one is named, the others as they are."""
        result = unfolded
        if self.head is not None:
            unfolded = unfolded.narrow(names.index("heads"), self.head % unfolded.shape[names.index("heads")], 1)
        axes = [axis for axis, name in enumerate(names) if name in ("b", "t")]
        rows = [axis for axis, name in enumerate(names) if name in ROWS]
        way = [*sorted(axes, key=lambda axis: order.index(names[axis])), *rows, names.index("h"), names.index("w")]
        moved = unfolded.permute(way)
        flat = moved.flatten(-2).flatten(len(axes), -2)
        written = with_mean(flat, given.flatten(-2)).reshape(moved.shape).permute([way.index(axis) for axis in range(len(way))])
        if self.head is None:
            return written
        result = result.clone()
        result.narrow(names.index("heads"), self.head % result.shape[names.index("heads")], 1).copy_(written)
        return result

    def _fold(self, given: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        shape, index = [], []
        for size, axis in zip(own.shape, self.layout.axes, strict=True):
            if axis.query:
                index.append(slice(0, 1) if axis.extra else slice(None))
                shape.append(1 if axis.extra else size)
            else:
                index.append(slice(axis.extra, None))
                shape.append(size - axis.extra)
        given = given.reshape(shape)
        if list(own.shape) == shape:
            return given
        result = own.clone()
        result[tuple(index)] = given
        return result


def fits(layout: Layout, shape: tuple[int, ...], run: RunShape) -> bool:
    """Whether a tensor of this shape can be read by the layout."""
    return bool(_solutions(layout, shape, run))


def fit(layout: Layout, shape: tuple[int, ...], run: RunShape, head: int | None = None) -> Fitted:
    """The layout on a tensor of this shape, of all heads or one. Raises StavisError where they do not fit, or more than one way fits."""
    fitted = _solutions(layout, shape, run)
    message = f"layout {layout.text!r} does not fit the attention's shape {tuple(shape)}{_of(run)}"
    if not fitted:
        raise StavisError(f"{message}: name the axes in their order, with extra tokens as in '(1 + h w)'.")
    if len(fitted) > 1:
        ways = [" ".join(f"{letter}={one.sizes[letter]}" for letter in "thw" if letter in one.sizes) for one in fitted]
        example = f"{layout.text.partition(',')[0]}, {ways[0]}"
        raise StavisError(f"{message} in one way only ({' or '.join(ways)}): add the sizes, as in {example!r}.")
    return _of_head(fitted[0], head)


def _of_head(fitted: Fitted, head: int | None) -> Fitted:
    if head is not None:
        count = fitted.sizes.get("heads", 0)
        if not -count <= head < count:
            raise StavisError(f"head {head} is none of the {count} heads: choose one from 0 on.")
        fitted.head = head
    return fitted


def _of(run: RunShape) -> str:
    return "" if run.batch is None else f" of {run.batch} clips of {run.time} frames"


def guess(shape: tuple[int, ...], run: RunShape) -> list[Fitted]:
    """Every reading of a map of this shape that fits, those that mean the same counted once; temporal attention (b,t,t) is one."""
    if run.batch is None:
        return [fit(parse_layout("b t h w"), shape, run)] if len(shape) == 4 else []
    found: dict[tuple, Fitted] = {}
    for text in GUESSES:
        for one in _solutions(parse_layout(text), shape, run, plausible=True):
            sizes = tuple(one.sizes.get(letter, 1) for letter in ("b", "t", "h", "w"))
            if sizes[1] <= run.time:
                found.setdefault(sizes, one)
    return list(found.values())


def temporal(shape: tuple[int, ...], run: RunShape) -> bool:
    """Whether a tensor of this shape may be attention of frames to frames."""
    return len(shape) >= 3 and run.time is not None and run.time > 1 and tuple(shape[-2:]) == (run.time, run.time)


def _solutions(layout: Layout, shape: tuple[int, ...], run: RunShape, *, plausible: bool = False) -> list[Fitted]:
    """The ways in which the letters' sizes make up the shape; `plausible` asks for a grid of about the frame's proportions."""
    if len(shape) != len(layout.axes):
        return []
    spans = [size - axis.extra for size, axis in zip(shape, layout.axes, strict=True)]
    letters = {letter for axis in layout.axes for letter in axis.letters}
    known = dict(layout.sizes)
    if run.batch is not None:
        known.setdefault("b", run.batch)
    found = []
    for time in _times(layout, run) if "t" in letters else [None]:
        trial = known if time is None else {**known, "t": time}
        sizes = _solve(layout, spans, trial, run.size)
        if sizes is None or (plausible and not _proportioned(sizes, run.size)):
            continue
        sizes = {letter: size for letter, size in sizes.items() if letter in letters and letter != "q"}
        found.append(Fitted(layout, shape, sizes, tubelets=run.time is not None and sizes.get("t", run.time) != run.time))
        if time is None or time == run.time:
            break
    return found


def _times(layout: Layout, run: RunShape) -> list[int | None]:
    """The numbers of frames to try: the one given, that of the run, whatever the axis says, or a divisor of the run's where folded."""
    if "t" in layout.sizes:
        return [layout.sizes["t"]]
    alone = any(axis.letters == ("t",) for axis in layout.axes)
    if run.time is None or alone:
        return [None]
    with_batch = any(set(axis.letters) == {"b", "t"} for axis in layout.axes) and run.batch is not None
    return [run.time, None] if with_batch else [run.time, *(k for k in range(run.time - 1, 0, -1) if run.time % k == 0)]


def _solve(layout: Layout, spans: list[int], known: dict[str, int], size: tuple[int, int] | None) -> dict[str, int] | None:
    """Sizes for all letters, None where there are none: one unknown in an axis follows from it, h and w from the frame's proportions."""
    sizes = dict(known)
    for _ in layout.axes:
        for axis, span in zip(layout.axes, spans, strict=True):
            open_letters = [letter for letter in axis.letters if letter not in sizes]
            rest, left = divmod(span, math.prod(sizes.get(letter, 1) for letter in axis.letters))
            if left or rest < 1 or (not open_letters and rest != 1):
                return None
            if len(open_letters) == 1:
                sizes[open_letters[0]] = rest
            elif set(open_letters) == {"h", "w"}:
                grid = _grid(rest, size)
                if grid is None:
                    return None
                sizes["h"], sizes["w"] = grid
    return sizes if all(letter in sizes for axis in layout.axes for letter in axis.letters) else None


def _grid(cells: int, size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Rows and columns of a grid with the frame's proportions; square where the frame's size is not known."""
    height, width = size or (1, 1)
    for rows in range(1, cells + 1):
        columns, left = divmod(cells, rows)
        if not left and rows * width == columns * height:
            return rows, columns
    return None


def _proportioned(sizes: dict[str, int], size: tuple[int, int] | None) -> bool:
    height, width = size or (1, 1)
    ratio = sizes["h"] * width / (sizes["w"] * height)
    return 0.5 <= ratio <= 2
