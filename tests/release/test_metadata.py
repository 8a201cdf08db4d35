"""What the package says of itself: one version, true classifiers, one citation file."""

import re
import subprocess

import pytest
import yaml

from stavis.provenance import package_version
from tests.conftest import ROOT
from tests.release.test_requirements import OPTIONAL, PROJECT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
OTHER_CITATIONS = re.compile(r"(^|/)(\.zenodo\.json|codemeta\.json|citation(?!\.cff)[^/]*|[^/]*\.(bib|ris|enw))$", re.I)
BIBLIOGRAPHIES = {"paper.bib"}
"""References of a text of ours: they cite others, not stavis."""


def kept_files() -> list[str]:
    """The files that git keeps."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout, but what an sdist unpacked to")
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_version_of_pyproject_is_the_only_one():
    version = PROJECT["version"]
    assert package_version() == version == CITATION["version"]  # that of the recipe: tests/release/test_recipe.py
    newest = re.search(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert version in newest[0]
    for path in (ROOT / "stavis").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "__version__ =" not in text and not re.search(rf"""["']{re.escape(version)}["']""", text), path


def test_there_is_one_citation_file_and_it_says_what_pyproject_does():
    assert [name for name in kept_files() if OTHER_CITATIONS.search(name) and name.split("/")[-1] not in BIBLIOGRAPHIES] == []
    assert CITATION["cff-version"] == "1.2.0" and {"message", "title", "authors", "type", "license"} <= set(CITATION)
    assert CITATION["license"] == PROJECT["license"] and CITATION["title"].startswith(PROJECT["name"])
    assert [author["name"] for author in CITATION["authors"]] == [author["name"] for author in PROJECT["authors"]]
    (paper,) = CITATION["references"]
    assert PROJECT["urls"]["Paper"].endswith(paper["doi"])


def test_addresses_lead_to_something_of_ours_and_none_is_made_up():
    for name, address in PROJECT["urls"].items():
        assert re.fullmatch(r"https://[\w.-]+\.\w+/\S*", address), name
        assert not re.search(r"example|localhost|your|todo|OWNER", address), name


def test_classifiers_say_what_is_tested():
    classifiers = PROJECT["classifiers"]
    assert classifiers == sorted(set(classifiers))
    assert not [one for one in classifiers if one.startswith("License ::")]  # the SPDX expression says it
    versions = [one.rpartition(" ")[2] for one in classifiers if re.search(r":: 3\.\d+$", one)]
    least = PROJECT["requires-python"].removeprefix(">=")
    assert versions[0] == least and [int(one[2:]) for one in versions] == list(range(int(least[2:]), int(least[2:]) + len(versions)))
    assert "Typing :: Typed" in classifiers and (ROOT / "stavis" / "py.typed").is_file()
    assert "Framework :: Jupyter :: JupyterLab" in classifiers and any(one.startswith("jupyterlab") for one in OPTIONAL["lab"])
    systems = [one for one in classifiers if one.startswith("Operating System ::")]
    assert systems == ["Operating System :: POSIX :: Linux"]  # macOS and Windows install it, but no test ran there


def test_the_licence_is_the_one_that_is_declared():
    assert PROJECT["license"] == "MIT" and PROJECT["license-files"] == ["LICENSE"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
