"""RECOLA as distributed: spontaneous French video calls, valence and arousal marked continuously by six raters.

| | |
|---|---|
| what | 23 public recordings of one person each, the first 5 minutes, 25 frames/s, colour, one face |
| labels | valence and arousal in [-1,1], six raters (FM1 FM2 FM3 FF1 FF2 FF3), every .04 s from 0 to 300 s: 7501 rows |
| licence | end-user licence agreement, research of academic institutions only; nothing may be passed on |
| apply | https://diuf.unifr.ch/main/diva/recola/ |

    RECOLA/RECOLA-Video-recordings/P16.mp4
    RECOLA/RECOLA-Annotation/emotional_behaviour/valence/P16.csv     time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3
    RECOLA/RECOLA-Annotation/emotional_behaviour/arousal/P16.csv

The labels are the gold standard that is made of the six raters here ("CCC centring", see stavis.data.datasets.gold.gold_standard); the
gold of the challenge packages differs from it where the organisers used other raters or years. Splits are those of the AV+EC challenges;
their test recordings are not public, five public recordings are in no split. There is one label row more than frames: the last one
is not used.

References
----------
Ringeval, Sonderegger, Sauer, Lalanne: Introducing the RECOLA multimodal corpus of remote collaborative and affective interactions.
2013.
"""

from pathlib import Path

from stavis.data.datasets.assembly import GroupedNotes, build_recordings, files_by_name, note_rate, of_raters, videos_below
from stavis.data.datasets.labels import read_raters
from stavis.timeline import MAX_GAP
from stavis.types import Recording

TITLE = "RECOLA"
VIDEOS, ANNOTATION = "RECOLA-Video-recordings", "RECOLA-Annotation"
RATE = 25.0
DIMENSIONS = ("valence", "arousal")
PARTITION = {
    "train": (16, 21, 23, 25, 37, 39, 41, 46, 56),
    "dev": (19, 26, 28, 30, 34, 42, 45, 64, 65),
    "test": (13, 20, 32, 38, 47, 49, 53, 59, 63),
}
"""The people of the challenges' partitions; those of test are not public."""

_SPLIT_OF = {f"P{number}": split for split, numbers in PARTITION.items() for number in numbers}


def fits(root: Path) -> bool:
    """Whether a folder is RECOLA's: its annotation, or its videos, lie in it under their own names."""
    return (root / ANNOTATION).is_dir() or (root / VIDEOS).is_dir()


def read(root: Path, *, max_gap: float | None = MAX_GAP) -> list[Recording]:
    """The recordings of RECOLA with the gold standard of their raters.

    What does not fit together is one of their notes. Raises StavisError where videos or labels are missing altogether, or a
    label file is bad.
    """
    videos = videos_below(root / VIDEOS, 1)
    behaviour = root / ANNOTATION / "emotional_behaviour"
    files = {dimension: files_by_name(behaviour / dimension, (".csv",)) for dimension in DIMENSIONS}
    notes = GroupedNotes()
    notes.add("recordings in no split of the challenges", sorted(set(videos) - set(_SPLIT_OF)))

    def make(name: str) -> Recording:
        ratings = {dimension: read_raters(found[name]) for dimension, found in files.items() if name in found}
        for dimension, one in ratings.items():
            note_rate(notes, f"{dimension} of {name}", one.times, RATE)
        labels = of_raters(name, ratings, notes, max_gap) if ratings else {}
        return Recording(name, videos[name], name, _SPLIT_OF.get(name, ""), **labels)

    return build_recordings(root, TITLE, videos, set().union(*files.values()), notes, make, max_gap)
