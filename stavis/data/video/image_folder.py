"""A folder of numbered images read as a video: frame k is shown at k/fps s, whatever images are missing.

Data sets that were cut into images say nothing of the clock: the time of a frame is its number over the rate of the original video.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from stavis.data.video.decoding import LOST, NO_IMAGE, RESIZED, Frame
from stavis.data.video.demuxing import MOST_FRAMES, MOST_PIXELS
from stavis.data.video.display import fitted_size, padded
from stavis.data.video.probing import VideoInfo, probe
from stavis.errors import StavisError
from stavis.storage.files import content_hash
from stavis.types import ImageNumbers

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))
"""What the name of an image ends with."""
LARGEST_IMAGE = 64 << 20
"""The largest image file that is read, in bytes."""

_NUMBERED = re.compile(r"\D*(\d{1,9})$")


def info_of(recording) -> VideoInfo:
    """What will be read from the video of a Recording (or Crops), a file or a folder of images.

    Raises StavisError as `probe` and `probe_images` do.
    """
    return probe(recording.video, stream=recording.stream) if recording.images is None else probe_images(recording.video, recording.images)


def probe_images(folder: str | Path, numbers: ImageNumbers) -> VideoInfo:
    """A folder of numbered images (jpg, png) as a video: the size of its first image, and the time of every frame.

    Raises StavisError where the folder is missing, holds no numbered image, two images have one number, or none can be decoded.
    """
    folder = Path(folder)
    found = numbered_images(folder)
    last = max(found) - numbers.first
    if min(found) < numbers.first:
        raise StavisError(f"{folder}: image {min(found)} comes before the first one, {numbers.first}: check how the images are numbered.")
    count = last + 1 if numbers.frames is None else max(numbers.frames, last + 1)
    if count > MOST_FRAMES:
        raise StavisError(f"{folder}: its images are numbered up to {max(found)}: that is too long for one recording.")
    first = next((image for path in found.values() if (image := _decoded(path)) is not None), None)
    if first is None:
        raise StavisError(f"{folder}: none of its {len(found)} images can be decoded: take another copy.")
    return VideoInfo(
        path=folder,
        width=first.shape[1],
        height=first.shape[0],
        codec="images",
        times=np.arange(count) / numbers.fps,
        stamps=np.arange(count),
        key_frames=np.arange(count),
        images=tuple(found.get(numbers.first + k) for k in range(count)),
    )


def numbered_images(folder: Path) -> dict[int, Path]:
    """The images of a folder by the number that ends their names, rising; hidden files and others are passed over.

    Raises StavisError where there is none, or two have one number.
    """
    found: dict[int, Path] = {}
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise StavisError(f"{folder} cannot be listed ({error.strerror}): give a folder of numbered images.") from error
    for name in names:
        stem, suffix = os.path.splitext(name)
        number = _NUMBERED.match(stem)
        if name.startswith(".") or suffix.lower() not in IMAGE_SUFFIXES or not number:
            continue
        k = int(number[1])
        if k in found:
            raise StavisError(f"{folder}: {found[k].name} and {name} have the same number: keep one of them.")
        found[k] = Path(folder, name)
    if not found:
        raise StavisError(f"{folder} holds no numbered image such as 00001.jpg: give the folder of one recording's images.")
    return dict(sorted(found.items()))


def frames_of_images(info: VideoInfo, start: int, stop: int, size: tuple[int, int]) -> Iterator[Frame]:
    """The frames from `start` up to `stop` of a folder of images, each index once and in order, at `size` (width, height).

    A missing image gives a black frame, an image that cannot be decoded repeats the one before; notes say which.
    """
    black = np.zeros((size[1], size[0], 3), np.uint8)
    last = black
    for index in range(start, stop):
        time, path = float(info.times[index]), info.images[index]
        if path is None:
            yield Frame(index, time, black, False, NO_IMAGE)
            continue
        image = _decoded(path)
        if image is None:
            yield Frame(index, time, last, True, LOST)
            continue
        resized = image.shape[:2] != (info.height, info.width)
        if image.shape[1::-1] != size:
            fitted = fitted_size(image.shape[1::-1], size) if resized else size
            smaller = image.shape[1] > fitted[0]
            image = padded(cv2.resize(image, fitted, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), size)
        last = image
        yield Frame(index, time, image, False, RESIZED if resized else "")


def images_hash(folder: Path, numbers: ImageNumbers) -> str:
    """What tells a folder of images from every other: sha256 (hex) of the names, sizes and times of change, and of the numbering.

    The bytes themselves are not read: there may be a hundred thousand files.
    """
    parts = []
    for path in numbered_images(folder).values():
        about = path.stat()
        parts.append(f"{path.name}\0{about.st_size}\0{about.st_mtime_ns}\0{about.st_ctime_ns}")
    return content_hash("images", str(folder.resolve()), repr(numbers), *parts)


def _decoded(path: Path) -> np.ndarray | None:
    """The image (H,W,3) uint8 RGB of a file, turned as its EXIF says; None where it is damaged, too large or cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_IMAGE:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    width, height = _size(data)
    if not 0 < width * height <= MOST_PIXELS:  # bounded before anything is allocated
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.ascontiguousarray(image[:, :, ::-1])


def _size(data: bytes) -> tuple[int, int]:
    """Width and height that a PNG or JPEG file declares; (0, 0) where it is neither."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a filling byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
