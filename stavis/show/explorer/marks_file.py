"""Marks of the shown recording and their file: read back when it is opened again, written only where a folder was named."""

from pathlib import Path

from stavis.data.datasets.annotations import Marks, read_marks
from stavis.errors import StavisError
from stavis.storage.files import file_stem


class MarksFile:
    """Where a recording's marks are kept: `folder`/NAME.csv. A damaged file is left alone, and nothing is kept."""

    def __init__(self, folder: str, name: str):
        self.path = Path(folder.strip()).expanduser() / f"{file_stem(name)}.csv" if folder.strip() else None
        self._known = Marks()
        self._damaged = False

    def read(self) -> Marks:
        """The marks in the file; none where there is none. Raises StavisError where it is damaged."""
        if self.path is None or not self.path.exists():
            return Marks()
        try:
            self._known = read_marks(self.path)
        except StavisError as error:
            self._damaged = True
            raise StavisError(f"{str(error).rstrip('.')}; marks set now are not kept.") from error
        return self._known

    def keep(self, marks: Marks) -> bool:
        """Writes the marks where they changed; whether they were written."""
        if marks == self._known or self._damaged or self.path is None:
            return False
        marks.save(self.path)
        self._known = marks
        return True


def joined(one: Marks, other: Marks) -> Marks:
    """The marks of both."""
    return Marks(tuple(sorted({*one.exclude, *other.exclude})), tuple(sorted({*one.events, *other.events})))
