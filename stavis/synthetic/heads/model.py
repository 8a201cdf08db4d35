"""The head model: ICT-FaceKit's neutral head, its 100 identity modes and 57 expression shapes."""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.heads.shapes import MODEL_SHAPES

TABLE = Path(__file__).parent / "mediapipe_on_ict.npz"
"""The 478 landmarks of the tracker as triangles of the model and weights in them: made by stavis.synthetic.heads.source.landmark_fit."""
ARRAYS = {
    "neutral": (23731, 3), "tris": (46486, 3), "uv": (25497, 2), "uvtris": (46486, 3), "tpart": (46486,), "vpart": (23731,), "parts": (11,),
    "expressions": (57,), "landmarks": (68,), "e_values": (320739, 3), "e_index": (320739,), "e_count": (57,), "identity": (100, 23731, 3),
}  # fmt: skip
"""The arrays of a converted model and their shapes."""


SHA256 = "2b0d542e3b865bd0ffdd63268e1818f2c1a94f65d1ea4961a7fa6ee91f75189e"
"""Of the arrays of the model that is known here, see `arrays_hash`."""


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A morphable head in cm; x to the person's left (the image's right), y up, z to the viewer.

    neutral (n,3); triangles (m,3); uv (k,2), uv_triangles (m,3); triangle_part (m,) and vertex_part (n,) indices into parts; the
    expressions' names, and their offsets one shape after the other: shape_values (s,3), shape_index (s,), shape_count (57,); identity
    (100,n,3); landmarks (68,) vertices; landmark_triangles (478,3) and landmark_weights (478,3) in the layout MEDIAPIPE.
    """

    path: Path
    neutral: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    triangle_part: np.ndarray
    vertex_part: np.ndarray
    parts: tuple[str, ...]
    expressions: tuple[str, ...]
    shape_values: np.ndarray
    shape_index: np.ndarray
    shape_count: np.ndarray
    identity: np.ndarray
    landmarks: np.ndarray
    landmark_triangles: np.ndarray
    landmark_weights: np.ndarray


def read_model(path: Path) -> HeadModel:
    """The model of a converted file.

    Raises StavisError where the file is missing, damaged, of other sizes or of other shapes.
    """
    arrays = read_arrays(path)
    table = landmark_table()
    return HeadModel(
        path=path,
        neutral=arrays["neutral"].astype(np.float32),
        triangles=arrays["tris"].astype(np.int32),
        uv=arrays["uv"].astype(np.float32),
        uv_triangles=arrays["uvtris"].astype(np.int32),
        triangle_part=arrays["tpart"].astype(np.int64),
        vertex_part=arrays["vpart"].astype(np.int64),
        parts=tuple(str(name) for name in arrays["parts"]),
        expressions=tuple(str(name) for name in arrays["expressions"]),
        shape_values=arrays["e_values"].astype(np.float32),
        shape_index=arrays["e_index"].astype(np.int64),
        shape_count=arrays["e_count"].astype(np.int64),
        identity=arrays["identity"],
        landmarks=arrays["landmarks"].astype(np.int64),
        landmark_triangles=table["triangles"].astype(np.int64),
        landmark_weights=table["weights"].astype(np.float64),
    )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a converted file, each of the size that is known; raises StavisError as `read_model`."""
    again = "remove it and run `stavis fetch-models --heads`"
    if not path.is_file():
        raise StavisError(f"{path} is missing or no file: give the path of a converted head model, or none to have it fetched.")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                raise StavisError(f"{path} is no head model of this version ({', '.join(missing)} missing): {again}.")
            arrays = {name: file[name] for name in ARRAYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StavisError(f"{path} is damaged or no head model ({type(error).__name__}): {again}.") from error
    names = tuple(str(name) for name in arrays["expressions"])
    if names != MODEL_SHAPES:
        other = sorted(set(names) ^ set(MODEL_SHAPES))[:3] or list(names[:3])
        raise StavisError(f"{path} has other expression shapes than those known here ({', '.join(other)}...): {again}.")
    for name, shape in ARRAYS.items():
        if arrays[name].shape != shape:
            raise StavisError(f"{path} is another version of the head model ({name} is {arrays[name].shape}, not {shape}): {again}.")
    if arrays_hash(arrays) != SHA256:
        raise StavisError(f"{path} is another version of the head model (the sha256 of its arrays differs): {again}.")
    return arrays


def arrays_hash(arrays: dict[str, np.ndarray]) -> str:
    """sha256 (hex) of the arrays of a converted model, whatever the file that holds them was compressed by."""
    digest = hashlib.sha256()
    for name in sorted(ARRAYS):
        digest.update(name.encode() + str(arrays[name].dtype).encode() + str(arrays[name].shape).encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def landmark_table() -> dict[str, np.ndarray]:
    """triangles (478,3) and weights (478,3) of the tracker's landmarks on the model."""
    with np.load(TABLE, allow_pickle=False) as file:
        return {name: file[name] for name in ("triangles", "weights")}
