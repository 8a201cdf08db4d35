"""Every import is a declared dependency and every declared dependency is imported; what an extra brings is asked for by its name."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict

import pytest
import yaml

from stavis.lazy_names import EXTRAS
from tests.conftest import ROOT
from tests.test_house import PACKAGE, TREES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
MODULES = {
    "opencv-python-headless": "cv2",
    "ai-edge-litert": "ai_edge_litert",
    "decord2": "decord",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "ipython": "IPython",
}
"""The module of a distribution, where it is not the distribution's name."""
NOT_IMPORTED = {
    "jupyterlab": "started by stavis lab as a program",
    "voila": "a program that serves a notebook",
    "transformers": "a user's networks come from it",
    "timm": "a user's networks come from it",
}
"""Requirements that no file of the package imports, each with what it is for."""
TOOLS = {"test", "docs", "all"}
"""Extras that serve developers, or gather other extras."""


def distribution(requirement: str) -> str:
    """The normalised name of a requirement's distribution."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def module(requirement: str) -> str:
    """The module that a requirement brings."""
    name = distribution(requirement)
    return MODULES.get(name, name.replace("-", "_"))


def imported() -> dict[str, set[str]]:
    """The modules that are not ours or Python's, each with the files that import them, by statement or by name when first used."""
    found = defaultdict(set)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".import_module", "lazy_loader.load")):
                names = [one.value for one in node.args if isinstance(one, ast.Constant)]
            for name in names:
                found[name.split(".")[0]].add(path.relative_to(PACKAGE).as_posix())
    return {name: files for name, files in found.items() if name != "stavis" and name not in sys.stdlib_module_names}


CORE = {module(one) for one in PROJECT["dependencies"]}
EXTRA = {name: {module(one) for one in asked} for name, asked in OPTIONAL.items() if name not in TOOLS}


def test_every_import_is_declared():
    declared = CORE | set().union(*EXTRA.values())
    assert {name: files for name, files in imported().items() if name not in declared} == {}


def test_every_dependency_is_imported_or_its_use_is_named():
    unused = (CORE | set().union(*EXTRA.values())) - set(imported())
    assert unused == {module(one) for one in NOT_IMPORTED}


def test_no_dependency_is_declared_twice():
    for asked in (PROJECT["dependencies"], *OPTIONAL.values()):
        names = [distribution(one) for one in asked]
        assert sorted(names) == sorted(set(names))
    assert CORE & set().union(*EXTRA.values()) == set()


def test_what_an_extra_brings_is_known_where_it_is_asked_for():
    libraries = {"transformers", "timm"}  # never asked for: who has a network of theirs has them
    assert set(EXTRAS) == set().union(*EXTRA.values()) - libraries
    assert all(name in EXTRA[extra] for name, extra in EXTRAS.items())
    for name, files in imported().items():
        if EXTRAS.get(name) == "batch":
            assert all(file.startswith("batch/") or file == "show/reports/notebook_page.py" for file in files), (name, files)


def test_all_brings_every_extra_of_the_package_and_test_brings_all():
    (gathered,) = OPTIONAL["all"]
    assert set(re.fullmatch(r"stavis\[(.*)\]", gathered)[1].split(",")) == set(EXTRA) - {"timm"}  # torchvision comes with it
    assert "stavis[all]" in OPTIONAL["test"]


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({modules!r}))
"""


def without_extras(script: str, *extras: str) -> subprocess.CompletedProcess:
    """A script where extras are not installed; lab and batch if none is named (torchmetrics imports what it finds of others)."""
    lacking = [name for name, extra in EXTRAS.items() if extra in (extras or ("lab", "batch"))]
    words = [sys.executable, "-c", WITHOUT.format(modules=lacking) + script]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_the_core_is_imported_without_any_extra():
    """All modules but those of batches, and each public name but theirs."""
    own = [path.relative_to(PACKAGE.parent).with_suffix("") for path in TREES if not path.is_relative_to(PACKAGE / "batch")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in own if path.name != "__main__"]
    names.remove("stavis.show.reports.notebook_page")
    script = f"""
import importlib
for name in {names!r}:
    importlib.import_module(name)
import stavis
lacking = []
for name in dir(stavis):
    try:
        getattr(stavis, name)
    except stavis.StavisError as error:
        lacking.append(name)
        assert "which is not installed: run pip install 'stavis[batch]'." in str(error), error
assert sorted(lacking) == ["plan_study", "run_study"], lacking
"""
    done = without_extras(script)
    assert done.returncode == 0, done.stderr


USES = {
    "batch": "import stavis.cli; sys.argv = ['stavis', 'report', 'study', '--quiet']; stavis.cli.main()",
    "lab": "import stavis.cli; sys.argv = ['stavis', 'lab']; stavis.cli.main()",
    "hub": "import stavis.cli; sys.argv = ['stavis', 'verify', 'hf:owner/name', '--quiet']; stavis.cli.main()",
    "heads": """
import stavis
from stavis.synthetic.heads.scene.kernels import compiled
try:
    compiled()
except stavis.StavisError as error:
    sys.exit(f"stavis: {error}")
""",
}
"""What needs an extra, where a user meets it first."""


@pytest.mark.parametrize("extra", USES)
def test_without_its_extra_whatever_needs_it_says_in_one_sentence_what_to_install(extra):
    done = without_extras(USES[extra], extra)
    sentence = rf"stavis: [^\n]* needs \w+, which is not installed: run pip install 'stavis\[{extra}\]'\."
    assert done.returncode in (1, 2) and done.stdout == "" and re.fullmatch(sentence, done.stderr.strip()), done


def test_every_extra_that_stavis_asks_for_has_its_use_and_is_never_imported_at_the_top():
    assert set(USES) == set(EXTRAS.values()) == set(EXTRA) - {"transformers", "timm"}
    for path, tree in TREES.items():
        if path.is_relative_to(PACKAGE / "batch") or path.name == "notebook_page.py":  # loaded by name, with the sentence
            continue
        plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        parts = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in plain | parts} & set(EXTRAS) == set(), path


def test_the_hooks_of_a_commit_use_tools_of_the_extra_test_and_fetch_nothing():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    tools = {distribution(one) for one in OPTIONAL["test"]} | {"python", "lint-imports"}
    assert repository["repo"] == "local" and all(hook["language"] == "system" for hook in repository["hooks"])
    entries = {hook["id"]: hook["entry"].split() for hook in repository["hooks"]}
    assert {words[0] for words in entries.values()} <= tools and {"ruff", "ruff-format", "lint-imports", "mypy", "house"} <= set(entries)
    assert all((ROOT / word).is_file() for words in entries.values() for word in words if word.endswith(".py"))
