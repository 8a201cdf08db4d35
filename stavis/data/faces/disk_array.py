"""Long arrays that stay on the disk while they grow and while they are read: landmarks of an hour of video are a third of a gigabyte."""

import mmap
import tempfile

import numpy as np

LARGE = 1 << 24
"""Bytes from which an array that grows with the video lies on the disk."""


class DiskArray:
    """Rows of one shape, appended one by one to a file without a name that goes when nothing looks at it any more."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.count = shape, 0
        self._file = tempfile.TemporaryFile(prefix="stavis-")  # noqa: SIM115 (it lives as long as the spool)

    def __del__(self):
        self._file.close()  # arrays that were made of it keep the file themselves

    def append(self, row: np.ndarray) -> None:
        """Add one row."""
        self._file.write(np.asarray(row, np.float32).tobytes())
        self.count += 1

    def array(self) -> np.ndarray:
        """All rows so far, (count, *shape) float32, read from the disk where they are looked at."""
        if not self.count:
            return np.zeros((0, *self.shape), np.float32)
        self._file.flush()
        return np.memmap(self._file, np.float32, "r+", shape=(self.count, *self.shape))


def take(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The rows `kept` (rising indices) of an array; of one on the disk the result lies there too."""
    if len(kept) == len(values):
        return values
    if not isinstance(values, np.memmap):
        return values[kept]
    spool = DiskArray(values.shape[1:])
    for index in kept.tolist():
        spool.append(values[index])
    return spool.array()


def scatter(count: int, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """An array of `count` rows whose rows `rows` (rising) are the values and the others NaN; on the disk where the values are."""
    if len(rows) == count:
        return values
    if not isinstance(values, np.memmap):
        out = np.full((count, *values.shape[1:]), np.nan, np.float32)
        out[rows] = values
        return out
    spool, nothing = DiskArray(values.shape[1:]), np.full(values.shape[1:], np.nan, np.float32)
    at = dict(zip(rows.tolist(), range(len(rows)), strict=True))
    for row in range(count):
        spool.append(values[at[row]] if row in at else nothing)
    return spool.array()


def zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros of a shape, float32; on the disk where they are many."""
    if 4 * np.prod(shape, dtype=np.int64) < LARGE:
        return np.zeros(shape, np.float32)
    with tempfile.TemporaryFile(prefix="stavis-") as file:
        file.truncate(4 * int(np.prod(shape, dtype=np.int64)))
        return np.memmap(file, np.float32, "r+", shape=shape)


def release(values: np.ndarray) -> None:
    """Let go of the pages of a file's array that were read: they count as this process's memory until then, and are read again where
    they are looked at again, also what was written to the file. An array that lies in memory, or whose changes do, stays as it is, and so
    does what is no array but makes its frames when they are taken."""
    if not isinstance(values, np.ndarray):
        return
    mapped = _map_of(values)
    of_file = not values.flags.writeable or getattr(values, "mode", "") == "r+"
    if mapped is not None and hasattr(mapped, "madvise") and of_file:
        mapped.madvise(mmap.MADV_DONTNEED)


def _map_of(values: np.ndarray) -> mmap.mmap | None:
    while isinstance(values, np.ndarray):
        values = values.base
    return values if isinstance(values, mmap.mmap) else None
