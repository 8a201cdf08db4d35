"""The rows of a bench: a system as it is trained, a trained one read with a change, a system trained again at another row's compute."""

from dataclasses import dataclass

from stavis.errors import StavisError
from stavis.models.systems import SYSTEMS, System

CHANGES = {"sta-shuffled": "sta"}
"""Rows that are read and not trained, each with the row whose networks it reads: `sta-shuffled` reads each recording with the attention
of its frames in random order."""

AT = "@"
"""`sta@cnn3d`: sta trained again, its compute capped at the CPU seconds of cnn3d with the same seed."""


@dataclass(frozen=True)
class Row:
    """A row by its name: the system behind it; of: the row whose trained networks it reads ('' where it is trained); at: the row whose
    compute caps its training ('' for its own cap)."""

    name: str
    system: str
    of: str = ""
    at: str = ""

    @property
    def known(self) -> System:
        """The system behind the row."""
        return SYSTEMS[self.system]

    @property
    def needs(self) -> tuple[str, ...]:
        """The rows that must be there before it."""
        base = (self.known.needs,) if self.known.needs else ()
        return (self.of,) if self.of else (self.system, self.at) if self.at else base

    @property
    def text(self) -> str:
        """What the row is called on a page."""
        if self.of:
            return f"{self.known.row}, attention shuffled in time"
        return f"{self.known.row}, at the compute of {self.at}" if self.at else self.known.row


def row_named(name: str) -> Row:
    """The row of that name.

    Raises StavisError where there is none.
    """
    if name in CHANGES:
        return Row(name, CHANGES[name], of=CHANGES[name])
    system, _, at = name.partition(AT)
    for one in (system, *([at] if at else [])):
        if one not in SYSTEMS:
            raise StavisError(f"there is no row {name!r}: {one!r} is no system, see `stavis systems`.")
    return Row(name, system, at=at)


def at_compute_of(dearer: str, cheaper: str) -> str:
    """The name of the row that is `dearer` at the compute of `cheaper`."""
    return f"{dearer}{AT}{cheaper}"
