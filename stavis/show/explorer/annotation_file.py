"""Annotations of the shown recording and their file: read back when it is opened again, written only where a folder was named."""

from pathlib import Path

from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.errors import StavisError
from stavis.storage.files import file_stem


class AnnotationFile:
    """Where a recording's annotations are kept: `folder`/NAME.csv. A damaged file is left alone, and nothing is kept."""

    def __init__(self, folder: str, name: str):
        self.path = Path(folder.strip()).expanduser() / f"{file_stem(name)}.csv" if folder.strip() else None
        self._known = Annotations()
        self._damaged = False

    def read(self) -> Annotations:
        """The annotations in the file; empty where there is none. Raises StavisError where it is damaged."""
        if self.path is None or not self.path.exists():
            return Annotations()
        try:
            self._known = read_annotations(self.path)
        except StavisError as error:
            self._damaged = True
            raise StavisError(f"{str(error).rstrip('.')}; annotations made now are not kept.") from error
        return self._known

    def keep(self, annotations: Annotations) -> bool:
        """Writes the annotations where they changed; whether they were written."""
        if annotations == self._known or self._damaged or self.path is None:
            return False
        annotations.save(self.path)
        self._known = annotations
        return True
