"""AFEW-VA: short clips of feature films, valence and arousal annotated in every frame.

| | |
|---|---|
| what | 600 clips of 10 to 140 frames, as images numbered from 0, one face annotated in each |
| labels | valence and arousal from -10 to 10 in whole steps a frame, divided by 10 here; 68 landmarks a frame, not used here |
| licence | end-user licence agreement, non-commercial research; nothing may be passed on |
| apply | https://ibug.doc.ic.ac.uk/resources/afew-va-database/ |

    AFEW-VA/001/001.json       {"actor": ..., "frames": {"00000": {"arousal": ..., "valence": ..., "landmarks": [[x, y], ...]}}}
    AFEW-VA/001/00000.png
    AFEW-VA/01/001/001.json    the folders of the twelve archives may be kept as well

The images carry no clock: image n is shown at n/25 s. A missing image is a frame without a face. There is no official partition: five
folds by person are made (people with most clips first, each into the emptiest fold), fold k is the test split, the next one dev, the other
three train. The person is the JSON's "actor"; where it is missing, each clip counts as a person and a note says so.

References
----------
Kossaifi, Tzimiropoulos, Todorovic, Pantic: AFEW-VA database for valence and arousal estimation in-the-wild. 2017.
"""

import math
import re
from collections import Counter
from pathlib import Path

import numpy as np

from stavis.data.datasets.assembly import GroupedNotes, build_recordings, listed
from stavis.data.datasets.folder import normal
from stavis.data.video.image_folder import IMAGE_SUFFIXES, numbered_images
from stavis.errors import StavisError
from stavis.storage.files import read_json
from stavis.timeline import MAX_GAP
from stavis.types import ImageNumbers, Recording

TITLE = "AFEW-VA"
FPS = 25.0
"""The rate that the images are taken to have, frames/s: the data set does not give it."""
SCALE = 10.0
FOLDS = 5

_PART = re.compile(r"\d\d$")
_CLIP = re.compile(r"\d{3}$")


def fits(root: Path) -> bool:
    """Whether a folder is AFEW-VA's: it holds clips such as 001/001.json, or folders 01, 02, ... of them; not one such folder alone."""
    if _PART.match(root.name) and any(_PART.match(e.name) and _has_clip(Path(e.path)) for e in listed(root.parent) if e.is_dir()):
        return False
    return _has_clip(root) or any(_PART.match(entry.name) and _has_clip(Path(entry.path)) for entry in listed(root) if entry.is_dir())


def read(root: Path, fold: int = 1, *, max_gap: float | None = MAX_GAP) -> list[Recording]:
    """The clips of AFEW-VA as recordings; `fold` (1 to 5) is the test split, the next one dev, the others train.

    What does not fit together is one of their notes. Raises StavisError where images or labels are missing altogether, a
    label file is bad, or there is no such fold.
    """
    if fold not in range(1, FOLDS + 1):
        raise StavisError(f"AFEW-VA has the folds 1 to {FOLDS}, not {fold}.")
    folders = _clips(root)
    files = {name: folder / f"{name}.json" for name, folder in folders.items() if (folder / f"{name}.json").is_file()}
    images = {name: folder for name, folder in folders.items() if _has_images(folder)}
    labels = {name: read_clip_labels(path) for name, path in files.items() if name in images}
    notes = GroupedNotes()
    notes.add("clips that name no actor count as a person each", sorted(name for name, (_, _, actor) in labels.items() if not actor))
    people: dict[str, str] = {}  # an actor is one person in whatever case and bytes the name is written
    actors = {name: people.setdefault(normal(actor.casefold()), actor) for name, (_, _, actor) in sorted(labels.items()) if actor}
    subjects = {name: actors.get(name, name) for name in images}
    folds = balanced_folds(subjects)

    def make(name: str) -> Recording:
        last = max(numbered_images(images[name]))
        given = {"subject": subjects[name], "split": _split(folds[subjects[name]], fold)}
        if name not in labels:
            return Recording(name, images[name], **given, images=ImageNumbers(FPS, 0))
        numbers, values, _ = labels[name]
        if abs(int(numbers[-1]) - last) > 1:
            notes.add("labels and images end at different frames", f"{name} (label {int(numbers[-1])}, image {last})")
        return Recording(
            name,
            images[name],
            **given,
            dimensions=("valence", "arousal"),
            label_times=numbers / FPS,
            labels=values,
            label_source="labels of each frame",
            images=ImageNumbers(FPS, 0, int(numbers[-1]) + 1 if numbers[-1] > last + 1 else None),
        )

    return build_recordings(root, TITLE, images, files, notes, make, max_gap)


def read_clip_labels(path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Frame numbers (N,), rising, their valence and arousal (N,2) in [-1,1] or NaN, the actor ('' where none is named) of a clip.

    Raises StavisError where the file is no JSON of this format, or a label is outside -10 to 10.
    """
    labels = read_json(path)
    frames = labels.get("frames") if isinstance(labels, dict) else None
    if not isinstance(frames, dict) or not frames or not all(re.fullmatch(r"\d{1,9}", key) for key in frames):
        raise StavisError(f"{path} holds no labels of frames ('frames', each with 'valence' and 'arousal'): take another copy.")
    numbers = np.array(sorted(int(key) for key in frames))
    if len(set(numbers.tolist())) != len(numbers):
        raise StavisError(f"{path} labels a frame twice: take another copy.")
    by_number = {int(key): frame for key, frame in frames.items()}
    values = np.array([[_label(path, k, by_number[k], name) for name in ("valence", "arousal")] for k in numbers.tolist()])
    return numbers, values / SCALE, str(labels.get("actor") or "").strip()


def balanced_folds(subjects: dict[str, str]) -> dict[str, int]:
    """The fold (1 to 5) of each person, from the person of each clip: people with most clips first, each to the emptiest fold."""
    clips = Counter(subjects.values())
    sizes = [0] * FOLDS
    folds = {}
    for subject, count in sorted(clips.items(), key=lambda item: (-item[1], item[0])):
        emptiest = sizes.index(min(sizes))
        sizes[emptiest] += count
        folds[subject] = emptiest + 1
    return folds


def _split(own: int, test: int) -> str:
    return "test" if own == test else "dev" if own == test % FOLDS + 1 else "train"


def _label(path: Path, number: int, frame, name: str) -> float:
    value = frame.get(name) if isinstance(frame, dict) else None
    if (value is None and isinstance(frame, dict) and name in frame) or (isinstance(value, float) and math.isnan(value)):
        return math.nan  # null or NaN: no label
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or abs(value) > SCALE:
        raise StavisError(f"{path}: {name} of frame {number} is {str(value)[:40]}, expected a number from -10 to 10.")
    return float(value)


def _clips(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for entry in listed(root):
        path = Path(entry.path)
        if not entry.is_dir():
            continue
        inside = [path] if _CLIP.match(entry.name) else []
        if _PART.match(entry.name):
            inside = [Path(one.path) for one in listed(path) if one.is_dir() and _CLIP.match(one.name)]
        for clip in inside:
            if clip.name in found:
                raise StavisError(f"{root}: clip {clip.name} is there twice ({found[clip.name]}, {clip}): keep one of them.")
            found[clip.name] = clip
    return found


def _has_clip(folder: Path) -> bool:
    return any(_CLIP.match(e.name) and (Path(e.path) / f"{e.name}.json").is_file() for e in listed(folder) if e.is_dir())


def _has_images(folder: Path) -> bool:
    return any(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in listed(folder))
