"""A synthetic data set on disk: real H.264 files, the raters' tables, gold labels, truth, splits and the spec."""

import csv
import io
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from joblib import Parallel, cpu_count, delayed

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.errors import StavisError
from stavis.storage.files import atomic_folder, read_json, write_json, write_text
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads.stage import require_heads
from stavis.synthetic.raters import RATERS, Ratings
from stavis.synthetic.recording import SyntheticRecording, render

FORMAT = "stavis drawn data set"  # as every data set on disk says, those of before included
_NOTES = {
    "flat": "Synthetic faces. No person was recorded.",
    "heads": "Rendered 3D heads. No person was recorded.",
    "both": "Synthetic faces, flat ones and rendered 3D heads. No person was recorded.",
}
_WORTH_PROCESSES = 3e7  # pixels to render, about two seconds of them: to start the processes takes as long
_CHUNK = 64  # frames of region masks held at once
# x264 weighs eight 16 px blocks at a time and in other widths reads beyond the last: its choices, and so the bytes of the file, would
# hang on what lies in memory there (libx264 of PyAV 18 on AVX-512: up to seven different files of one set of frames).
_WHOLE_STEP = 128


def write_dataset(
    root: str | Path, spec: SyntheticConfig, progress: Callable[[int, int], None] | None = None, *, indices: Sequence[int] | None = None
) -> Path:
    """Write the recordings of `spec` as a folder; it appears whole or not at all. Returns the folder.

    indices: which of the recordings are written (all of them by default); each is what it is in the whole. root must not exist, be
    empty, or hold a synthetic data set and nothing else, which is replaced. progress(done, total) is called after each recording, and
    with done = 0 before the first.

    Raises StavisError where root holds anything else or cannot be written, or the model of the 3D heads asked for is not available.
    """
    root = Path(root)
    _refuse_foreign(root)
    if spec.renderer != "flat":
        require_heads()
    indices = range(spec.recordings) if indices is None else indices
    total = len(indices)
    with atomic_folder(root) as folder:
        for name in ("videos", "labels", "raters/valence", "truth"):
            (folder / name).mkdir(parents=True)
        if progress:
            progress(0, total)
        rows, lags = [("recording", "subject", "split")], {}
        with closing(_write_all(folder, spec, indices)) as recordings:
            for done, written in enumerate(recordings, 1):
                rows.append((written.name, written.subject, written.split))
                lags[written.name] = [round(float(lag), 4) for lag in written.lags]
                if progress:
                    progress(done, total)
        _write_table(folder / "splits.csv", rows)
        write_json(folder / "dataset.json", _description(spec, lags))
    return root


class _Written(NamedTuple):
    name: str
    subject: str
    split: str
    lags: tuple[float, ...]


def _write_all(folder: Path, spec: SyntheticConfig, indices: Sequence[int]) -> Iterator[_Written]:
    """Write recordings, on all cores where there are enough of them, in order."""
    cores = min(cpu_count(), len(indices))
    if cores < 2 or len(indices) * spec.frames * spec.size[0] * spec.size[1] < _WORTH_PROCESSES:
        yield from (_write_one(folder, spec, index) for index in indices)
        return
    # joblib's processes, because they need no guard around a user's script
    work = Parallel(n_jobs=cores, return_as="generator", batch_size=max(1, min(4, len(indices) // (2 * cores))))
    written = work(delayed(_write_one)(folder, spec, index) for index in indices)
    try:
        for recording in written:  # noqa: UP028 - `yield from` would close `written` itself, and warn
            yield recording
    finally:  # where the reader gave up: no process writes on into a folder that is being removed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib tells of the work that was not used
            written.close()


def _write_one(folder: Path, spec: SyntheticConfig, index: int) -> _Written:
    recording = render(spec, index)
    _write_recording(folder, recording, _quality(spec, index))
    return _Written(recording.name, recording.subject, recording.split, tuple(recording.ratings.lags))


def read_spec(root: str | Path) -> SyntheticConfig:
    """The spec of a synthetic data set on disk.

    Raises StavisError where the folder is not one.
    """
    path = Path(root) / "dataset.json"
    described = read_json(path)
    if not isinstance(described, dict) or described.get("format") != FORMAT or not isinstance(described.get("spec"), dict):
        raise StavisError(f"{path} does not describe a synthetic data set: write one with `stavis synth`.")
    try:
        return SyntheticConfig.from_dict(described["spec"])
    except TypeError as error:
        raise StavisError(f"{path} was written by another version of stavis ({error}): write the data set again.") from error
    except StavisError as error:
        raise StavisError(f"{path} holds settings that cannot be rendered ({str(error).rstrip('.')}): write the data set again.") from error


def _description(spec: SyntheticConfig, lags: dict[str, list[float]]) -> dict:
    return {
        "format": FORMAT,
        "hash": spec.hash(),
        "spec": spec.as_dict(),
        "labels": "mean of the raters, their lag undone",
        "rater_lags": lags,
        "note": _NOTES[spec.renderer],
    }


def _refuse_foreign(root: Path) -> None:
    """Never replace what stavis did not write."""
    if root.is_symlink() or (root.exists() and not root.is_dir()):
        raise StavisError(f"{root} is not a folder: give the path of a new or empty folder.")
    try:
        empty = not root.exists() or not any(root.iterdir())
    except OSError as error:
        raise StavisError(f"{root} cannot be read ({error.strerror}): give another folder.") from error
    if empty:
        return
    try:
        ours = _files_of(read_spec(root))
    except StavisError as error:
        raise StavisError(f"{root} holds files that are not a synthetic data set: give the path of a new or empty folder.") from error
    found = (path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_symlink() or not path.is_dir())
    for name in found:
        if name not in ours and not name.endswith(".DS_Store"):
            raise StavisError(f"{root} holds {name} besides the synthetic data set: move it elsewhere or give the path of a new folder.")


def _files_of(spec: SyntheticConfig) -> set[str]:
    """The files of a synthetic data set, seen from its folder."""
    kinds = (("videos", "mp4"), ("labels", "csv"), ("raters/valence", "csv"), ("truth", "npz"))
    names = [spec.name_of(index) for index in range(spec.recordings)]
    return {"dataset.json", "splits.csv", *(f"{folder}/{name}.{suffix}" for folder, suffix in kinds for name in names)}


def _quality(spec: SyntheticConfig, index: int) -> int:
    low, high = spec.crf
    return int(spec.generator("pixels", index).integers(low, high + 1))


def _write_recording(folder: Path, recording: SyntheticRecording, crf: int) -> None:
    spec, name = recording.spec, recording.name
    encode_video(folder / "videos" / f"{name}.mp4", recording.frames(), spec.size, spec.fps, crf)
    ratings = recording.ratings
    gold = [("time", "valence"), *((f"{t:.2f}", f"{v:.4f}") for t, v in zip(ratings.times, ratings.gold, strict=True))]
    _write_table(folder / "labels" / f"{name}.csv", gold)
    write_text(folder / "raters" / "valence" / f"{name}.csv", _recola(ratings))
    _write_truth(folder / "truth" / f"{name}.npz", recording)


def encode_video(path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], fps: float, crf: int) -> None:
    """An H.264 file; one thread, so that the same frames give the same bytes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "veryfast"}
        if size[0] % _WHOLE_STEP:
            stream.options |= {"x264-params": "mbtree=0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _write_truth(path: Path, recording: SyntheticRecording) -> None:
    """truth.npz, with the region masks written a segment at a time."""
    truth = recording.truth
    arrays = {name: getattr(truth, name) for name in ("times", "landmarks", "mouth_cue", "valence", "occluded", "visible")}
    arrays["carrier"] = truth.informative  # the name in every truth file on disk
    if truth.expression is not None:
        arrays |= {"expression": truth.expression, "expression_names": np.array(BLENDSHAPES), "pose": truth.pose}
    if truth.alignment is not None:
        arrays["alignment"] = truth.alignment
    width, height = truth.size
    count = len(truth.times)
    stamp = (1980, 1, 1, 0, 0, 0)  # the same for every file, so that the same spec gives the same bytes
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", stamp)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())
        entry = zipfile.ZipInfo("regions.npy", stamp)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, height, width)}
            np.lib.format.write_array_header_1_0(stream, header)
            for start in range(0, count, _CHUNK):
                stream.write(truth.regions(start, min(start + _CHUNK, count)).tobytes())


def _recola(ratings: Ratings) -> str:
    """The raters' table as RECOLA prints it, trailing spaces in its header included."""
    lines = ["time;" + " ;".join(RATERS)]
    lines += [f"{t:.2f};" + ";".join(f"{m:.2f}" for m in marks) for t, marks in zip(ratings.times, ratings.values, strict=True)]
    return "\n".join(lines) + "\n"


def _write_table(path: Path, rows: Iterable[tuple]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    write_text(path, buffer.getvalue())
