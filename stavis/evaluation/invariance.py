"""How much a prediction changes where the face does not: under a mirror, small shifts, zoom, gamma and compression of the crops."""

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from stavis.data.crops.crops import Crops
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import Progress, read

SHIFT = 4 / 112
"""By which fraction of the crop's side it is shifted: left, right, up and down."""
ZOOM = 0.08
"""By which fraction it is enlarged and reduced about its centre."""
GAMMAS = (0.7, 1.4)
JPEG_QUALITY = 30

Change = Callable[[np.ndarray], np.ndarray]


def mirrored(image: np.ndarray) -> np.ndarray:
    """The mirror image of a crop (S,S,3) uint8."""
    return image[:, ::-1]


def moved(image: np.ndarray, x: float = 0.0, y: float = 0.0, zoom: float = 1.0) -> np.ndarray:
    """A crop (S,S,3) uint8 shifted by x and y (fractions of its side, to the right and down) and enlarged about its centre; its edge
    goes on where nothing is known."""
    side = image.shape[0]
    centre = (side - 1) / 2
    affine = np.array([[zoom, 0, centre * (1 - zoom) + x * side], [0, zoom, centre * (1 - zoom) + y * side]])
    return cv2.warpAffine(image, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def with_gamma(image: np.ndarray, gamma: float) -> np.ndarray:
    """A crop (S,S,3) uint8 whose values in [0,1] are raised to a power: below 1 it is brighter, above 1 darker."""
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return table[image]


def compressed(image: np.ndarray, quality: int = JPEG_QUALITY) -> np.ndarray:
    """A crop (S,S,3) uint8 as it comes back from a JPEG file of this quality."""
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


CHANGES: dict[str, tuple[Change, ...]] = {
    "mirror": (mirrored,),
    "shift": tuple(partial(moved, x=x, y=y) for x, y in ((SHIFT, 0), (-SHIFT, 0), (0, SHIFT), (0, -SHIFT))),
    "zoom": tuple(partial(moved, zoom=1 + zoom) for zoom in (ZOOM, -ZOOM)),
    "gamma": tuple(partial(with_gamma, gamma=gamma) for gamma in GAMMAS),
    "jpeg": (compressed,),
}
"""The changes by name, each a function of a crop; a name of several is measured over all of them."""
COLUMNS = tuple(f"rms_{name}" for name in CHANGES)


def invariance(
    net: VideoReader, crops: Crops | Sequence[Crops], *, dimension: str | None = None, progress: Progress | None = None
) -> dict[str, float]:
    """How far the prediction moves when crops are changed and the expression in them is not: 0 is what is wanted.

    rms_mirror, rms_shift (4 of 112 px left, right, up, down), rms_zoom (8 % in and out), rms_gamma (.7 and 1.4), rms_jpeg (quality 30):
    the root mean square of the change, over frames with a face, variants and, of several crops, all of them; in the unit of the
    prediction, NaN where no frame has a face. dimension: the output that is meant, by default "valence", else the first.
    Each of the ten variants is one more reading of the crops; memory does not grow with them. progress: called with the variants
    read and their number.
    """
    several = [crops] if isinstance(crops, Crops) else list(crops)
    column = column_of(net, dimension)
    squares = {name: [] for name in CHANGES}
    total, read_so_far = len(several) * sum(len(variants) for variants in CHANGES.values()), 0
    for one in several:
        before = net.read_crops(one).prediction.values[one.valid, column]
        for name, variants in CHANGES.items():
            for change in variants:
                after = read(net.network, _Changed(one.frames, change), one.times, mirror=net.mirror).prediction.values[one.valid, column]
                squares[name].append((after - before) ** 2)
                read_so_far += 1
                if progress:
                    progress(read_so_far, total)
    joined = {name: np.concatenate(values) if values else np.empty(0) for name, values in squares.items()}
    return {f"rms_{name}": float(np.sqrt(values.mean())) if len(values) else float("nan") for name, values in joined.items()}


def column_of(net: VideoReader, dimension: str | None = None) -> int:
    """Which column of its predictions is meant by a name: without one that of valence, or the first of a network without valence.

    Raises StavisError where the network has no such output.
    """
    if dimension is None:
        return net.dimensions.index("valence") if "valence" in net.dimensions else 0
    return net.dimensions.index(net.dimension_of(dimension))


class _Changed:
    """Crops that are changed when they are taken: no second copy of a long video."""

    def __init__(self, frames: np.ndarray, change: Change):
        self._frames, self._change = frames, change

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return np.stack([self._change(image) for image in np.asarray(self._frames[which])])
