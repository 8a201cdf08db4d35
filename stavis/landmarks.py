"""Where the parts of a face lie in a list of landmarks, for each layout of landmarks that stavis knows.

Left and right are as in the image. A ring is a closed outline; its points go round in order. The regions follow those of anatomy (oral,
orbital, nasal, mental, frontal, infraorbital and buccal region), so that what an expression moves lies in a region and not between two.
"""

from dataclasses import dataclass

MOUTH_MARGIN = 0.06

EYE_MARGIN = 0.11

BROW_MARGIN = 0.04
"""How far a region reaches beyond its landmarks, in eye distances: lips to their edge, eyes with lids, brows with their hairs."""


@dataclass(frozen=True)
class Layout:
    """Which landmarks outline which part: each entry is a tuple of rings, a ring a tuple of indices into the L landmarks.

    mouth: the lips; folds: the skin around them, out to the nasolabial folds and down to the fold above the chin, and fold_margin how far
    beyond its ring it reaches, in eye distances; left_lids, right_lids: from the brow's lower edge to the lower lid's crease and the
    outer corner's; glabella: between the brows and down to the root of the nose; mirror: for each landmark (of those in rings) the one
    on the other side of a face.
    """

    count: int
    mouth: tuple[tuple[int, ...], ...]
    left_eye: tuple[tuple[int, ...], ...]
    right_eye: tuple[tuple[int, ...], ...]
    brows: tuple[tuple[int, ...], ...]
    glabella: tuple[tuple[int, ...], ...]
    nose: tuple[tuple[int, ...], ...]
    face: tuple[tuple[int, ...], ...]
    folds: tuple[tuple[int, ...], ...]
    cheeks: tuple[tuple[int, ...], ...]
    forehead: tuple[tuple[int, ...], ...]
    chin: tuple[tuple[int, ...], ...]
    left_eye_corners: tuple[int, int]
    right_eye_corners: tuple[int, int]
    mouth_corners: tuple[int, int]
    left_lids: tuple[tuple[int, ...], ...]
    right_lids: tuple[tuple[int, ...], ...]
    fold_margin: float
    mirror: tuple[int, ...]

    @property
    def outlines(self) -> tuple[tuple[str, tuple[int, ...], float], ...]:
        """What regions are painted from, in this order, each over those before it: (region, ring, its margin in eye distances)."""
        parts = (
            ("rest", self.face, 0.0),
            ("forehead", self.forehead, 0.0),
            ("cheeks", self.cheeks, 0.0),
            ("chin", self.chin, 0.0),
            ("mouth", self.folds, self.fold_margin),
            ("glabella", self.glabella, 0.0),
            ("left_eye", self.left_lids, 0.0),
            ("right_eye", self.right_lids, 0.0),
            ("nose", self.nose, 0.0),
            ("brows", self.brows, BROW_MARGIN),
            ("left_eye", self.left_eye, EYE_MARGIN),
            ("right_eye", self.right_eye, EYE_MARGIN),
            ("mouth", self.mouth, MOUTH_MARGIN),
        )
        return tuple((name, ring, margin) for name, rings, margin in parts for ring in rings)


def _span(start: int, count: int) -> tuple[int, ...]:
    return tuple(range(start, start + count))


def _both(ring: tuple[int, ...], mirror: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A ring of the left side and the same of the right side."""
    return ring, tuple(mirror[point] for point in ring)


def _turned(start: int, count: int, last: int) -> tuple[int, ...]:
    """The mirror images of `count` points from `start` that go round: the first one's is number `last` of them."""
    return tuple(start + (last - k) % count for k in range(count))


_DRAWN_MIRROR = (
    *_turned(0, 36, 18), *_turned(52, 16, 8), *_turned(36, 16, 8),
    *range(82, 77, -1), *range(87, 82, -1), *range(72, 67, -1), *range(77, 72, -1),
    *_turned(88, 12, 8), *_turned(100, 24, 12),
)  # fmt: skip

DRAWN = Layout(
    count=124,
    face=(_span(0, 36),),
    left_eye=(_span(36, 16),),
    right_eye=(_span(52, 16),),
    brows=(_span(68, 10), _span(78, 10)),
    glabella=((72, 78, 87, 93, 92, 91, 73),),
    nose=(_span(88, 12),),
    mouth=(_span(100, 24),),
    folds=((88, 96, 112, 115, 118, 121, 100),),
    fold_margin=0.13,
    left_lids=((*range(77, 72, -1), 44, 36),),
    right_lids=((*range(87, 82, -1), 60, 52),),
    cheeks=_both((36, 44, 90, 88, 100, *_span(29, 7)), _DRAWN_MIRROR),
    forehead=((68, *_span(4, 11), *range(82, 77, -1), *range(72, 68, -1)),),
    chin=((100, 112, *_span(25, 5)),),
    mirror=_DRAWN_MIRROR,
    left_eye_corners=(36, 44),
    right_eye_corners=(52, 60),
    mouth_corners=(100, 112),
)
"""The 124 points of a synthetic face: rings go clockwise in the image from the leftmost point (eyes and mouth: the left corner; the
opposite corner half-way round)."""

_PAIRS = """
33/263 246/466 161/388 160/387 159/386 158/385 157/384 173/398 133/362 155/382 154/381 153/380 145/374 144/373 163/390 7/249
70/300 63/293 105/334 66/296 107/336 55/285 65/295 52/282 53/283 46/276 122/351 174/399 198/420 49/279 48/278 64/294 98/327 97/326
61/291 185/409 40/270 39/269 37/267 146/375 91/321 181/405 84/314 109/338 67/297 103/332 54/284 21/251 162/389 127/356 234/454 93/323
132/361 58/288 172/397 136/365 150/379 149/378 176/400 148/377 35/265 124/353 193/417 245/465 233/453 232/452 231/451 230/450 229/449
228/448 31/261 129/358 203/423 206/426 216/436 212/432 202/422 204/424 83/313 211/431 170/395 169/394 135/364 192/416 213/433 147/376
123/352 116/345 143/372 68/298 186/410 92/322
"""
"""Points of the mesh that mirror each other, left/right."""


def _mirror(count: int, pairs: str) -> tuple[int, ...]:
    found = list(range(count))
    for pair in pairs.split():
        left, right = map(int, pair.split("/"))
        found[left], found[right] = right, left
    return tuple(found)


_MESH_MIRROR = _mirror(478, _PAIRS)
_LEFT_LIDS, _RIGHT_LIDS = _both((35, 124, 46, 53, 52, 65, 55, 193, 245, 233, 232, 231, 230, 229, 228, 31), _MESH_MIRROR)

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
    glabella=((107, 336, 285, 417, 465, 351, 168, 122, 245, 193, 55),),
    nose=((168, 122, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 351),),
    mouth=((61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),),
    folds=((
        129, 64, 98, 97, 2, 326, 327, 294, 358, 423, 426, 436, 432, 422, 424, 313, 18, 83, 204, 202, 212, 216, 206, 203,
    ),),
    fold_margin=0.03,
    left_lids=(_LEFT_LIDS,),
    right_lids=(_RIGHT_LIDS,),
    cheeks=_both((
        35, 31, 228, 229, 230, 231, 232, 233, 245, 122, 174, 198, 129, 203, 206, 216, 212, 202, 211, 170, 169, 135, 192, 213,
        147, 123, 116, 143,
    ), _MESH_MIRROR),
    forehead=((
        70, 68, 54, 103, 67, 109, 10, 338, 297, 332, 284, 298, 300, 293, 334, 296, 336, 107, 66, 105, 63,
    ),),
    chin=((202, 204, 83, 18, 313, 424, 422, 431, 395, 378, 400, 377, 152, 148, 176, 149, 170, 211),),
    mirror=_MESH_MIRROR,
    left_eye_corners=(33, 133),
    right_eye_corners=(362, 263),
    mouth_corners=(61, 291),
)
# fmt: on
"""The 478 points of MediaPipe's face landmarker (468 of the mesh, 10 of the irises)."""

LAYOUTS = {layout.count: layout for layout in (DRAWN, MEDIAPIPE)}
"""The layouts by their number of landmarks, which tells them apart."""
