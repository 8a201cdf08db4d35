"""What stavis says when it cannot do what was asked: one sentence with the place, what was wrong and the remedy."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from stavis.printable import in_one_line

SHOWN = 12  # names that are listed where none is near


class StavisError(Exception):
    """Bad input or a bad surrounding, told in one sentence (what, where, what to do); the shell exits with code 2."""

    def __str__(self) -> str:
        return in_one_line(super().__str__())


class StavisWarning(UserWarning):
    """Something was wrong but the work went on: damage found in a video, labels cut to the video's length."""

    def __str__(self) -> str:
        return in_one_line(super().__str__())


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is nearest to `name`, upper and lower case and - _ and blanks taken as the same; None where none is near.

    A beginning counts as near: sta for sta-synthetic.
    """
    plain = {_plain(one): one for one in known}
    wanted = _plain(str(name))
    begins = [one for key, one in plain.items() if len(wanted) > 1 and key.startswith(wanted)]
    if len(begins) == 1:
        return begins[0]
    found = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else begins[0] if begins else None


def offer(name: object, known: Iterable[str], *, also: str = "") -> str:
    """The end of a sentence about an unknown name: "did you mean sta-synthetic?", or "choose one of ..." where none is near.

    also: what can be given beside the known names, added to the list.
    """
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean {near}?"
    more = ", ..." if len(names) > SHOWN else ""
    return f"choose one of {', '.join(names[:SHOWN])}{more}{f', or {also}' if also else ''}."


def nearest_file(path: Path) -> str | None:
    """The name of a file or folder beside a path that does not exist that is nearest to its own; None where none is near."""
    try:
        return nearest(path.name, sorted(one.name for one in path.parent.iterdir() if not one.name.startswith("."))[:5000])
    except OSError:
        return None


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(" ", "-")
