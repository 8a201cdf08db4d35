"""A synthetic recording: its frames, one by one, and the truth about each of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.landmarks import DRAWN
from stavis.regions import REGIONS
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.expression import sample_expression
from stavis.synthetic.flat.canvas import Canvas
from stavis.synthetic.flat.features import FacePainter
from stavis.synthetic.flat.geometry import Pose, pose_of, shapes_of
from stavis.synthetic.flat.head import build_head, light_on
from stavis.synthetic.flat.identity import Identity, sample_identity
from stavis.synthetic.flat.occluders import HANDS, Occluder, make_occluder
from stavis.synthetic.flat.scene import Background, Camera, render_body, sample_light
from stavis.synthetic.raters import Ratings, sample_ratings
from stavis.synthetic.scenarios import Courses, sample_courses


@dataclass(frozen=True)
class Truth:
    """What is known of a synthetic recording.

    times (T,) s; landmarks (T,124,2) float32 px, layout DRAWN, hidden parts keep their place; informative (T,) int8 (see
    scenarios.INFORMATIVE); mouth_cue (T,) in [0,1], part of the valence that the mouth carries; valence (T,) in [-1,1]; occluded (T,) bool,
    something lies over mouth or eyes; visible (T,) bool, the face is in the image; size (width, height) px.
    """

    times: np.ndarray
    landmarks: np.ndarray
    informative: np.ndarray
    mouth_cue: np.ndarray
    valence: np.ndarray
    occluded: np.ndarray
    visible: np.ndarray
    size: tuple[int, int]

    def regions(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Which region each pixel belongs to: (T,H,W) uint8, indices into REGIONS."""
        return np.stack([_rasterise(points, self.size) for points in self.landmarks[start:stop]])


@dataclass(frozen=True)
class SyntheticRecording:
    """One synthetic recording; `frames()` draws it anew each time, always the same."""

    spec: SyntheticConfig
    index: int
    name: str
    subject: str
    split: str
    scenario: str
    truth: Truth
    ratings: Ratings

    def frames(self, chosen: Iterable[int] | None = None) -> Iterator[np.ndarray]:
        """The frames in order, each (H,W,3) uint8 RGB; chosen: only those of these indices, in the order given.

        Raises StavisError where there is no such frame.
        """
        chosen = range(self.spec.frames) if chosen is None else list(chosen)
        for frame in chosen:
            if not 0 <= frame < self.spec.frames:
                raise StavisError(f"{self.name} has no frame {frame}: give an index from 0 to {self.spec.frames - 1}.")
        return _draw(self.spec, self.index, chosen)


def render(spec: SyntheticConfig, index: int) -> SyntheticRecording:
    """Recording `index` of a synthetic data set; it depends on the config and the index alone.

    Raises StavisError where the set has no such recording.
    """
    if not 0 <= index < spec.recordings:
        raise StavisError(f"synthetic spec: there is no recording {index}: give an index from 0 to {spec.recordings - 1}.")
    stage = _Stage(spec, index)
    courses = stage.courses
    landmarks = stage.pose.project(stage.shapes.landmarks()).astype(np.float32)
    middle = landmarks[:, : len(DRAWN.face[0])].mean(1)
    truth = Truth(
        times=np.arange(spec.frames) / spec.fps,
        landmarks=landmarks,
        informative=courses.informative,
        mouth_cue=courses.mouth_cue,
        valence=courses.valence,
        occluded=np.maximum(courses.occluder_mouth, courses.occluder_eyes) > 0.5,
        visible=np.all((middle >= 0) & (middle < spec.size), 1),
        size=spec.size,
    )
    return SyntheticRecording(
        spec=spec,
        index=index,
        name=spec.name_of(index),
        subject=f"person_{spec.identity_of(index):05d}",
        split=spec.split_of(index),
        scenario=stage.scenario,
        truth=truth,
        ratings=sample_ratings(spec, index, courses),
    )


class _Stage:
    """All that is decided before the first frame is rendered."""

    def __init__(self, spec: SyntheticConfig, index: int):
        width, height = spec.size
        self.scenario = spec.scenario_of(index)
        self.person: Identity = sample_identity(spec.generator("identity", spec.identity_of(index)), spec.diverse(index))
        self.courses: Courses = sample_courses(spec, index)
        rng = spec.generator("motion", index)
        fills = width <= 1.25 * height
        unit = min(width, height) * (rng.uniform(0.268, 0.296) if fills else rng.uniform(0.06, 0.1))
        anchor = (width * 0.5, height * (0.4 if fills else 0.36))
        roam = 0.0 if fills else 0.2 * width / unit
        self.expression = sample_expression(rng, self.courses, self.person, spec.fps, roam)
        self.shapes = shapes_of(self.person, self.expression)
        self.pose: Pose = pose_of(self.expression, unit, anchor)


def _draw(spec: SyntheticConfig, index: int, chosen: Iterable[int]) -> Iterator[np.ndarray]:
    stage = _Stage(spec, index)
    person, courses, pose = stage.person, stage.courses, stage.pose
    rng = spec.generator("scene", index)
    light = sample_light(rng, person)
    background = Background(rng, spec.size, spec.frames, spec.fps, courses.background_object)
    camera = Camera(rng, spec.size, spec.frames, spec.fps, pose.unit)
    canvas = Canvas(float(np.clip(1.5 * pose.unit, 40, 160)))
    head = build_head(spec.generator("identity", spec.identity_of(index)), person, canvas)
    painter = FacePainter(
        person, stage.expression, stage.shapes, head, light_on(canvas, person, light.direction, light.ambient, light.lamp)
    )
    body_canvas = Canvas(canvas.unit * 0.6, -5.5, -2.6, 5.5, 13.0 if spec.size[0] > 1.25 * spec.size[1] else 5.0)
    body = render_body(spec.generator("clothes", index), person, body_canvas)
    tone = light.ambient + light.lamp * 0.55
    body[..., :3] = np.clip(body[..., :3] * tone, 0, 255).astype(np.uint8)
    occluders = _occluders(spec, index, stage)
    to_unit, body_to_unit = canvas.to_unit(), body_canvas.to_unit()
    for frame in chosen:
        image = background.draw(frame)
        image = _over(image, body[..., :3], body[..., 3], pose.body[frame] @ body_to_unit)
        background.render_background_object(image, frame)
        colour, alpha = painter.paint(frame)
        image = _over(image, colour, alpha, pose.head[frame] @ to_unit)
        for amounts, things, wobble in occluders:
            amount = float(amounts[frame])
            if amount > 0.01:
                thing = things[frame]
                image = thing.lay(image, amount, pose.head[frame], pose.unit, wobble[frame])
        yield camera.take(image, frame)


def _over(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray, move: np.ndarray) -> np.ndarray:
    """`image` with a layer over it by the homography `move`."""
    size = (image.shape[1], image.shape[0])
    warped = cv2.warpPerspective(colour, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(alpha, move, size, flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    return cv2.blendLinear(warped, image, weight, 1 - weight)


def _occluders(spec: SyntheticConfig, index: int, stage: _Stage) -> list[tuple[np.ndarray, list[Occluder | None], np.ndarray]]:
    """For mouth and eyes: how far each is covered, by what in each frame (another thing each time), and how that moves."""
    rng = spec.generator("covers", index)
    found = []
    for region, amounts in (("mouth", stage.courses.occluder_mouth), ("eyes", stage.courses.occluder_eyes)):
        things: list[Occluder | None] = [None] * spec.frames
        thing = None
        for frame in range(spec.frames):
            if amounts[frame] > 0.01 and thing is None:
                kind = str(rng.choice(HANDS)) if stage.scenario == "occlusion" else None
                thing = make_occluder(rng, stage.person, region, float(np.clip(stage.pose.unit, 20, 120)), kind)
            elif amounts[frame] <= 0.01:
                thing = None
            things[frame] = thing
        wobble = np.stack([0.015 * np.sin(np.arange(spec.frames) * (0.21 + 0.1 * k) + rng.uniform(0, 6)) for k in range(2)], 1)
        found.append((amounts, things, wobble))
    return found


def _rasterise(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H,W) uint8 indices into REGIONS; mouth and eyes a little larger than their rings."""
    image = np.full((size[1], size[0]), REGIONS.index("outside"), np.uint8)
    unit = np.hypot(*(points[list(DRAWN.left_eye[0])].mean(0) - points[list(DRAWN.right_eye[0])].mean(0)))
    margins = {"rest": 0.0, "nose": 0.0, "brows": 0.08, "left_eye": 0.22, "right_eye": 0.22, "mouth": 0.12}
    rings = {"rest": DRAWN.face, "nose": DRAWN.nose, "brows": DRAWN.brow_region, "left_eye": DRAWN.left_eye}
    rings |= {"right_eye": DRAWN.right_eye, "mouth": DRAWN.mouth}
    for name, margin in margins.items():
        for ring in rings[name]:
            polygon = np.round(points[list(ring)] * 16).astype(np.int32)
            value = REGIONS.index(name)
            cv2.fillPoly(image, [polygon], value, cv2.LINE_8, 4)
            if margin:  # OpenCV fills half a pixel too much on either side
                cv2.polylines(image, [polygon], True, value, max(round(margin * unit - 1), 1), cv2.LINE_8, 4)
    return image
