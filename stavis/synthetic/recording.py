"""A synthetic recording: its frames, one by one, and the truth about each of them, whoever renders it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.landmarks import LAYOUTS
from stavis.printable import ShortRepr
from stavis.regions import REGIONS
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.stage import FlatStage
from stavis.synthetic.heads.stage import HeadStage
from stavis.synthetic.misalignment import sample_misalignment
from stavis.synthetic.raters import Ratings, sample_ratings
from stavis.synthetic.scenarios import sample_courses


@dataclass(frozen=True)
class Truth:
    """What is known of a synthetic recording.

    times (T,) s; landmarks (T,L,2) float32 px, layout DRAWN of flat faces and MEDIAPIPE of 3D heads, hidden parts keep their place;
    informative (T,) int8 (see scenarios.INFORMATIVE); mouth_cue (T,) in [0,1], part of the valence that the mouth carries; valence (T,)
    in [-1,1]; occluded (T,) bool, something lies over mouth or eyes; visible (T,) bool, the face is in the image; size (width, height)
    px. Of 3D heads alone (None of flat faces): expression (T,52) float32, the weights in the order of BLENDSHAPES; pose (T,6) float32,
    see stavis.data.datasets.truth.POSE. alignment (T,4) float32, how far the crop lies off (see stavis.synthetic.misalignment), or None.
    """

    times: np.ndarray
    landmarks: np.ndarray
    informative: np.ndarray
    mouth_cue: np.ndarray
    valence: np.ndarray
    occluded: np.ndarray
    visible: np.ndarray
    size: tuple[int, int]
    expression: np.ndarray | None = None
    pose: np.ndarray | None = None
    alignment: np.ndarray | None = None

    def regions(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Which region each pixel belongs to: (T,H,W) uint8, indices into REGIONS."""
        return np.stack([_rasterise(points, self.size) for points in self.landmarks[start:stop]])


@dataclass(frozen=True, repr=False)
class SyntheticRecording(ShortRepr):
    """One synthetic recording; `frames()` renders it again each time, always the same."""

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
        return _stage(self.spec, self.index).frames(chosen)


def render(spec: SyntheticConfig, index: int) -> SyntheticRecording:
    """Recording `index` of a synthetic data set; it depends on the config and the index alone.

    Raises StavisError where the set has no such recording, or the model of the 3D heads it asks for is not available.
    """
    if not 0 <= index < spec.recordings:
        raise StavisError(f"synthetic spec: there is no recording {index}: give an index from 0 to {spec.recordings - 1}.")
    stage = _stage(spec, index)
    courses = stage.courses
    landmarks = stage.landmarks()
    middle = landmarks[:, list(LAYOUTS[landmarks.shape[1]].face[0])].mean(1)
    truth = Truth(
        times=np.arange(spec.frames) / spec.fps,
        landmarks=landmarks,
        informative=courses.informative,
        mouth_cue=courses.mouth_cue,
        valence=courses.valence,
        occluded=np.maximum(courses.occluder_mouth, courses.occluder_eyes) > 0.5,
        visible=np.all((middle >= 0) & (middle < spec.size), 1),
        size=spec.size,
        expression=stage.expression,
        pose=stage.pose_values,
        alignment=sample_misalignment(spec, index),
    )
    return SyntheticRecording(
        spec=spec,
        index=index,
        name=spec.name_of(index),
        subject=f"person_{spec.identity_of(index):05d}",
        split=spec.split_of(index),
        scenario=spec.scenario_of(index),
        truth=truth,
        ratings=sample_ratings(spec, index, courses),
    )


def _stage(spec: SyntheticConfig, index: int) -> FlatStage | HeadStage:
    """Who renders a recording, after all that is decided before its first frame."""
    courses = sample_courses(spec, index)
    return (HeadStage if spec.renderer_of(index) == "heads" else FlatStage)(spec, index, courses)


def _rasterise(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H,W) uint8 indices into REGIONS."""
    layout = LAYOUTS[len(points)]
    image = np.full((size[1], size[0]), REGIONS.index("outside"), np.uint8)
    unit = np.hypot(*(points[list(layout.left_eye[0])].mean(0) - points[list(layout.right_eye[0])].mean(0)))
    for name, ring, margin in layout.outlines:
        polygon = np.round(points[list(ring)] * 16).astype(np.int32)
        value = REGIONS.index(name)
        cv2.fillPoly(image, [polygon], value, cv2.LINE_8, 4)
        if margin:  # OpenCV fills half a pixel too much on either side
            cv2.polylines(image, [polygon], True, value, max(round(2 * margin * unit - 1), 1), cv2.LINE_8, 4)
    return image
