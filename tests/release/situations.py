"""Five situations in which people install stavis, over the libraries of this environment. As a script, it prints what works in each:

    python -m tests.release.situations [--whole SITUATION]

installs the wheel in each, runs the commands of a first hour and a small demo (the whole one in SITUATION), and prints one row for each.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.release.build import OFFLINE, PIP, build, run

LIBRARIES = sysconfig.get_path("purelib")
SMALL_DEMO = ("demo", "--steps", "3", "--recordings", "8", "--quiet", "--out", "small demo")
WHOLE_DEMO = ("demo", "--quiet", "--out", "demo")
COMMANDS = {
    "--help": ("--help",),
    "lab --help": ("lab", "--help"),
    "report demo": ("report", "demo", "--dry-run", "--quiet"),
    "explain sta": ("explain", "sta", "clip/anna.mp4", "--source", "centre", "--methods", "saliency", "--quiet", "--out", "explained"),
}
"""What a first hour consists of; each ends without an error."""
CLIP = """
import numpy as np
from pathlib import Path
from stavis.data.video.io import write_video
Path("clip").mkdir()
write_video("clip/anna.mp4", np.random.default_rng(0).integers(0, 255, (24, 96, 96, 3), np.uint8), fps=12.0)
"""
_DROP = 24  # PR_CAPBSET_DROP of Linux
_OVERRIDES = (1, 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root write where the mode forbids it


@dataclass(frozen=True)
class Place:
    """Where stavis is installed: the interpreter that sees it, its environment, the folder that holds the package."""

    python: Path
    env: dict[str, str]
    folder: Path
    read_only: bool = False

    def run(self, *words: str, cwd: Path) -> str:
        """What a command of this interpreter prints; where the place is read-only, root has no more rights in it than its mode gives."""
        return run(self.python, *words, env=self.env, cwd=cwd, preexec_fn=_like_anyone if self.read_only else None)

    def stavis(self, *words: str, cwd: Path) -> str:
        """What a command of stavis prints."""
        return self.run("-m", "stavis.cli", *words, cwd=cwd)


def _like_anyone() -> None:
    """The next program has no right to write where the mode of a file forbids it, though it is root's."""
    if os.geteuid() == 0 and sys.platform == "linux":
        for right in _OVERRIDES:
            ctypes.CDLL(None).prctl(_DROP, right, 0, 0, 0)


def clean(**more: str) -> dict[str, str]:
    """This environment without what leads to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def environment(folder: Path, system: bool = False) -> Path:
    """A virtual environment that sees the libraries of this one but no editable install in it; returns its interpreter."""
    venv.create(folder, system_site_packages=system)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    (Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()) / "libraries.pth").write_text(LIBRARIES)
    return python


def in_venv(wheel: Path, folder: Path) -> Place:
    """In a virtual environment."""
    python = environment(folder / "venv")
    run(*PIP, "--python", python, "install", *OFFLINE, "--no-compile", wheel, env=clean())
    return Place(python, clean(), folder / "venv")


def in_awkward_path(wheel: Path, folder: Path) -> Place:
    """In a virtual environment whose path has spaces, umlauts and brackets."""
    return in_venv(wheel, folder / "Jürgens Übungen (neu)")


def in_user_site(wheel: Path, folder: Path) -> Place:
    """With --user."""
    python, env = environment(folder / "venv", system=True), clean(PYTHONUSERBASE=str(folder / "home"))
    run(*PIP, "--python", python, "install", *OFFLINE, "--no-compile", "--user", "--ignore-installed", wheel, env=env)
    return Place(python, env, folder / "home")


def in_target(wheel: Path, folder: Path) -> Place:
    """With --target."""
    run(*PIP, "install", *OFFLINE, "--no-compile", "--target", folder / "target", wheel, env=clean())
    return Place(Path(sys.executable), clean(PYTHONPATH=str(folder / "target")), folder / "target")


def in_read_only(wheel: Path, folder: Path) -> Place:
    """In a virtual environment in which nothing may be written: that of an administrator."""
    place = in_venv(wheel, folder)
    for path in (place.folder, *place.folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    return Place(place.python, place.env, place.folder, read_only=True)


SITUATIONS: dict[str, Callable[[Path, Path], Place]] = {
    "venv": in_venv,
    "--user": in_user_site,
    "--target": in_target,
    "no write access": in_read_only,
    "spaces and umlauts": in_awkward_path,
}


def writable_again(place: Place) -> None:
    """Undoes read-only modes, so that the folder can be removed."""
    for path in (place.folder, *place.folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


@dataclass
class Row:
    """What worked in a situation: the seconds of each command, or why it failed."""

    situation: str
    cells: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, work: Callable[[], object]) -> None:
        """Do it, and keep how long it took or the last line of its error."""
        started = time.monotonic()
        try:
            work()
            self.cells[name] = f"{time.monotonic() - started:.0f} s"
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            self.cells[name] = f"failed: {str(error).strip().splitlines()[-1]}"


def row_of(situation: str, wheel: Path, folder: Path, demo: tuple[str, ...]) -> Row:
    """Installs the wheel, runs everything, and says what came of it."""
    row, work = Row(situation), folder / "work"
    work.mkdir(parents=True)
    place = None

    def install() -> None:
        nonlocal place
        place = SITUATIONS[situation](wheel, folder)

    row.add("install", install)
    if place is not None:
        place.run("-c", CLIP, cwd=work)
        for name, words in {**COMMANDS, " ".join(demo[:5]): demo}.items():
            row.add(name, lambda words=words: place.stavis(*words, cwd=work))
        writable_again(place)
    return row


def main() -> None:
    """Prints one row for each situation."""
    parser = argparse.ArgumentParser(description="Install the wheel in five situations and run stavis in each.")
    parser.add_argument("--whole", choices=list(SITUATIONS), help="the situation in which the whole demo runs")
    whole = parser.parse_args().whole
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("STAVIS_CACHE", str(folder / "cache"))
        (folder / "release").mkdir()
        release = build(folder / "release")
        print(f"{release.wheel.name}: {release.wheel.stat().st_size / 1e6:.2f} MB; {release.sdist.stat().st_size / 1e6:.2f} MB as sdist")
        for number, situation in enumerate(SITUATIONS):
            row = row_of(situation, release.wheel, folder / f"s{number}", WHOLE_DEMO if situation == whole else SMALL_DEMO)
            print(f"{row.situation:20}", *(f"{command}: {cell};" for command, cell in row.cells.items()), flush=True)


if __name__ == "__main__":
    main()
