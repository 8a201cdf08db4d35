"""What the tests of faces share."""

import pytest

from tests.data.faces.scenes import People


@pytest.fixture(scope="session")
def people(real_clips, face_model) -> People:
    """Faces of the real clips, to put scenes together."""
    return People(real_clips, face_model)
