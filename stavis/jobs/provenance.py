"""Where a result comes from: versions, hashes and the command, for every file that stavis writes."""

import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("torch", "pytorch-lightning", "captum", "numpy", "opencv-python-headless", "av", "decord2", "plotly")


def package_version() -> str:
    """The version of stavis."""
    try:
        return version("stavis")
    except PackageNotFoundError:
        return "0.1.0"  # run from a checkout that is not installed


def provenance(**facts) -> dict[str, str]:
    """What a reader needs to make a result again: the given facts, then versions and the command line (without folders)."""
    command = [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else []
    known = {name.replace("_", " "): str(value) for name, value in facts.items() if value is not None}
    return {
        **known,
        "stavis": package_version(),
        "Python": platform.python_version(),
        **{name: _installed(name) for name in _LIBRARIES},
        "command": shlex.join(command),
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
