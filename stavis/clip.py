"""A segment of a video as a network is shown it: frames, times, and what is known of each."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.regions import FACE, RegionSet, areas


class SharedMap(Protocol):
    """Anything that is shared among regions: attention, or an attribution."""

    def share(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """The fraction on each region."""
        ...

    def density(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """Share over area."""
        ...


def _check(ok: bool, message: str) -> None:
    if not ok:
        raise StavisError(message)


@dataclass(frozen=True, repr=False)
class Clip(ShortRepr):
    """A segment of face crops (or of whole frames) with their times, and what is known of each frame.

    Parameters
    ----------
    frames : np.ndarray
        (T,H,W,3) uint8 RGB.
    times : np.ndarray
        (T,) s, rising.
    labels : np.ndarray, optional
        (T,D) in [-1,1], one column per dimension.
    dimensions : tuple of str, default ("valence",)
        What the labels are of.
    regions : np.ndarray, optional
        (T,R,H,W) bool in the order of `region_set.names`, a partition of each frame.
    valid : np.ndarray, optional
        (T,) bool, whether a face was there. Default: everywhere.
    notes : tuple of str, optional
        A reason for each frame, '' where nothing is to say.
    recording : str, default ""
        The name of the recording it is from.
    region_set : RegionSet, default the parts of a face
        What the regions are called.
    subject : {"face", "frame"}, default "face"
        What the frames show: crops of a face, or whole frames of a video.
    content : np.ndarray, optional
        (H,W) bool, the pixels that show the video where some do not (the bars of a letterbox); only they count in shares.

    Raises
    ------
    StavisError
        Where the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from stavis.types import Clip
    >>> clip = Clip(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) / 6.25)
    >>> len(clip), len(clip[1:3]), bool(clip.valid.all())
    (4, 2, True)
    """

    frames: np.ndarray
    times: np.ndarray
    labels: np.ndarray | None = None
    dimensions: tuple[str, ...] = ("valence",)
    regions: np.ndarray | None = None
    valid: np.ndarray = None  # type: ignore[assignment]  # __post_init__ fills in what is None here
    notes: tuple[str, ...] = None  # type: ignore[assignment]
    recording: str = ""
    region_set: RegionSet = FACE
    subject: str = "face"
    content: np.ndarray | None = None
    _shown = ("recording", "frames", "labels", "dimensions")

    def __post_init__(self):
        f = self.frames
        _check(
            f.ndim == 4 and f.shape[3] == 3 and f.dtype == np.uint8,
            f"a clip's frames are (T,H,W,3) uint8, not {f.shape} {f.dtype}.",
        )
        _check(self.times.shape == (len(f),), f"a clip of {len(f)} frames needs as many times, not {self.times.shape}.")
        if self.valid is None:
            object.__setattr__(self, "valid", np.ones(len(f), bool))
        if self.notes is None:
            object.__setattr__(self, "notes", ("",) * len(f))
        _check(len(self.valid) == len(f) == len(self.notes), f"a clip of {len(f)} frames needs as many marks of validity and notes.")
        if self.labels is not None:
            _check(
                self.labels.shape == (len(f), len(self.dimensions)),
                f"a clip's labels are {self.labels.shape}, expected ({len(f)}, {len(self.dimensions)}).",
            )
        if self.regions is not None:
            expected = (len(f), len(self.region_set.names), *f.shape[1:3])
            _check(self.regions.shape == expected, f"a clip's regions are {self.regions.shape}, expected {expected}.")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, frames: slice | np.ndarray) -> "Clip":
        """The clip of a slice of the frames, or of those whose indices are given."""
        arrays = ("frames", "times", "labels", "regions", "valid")
        cut = {name: getattr(self, name)[frames] for name in arrays if getattr(self, name) is not None}
        return replace(self, **cut, notes=tuple(np.array(self.notes, object)[frames]))

    def share(self, maps: SharedMap) -> np.ndarray:
        """The fraction of a map of these frames on each region: (T,R); only pixels that show the video count.

        Raises StavisError where the regions are not known.
        """
        return maps.share(self._known_regions(), self.content, edge=self.region_set.edge)

    def density(self, maps: SharedMap) -> np.ndarray:
        """Share over area of each region: (T,R), 1 = what an even map has."""
        return maps.density(self._known_regions(), self.content, edge=self.region_set.edge)

    @property
    def areas(self) -> np.ndarray:
        """The fraction of the pixels that show the video on each region: (T,R)."""
        return areas(self._known_regions(), self.content)

    def _known_regions(self) -> np.ndarray:
        if self.regions is None:
            raise StavisError(f"the regions of {self.recording or 'a clip'} are not known: track its face, or give regions.")
        return self.regions

    @property
    def no_frame_text(self) -> str:
        """What is said of frames that are not valid, where they have no note of their own."""
        return "no face found" if self.subject == "face" else "not read"
