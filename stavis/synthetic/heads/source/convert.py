"""The published head model (ICT-FaceKit, 155 OBJ files in one archive) as a few arrays."""

import json
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.heads.shapes import MODEL_SHAPES

_PARTS = (
    ("face", 0, 9229), ("head", 9230, 11143), ("mouth_socket", 11144, 13225), ("gums", 14034, 17005), ("teeth", 17006, 21495),
    ("sclera_l", 21496, 22295), ("iris_l", 22296, 23093), ("sclera_r", 23094, 23893), ("iris_r", 23894, 24691),
    ("lash_l", 25304, 25843), ("lash_r", 25844, 26383),
)  # fmt: skip
"""The polygons of each part that is kept, first and last, as the archive's own description numbers them."""
_MOLARS = ((17006, 17397), (18858, 19249), (19250, 19615), (21131, 21495))
"""Polygons of teeth that are never seen."""
_MODES = 100
_MOVED = 1e-3  # cm; vertices that a shape moves less are left out


def convert_archive(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the head model in a zip archive of the repository, about 25 s.

    Raises StavisError where the archive is damaged or lacks a file of the model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = {PurePosixPath(name).name: name for name in archive.namelist() if "/FaceXModel/" in f"/{name}"}
            neutral = archive.read(files["generic_neutral_mesh.obj"])
            marks = json.loads(archive.read(files["vertex_indices.json"]))["idx_to_landmark_verts"]
            arrays, used = _topology(neutral)
            base = _vertices(neutral)
            arrays |= _expressions((_vertices(archive.read(files[f"{name}.obj"])) - base)[used] for name in MODEL_SHAPES)
            modes = [(_vertices(archive.read(files[f"identity{k:03d}.obj"])) - base)[used].astype(np.float16) for k in range(_MODES)]
    except KeyError as error:
        raise StavisError(f"{path} lacks {error.args[0]} of the head model: get the archive of its published version.") from error
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, IndexError) as error:
        raise StavisError(f"{path} is no archive of the head model ({type(error).__name__}): get its published version.") from error
    arrays |= {"neutral": base[used].astype(np.float32), "identity": np.stack(modes), "expressions": np.array(MODEL_SHAPES)}
    arrays["landmarks"] = np.searchsorted(used, marks).astype(np.uint16)
    return arrays


def _vertices(text: bytes) -> np.ndarray:
    """(n,3) float64 cm."""
    rows = [line[2:] for line in text.split(b"\n") if line.startswith(b"v ")]
    return np.array(b" ".join(rows).split(), np.float64).reshape(-1, 3)


def _topology(text: bytes) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Triangles, their places in the texture and their parts; and the vertices that are used."""
    places, polygons = [], []
    for line in text.split(b"\n"):
        if line.startswith(b"vt "):
            places.append(line.split()[1:3])
        elif line.startswith(b"f "):
            polygons.append([tuple(int(k) - 1 for k in corner.split(b"/")[:2]) for corner in line.split()[1:]])
    corners, part = [], []
    for number, (name, first, last) in enumerate(_PARTS):
        for k in range(first, last + 1):
            if name == "teeth" and any(low <= k <= high for low, high in _MOLARS):
                continue
            polygon = polygons[k]
            for j in range(1, len(polygon) - 1):
                corners.append((polygon[0], polygon[j], polygon[j + 1]))
                part.append(number)
    corners = np.array(corners)
    triangles, uv = corners[..., 0], corners[..., 1]
    used, uv_used = np.unique(triangles), np.unique(uv)
    triangles = np.searchsorted(used, triangles)
    vertex_part = np.zeros(len(used), np.uint8)
    for k in range(3):
        vertex_part[triangles[:, k]] = part
    return {
        "tris": triangles.astype(np.uint16),
        "uv": np.array(places, np.float64)[uv_used].astype(np.float16),
        "uvtris": np.searchsorted(uv_used, uv).astype(np.uint16),
        "tpart": np.array(part, np.uint8),
        "vpart": vertex_part,
        "parts": np.array([name for name, _, _ in _PARTS]),
    }, used


def _expressions(offsets) -> dict[str, np.ndarray]:
    """The vertices that each shape moves, one shape after the other."""
    values, index = [], []
    for moved in offsets:
        moved[np.abs(moved) < 0.2 * _MOVED] = 0
        index.append(np.flatnonzero(np.abs(moved).max(1) > _MOVED))
        values.append(moved[index[-1]])
    return {
        "e_values": np.concatenate(values).astype(np.float16),
        "e_index": np.concatenate(index).astype(np.uint16),
        "e_count": np.array([len(one) for one in index], np.int32),
    }
