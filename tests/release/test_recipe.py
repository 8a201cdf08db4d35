"""The conda recipe and the conda environment require what pyproject.toml does."""

import re
import subprocess
import sys

import yaml

from tests.conftest import ROOT
from tests.release.test_requirements import PROJECT, distribution, module

CONDA = {"torch": "pytorch", "opencv-python-headless": "opencv", "matplotlib": "matplotlib-base", "lazy-loader": "lazy_loader"}
"""The name of a distribution on conda-forge, where it is another one."""
NOT_ON_CONDA = {"ai-edge-litert": "OpenCV runs the face networks where it is missing"}
"""What conda-forge does not have, each with what happens without it."""


def recipe() -> dict:
    """The recipe with its version filled in; it uses no other template."""
    text = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    version = re.search(r'{% set version = "(.+)" %}', text)[1]
    plain = re.sub(r"{%.*%}", "", text).replace("{{ version }}", f'"{version}"').replace("{{ PYTHON }}", "python")
    assert "{{" not in plain and "{%" not in plain
    return yaml.safe_load(plain)


def split(requirement: str) -> tuple[str, str]:
    """The name and the bounds of a requirement of conda."""
    name, _, bounds = requirement.partition(" ")
    return name, bounds


def test_the_recipe_requires_what_pyproject_does():
    wanted = {}
    for requirement in PROJECT["dependencies"]:
        name = distribution(requirement)
        if name in NOT_ON_CONDA:
            continue
        wanted[CONDA.get(name, name)] = re.sub(r"^[\w.-]+", "", requirement)
    run = dict(split(one) for one in recipe()["requirements"]["run"])
    assert len(run) == len(recipe()["requirements"]["run"])
    assert run == {"python": PROJECT["requires-python"], **wanted}


def test_the_package_works_without_what_conda_lacks():
    modules = [module(name) for name in NOT_ON_CONDA]
    script = f"import sys; sys.modules.update(dict.fromkeys({modules!r})); from stavis.data.faces.networks import backends as b; "
    script += "print(b.resolved_backend('auto'))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout.strip() == "opencv", done.stderr


def test_the_recipe_builds_this_version_as_pyproject_says():
    made = recipe()
    assert made["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    assert made["build"]["entry_points"] == [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert dict(split(one) for one in made["requirements"]["host"])["setuptools"] == ">=77"
    assert made["about"]["license"] == PROJECT["license"] and (ROOT / made["about"]["license_file"]).is_file()


def test_the_environment_of_conda_installs_the_checkout_with_what_tests_need():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = (one for one in environment["dependencies"] if isinstance(one, str) and one.startswith("python="))
    assert f"Programming Language :: Python :: {python.removeprefix('python=')}" in PROJECT["classifiers"]
    (pip,) = (one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    assert pip == ["-e .[test]"]
