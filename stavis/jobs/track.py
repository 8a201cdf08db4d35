"""The faces of a video followed and written down, with a progress bar."""

from pathlib import Path

from stavis.data.faces.export import TrackSummary, write_track
from stavis.notes import show
from stavis.progress import bar


def track(video: str | Path, out: str | Path, *, quiet: bool = False, **options) -> TrackSummary:
    """Follow the faces of a video and write what was seen to a folder.

    Parameters
    ----------
    video : str or Path
        The video file.
    out : str or Path
        The folder for ``track.csv`` (all faces), ``landmarks.npz`` (the chosen face), ``preview.mp4`` and ``track.json``.
    quiet : bool, default False
        No progress bar.
    **options
        ``choose``: ``"largest"`` (default), a face's number from 0, or a point ``(x, y)`` in pixels of the upright video: the face
        at that point, followed wherever it goes. ``backend``: ``"auto"`` (default), ``"litert"`` or ``"opencv"``. ``model``: a copy
        of ``face_landmarker.task``. ``preview=False`` leaves the preview out. ``stream``: the number of the video stream.

    Returns
    -------
    TrackSummary
        Counts of frames and faces, the chosen face's number, seconds, and ``notes``: what is not sure, in sentences; each is shown
        as a StavisWarning too.

    Raises
    ------
    StavisError
        If the video cannot be read or shows no face, if the face that was asked for is not there (the message lists the faces and
        where they are), or if ``out`` cannot be written.

    Examples
    --------
    >>> import stavis
    >>> stavis.track("my_video.mp4", "tracked", choose=(320, 180), quiet=True).faces  # doctest: +SKIP
    1
    """
    with bar("tracking", quiet) as progress:
        summary = write_track(video, out, progress=progress, **options)
    show(summary.notes)
    return summary
