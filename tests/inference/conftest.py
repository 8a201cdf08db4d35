"""What tests of networks that are handed in share."""

import warnings

import pytest


@pytest.fixture
def quiet():
    """What is assumed of a network is not what these tests are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
