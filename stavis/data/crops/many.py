"""The crops of several recordings, made on all cores."""

import warnings
from collections.abc import Callable, Sequence

from joblib import Parallel, cpu_count, delayed

from stavis.data.crops.crops import CropConfig, Crops, crops_of
from stavis.data.datasets.folder import some
from stavis.errors import StavisWarning
from stavis.types import Recording

Progress = Callable[[int, int], None]


def crops_for(recordings: Sequence[Recording], spec: CropConfig, progress: Progress | None = None) -> list[Crops]:
    """The crops of several recordings, each with its notes, made on all cores where they are not in the cache yet."""
    if len(recordings) > 3 and cpu_count() > 1:
        # joblib's processes, because they need no guard around a user's script
        work = Parallel(n_jobs=min(len(recordings), cpu_count()), return_as="generator")
        for done, _ in enumerate(work(delayed(_fill_cache)(recording, spec) for recording in recordings), 1):
            if progress:
                progress(done, len(recordings))
    return [crops_of(recording, spec) for recording in recordings]


def notes_of(several: Sequence[Crops]) -> tuple[str, ...]:
    """What a user must know of several recordings: each sentence once, with the recordings that it is of where it does not name its own."""
    if len(several) < 2:
        return tuple(note for one in several for note in one.notes)
    whose: dict[str, list[str]] = {}
    for one in several:
        named = (f"{one.recording}:", f"recording {one.recording}:", one.video.name)
        for note in one.notes:
            whose.setdefault(note, []).extend([] if note.startswith(named) else [one.recording])
    return tuple(f"{some(names)}: {note}" if names else note for note, names in whose.items())


def _fill_cache(recording: Recording, spec: CropConfig) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)  # what concerns this machine is said where the crops are opened, just above
        crops_of(recording, spec)
