"""Where the parts of a face lie in a list of landmarks, for each layout of landmarks that stavis knows.

Left and right are as in the image. A ring is a closed outline; its points go round in order.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Which landmarks outline which part: each entry is a tuple of rings, a ring a tuple of indices into the L landmarks."""

    count: int
    mouth: tuple[tuple[int, ...], ...]
    left_eye: tuple[tuple[int, ...], ...]
    right_eye: tuple[tuple[int, ...], ...]
    brows: tuple[tuple[int, ...], ...]
    between_brows: tuple[tuple[int, ...], ...]
    nose: tuple[tuple[int, ...], ...]
    face: tuple[tuple[int, ...], ...]
    left_eye_corners: tuple[int, int]
    right_eye_corners: tuple[int, int]
    mouth_corners: tuple[int, int]

    @property
    def brow_region(self) -> tuple[tuple[int, ...], ...]:
        """The rings of the region `brows`: both brows and the skin between them."""
        return self.between_brows + self.brows


def _span(start: int, count: int) -> tuple[int, ...]:
    return tuple(range(start, start + count))


DRAWN = Layout(
    count=124,
    face=(_span(0, 36),),
    left_eye=(_span(36, 16),),
    right_eye=(_span(52, 16),),
    brows=(_span(68, 10), _span(78, 10)),
    between_brows=((72, 78, 87, 73),),
    nose=(_span(88, 12),),
    mouth=(_span(100, 24),),
    left_eye_corners=(36, 44),
    right_eye_corners=(52, 60),
    mouth_corners=(100, 112),
)
"""The 124 points of a synthetic face: rings go clockwise in the image from the leftmost point (eyes and mouth: the left corner; the
opposite corner half-way round)."""

# fmt: off
MEDIAPIPE = Layout(
    count=478,
    face=((
        10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    ),),
    left_eye=((33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),),
    right_eye=((362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),),
    brows=((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (336, 296, 334, 293, 300, 276, 283, 282, 295, 285)),
    between_brows=((107, 336, 285, 55),),
    nose=((168, 122, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 351),),
    mouth=((61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),),
    left_eye_corners=(33, 133),
    right_eye_corners=(362, 263),
    mouth_corners=(61, 291),
)
# fmt: on
"""The 478 points of MediaPipe's face landmarker (468 of the mesh, 10 of the irises)."""

LAYOUTS = {layout.count: layout for layout in (DRAWN, MEDIAPIPE)}
"""The layouts by their number of landmarks, which tells them apart."""
