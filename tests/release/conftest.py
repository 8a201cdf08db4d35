"""The release, built once a session."""

import pytest

from tests.release.build import Release, build


@pytest.fixture(scope="session")
def release(tmp_path_factory) -> Release:
    """The sdist of a copy of the checkout, and the wheel of what the sdist unpacks to."""
    return build(tmp_path_factory.mktemp("release"))
