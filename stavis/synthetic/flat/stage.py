"""A recording of a flat face: all that is decided before its first frame, its landmarks and its frames."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.canvas import Canvas
from stavis.synthetic.flat.expression import sample_expression
from stavis.synthetic.flat.features import FacePainter
from stavis.synthetic.flat.geometry import Pose, pose_of, shapes_of
from stavis.synthetic.flat.head import build_head, light_on
from stavis.synthetic.flat.identity import Identity, sample_identity
from stavis.synthetic.flat.occluders import LEAST, Occluder, things_over
from stavis.synthetic.flat.scene import Background, Camera, render_body, sample_light
from stavis.synthetic.scenarios import Courses
from stavis.synthetic.shadows import shadowed


class FlatStage:
    """Recording `index` of a data set as flat faces; `courses` say what happens in it."""

    expression = None
    pose_values = None

    def __init__(self, spec: SyntheticConfig, index: int, courses: Courses):
        width, height = spec.size
        self.spec, self.index, self.courses = spec, index, courses
        self.person: Identity = sample_identity(spec.generator("identity", spec.identity_of(index)), spec.diverse(index))
        rng = spec.generator("motion", index)
        fills = width <= 1.25 * height
        unit = min(width, height) * (rng.uniform(0.268, 0.296) if fills else rng.uniform(0.06, 0.1))
        anchor = (width * 0.5, height * (0.4 if fills else 0.36))
        roam = 0.0 if fills else 0.2 * width / unit
        self.movement = sample_expression(rng, courses, self.person, spec.fps, roam)
        self.shapes = shapes_of(self.person, self.movement)
        self.pose: Pose = pose_of(self.movement, unit, anchor)

    def landmarks(self) -> np.ndarray:
        """(T,124,2) float32 px, layout DRAWN; nothing is rendered for them."""
        return self.pose.project(self.shapes.landmarks()).astype(np.float32)

    def frames(self, chosen: Iterable[int]) -> Iterator[np.ndarray]:
        """The frames of these indices, each (H,W,3) uint8 RGB."""
        spec, person, pose = self.spec, self.person, self.pose
        rng = spec.generator("scene", self.index)
        light = sample_light(rng, person)
        background = Background(rng, spec.size, spec.frames, spec.fps, self.courses.background_object)
        camera = Camera(rng, spec.size, spec.frames, spec.fps, pose.unit)
        canvas = Canvas(float(np.clip(1.5 * pose.unit, 40, 160)))
        head = build_head(spec.generator("identity", spec.identity_of(self.index)), person, canvas)
        lit = light_on(canvas, person, light.direction, light.ambient, light.lamp)
        painter = FacePainter(person, self.movement, self.shapes, head, lit)
        body_canvas = Canvas(canvas.unit * 0.6, -5.5, -2.6, 5.5, 13.0 if spec.size[0] > 1.25 * spec.size[1] else 5.0)
        body = render_body(spec.generator("clothes", self.index), person, body_canvas)
        tone = light.ambient + light.lamp * 0.55
        body[..., :3] = np.clip(body[..., :3] * tone, 0, 255).astype(np.uint8)
        occluders = self._occluders()
        shaded = bool(np.any(self.courses.shadow_mouth) or np.any(self.courses.shadow_eyes))
        landmarks = self.landmarks() if shaded else None
        to_unit, body_to_unit = canvas.to_unit(), body_canvas.to_unit()
        for frame in chosen:
            image = background.draw(frame)
            image = _over(image, body[..., :3], body[..., 3], pose.body[frame] @ body_to_unit)
            background.render_background_object(image, frame)
            colour, alpha = painter.paint(frame)
            image = _over(image, colour, alpha, pose.head[frame] @ to_unit)
            if shaded:
                image = shadowed(image, landmarks[frame], self.courses.shadow_mouth[frame], self.courses.shadow_eyes[frame])
            for amounts, things, wobble in occluders:
                amount = float(amounts[frame])
                if amount > LEAST:
                    thing = things[frame]
                    image = thing.lay(image, amount, pose.head[frame], pose.unit, wobble[frame])
            yield camera.take(image, frame)

    def _occluders(self) -> list[tuple[np.ndarray, list[Occluder | None], np.ndarray]]:
        """For mouth and eyes: how far each is covered, by what in each frame (another thing each time), and how that moves."""
        spec = self.spec
        hands_only = spec.scenario_of(self.index) == "occlusion"
        rng = spec.generator("covers", self.index)
        found = []
        for region, amounts in (("mouth", self.courses.occluder_mouth), ("eyes", self.courses.occluder_eyes)):
            things = things_over(rng, self.person, region, amounts, self.pose.unit, hands_only)
            wobble = np.stack([0.015 * np.sin(np.arange(spec.frames) * (0.21 + 0.1 * k) + rng.uniform(0, 6)) for k in range(2)], 1)
            found.append((amounts, things, wobble))
        return found


def _over(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray, move: np.ndarray) -> np.ndarray:
    """`image` with a layer over it by the homography `move`."""
    size = (image.shape[1], image.shape[0])
    warped = cv2.warpPerspective(colour, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(alpha, move, size, flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    return cv2.blendLinear(warped, image, weight, 1 - weight)
