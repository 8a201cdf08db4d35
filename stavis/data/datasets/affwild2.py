"""Aff-Wild2: videos from the web, valence and arousal annotated in every frame; its aligned faces are read, not its videos.

| | |
|---|---|
| what | 594 videos in its later editions, faces cut out, aligned and numbered from 1; images are missing where no face was found |
| labels | valence and arousal in [-1,1] a frame; -5 = invalid; the number of lines may differ from that of frames by one |
| licence | non-commercial research of academic institutions; nothing may be passed on |
| apply | by mail from an academic address, https://sites.google.com/view/dimitrioskollias/databases/aff-wild2 |

    Aff-Wild2/VA_Estimation_Challenge/Train_Set/1-30-1280x720.txt           valence,arousal; then one line a frame
    Aff-Wild2/VA_Estimation_Challenge/Validation_Set/video63_left.txt
    Aff-Wild2/cropped_aligned/1-30-1280x720/00001.jpg

The images carry no clock: image n is shown at (n-1)/r s, where r is the rate in the video's name (1-30-1280x720: 30 frames/s), else
30. A missing image is a frame without a face; nothing moves up. A line with -5 is no label. Train_Set is the split train,
Validation_Set is dev; the labels of test are not public. Subjects are not named: each video counts as one, and a name that ends in
_left or _right is one of two people in an image.

References
----------
Kollias and Zafeiriou: Aff-Wild2, extending the Aff-Wild database for affect recognition. 2018.
"""

import io
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.datasets.assembly import GroupedNotes, add_once, build_recordings, files_by_name, listed
from stavis.data.datasets.folder import normal
from stavis.data.datasets.labels import INVALID as BLANK
from stavis.data.datasets.labels import text_of
from stavis.data.video.image_folder import IMAGE_SUFFIXES, numbered_images
from stavis.errors import StavisError
from stavis.timeline import MAX_GAP
from stavis.types import ImageNumbers, Recording

TITLE = "Aff-Wild2"
CHALLENGE, IMAGES = "VA_Estimation_Challenge", "cropped_aligned"
SETS = {"Train_Set": "train", "Validation_Set": "dev", "Test_Set": "test"}
INVALID = -5.0
FPS = 30.0
"""The rate of a video whose name does not give it, frames/s."""

_RATE = re.compile(r"\d+-(\d{2,3})-\d+x\d+")


def fits(root: Path) -> bool:
    """Whether a folder is Aff-Wild2's: the challenge's labels lie in it, or in one of its folders and the images beside that."""
    if (root / CHALLENGE).is_dir():
        return True
    labels, images = _below(root, CHALLENGE), _below(root, IMAGES)
    return labels is not None and images is not None and labels.parent != images.parent


def read(root: Path, *, max_gap: float | None = MAX_GAP) -> list[Recording]:
    """The recordings of Aff-Wild2: a folder of aligned faces and the labels of its frames each.

    What does not fit together is one of their notes. Raises StavisError where images or labels are missing altogether, a
    video is in two sets, or a label file is bad.
    """
    challenge, images = _below(root, CHALLENGE), _below(root, IMAGES)
    files: dict[str, tuple[str, Path]] = {}
    for folder, split in SETS.items():
        for name, path in files_by_name(challenge / folder, (".txt",)).items():
            if name in files:
                raise StavisError(f"{challenge}: {name} is in {files[name][1].parent.name} and in {folder}: keep each video in one set.")
            files[name] = (split, path)
    folders = _image_folders(images) if images else {}
    notes = GroupedNotes()

    def make(name: str) -> Recording:
        last = max(numbered_images(folders[name]))
        rate = _RATE.match(name)
        fps = float(rate[1]) if rate else FPS
        if name not in files:
            return Recording(name, folders[name], name, "test", images=ImageNumbers(fps, 1))
        split, path = files[name]
        values = read_frame_labels(path)
        if abs(len(values) - last) > 1:
            notes.add("labels not at the rate of the images, line k is taken as image k", f"{name} ({len(values)} lines, {last} images)")
        return Recording(
            name,
            folders[name],
            name,
            split,
            dimensions=("valence", "arousal"),
            label_times=np.arange(len(values)) / fps,
            labels=values,
            label_source="labels of each frame",
            images=ImageNumbers(fps, 1, len(values) if len(values) > last + 1 else None),
        )

    return build_recordings(root, TITLE, folders, files, notes, make, max_gap)


def read_frame_labels(path: Path) -> np.ndarray:
    """Valence and arousal of each frame: (N,2) in [-1,1], NaN in both where one of them is invalid (-5) or empty.

    Raises StavisError naming the file and the line where a value is no number or outside [-1,1].
    """
    lines = [line for line in text_of(path).splitlines() if line.strip()]
    header = [word.strip().lower() for word in lines[0].split(",")]
    if sorted(header) == ["arousal", "valence"]:
        lines = lines[1:]
    else:
        header = ["valence", "arousal"]
    try:
        table = io.StringIO("\n".join(lines))
        if any(line.count(",") != 1 for line in lines):
            raise ValueError
        values = (
            pd.read_csv(table, header=None, dtype=np.float64, na_values=list(BLANK), keep_default_na=False, skipinitialspace=True)
            .to_numpy()
            .reshape(len(lines), 2)
        )
    except ValueError:  # pandas' own errors are ValueErrors
        line = next((k for k, line in enumerate(lines) if not _is_pair(line)), 0)
        found = repr(lines[line][:40]) if lines else "missing"
        raise StavisError(f"{path}, value {line + 1} is {found}, expected valence,arousal: take another copy.") from None
    invalid = ((values == INVALID) | np.isnan(values)).any(1)
    bad = ~invalid & ~(np.abs(values) <= 1 + 1e-6).all(1)
    if bad.any():
        line = int(np.argmax(bad))
        raise StavisError(f"{path}, value {line + 1} is {lines[line][:40]!r}, outside [-1,1] and not -5: take another copy.")
    values = np.clip(values[:, [header.index("valence"), header.index("arousal")]], -1, 1)
    values[invalid] = np.nan
    return values


def _is_pair(line: str) -> bool:
    parts = line.split(",")
    try:
        return len(parts) == 2 and all(part.strip() in BLANK or math.isfinite(float(part)) for part in parts)
    except ValueError:
        return False


def _below(root: Path, name: str) -> Path | None:
    """The folder of that name in a folder or in one of its folders. Raises StavisError where there are several."""
    folders = [root / name, *(Path(entry.path) / name for entry in listed(root) if entry.is_dir())]
    found = [folder for folder in folders if folder.is_dir()]
    if len(found) > 1:
        raise StavisError(f"{root}: {name!r} is there twice ({found[0]}, {found[1]}): keep one of them.")
    return next(iter(found), None)


def _image_folders(images: Path, depth: int = 1) -> dict[str, Path]:
    """The folders that hold images, by name; they may lie one folder deeper (batch1, batch2).

    Raises StavisError where two have one name.
    """
    found: dict[str, Path] = {}
    for entry in listed(images):
        if not entry.is_dir():
            continue
        inside = listed(Path(entry.path))
        if any(Path(one.name).suffix.lower() in IMAGE_SUFFIXES for one in inside):
            add_once(found, normal(entry.name), Path(entry.path), images)
        elif depth:
            for name, path in _image_folders(Path(entry.path), depth - 1).items():
                add_once(found, name, path, images)
    return found
