"""The sdist and the wheel, each built once from a copy of the checkout, without network."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PIP = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")
OFFLINE = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet")
PARTS = ["stavis", "notebooks", "reports", "tests", "docs", "benchmarks", "recipe", ".ci"]


@dataclass(frozen=True)
class Release:
    """The files of a release, and the folder that the sdist unpacks to."""

    sdist: Path
    wheel: Path
    unpacked: Path


def run(*words: str | Path, **options) -> str:
    """What a command prints; fails with its messages where it does."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path) -> Release:
    """The sdist of a copy of the checkout, and the wheel of what the sdist unpacks to, in an empty folder."""
    checkout, made = folder / "checkout", folder / "made"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, checkout)
        elif path.name in PARTS:
            shutil.copytree(path, checkout / path.name, ignore=shutil.ignore_patterns("__pycache__", "out", "_build"))
    run(sys.executable, "-c", f"from setuptools.build_meta import build_sdist; build_sdist({str(made)!r})", cwd=checkout)
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # from 3.11.4 on
    (unpacked,) = (folder / "unpacked").iterdir()
    run(*PIP, "wheel", *OFFLINE, "--wheel-dir", made, unpacked)
    (wheel,) = made.glob("*.whl")
    return Release(sdist, wheel, unpacked)
