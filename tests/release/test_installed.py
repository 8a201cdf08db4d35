"""The wheel works wherever it is installed, over the libraries of this environment: nothing of it is looked for outside it."""

import json
import os
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.release.conftest import OFFLINE, PIP, run

LIBRARIES = sysconfig.get_path("purelib")
LOCATE = """
import json, sys
import stavis
from stavis.batch.shipped import notebook_folder, shipped_notebooks, shipped_specs
from stavis.provenance import package_version
specs = {name: str(path) for name, path in shipped_specs().items()}
facts = {"package": stavis.__file__, "notebooks": str(notebook_folder()), "names": shipped_notebooks(), "specs": specs}
print(json.dumps({**facts, "version": package_version()}))
"""


@dataclass(frozen=True)
class Place:
    """Where stavis is installed: the interpreter that sees it, its environment, the folder that holds the package."""

    python: Path
    env: dict[str, str]
    folder: Path


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
    python = environment(folder / "venv")
    run(*PIP, "--python", python, "install", *OFFLINE, "--no-compile", wheel, env=clean())
    return Place(python, clean(), folder / "venv")


def in_awkward_path(wheel: Path, folder: Path) -> Place:
    return in_venv(wheel, folder / "Jürgens Übungen (neu)")


def in_user_site(wheel: Path, folder: Path) -> Place:
    python, env = environment(folder / "venv", system=True), clean(PYTHONUSERBASE=str(folder / "home"))
    run(*PIP, "--python", python, "install", *OFFLINE, "--no-compile", "--user", "--ignore-installed", wheel, env=env)
    return Place(python, env, folder / "home")


def in_target(wheel: Path, folder: Path) -> Place:
    run(*PIP, "install", *OFFLINE, "--no-compile", "--target", folder / "target", wheel, env=clean())
    return Place(Path(sys.executable), clean(PYTHONPATH=str(folder / "target")), folder / "target")


SITUATIONS = {"venv": in_venv, "spaces and umlauts": in_awkward_path, "--user": in_user_site, "--target": in_target}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_installed_package_finds_all_that_it_brings_and_writes_nothing_beside_it(situation, release, tmp_path):
    (tmp_path / "work").mkdir()
    place = SITUATIONS[situation](release.wheel, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in place.folder.rglob("*")}
    for path in before:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)  # no write access: for root, what changed is looked at below
    try:
        info = json.loads(run(place.python, "-c", LOCATE, env=place.env, cwd=tmp_path / "work"))
        assert "recola" in run(place.python, "-m", "stavis.cli", "datasets", env=place.env, cwd=tmp_path / "work").lower()
    finally:
        for path in sorted(before):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)
    package = Path(info["package"]).parent
    assert package.is_relative_to(place.folder)
    assert Path(info["notebooks"]) == package / "notebooks" and set(info["names"]) >= {"train", "evaluate", "explore"}
    assert info["specs"] == {name: str(package / "reports" / f"{name}.yaml") for name in ("bench", "demo", "study")}
    assert info["version"] == release.wheel.name.split("-")[1]
    assert {path: path.stat().st_mtime_ns for path in place.folder.rglob("*")} == before
    assert list((tmp_path / "work").iterdir()) == []


def test_an_editable_install_finds_those_of_its_checkout(release, tmp_path):
    python = environment(tmp_path / "venv")
    run(*PIP, "--python", python, "install", *OFFLINE, "--no-compile", "--editable", release.unpacked, env=clean())
    info = json.loads(run(python, "-c", LOCATE, env=clean(), cwd=tmp_path))
    assert Path(info["package"]) == release.unpacked / "stavis" / "__init__.py"
    assert Path(info["notebooks"]) == release.unpacked / "notebooks" and set(info["specs"]) >= {"demo", "study"}


def test_the_wheel_alone_loads_the_shipped_network_and_plans_a_shipped_study(release, tmp_path):
    place = in_target(release.wheel, tmp_path)
    script = "import stavis; print(stavis.load('sta')); print(len(stavis.plan_study('study', quiet=True).reports)); print(stavis.__file__)"
    *_, reports, file = run(place.python, "-c", script, env=place.env, cwd=tmp_path).splitlines()
    assert reports == "3" and Path(file).is_relative_to(place.folder)
