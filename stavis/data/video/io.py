"""Video in and out: what a file holds, its frames in order and upright, and H.264 files made of images."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stavis.data.video.decoding import AFTER_DAMAGE, LOST, NO_IMAGE, RESIZED, Frame, frames_by_pyav
from stavis.data.video.decord_reading import decord_is_safe, frames_by_decord
from stavis.data.video.image_folder import frames_of_images
from stavis.data.video.probing import VideoInfo, probe
from stavis.data.video.sound import Sound
from stavis.data.video.writing import written_video
from stavis.errors import StavisError
from stavis.notes import Notes

__all__ = ["Frame", "VideoInfo", "probe", "read_frames", "write_video"]


def read_frames(
    path: str | Path,
    *,
    notes: Notes,
    start: int = 0,
    stop: int | None = None,
    longest_side: int | None = None,
    info: VideoInfo | None = None,
    check_damage: bool = True,
    stream: int | None = None,
) -> Iterator[Frame]:
    """The frames of a video from index `start` up to `stop` (None: the end), upright, each index once and in order.

    Memory is bounded whatever the length. `longest_side`: larger frames are scaled down to it (pixels). `info`: what `probe`
    found, if it was asked before. check_damage=False leaves out the search for damage, for a second reading of what was read before:
    short segments then go through decord where it was proved right. stream: the number of the video stream, where `info` is not given.

    Damage is never shortened away: a frame that cannot be decoded repeats the one before and is marked, and at the end the counts
    are added to `notes`, after what is found on the way (and the notes of `probe`, where `info` is not given).

    Raises StavisError as `probe` does, and where `start` and `stop` are not within the video.
    """
    if info is None:
        info = probe(path, stream=stream)
        notes.add(*info.notes)
    stop = len(info) if stop is None else stop
    if not 0 <= start <= stop <= len(info):
        raise StavisError(f"{info.path} has the frames 0 to {len(info) - 1}: {start} to {stop} cannot be read.")
    if longest_side is not None and longest_side < 1:
        raise StavisError(f"the longest side of a frame cannot be {longest_side}: give 1 pixel or more.")
    return _read(info, start, stop, _scaled(info, longest_side), check_damage, notes)


def write_video(
    path: str | Path,
    images: Iterable[np.ndarray],
    *,
    fps: float,
    crf: int = 18,
    times: np.ndarray | None = None,
    sound: Sound | None = None,
) -> Path:
    """Write images (H,W,3) uint8 RGB, one a frame, as H.264 (yuv420p, mp4), whole or not at all; returns the path.

    fps in frames a second; crf: the quality, 0 (lossless) to 51 (worst). times (T,) s: when each image is shown, instead of fps; sound
    is added as AAC, in step with them.

    Raises StavisError where there are no images, their shape changes, or the file cannot be written.
    """
    with written_video(path, fps=fps, crf=crf, times=times, sound=sound) as file:
        for image in images:
            file.add(image)
    return Path(path)


def _read(info: VideoInfo, start: int, stop: int, size: tuple[int, int], check_damage: bool, notes: Notes) -> Iterator[Frame]:
    if info.images is None and not check_damage and decord_is_safe(info, start, stop):
        for frame in frames_by_decord(info, start, stop, size):
            yield frame
            start = frame.index + 1
    counts: Counter = Counter()
    if start < stop:
        frames = frames_by_pyav(info, start, stop, size, notes) if info.images is None else frames_of_images(info, start, stop, size)
        for frame in frames:
            counts[frame.note] += 1
            counts["damaged frames"] += frame.damaged
            yield frame
    if check_damage and (sentence := _damage(info, counts, stop - start)):
        notes.add(sentence)


def _damage(info: VideoInfo, counts: Counter, count: int) -> str:
    said = []
    if counts["damaged frames"]:
        said.append(f"{counts['damaged frames']} of {count} frames are damaged")
    if counts[LOST]:
        said.append(f"{counts[LOST]} of them could not be decoded and repeat the frame before")
    if counts[AFTER_DAMAGE]:
        said.append(f"{counts[AFTER_DAMAGE]} more follow a damaged one and may show its damage")
    if counts[NO_IMAGE]:
        said.append(f"{counts[NO_IMAGE]} of {count} frames have no image and count as frames without a face")
    if counts[RESIZED]:
        said.append(f"{counts[RESIZED]} of {count} frames have another size or shape and were fitted into the first one's")
    return f"{info.path.name}: {', '.join(said)}." if said else ""


def _scaled(info: VideoInfo, longest_side: int | None) -> tuple[int, int]:
    longest = max(info.width, info.height)
    if longest_side is None or longest <= longest_side:
        return info.width, info.height
    return tuple(max(1, round(side * longest_side / longest)) for side in (info.width, info.height))
