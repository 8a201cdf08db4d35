"""What is rendered of a person in a frame: the head's mesh, and the solid things before it."""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.heads.people.person import HeadPerson
from stavis.synthetic.heads.scene.kernels import CLOTH, CUP, EYE, HAIR, HAND
from stavis.synthetic.heads.scene.mesh import HeadMesh
from stavis.synthetic.heads.scene.solids import Solid


@dataclass(frozen=True, eq=False)
class Body:
    """triangles (m,3), uv_triangles (m,3), parts (m,), both_sides (m,): as HeadMesh has them; those from `inner` on lie inside the mouth.

    solid (k,3): those that cast shadows; colours (n,3) linear; sway, setback, radius (n,), as HeadMesh has them.
    """

    triangles: np.ndarray
    uv_triangles: np.ndarray
    parts: np.ndarray
    both_sides: np.ndarray
    inner: int
    solid: np.ndarray
    colours: np.ndarray
    sway: np.ndarray
    setback: np.ndarray
    radius: np.ndarray


def body_of(person: HeadPerson, mesh: HeadMesh, held: tuple[Solid, ...] = ()) -> Body:
    """A person with what is held before the face; its vertices follow those of the person, in this order."""
    inner, count = person.inner, len(person.points)
    starts = count + np.cumsum([0, *(len(one.points) for one in held)])
    added = [np.ascontiguousarray(one.triangles + start, np.int32) for one, start in zip(held, starts, strict=False)]
    kinds = [one.parts.astype(person.parts.dtype) for one in held]
    extra, more = int(starts[-1]) - count, sum(len(one) for one in added)

    def between(values: np.ndarray, new: list[np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate([values[:inner], *new, values[inner:]]))

    triangles, parts = between(person.triangles, added), between(person.parts, kinds)
    shades = ((parts <= HAIR) & (parts != EYE) & (parts != CLOTH)) | (parts == HAND) | (parts == CUP)
    return Body(
        triangles=triangles,
        uv_triangles=between(person.uv_triangles, [np.zeros((more, 3), person.uv_triangles.dtype)]),
        parts=parts,
        both_sides=between(person.both_sides, [(one == CUP).astype(person.both_sides.dtype) for one in kinds]),
        inner=inner + more,
        solid=np.ascontiguousarray(triangles[shades]),
        colours=np.concatenate([person.colours, *(one.colours for one in held)]).astype(np.float32),
        sway=np.concatenate([mesh.sway[:count], np.zeros(extra, np.float32)]),
        setback=np.concatenate([mesh.setback[:count], np.zeros(extra, np.float32)]),
        radius=np.concatenate([mesh.radius[:count], np.full(extra, 9, np.float32)]),
    )
