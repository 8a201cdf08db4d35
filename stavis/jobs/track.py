"""The faces of a video followed and written down, with a progress bar."""

from pathlib import Path

from stavis.data.faces.export import TrackSummary, write_track
from stavis.notes import show
from stavis.progress import bar


def track(video: str | Path, out: str | Path, *, quiet: bool = False, **options) -> TrackSummary:
    """Follow the faces of a video and write track.csv, landmarks.npz, preview.mp4 and track.json; `options` as in write_track.

    Raises StavisError where the video cannot be read or shows no face.
    """
    with bar("tracking", quiet) as progress:
        summary = write_track(video, out, progress=progress, **options)
    show(summary.notes)
    return summary
