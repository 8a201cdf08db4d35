"""The wheel works wherever it is installed, over the libraries of this environment: nothing of it is looked for outside it."""

import json
from pathlib import Path

import pytest

from tests.release.build import OFFLINE, PIP, run
from tests.release.situations import CLIP, COMMANDS, SITUATIONS, SMALL_DEMO, Place, clean, environment, in_target, writable_again

LOCATE = """
import json, sys
import stavis
from stavis.batch.shipped import notebook_folder, shipped_notebooks, shipped_specs
from stavis.provenance import package_version
specs = {name: str(path) for name, path in shipped_specs().items()}
facts = {"package": stavis.__file__, "notebooks": str(notebook_folder()), "names": shipped_notebooks(), "specs": specs}
print(json.dumps({**facts, "version": package_version()}))
"""


@pytest.fixture(scope="module", params=list(SITUATIONS))
def place(request, release, tmp_path_factory):
    """Where the wheel is installed, in each situation."""
    found = SITUATIONS[request.param](release.wheel, tmp_path_factory.mktemp("place"))
    yield found
    writable_again(found)


def contents(place: Place) -> dict[Path, int]:
    """Everything in its folder, with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in place.folder.rglob("*")}


def test_the_installed_package_finds_all_that_it_brings_and_writes_nothing_beside_it(place, release, tmp_path):
    before = contents(place)
    info = json.loads(place.run("-c", LOCATE, cwd=tmp_path))
    assert "recola" in place.stavis("datasets", cwd=tmp_path).lower()
    package = Path(info["package"]).parent
    assert package.is_relative_to(place.folder)
    assert Path(info["notebooks"]) == package / "notebooks" and set(info["names"]) >= {"train", "evaluate", "explore"}
    assert info["specs"] == {name: str(package / "reports" / f"{name}.yaml") for name in ("bench", "demo", "study")}
    assert info["version"] == release.wheel.name.split("-")[1]
    assert contents(place) == before
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_may_be_written_nothing_can(release, tmp_path):
    place = SITUATIONS["no write access"](release.wheel, tmp_path)
    try:
        script = "import pathlib, stavis; (pathlib.Path(stavis.__file__).parent / 'new').write_text('x')"
        with pytest.raises(AssertionError, match="PermissionError"):
            place.run("-c", script, cwd=tmp_path)
    finally:
        writable_again(place)


@pytest.mark.slow
def test_a_first_hour_and_a_small_demo_work_and_leave_the_installation_as_it_was(place, tmp_path):
    before = contents(place)
    place.run("-c", CLIP, cwd=tmp_path)
    said = {name: place.stavis(*words, cwd=tmp_path) for name, words in COMMANDS.items()}
    assert "explain" in said["--help"] and "JupyterLab" in said["lab --help"] and "switching_" in said["report demo"]
    assert (tmp_path / "explained" / "report.html").stat().st_size > 10_000
    place.stavis(*SMALL_DEMO, cwd=tmp_path)
    small = tmp_path / SMALL_DEMO[-1]
    assert (small / "report.html").stat().st_size > 10_000 and "ccc" in json.loads((small / "demo.json").read_text(encoding="utf-8"))
    assert {path.name for path in tmp_path.iterdir()} == {"clip", "explained", SMALL_DEMO[-1]}
    assert contents(place) == before


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
