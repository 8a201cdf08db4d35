"""The nouns of stavis. Each is frozen, and checks the shapes it promises when it is made.

Axis letters: B batch, T frame, C channel, H W image, h w feature grid, D emotion dimension, R region, L landmark.
Time is in seconds, from the container's own clock.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stavis.clip import Clip as Clip
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.regions import densities, shares
from stavis.timeline import MAX_GAP


def _check(ok: bool, message: str) -> None:
    if not ok:
        raise StavisError(message)


@dataclass(frozen=True, repr=False)
class ImageNumbers(ShortRepr):
    """How the numbered images of a folder are a video: image `first` is shown at 0 s, each later number 1/fps s after the one before.

    frames: how many there are (None: up to the highest number there is). A number without an image is a frame without a face.
    """

    fps: float
    first: int = 0
    frames: int | None = None

    def __post_init__(self):
        _check(np.isfinite(self.fps) and 0 < self.fps <= 10000, f"images cannot come at {self.fps} frames/s: give a rate above 0.")


@dataclass(frozen=True, repr=False)
class Recording(ShortRepr):
    """One video with its subject, its split and its labels at their own times.

    Parameters
    ----------
    name : str
        What the recording is called in tables and files.
    video : Path
        The video file, or the folder of its numbered images.
    subject, split : str
        The person shown, and train, dev or test; '' where none is known.
    dimensions : tuple of str
        The D emotion dimensions of `labels`, in order.
    label_times : numpy.ndarray of shape (N,) or None
        The times of the labels in seconds from the start of the video, rising.
    labels : numpy.ndarray of shape (N, D) or None
        The labels in [-1,1], NaN where one is invalid.
    raters : dict of str to numpy.ndarray of shape (N, K)
        The ratings of each dimension in [-1,1], one row per label time, one column per rater.
    own_rows : dict of str to numpy.ndarray of shape (N,)
        Where dimensions were labelled at times of their own: at which rows each was given; at the others it is what lies between those.
        Empty where all rows are everyone's.
    truth : Path or None
        The file of a synthetic recording's known truth.
    rater_names : dict of str to tuple of str
        The names of the K raters of each dimension.
    label_source : str
        Where the labels are from, as text.
    exclude : tuple of (float, float, str)
        Ranges (start s, end s, reason) that neither training nor metrics use.
    images : ImageNumbers or None
        Set where `video` is a folder of numbered images.
    stream : int or None
        The number of the video stream in the file; None: the best by libav's rule, never a cover picture.
    max_gap : float or None
        Between labels further apart than this many median steps there is no label; None bridges any gap.
    time_unit : str
        The unit that the label times were explicitly given in; '' where they are taken as seconds and checked against the video.
    notes : tuple of str
        What a user must know of the recording and its data set besides.

    Raises
    ------
    StavisError
        Where the labels' shape does not fit times and dimensions.

    Examples
    --------
    >>> import numpy as np, stavis
    >>> times = np.arange(0, 2, 0.5)
    >>> one = stavis.Recording("a", "a.mp4", dimensions=("valence",), label_times=times, labels=np.zeros((4, 1)))
    >>> one.labels.shape, one.split
    ((4, 1), '')
    """

    name: str
    video: Path
    subject: str = ""
    split: str = ""
    dimensions: tuple[str, ...] = ()
    label_times: np.ndarray | None = None
    labels: np.ndarray | None = None
    raters: dict[str, np.ndarray] = field(default_factory=dict)
    truth: Path | None = None
    rater_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label_source: str = ""
    exclude: tuple[tuple[float, float, str], ...] = ()
    images: ImageNumbers | None = None
    max_gap: float | None = MAX_GAP
    time_unit: str = ""
    notes: tuple[str, ...] = ()
    stream: int | None = None
    own_rows: dict[str, np.ndarray] = field(default_factory=dict)
    _shown = ("name", "video", "subject", "split", "dimensions", "labels")

    def __post_init__(self):
        if self.labels is not None:
            n = len(self.label_times)
            _check(
                self.labels.shape == (n, len(self.dimensions)),
                f"recording {self.name}: labels are {self.labels.shape}, expected ({n}, {len(self.dimensions)}).",
            )


@dataclass(frozen=True, repr=False)
class FaceTrack(ShortRepr):
    """One face through a video, in pixels of the upright source. Where there is no face the numbers are NaN and `valid` is False.

    Parameters
    ----------
    times : ndarray (T,) float64
        Times of the frames in s, on the container's clock.
    boxes : ndarray (T, 4)
        x0, y0, x1, y1 of the face in px.
    landmarks : ndarray (T, L, 2)
        Points in px; L tells the layout (478: MediaPipe, 124: synthetic faces).
    score : ndarray (T,)
        How sure the tracker is that there is a face, in [0,1].
    affine : ndarray (T, 2, 3)
        Maps pixels of the source to pixels of the crop.
    valid : ndarray (T,) bool
        Whether the frame shows the face.
    blendshapes : ndarray (T, 52), optional
        Activations of the expression shapes in [0,1].
    notes : tuple of str
        For each frame why there is no face, empty where there is one.
    bridged : ndarray (T,) bool, optional
        Frames without the face beside others, in the same shot, in which it is at one place: most likely it is covered or turned aside
        there. They are between two frames with it that are at most 5 s apart, or, of a face at rest, in the 5 s to an end of the video.

    Examples
    --------
    >>> import numpy as np, stavis
    >>> nothing = np.full((2, 478, 2), np.nan)
    >>> track = stavis.FaceTrack(
    ...     times=np.array([0.0, 0.04]), boxes=np.full((2, 4), np.nan), landmarks=nothing, score=np.zeros(2),
    ...     affine=np.zeros((2, 2, 3)), valid=np.zeros(2, bool), notes=("no face found", "no face found"),
    ... )
    >>> int(track.valid.sum())
    0
    """

    times: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    score: np.ndarray
    affine: np.ndarray
    valid: np.ndarray
    blendshapes: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    bridged: np.ndarray | None = None


@dataclass(frozen=True)
class Target:
    """What an attribution explains: one emotion dimension, at one frame or as its mean over the clip.

    Parameters
    ----------
    dimension : str, default "valence"
        One of the network's `dimensions`.
    frame : int, optional
        The frame, counted from 0. Default: the mean over the frames with a face.

    Examples
    --------
    >>> from stavis.types import Target
    >>> Target(frame=3)
    Target(dimension='valence', frame=3)
    """

    dimension: str = "valence"
    frame: int | None = None


@dataclass(frozen=True, repr=False)
class Prediction(ShortRepr):
    """What a network predicts for a recording.

    Parameters
    ----------
    times : ndarray (T,)
        Times of the frames in s.
    values : ndarray (T, D)
        One column per dimension; in [-1,1] unless the network has another range.
    dimensions : tuple of str
        The names of the columns, such as ("valence",).
    bounds : (float, float) or None
        The range of the values, (0,1) for probabilities of classes; None where it is not known.

    Raises
    ------
    StavisError
        Where the shape of `values` does not fit times and dimensions.

    Examples
    --------
    >>> import numpy as np, stavis
    >>> stavis.Prediction(np.array([0.0, 0.04]), np.array([[0.1], [0.2]]), ("valence",)).values.shape
    (2, 1)
    """

    times: np.ndarray
    values: np.ndarray
    dimensions: tuple[str, ...]
    bounds: tuple[float, float] | None = (-1.0, 1.0)
    _shown = ("values", "dimensions")

    def __post_init__(self):
        _check(
            self.values.shape == (len(self.times), len(self.dimensions)),
            f"predictions are {self.values.shape}, expected ({len(self.times)}, {len(self.dimensions)}).",
        )

    @property
    def shown_range(self) -> tuple[float, float] | None:
        """The range an axis shows: the bounds; where they are not known (-1,1) if all values lie in it, else None."""
        if self.bounds is not None:
            return self.bounds
        known = self.values[np.isfinite(self.values)]
        return (-1.0, 1.0) if not (np.abs(known) > 1).any() else None


@dataclass(frozen=True, repr=False)
class AttentionMaps(ShortRepr):
    """Where a network looked, frame by frame.

    Parameters
    ----------
    weights : array (T,h,w)
        Attention over the cells of a grid, non-negative; each frame sums to 1.
    times : array (T,)
        Seconds, one time per frame.

    Raises
    ------
    StavisError
        Where the two do not belong together.

    Examples
    --------
    >>> weights = np.zeros((2, 4, 4))
    >>> weights[:, 3, 1:3] = 0.5
    >>> maps = AttentionMaps(weights, np.array([0.0, 0.04]))
    >>> lower_half = np.zeros((2, 1, 8, 8), bool)
    >>> lower_half[:, :, 4:] = True
    >>> maps.share(lower_half).tolist(), maps.density(lower_half).tolist()
    ([[1.0], [1.0]], [[2.0], [2.0]])
    >>> maps.entropy().tolist()
    [0.25, 0.25]
    """

    weights: np.ndarray
    times: np.ndarray
    _shown = ("weights",)

    def __post_init__(self):
        _check(
            self.weights.ndim == 3 and len(self.weights) == len(self.times),
            f"attention weights are (T,h,w) with one time per frame, not {self.weights.shape} with {len(self.times)} times.",
        )

    def share(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """The fraction of the attention on each region; `clip.share(maps)` takes the regions, and their edge, from a clip.

        Parameters
        ----------
        regions : array (T,R,H,W) of bool
            Masks over the pixels of the crop; those of a clip are a partition, in the order of its `region_set`.
        within : array (H,W) of bool, optional
            The pixels that count; by default all.
        edge : float, default 0
            The width of the regions' outlines in cells of the map; 1 for those of a face, see `stavis.regions.shares`.

        Returns
        -------
        array (T,R), in [0,1]
            Over a partition each frame sums to 1; NaN in frames without attention.
        """
        return shares(self.weights, regions, within, edge=edge)

    def density(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """Share over area of each region: (T,R), 1 = uniform attention, NaN where the region covers nothing. Arguments as for `share`."""
        return densities(self.weights, regions, within, edge=edge)

    def entropy(self) -> np.ndarray:
        """How evenly the attention is spread over the cells: (T,) in [0,1]; 0 = one cell, 1 = uniform."""
        weights = self.weights.reshape(len(self.weights), -1).astype(np.float64)
        logs = np.log(weights, where=weights > 0, out=np.zeros_like(weights))
        return -(weights * logs).sum(1) / np.log(weights.shape[1])


COMPLETE = 0.01
"""The largest completeness error of an attribution that needs no word of caution."""


@dataclass(frozen=True, repr=False)
class Attribution(ShortRepr):
    """How much each pixel moved the target, signed, on the clip's grid.

    Parameters
    ----------
    method : str
        The method's label.
    target : Target
        What is explained.
    values : np.ndarray
        (T,H,W) float32, in units of the target, the colour channels summed.
    times : np.ndarray
        (T,) s.
    relative_delta : float, optional
        The completeness error `|sum − (f(x) − f(baseline))| / |f(x) − f(baseline)|`; None for methods that promise no completeness.
        Above `COMPLETE` the result is not `complete`, and a figure of it carries a warning.
    seconds : float, optional
        What it took.
    notes : tuple of str, default ()
        What must be known beside the numbers, a sentence each.

    Raises
    ------
    StavisError
        Where the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from stavis.types import Attribution, Target
    >>> one = Attribution("Saliency", Target(), np.zeros((2, 4, 4), np.float32), np.array([0.0, 0.16]), relative_delta=0.002)
    >>> one.complete
    True
    """

    method: str
    target: Target
    values: np.ndarray
    times: np.ndarray
    relative_delta: float | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    _shown = ("method", "values", "relative_delta", "seconds")

    def __post_init__(self):
        _check(
            self.values.ndim == 3 and len(self.values) == len(self.times),
            f"attribution values are (T,H,W) with one time a frame, not {self.values.shape} with {len(self.times)} times.",
        )

    def share(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """The fraction of the values, by their size, on each region (T,R,H,W) bool: (T,R); NaN where they are all 0 or one is NaN.

        within (H,W) bool: the pixels that count; by default all. edge: the width of the outlines in pixels of the map.
        """
        return shares(self.values, regions, within, edge=edge)

    def density(self, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
        """Share over area of each region: (T,R), 1 = what uniform values have."""
        return densities(self.values, regions, within, edge=edge)

    @property
    def complete(self) -> bool | None:
        """Whether the values add up to what they explain, to 1 %; None for methods that promise no completeness."""
        return None if self.relative_delta is None else self.relative_delta <= COMPLETE
