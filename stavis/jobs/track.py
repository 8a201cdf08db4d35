"""The faces of a video followed and written down, with a progress bar."""

from pathlib import Path

from stavis.data.faces.export import TrackSummary, write_track
from stavis.notes import show
from stavis.progress import bar


def track(video: str | Path, out: str | Path, *, quiet: bool = False, **options) -> TrackSummary:
    """Follow the faces of a video and write track.csv, landmarks.npz, preview.mp4 and track.json.

    Parameters
    ----------
    video : str or Path
        The video file.
    out : str or Path
        The folder to write to.
    quiet : bool
        No progress bar.
    **options
        `choose`, which face: "largest", a number from 0, or (x, y) for the nearest to that pixel; `backend`: "auto", "litert" or
        "opencv".

    Returns
    -------
    TrackSummary
        Its folder, and how many frames and faces there are.

    Raises
    ------
    StavisError
        Where the video cannot be read or shows no face, or the face model is not available.

    Examples
    --------
    >>> stavis.track("my_video.mp4", "tracked").frames_with_face  # doctest: +SKIP
    250
    """
    with bar("tracking", quiet) as progress:
        summary = write_track(video, out, progress=progress, **options)
    show(summary.notes)
    return summary
