"""What tests share: where the real clips and the browser are."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _clips_folder() -> Path | None:
    for folder in (os.environ.get("STAVIS_TEST_VIDEOS"), ROOT.parent / "shared" / "videos"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real test clips; the test is skipped where there is none."""
    folder = _clips_folder()
    if folder is None:
        pytest.skip("no real test clips here: set STAVIS_TEST_VIDEOS to their folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's chromium; the test is skipped where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium here: install Debian's package of that name")
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    if "STAVIS_TEST_KEEP_CACHE" not in os.environ:
        monkeypatch.setenv("STAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
