"""Makes the crops of a video, aligned by known truth, by the tracked face or not at all; in order and in bounded memory."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import numpy as np

from stavis.data.crops.early import EarlyCrops
from stavis.data.crops.framing import WHOLE, framed, framing_affine, is_framing
from stavis.data.datasets.truth import Truth, read_truth
from stavis.data.faces.alignment import crop_affine, misaligned
from stavis.data.faces.bridging import between
from stavis.data.faces.following import Watch
from stavis.data.faces.networks.model_file import VARIABLE, FaceModel, fetch_models
from stavis.data.faces.track_cache import load_or_track
from stavis.data.faces.tracks import NO_FACE
from stavis.data.video.decoding import DAMAGED, NO_IMAGE
from stavis.data.video.image_folder import info_of
from stavis.data.video.io import VideoInfo, read_frames
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.printable import printable
from stavis.storage.eviction import INDEX
from stavis.storage.files import write_json
from stavis.timeline import CLOCK_TOLERANCE, frame_choice
from stavis.types import FaceTrack, Recording


class NoTracker(StavisError):
    """The face tracker is not available here."""


FORMAT = 5
"""Goes up when crops are made or written otherwise: older ones are then made again."""
SOURCES = ("auto", "truth", "face", "centre", *WHOLE)


ALIGNMENTS = {
    "truth": "the known landmarks of synthetic faces (through the tracker, as in a video of one's own, scores are lower)",
    "face": "the tracked face",
    "centre": "nothing (the centred square)",
    "resize": "nothing (the whole frame, resized)",
    "letterbox": "nothing (the whole frame between bars)",
}
"""What crops of each source were aligned by, in words."""


def alignment_text(*sources: str) -> str:
    """What the crops of a result were aligned by, in words."""
    plain = {source.partition(":")[0] for source in sources}
    return "crops aligned by " + ", by ".join(text for source, text in ALIGNMENTS.items() if source in plain)


def face_model() -> FaceModel:
    """The face networks' file. Raises NoTracker where it is not available, StavisError where a wrong one was given."""
    try:
        return fetch_models()
    except StavisError as error:
        if os.environ.get(VARIABLE):  # a wrong file was given: not for us to go on without
            raise
        raise NoTracker(str(error)) from error


def decided_source(recording: Recording, source: str, face: object = "largest") -> str:
    """What 'auto' means for a recording: 'truth' or 'face'.

    Raises StavisError where 'truth' is asked for and not there, or a face is chosen where the truth, which knows one, aligns the crops.
    """
    if source == "truth" and recording.truth is None:
        raise StavisError(f"recording {recording.name} has no truth file: choose source='face' or 'centre'.")
    if source == "auto" and recording.truth is not None and face != "largest":
        what = f"recording {recording.name} is aligned by its known truth, where no face is chosen"
        raise StavisError(f"{what}: leave face={face!r} (--face) out, or have it tracked with source='face' (--source face).")
    if source == "auto":
        return "face" if recording.truth is None else "truth"
    return source


def write_crops(
    folder: Path,
    recording: Recording,
    spec,
    source: str,
    digest: str,
    progress: Callable | None = None,
    watcher: Callable[[VideoInfo, np.ndarray, EarlyCrops], Watch] | None = None,
) -> None:
    """Fill an entry of the cache: frames.npy, arrays.npz, landmarks.npy where a face was aligned, index.json.

    watcher: makes of the video, its chosen frames and the crops that are cut on the way what sees each frame while faces are followed; by
    default `EarlyCrops.see`, which it must call.
    """
    info = info_of(recording)
    chosen = frame_choice(info.times, spec.rate)
    with closing(EarlyCrops(chosen, spec.size)) as early:
        watch = early.see if watcher is None else watcher(info, chosen, early)
        _write_entry(folder, recording, spec, source, digest, progress, info, chosen, early, watch)


def _write_entry(folder, recording: Recording, spec, source: str, digest: str, progress, info: VideoInfo, chosen, early, watch) -> None:
    notes = Notes(info.notes)
    track = faces = None
    truth = read_truth(recording.truth) if source == "truth" else None
    if truth is not None:
        track = _truth_track(truth, info.times[chosen])
    elif source == "face":
        loaded = load_or_track(info, digest, choose=spec.face, progress=progress, model=face_model(), watch=watch)
        notes.add(*loaded.notes)
        tracks = loaded.tracks
        faces, track = tracks.count, at_times(tracks, info.times[chosen])
    whole = source if is_framing(source) else "centre"  # what is shown where no face is
    valid = np.ones(len(chosen), bool) if track is None else track.valid
    if track is not None and not valid.any():
        name = recording.video.name
        notes.add(f"{name}: no face was found in any frame; the centred square is shown and no frame is valid.")
        track = None
    if track is None:
        affine = np.repeat(framing_affine(whole, info.width, info.height, spec.size)[None], len(chosen), 0)
    else:
        affine = crop_affine(track.landmarks, spec.size)
        affine = affine if track.bridged is None else between(affine, track.valid, track.bridged)
        if truth is not None and truth.alignment is not None:
            affine = misaligned(affine, truth.alignment[_nearest(truth.times, info.times[chosen])], spec.size)
    framing = whole if track is None else source
    if track is not None and early.fits(affine):
        cut = early.crops(info, chosen, affine)
    else:
        cut = _cut(info, chosen, affine, spec.size, framing, notes, progress)
    images = _write_frames(folder / "frames.npy", cut, (len(chosen), spec.size, spec.size, 3))
    seen = track.notes if track is not None and track.notes else np.where(valid, "", NO_FACE).tolist()
    frame_notes = np.array([image or face for image, face in zip(images, seen, strict=True)])
    valid = valid & (frame_notes != NO_IMAGE)
    arrays = {"times": info.times[chosen], "indices": chosen, "valid": valid, "notes": frame_notes, "affine": affine}
    if track is not None:
        arrays |= {"boxes": track.boxes, "score": track.score}
        if track.blendshapes is not None:
            arrays["blendshapes"] = track.blendshapes.astype(np.float32)
        if track.bridged is not None:
            arrays["bridged"] = track.bridged & (frame_notes != NO_IMAGE)
        np.save(folder / "landmarks.npy", track.landmarks.astype(np.float32, copy=False), allow_pickle=False)
    np.savez(folder / "arrays.npz", **arrays)
    index = {
        "format": FORMAT,
        "what": _described(recording, spec, framing),
        "video": printable(recording.video.resolve()),
        "video_sha256": digest,
        "source": framing,
        "size": spec.size,
        "rate": spec.rate,
        "frames": len(chosen),
        "picture": [info.width, info.height],
        "track": track is not None,
        "faces": faces,
        "warnings": list(notes),
        "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    }
    write_json(folder / INDEX, index)


def _described(recording: Recording, config, source: str) -> str:
    rate = "every frame" if config.rate is None else f"{config.rate:g} frames/s"
    name = printable(recording.video.name)
    return f"{name}, {config.size} px, {rate}, {source}"


def _cut(
    info: VideoInfo, chosen: np.ndarray, affine: np.ndarray, size: int, framing: str, notes: Notes, progress
) -> Iterator[tuple[np.ndarray, str]]:
    """Each chosen frame of a video as a crop, with the note of the frame ('' for none), in order; adds the notes of the video."""
    row_of = dict(zip(chosen.tolist(), range(len(chosen)), strict=True))
    for frame in read_frames(info.path, info=info, notes=notes):
        row = row_of.get(frame.index)
        if row is not None:
            yield framed(frame.image, framing, affine[row], size), DAMAGED if frame.damaged else frame.note
        if progress is not None:
            progress(frame.index + 1, len(info))


def _write_frames(path: Path, cut: Iterable[tuple[np.ndarray, str]], shape: tuple[int, ...]) -> list[str]:
    """Writes crops into a .npy file, one after another; returns the note of each ('' for none).

    Written to as a stream: a full disk is an error there, and death by a signal in a memory map.
    """
    notes = []
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for image, note in cut:
            stream.write(image.tobytes())
            notes.append(note)
    return notes


def _truth_track(truth: Truth, times: np.ndarray) -> FaceTrack:
    """The known landmarks of a synthetic recording at the times of its video's frames, as a track."""
    landmarks = np.where(truth.visible[:, None, None], truth.landmarks, np.nan).astype(np.float32)
    return at_times(_track_of(truth.times, landmarks, truth.visible.astype(bool)), times)


def _track_of(times: np.ndarray, landmarks: np.ndarray, valid: np.ndarray) -> FaceTrack:
    boxes = np.concatenate([landmarks.min(1), landmarks.max(1)], 1)
    affine = np.full((len(times), 2, 3), np.nan)  # crops have their own
    return FaceTrack(times, boxes, landmarks, valid.astype(np.float32), affine, valid)


def _nearest(known: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The index of the known time that is nearest to each, the earlier of two as near."""
    after = np.clip(np.searchsorted(known, times), 0, len(known) - 1)
    before = np.clip(after - 1, 0, None)
    return np.where(np.abs(known[before] - times) <= np.abs(known[after] - times), before, after)


def at_times(track: FaceTrack, times: np.ndarray) -> FaceTrack:
    """A track at other times: each takes the nearest frame; where none is nearer than one frame's distance there is no face."""
    known = np.asarray(track.times, np.float64)
    if not len(known):
        raise StavisError("a face track without a frame cannot align a video: track it again.")
    nearest = _nearest(known, times)
    reach = float(np.median(np.diff(known))) if len(known) > 1 else 0.0
    there = np.abs(known[nearest] - times) <= reach + CLOCK_TOLERANCE
    if there.all() and np.array_equal(nearest, np.arange(len(known))):  # every frame: nothing is copied
        return FaceTrack(**{field.name: getattr(track, field.name) for field in fields(FaceTrack)} | {"times": times})
    valid = np.asarray(track.valid, bool)[nearest] & there
    gap = np.zeros(len(known), bool) if track.bridged is None else track.bridged
    gone = ~valid
    boxes, landmarks = (np.array(values[nearest], np.float32) for values in (track.boxes, track.landmarks))
    boxes[gone], landmarks[gone] = np.nan, np.nan
    return FaceTrack(
        times=times,
        boxes=boxes,
        landmarks=landmarks,
        score=np.where(there, np.asarray(track.score)[nearest], 0).astype(np.float32),
        affine=np.asarray(track.affine)[nearest],
        valid=valid,
        blendshapes=None if track.blendshapes is None else np.asarray(track.blendshapes)[nearest],
        notes=tuple(track.notes[k] if ok else NO_FACE for k, ok in zip(nearest, there, strict=True)) if track.notes else (),
        bridged=gap[nearest] & there,
    )
