"""What tests share: where the real clips and the browser are, a tiny drawn data set, a tiny network, the shell in this process."""

import os
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("stavis", deadline=None)  # never a test on timing
settings.load_profile("stavis")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores: torch's threads would wait for each other

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
def heads_file() -> Path:
    """The file of the head model; the test is skipped where there is none."""
    clips = _clips_folder()
    for place in (os.environ.get("STAVIS_HEADS"), clips and clips.parent / "heads"):
        path = Path(place or "nowhere")
        path = path / "ict_facekit.npz" if path.is_dir() else path
        if path.is_file():
            return path
    pytest.skip("no head model here: set STAVIS_HEADS to its file or folder")


@pytest.fixture(scope="session")
def head_model(heads_file):
    """The head model, read once a session; the test is skipped where there is none."""
    from stavis.synthetic.heads.source.model_file import head_model

    return head_model(heads_file)


@pytest.fixture(scope="session")
def face_model(_own_cache):
    """The checked file of the face networks, fetched once a session; the test is skipped where no way leads to it."""
    from stavis.data.faces.networks.model_file import fetch_models
    from stavis.errors import StavisError

    try:
        return fetch_models()
    except StavisError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def emotion_network(_own_cache):
    """The network of the second opinion, fetched once a session; the test is skipped where it is not available."""
    from stavis.data.faces.networks.emotions import EmotionNetwork
    from stavis.errors import StavisError

    try:
        return EmotionNetwork.find()
    except StavisError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's chromium; the test is skipped where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium here: install Debian's package of that name")
    return path


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or writes the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        if "STAVIS_TEST_KEEP_CACHE" not in os.environ:
            patch.setenv("STAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def drawn(tmp_path_factory, _own_cache) -> Path:
    """A drawn data set of one recording a split, 64 px, two seconds. Copy what is to be changed."""
    from stavis.synthetic.config import SyntheticConfig
    from stavis.synthetic.writer import write_dataset

    spec = SyntheticConfig(recordings=3, seconds=2.0, fps=12.5, size=(64, 64), shares=(0.34, 0.33, 0.33), seed=3)
    return write_dataset(tmp_path_factory.mktemp("drawn") / "faces", spec)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """An STA network of 32 px, untrained, saved as a checkpoint. Copy what is to be changed."""
    import torch

    from stavis.models.checkpoint import save_checkpoint
    from stavis.models.sta import STA
    from tests.models.test_sta import TINY

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = STA(TINY)
    return save_checkpoint(
        tmp_path_factory.mktemp("runs") / "tiny", network, system="sta", info={"data": {"name": "none", "synthetic": True}}
    )


@dataclass(frozen=True)
class Said:
    """What a command of the shell said, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    """`shell("explain", RUN, ...)` runs a command of stavis in this process, in an empty working folder; returns what it said."""
    import stavis.cli

    home = tmp_path / "working folder"
    home.mkdir()
    monkeypatch.chdir(home)

    def run(*words) -> Said:
        monkeypatch.setattr(sys, "argv", ["stavis", *map(str, words)])
        capfd.readouterr()
        code = 0
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            try:
                stavis.cli.main()
            except SystemExit as end:
                code = end.code or 0
        out, err = capfd.readouterr()
        return Said(code, out, err)

    yield run
    assert list(home.iterdir()) == [], "nothing appears in the working folder"


# In CI (STAVIS_CI=1) a check that could not be made is a failure: nothing passes because it was skipped.


def _tolerated(reason: str) -> bool:
    """What CI cannot have: axe-core without npm."""
    return "axe-core" in reason and shutil.which("npm") is None


def _skip_fails(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if os.environ.get("STAVIS_CI") and report.skipped and not hasattr(report, "wasxfail") and not _tolerated(reason):
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow here: {reason}"


NEVER_SKIPPED = {"browser", "real_clips", "heads"}
"""Marks of tests that CI must run; tests that use `chromium`, `real_clips` or `heads_file` without the mark are held to the same."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    marked = any(item.get_closest_marker(name) for name in NEVER_SKIPPED)
    if marked or {"chromium", "real_clips", "heads_file"} & set(getattr(item, "fixturenames", ())):
        _skip_fails(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    _skip_fails((yield).get_result())
