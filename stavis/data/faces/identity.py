"""Which segments of a video show the same person: a named measure, thresholds with their error rates, and what is not sure.

**The measure** is the difference in appearance of two aligned crops, `1.5 x texture + 1.0 x colour`: texture is the distance of
their gradient histograms (3 x 3 blocks of the inner face), colour that of their colour histograms (4 x 8 x 8 in Lab, hair, neck and
background within the crop included); each is sqrt(1 - cosine). The geometry of the 478 landmarks, turned to one pose, was tried and
left out: it ranked pairs rightly in 84 of 100 cases (texture alone 90, colour alone above 99), and adding it gained nothing.

**How often it errs.** Eight people in nine clips, in segments of about a second. The weights and thresholds were chosen on four of
the people; pairs with one of the other four were kept back.

    ============================================  ===================  ===================
    pairs of segments                             chosen on            kept back
    ============================================  ===================  ===================
    of two people, joined                         0 of 331             0 of 1137
    of one person, not joined                     0 of 230             0 of 126
    of one person, joined with a note             30 %                 11 %
    of one person, light changed, not joined      23 %                 9 %
    of two people, light changed, joined          .5 %                 .7 %
    ============================================  ===================  ===================

Light changed: exposure and contrast by up to 18 %, colour by up to 4 %, in half-second segments. Kept apart from these: two men with
small faces in one room and one light, whose six pairs were all joined, each with a note. Every other pair of people is of two rooms,
so that colour helps more than it would between two people in one room.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.networks.landmarker import EYES, Mesh

SURE, LIKELY, POSSIBLE = 0.60, 0.92, 1.0
"""Up to SURE two segments are joined; up to LIKELY they are joined and a note says so; beyond it they are two people, and up to
POSSIBLE a note says that they may be one. A segment that differs by more than LIKELY from what it was is cut in two (a dissolve)."""

PATCH_CHANGE = 0.2
"""1 - the correlation of a face with itself one frame before, beyond which it is no longer taken as the same: within nine clips at
24 to 30 frames/s at most .12, between people at least .27."""

SAMPLE_FRAMES = (0, 3)
SAMPLE_EVERY = 8
"""Frames of a segment whose appearance is kept: these, then every eighth."""

_SIDE, _INNER, _TEXTURE_SIDE = 112, (14, 98), 64
_HOG = cv2.HOGDescriptor((_TEXTURE_SIDE, _TEXTURE_SIDE), (32, 32), (16, 16), (16, 16), 9)
_TEXTURE, _COLOUR = 324, 256
APPEARANCE = _TEXTURE + _COLOUR
_COLOUR_SIDE, _BINS, _CHROMA = 56, (4, 8, 8), (96, 160)
_WEIGHTS = (1.5, 1.0)
_VIEW, _PATCH, _PATCH_EYES, _PATCH_AT = 32, 16, 0.5, (0.5, 0.35)
_MOST_SAMPLES, _BEFORE, _AFTER, _TIES = 12, 8, 3, 0.02


def samples_now(age: int) -> bool:
    """Whether the appearance of a segment's frame is kept; age counts its frames from 0."""
    return age in SAMPLE_FRAMES or (age > 0 and age % SAMPLE_EVERY == 0)


def appearance(mesh: Mesh) -> np.ndarray:
    """How a face looks: (580,) uint8, texture then colour."""
    half = cv2.resize(mesh.crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    points = ((mesh.points @ mesh.affine[:, :2].T + mesh.affine[:, 2]) + 0.5) / 2 - 0.5
    affine = crop_affine(points[None], _SIDE)[0]
    crop = cv2.warpAffine(half, affine, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inner = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[slice(*_INNER), slice(*_INNER)]
    texture = _HOG.compute(cv2.resize(inner, (_TEXTURE_SIDE,) * 2, interpolation=cv2.INTER_AREA)).ravel()
    lab = cv2.cvtColor(cv2.resize(crop, (_COLOUR_SIDE,) * 2, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    lab[..., 1:] = np.clip(lab[..., 1:], _CHROMA[0], _CHROMA[1] - 1)
    counts = cv2.calcHist([lab], [0, 1, 2], None, list(_BINS), [0, 256, *_CHROMA, *_CHROMA]).ravel()
    colour = np.sqrt(counts / max(counts.sum(), 1))
    return np.rint(255 * np.clip(np.concatenate([texture, colour]), 0, 1)).astype(np.uint8)


def difference(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The measure between appearances (n,580) and (m,580): (n,m), 0 = alike, 2.5 = nothing in common."""
    total = np.zeros((len(one), len(two)))
    for part, weight in zip((slice(0, _TEXTURE), slice(_TEXTURE, None)), _WEIGHTS, strict=True):
        a, b = (values[:, part].astype(np.float64) for values in (one, two))
        a, b = (values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9) for values in (a, b))
        total += weight * np.sqrt(np.clip(1 - a @ b.T, 0, None))
    return total


def patch_of(mesh: Mesh) -> np.ndarray:
    """A face in 16 x 16 grey values, eyes level and at fixed places, with mean 0 and length 1: (256,)."""
    scale = _VIEW / mesh.crop.shape[0]
    view = cv2.cvtColor(cv2.resize(mesh.crop, (_VIEW, _VIEW), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    a, b = ((mesh.points[list(EYES)] @ mesh.affine[:, :2].T + mesh.affine[:, 2]) + 0.5) * scale - 0.5
    x, y = b - a
    linear = np.array([[x, y], [-y, x]]) * (_PATCH_EYES * _PATCH / max(x * x + y * y, 1e-9))
    goal = np.array(_PATCH_AT) * _PATCH - 0.5
    warp = np.column_stack([linear, goal - linear @ ((a + b) / 2)])
    grey = cv2.warpAffine(view, warp, (_PATCH, _PATCH), borderMode=cv2.BORDER_REPLICATE)
    values = grey.astype(np.float32).ravel() - float(grey.mean())
    return values / max(float(np.linalg.norm(values)), 1e-6)


def changed(before: Mesh, now: Mesh) -> bool:
    """Whether a followed face looks like another one from one frame to the next."""
    return float(1 - patch_of(before) @ patch_of(now)) > PATCH_CHANGE


@dataclass(frozen=True)
class Segment:
    """One face while it was followed without a break: frames [start, stop), appearances (k,580), k >= 1.

    continues: the segment that was lost at this place a moment before, without a cut between them, else None.
    """

    start: int
    stop: int
    samples: np.ndarray = field(repr=False)
    continues: int | None = None


@dataclass
class _Person:
    samples: np.ndarray
    stop: int
    segments: list[int]


@dataclass(frozen=True)
class People:
    """Who is who: person_of each segment, numbered as they appear; unsure: segments that were given to a person who may be another;
    perhaps: (segment, person), a new person's first segment and who it may be as well."""

    person_of: list[int]
    unsure: list[int]
    perhaps: list[tuple[int, int]]


def people_of(segments: Sequence[Segment]) -> People:
    """Gives each segment (rising by start) to the person it is most like, or to a new one; nobody is in two segments at a time."""
    people: list[_Person] = []
    person_of = [-1] * len(segments)
    unsure, perhaps = [], []
    first = 0
    while first < len(segments):
        after = first
        while after < len(segments) and segments[after].start == segments[first].start:
            after += 1
        group, first = range(first, after), after
        free = [p for p in range(len(people)) if people[p].stop <= segments[group[0]].start]
        costs = sorted((_cost(segments[k], people[p]), k, p) for k in group for p in free)
        for cost, k, p in costs:
            if cost > LIKELY or person_of[k] >= 0 or p not in free:
                continue
            free.remove(p)
            person_of[k] = p
            if cost > SURE and segments[k].continues not in people[p].segments:
                unsure.append(k)
            people[p] = _Person(_thinned(people[p].samples, segments[k].samples), segments[k].stop, [*people[p].segments, k])
        for k in group:
            if person_of[k] < 0:
                person_of[k] = len(people)
                perhaps += [(k, p) for cost, j, p in costs if j == k and p in free and cost <= POSSIBLE][:1]
                people.append(_Person(_thinned(segments[k].samples), segments[k].stop, [k]))
    return People(person_of, sorted(unsure), perhaps)


def _cost(segment: Segment, person: _Person) -> float:
    """How a segment differs from what is known of a person: of each of its samples the nearest, and of these the median."""
    if not len(segment.samples) or not len(person.samples):
        return np.inf
    return float(np.median(difference(_thinned(segment.samples), person.samples).min(1)))


def _thinned(*samples: np.ndarray) -> np.ndarray:
    every = np.concatenate(samples)
    if len(every) <= _MOST_SAMPLES:
        return every
    return every[np.unique(np.linspace(0, len(every) - 1, _MOST_SAMPLES).round().astype(int))]


def break_in(samples: np.ndarray) -> int | None:
    """Before which sample (k,580) a segment turns into another person's; None for nowhere.

    The samples after it are compared with the nearest of the ones before, without the two next to it (they may show both people).
    """
    apart, differs = difference(samples, samples), np.zeros(len(samples))
    for k in range(2, len(samples) - 1):
        before, after = slice(max(0, k - _BEFORE), k - 1), slice(k + 1, k + 1 + _AFTER)
        differs[k] = np.median(apart[after, before].min(1))
    if differs.max(initial=0) <= LIKELY:
        return None
    worst = np.flatnonzero(differs >= differs.max() - _TIES)
    return int(worst[len(worst) // 2])
