"""Notes: what a user must know of a result beside its numbers. Collected while the work is done, kept on the result, shown once."""

import warnings
from collections.abc import Iterable, Iterator

from stavis.errors import StavisWarning
from stavis.printable import printable


class Notes:
    """Sentences in the order in which they came up, each once.

    A function deep in the package that finds something worth saying (damage, a guess, a missing label) adds it to the Notes it was
    given; the result that the user gets keeps them as a tuple, and the function that the user called shows them. Only what concerns
    this machine and no result (a cache that cannot be written) is a StavisWarning at once.
    """

    def __init__(self, sentences: Iterable[str] = ()):
        self._sentences: dict[str, None] = dict.fromkeys(_plain(sentence) for sentence in sentences)

    def add(self, *sentences: str) -> None:
        """Keep sentences that are not kept yet."""
        for sentence in sentences:
            self._sentences.setdefault(_plain(sentence))

    def __iter__(self) -> Iterator[str]:
        return iter(self._sentences)

    def __len__(self) -> int:
        return len(self._sentences)

    def __repr__(self) -> str:
        return f"Notes({list(self)})"


def _plain(sentence: str) -> str:
    return printable(" ".join(sentence.split()))


def show(notes: Iterable[str], stacklevel: int = 3) -> None:
    """Tell a result's notes to whoever called the public function: one StavisWarning for each sentence."""
    for sentence in dict.fromkeys(notes):
        warnings.warn(sentence, StavisWarning, stacklevel=stacklevel)
