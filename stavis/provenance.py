"""Where a result comes from: versions, hashes and the command, for every file that stavis writes."""

import platform
import shlex
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("torch", "pytorch-lightning", "captum", "numpy", "opencv-python-headless", "av", "decord2", "plotly")


def package_version() -> str:
    """The version of stavis."""
    try:
        return version("stavis")
    except PackageNotFoundError:
        return _version_of_checkout()


def _version_of_checkout() -> str:
    project = Path(__file__).parents[1] / "pyproject.toml"
    return tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] if project.is_file() else "unknown"


def provenance(**facts: object) -> dict[str, str]:
    """What a reader needs to make a result again: the given facts, then versions and the command line (without folders)."""
    known = {name.replace("_", " "): str(value) for name, value in facts.items() if value is not None}
    return {
        **known,
        "stavis": package_version(),
        "Python": platform.python_version(),
        **{name: _installed(name) for name in _LIBRARIES},
        "command": command_line(sys.argv),
    }


def command_line(words: Sequence[str]) -> str:
    """What was typed, as text; the folders of absolute paths are left out, for a report is mailed to others. A kernel's is `notebook`."""
    if words and Path(words[0]).stem == "ipykernel_launcher":
        return "notebook"
    if not words:
        return ""
    program = Path(words[0]).name
    return shlex.join(["stavis" if program == "__main__.py" else program, *map(_without_folder, words[1:])])


def _without_folder(word: str) -> str:
    option, equals, value = word.rpartition("=")
    return option + equals + Path(value).name if Path(value).is_absolute() else word


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
