"""The sdist holds what a packager needs; the wheel what a user does, and no more."""

import subprocess
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest

from tests.conftest import ROOT

LARGEST = 12 << 20  # bytes of the wheel


def in_checkout(*patterns: str) -> set[str]:
    """The files of the checkout that match, relative to it."""
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {name for name in found if "__pycache__" not in name and not name.startswith("reports/out/")}


def in_wheel(release) -> set[str]:
    with zipfile.ZipFile(release.wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_and_what_lies_beside_it(release):
    names = in_wheel(release)
    assert in_checkout("stavis/**/*") <= names
    assert {f"stavis/{name}" for name in in_checkout("notebooks/*.ipynb", "reports/*.yaml")} <= names


def test_the_wheel_holds_nothing_else_and_is_small(release):
    own = {name for name in in_wheel(release) if ".dist-info/" not in name}
    assert own == in_checkout("stavis/**/*") | {f"stavis/{name}" for name in in_checkout("notebooks/*.ipynb", "reports/*.yaml")}
    assert release.wheel.stat().st_size <= LARGEST and release.wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_holds_tests_docs_and_what_belongs_to_a_project(release):
    with tarfile.open(release.sdist) as archive:
        names = {PurePosixPath(*PurePosixPath(one.name).parts[1:]).as_posix() for one in archive if one.isfile()}
    wanted = in_checkout("stavis/**/*", "tests/**/*.py", "docs/**/*.md", "docs/**/*.py", "docs/images/*", "notebooks/*", "reports/*.yaml")
    wanted |= in_checkout("benchmarks/**/*.py", "recipe/*", "*.md", "*.cff", "*.yml", "LICENSE", "pyproject.toml", "setup.py", ".ci/run")
    assert {name for name in wanted if not name.startswith("docs/_build/")} - names == set()
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc") or name.startswith((".git/", "reports/out"))]


def test_nothing_that_git_keeps_is_left_out_of_the_sdist(release):
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout, but what an sdist unpacked to")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    here = {path.relative_to(release.unpacked).as_posix() for path in release.unpacked.rglob("*") if path.is_file()}
    kept = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    assert kept - here == {".gitignore"}
