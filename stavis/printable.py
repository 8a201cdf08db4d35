"""Text that can be printed anywhere: names of files whose bytes are no UTF-8 with backslash escapes, results as one short line,
numbers with the digits that decide, numbers that a page keeps in one line with their units."""

import html
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import fields
from functools import partial
from pathlib import PurePath
from typing import ClassVar

_ESCAPED = re.compile("[\ud800-\udfff]")
_BREAK = re.compile(r"\s*[\r\n]\s*")


def printable(text: object) -> str:
    r"""The text of a name or a sentence, with each byte that is no UTF-8 (a surrogate, as Python holds it) written as `\xe9`."""
    return _ESCAPED.sub(_escape, str(text))


def _escape(found: re.Match) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def in_one_line(text: object) -> str:
    """Such a text without its line breaks: what another library says of an error may have many."""
    return _BREAK.sub(" ", printable(text))


def printable_json(text: str) -> str:
    """JSON with such names in it as JSON that can be written as UTF-8: read again, they are what `printable` gives."""
    return _ESCAPED.sub(lambda found: "\\" + _escape(found), text)


_UNIT = re.compile(r"([\d?]) (%|°|×|s|ms|min|h|px|[kMG]?B|k?Hz|frames/s)(?!\w)")


def unbroken(text: str) -> str:
    """Text for a page or a widget: no line breaks between a number and its unit. Terminals and files keep the ordinary space."""
    return _UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


def html_text(text: object) -> str:
    """A sentence, a name or a number as it stands in HTML: escaped, no line break before a unit."""
    return html.escape(unbroken(str(text)))


def number_text(value: float, digits: int = 2) -> str:
    """A number with so many decimals, ? where it is undefined; never a minus before zero."""
    if not math.isfinite(value):
        return "?"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def percent(fraction: float, digits: int = 0) -> str:
    """A fraction as per cent, "27 %", ? where it is undefined: the one form of all pages, messages and notes."""
    return f"{number_text(100 * fraction, digits)} %"


def telling_apart(values: Iterable[float], limits: Iterable[float], fewest: int = 2) -> Callable[[float], str]:
    """How to print values that are held against limits: with `fewest` decimals, or as many digits as tell each value from every limit that
    it differs from. Two unequal numbers, one of the values and one of the limits, never print alike."""
    limits = [float(one) for one in limits if math.isfinite(one)]
    pairs = [(float(value), limit) for value in values for limit in limits if math.isfinite(value) and value != limit]
    ways = [*(partial(number_text, digits=digits) for digits in range(fewest, 7)), *(partial(_significant, digits=n) for n in range(7, 18))]
    return next((way for way in ways if all(way(value) != way(limit) for value, limit in pairs)), ways[-1])


def _significant(value: float, digits: int) -> str:
    return f"{value + 0.0:.{digits}g}" if math.isfinite(value) else "?"


class ShortRepr:
    """A dataclass (with repr=False) that prints as one line: its name, the few values that matter, where it is stored.

    `_shown` names the fields that matter, all of them by default; what is empty or undefined is left out, of arrays and tables only
    the size is said.
    """

    _LONGEST = 160
    _shown: ClassVar[tuple[str, ...]] = ()

    def _facts(self) -> Iterator[str]:
        """What stands between the brackets."""
        names = self._shown or [one.name for one in fields(self) if not one.name.startswith("_")]
        for name in names:
            text = short_text(name.replace("_", " "), getattr(self, name))
            if text:
                yield text

    def __repr__(self) -> str:
        inside = " ".join(printable(", ".join(self._facts())).split())
        room = self._LONGEST - len(type(self).__name__) - 2
        return f"{type(self).__name__}({inside if len(inside) <= room else inside[: room - 3] + '...'})"


def short_text(name: str, value: object) -> str:
    """A value with its name in a few words; '' for one that is empty, undefined or no number, text, path, array, table or list."""
    if value is None or value is False or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if value is True:
        return name
    if isinstance(value, str | PurePath):
        return str(value) if len(str(value)) <= 60 else f"...{str(value)[-57:]}"
    if isinstance(value, int):
        return f"{name} {value}"
    if isinstance(value, float):
        return f"{name} {value:.4g}"
    if hasattr(value, "columns") or isinstance(value, Mapping | Set | list):
        return f"{name} {len(value)}" if len(value) else ""
    if hasattr(value, "shape"):
        return f"{name} {'x'.join(map(str, value.shape)) or short_text('', float(value)).strip()}"
    if isinstance(value, tuple):
        few = 0 < len(value) <= 4 and all(isinstance(one, str) and len(one) <= 20 for one in value)
        return "/".join(value) if few else f"{name} {len(value)}" if value else ""
    return f"{name} {value!r}" if isinstance(value, ShortRepr) and len(repr(value)) <= 60 else ""
