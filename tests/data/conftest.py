"""The face networks' file for the tests of this folder, fetched once a session."""

import pytest

from stavis.data.facemodel import FaceModel, fetch_face_model
from stavis.errors import StavisError


@pytest.fixture(scope="session")
def face_model(tmp_path_factory) -> FaceModel:
    """The checked file; tests that need it are skipped where no way leads to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        try:
            return fetch_face_model()
        except StavisError as error:
            pytest.skip(str(error))
