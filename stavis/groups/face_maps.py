"""The maps of one recording on the canonical face, averaged over its frames: what `stavis explain` keeps for groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.faces.alignment import apply_affine
from stavis.errors import StavisError
from stavis.groups.canonical import GRID, VERSION, Placement, canonical_face
from stavis.inference.explained import ExplainedVideo
from stavis.inference.reading import Reading
from stavis.printable import ShortRepr
from stavis.storage.files import atomic_file
from stavis.trust.nulls import centre, edges

FILE = "face_maps.npz"
ATTENTION, CENTRE, EDGES = "attention", "control: middle of the crop", "control: edges of the image"
_CHUNK = 256  # frames that are in memory at once


@dataclass(frozen=True, repr=False)
class FaceMaps(ShortRepr):
    """Mean maps of one recording on the canonical face.

    names: what the K maps are; density (K,P): mean over the frames in which a cell is visible, 1 is what an even map has, NaN where it
    never is; frames (K,P): in how many frames each cell is visible.
    """

    names: tuple[str, ...]
    density: np.ndarray
    frames: np.ndarray

    @classmethod
    def of(cls, explained: ExplainedVideo | Reading) -> "FaceMaps | None":
        """Of a video that was read or explained: its attention over all frames, attributions over the explained segment, and two controls
        (the middle of the crop; the edges of the image, over the segment). None where no face was tracked."""
        reading = explained if isinstance(explained, Reading) else explained.reading
        crops = reading.crops if isinstance(explained, Reading) else explained.crops
        if crops is None or crops.track is None or crops.subject != "face":
            return None
        middle = np.broadcast_to(centre((1, GRID, GRID)), (len(crops), GRID, GRID))
        maps = {} if reading.attention is None else {ATTENTION: (reading.attention.weights, 0)}
        if isinstance(explained, ExplainedVideo):
            start = explained.segment.start
            grid = (GRID // 2, GRID // 2) if reading.attention is None else reading.attention.weights.shape[1:]
            maps |= {name: (attribution.values, start) for name, attribution in explained.attributions.items()}
            maps[EDGES] = edges(explained.clip, grid), start
        maps[CENTRE] = middle, 0
        return cls(tuple(maps), *_means(crops, list(maps.values())))

    def write(self, folder: Path) -> None:
        """Write face_maps.npz into a folder, whole or not at all."""
        face = canonical_face()
        frames = np.nan_to_num(face.image(self.frames)).astype(np.int32)
        density = face.image(self.density).astype(np.float32)
        with atomic_file(folder / FILE) as temporary:
            np.savez_compressed(temporary, maps=np.array(self.names), density=density, frames=frames, version=np.array(VERSION))

    @classmethod
    def read(cls, folder: Path) -> "FaceMaps | None":
        """The maps in a folder that `stavis explain` wrote; None where it holds none (no face was tracked, or an older version wrote it).

        Raises StavisError where the file is damaged or of another canonical face.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                version = int(file["version"])
                names, density, frames = (file[name] for name in ("maps", "density", "frames"))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise StavisError(f"{path} is damaged or no file of face maps: explain the video again.") from error
        if version != VERSION or density.shape != (len(names), GRID, GRID) or frames.shape != density.shape:
            raise StavisError(f"{path} holds maps on another canonical face: explain the video again with this version of stavis.")
        mask = canonical_face().mask
        return cls(tuple(map(str, names)), density[:, mask].astype(np.float64), frames[:, mask].astype(np.int64))

    def mirrored(self) -> "FaceMaps":
        """The same maps with left and right exchanged: of a recording that shows its person mirrored."""
        opposite = canonical_face().opposite
        return replace(self, density=self.density[:, opposite], frames=self.frames[:, opposite])

    def map(self, name: str) -> np.ndarray | None:
        """The density (P,) of one map; None where there is none of that name."""
        return self.density[self.names.index(name)] if name in self.names else None


def _means(crops: Crops, maps: Sequence[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean density (K,P) of maps (T,h,w), each of the frames from its start on, and in how many frames (K,P) each cell is visible."""
    shape = (len(maps), int(canonical_face().mask.sum()))
    total, count = np.zeros(shape), np.zeros(shape, np.int64)
    for first in range(0, len(crops), _CHUNK):
        chunk = slice(first, min(first + _CHUNK, len(crops)))
        landmarks = apply_affine(crops.affine[chunk], np.asarray(crops.track.landmarks[chunk], np.float64))
        placement = Placement.of(landmarks, crops.size, crops.valid[chunk] & crops.kept[chunk])
        for k, (values, start) in enumerate(maps):
            low, high = max(first, start), min(chunk.stop, start + len(values))
            if low < high:
                placed = placement.part(slice(low - first, high - first)).density(values[low - start : high - start])
                seen = np.isfinite(placed)
                total[k] += np.where(seen, placed, 0).sum(0)
                count[k] += seen.sum(0)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0), count
