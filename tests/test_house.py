"""The house's own rules, each checked over every file: style, order of imports, sizes, safe loading, notebooks, names."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import stavis

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "stavis"
SOURCES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted(PACKAGE.rglob("*.js"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
LONGER_FUNCTIONS = {
    "stavis/bench/bench.py:bench": "24 options, each with its line or word of the numpydoc docstring; its code has 27 lines",
    "stavis/jobs/train.py:train": "22 options, each with its line of the numpydoc docstring; its code has 47 lines",
    "stavis/jobs/load.py:load": "22 options, each with its line of the numpydoc docstring; its code has 27 lines",
}
"""Functions that may be longer, as file:name, each with its reason."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def called(node: ast.Call) -> str:
    """The name of what is called, as it is written: "torch.load"."""
    return ast.unparse(node.func)


# Style and order


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_the_code_is_in_house_style(command):
    folders = [name for name in ("stavis", "tests", "notebooks", "benchmarks") if (ROOT / name).is_dir()]
    done = python("-m", "ruff", *command, "--no-cache", *folders)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_go_in_the_one_direction():
    done = python("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])")
    assert done.returncode == 0 and "0 broken" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS], ids=name_of)
def test_a_file_can_be_read_in_one_go(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")


def test_a_function_fits_on_a_page():
    long = {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path, tree in TREES.items()
        for node in functions(tree)
        if node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }
    assert set(long) == set(LONGER_FUNCTIONS), long


def test_no_function_imports_the_package():
    hidden = []
    for path, tree in TREES.items():
        for node in (inner for function in functions(tree) for inner in ast.walk(function)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = ["stavis"] if node.level else [node.module or ""]
            if any(name.split(".")[0] == "stavis" for name in names):
                hidden.append(f"{name_of(path)}:{node.lineno}")
    assert hidden == []


def test_everything_public_says_what_it_is():
    def public(node: ast.AST) -> bool:
        return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")

    silent = [f"{name_of(path)}" for path, tree in TREES.items() if tree.body and not ast.get_docstring(tree)]
    for path, tree in TREES.items():
        silent += [f"{name_of(path)}:{node.name}" for node in tree.body if public(node) and not ast.get_docstring(node)]
    assert silent == []


# Promise 6: nothing handed to us is unpickled or evaluated


MAY_TORCH_LOAD = "stavis/training/resume.py"
"""The one file that reads a run's own resume file."""
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}
FORBIDDEN_NAMES = {"load_from_checkpoint", "unsafe_load", "UnsafeLoader", "FullLoader", "read_pickle", "to_pickle", "hub_load"}


def unsafe(tree: ast.AST, name: str = "") -> list[str]:
    """What in a file could run code that came with data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"{node.lineno}: imports {one}" for one in modules if one.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Attribute | ast.Name):
            word = node.attr if isinstance(node, ast.Attribute) else node.id
            found += [f"{node.lineno}: {word}"] if word in FORBIDDEN_NAMES else []
        if isinstance(node, ast.Call):
            found += [f"{node.lineno}: {said}" for said in unsafe_call(node, name)]
    return found


def unsafe_call(node: ast.Call, name: str) -> Iterator[str]:
    what = called(node)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if what in ("eval", "exec", "compile", "__import__", "os.system", "os.popen", "joblib.load", "torch.hub.load"):
        yield what
    if "shell" in options and options["shell"] != "False":
        yield f"{what} with shell"
    if what in ("yaml.load", "yaml.load_all") and options.get("Loader") not in ("yaml.SafeLoader", "yaml.CSafeLoader"):
        yield f"{what} without SafeLoader"
    if what == "torch.load" and (name != MAY_TORCH_LOAD or options.get("weights_only") != "True"):
        yield "torch.load of more than a run's own resume file"
    if what.split(".")[-1] in ("fit", "validate", "test", "predict") and "ckpt_path" in options and options.get("weights_only") != "True":
        yield f"{what} reads a checkpoint without weights_only"
    if what in ("np.load", "numpy.load", "np.lib.format.read_array") and options.get("allow_pickle") != "False":
        yield f"{what} without allow_pickle=False"
    if what in ("np.save", "numpy.save") and options.get("allow_pickle", "False") != "False":
        yield f"{what} with pickle"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_handed_to_us_is_unpickled_or_evaluated(path):
    assert unsafe(TREES[path], name_of(path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "eval(text)",
        "exec(text)",
        "yaml.load(stream)",
        "yaml.load(stream, Loader=yaml.Loader)",
        "subprocess.run(text, shell=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "Module.load_from_checkpoint(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "trainer.fit(model, ckpt_path=path)",
        "os.system(text)",
    ],
)
def test_the_gate_sees_what_it_forbids(line):
    assert unsafe(ast.parse(line), MAY_TORCH_LOAD)


def test_the_gate_lets_through_what_is_safe():
    safe = "torch.load(p, weights_only=True); np.load(p, allow_pickle=False); yaml.safe_load(s); model.eval(); re.compile(p)"
    assert unsafe(ast.parse(safe), MAY_TORCH_LOAD) == []
    assert unsafe(ast.parse(safe), "stavis/models/checkpoint.py") == ["1: torch.load of more than a run's own resume file"]


# Notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_stripped_and_calls_what_the_package_defines(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    for cell in code:
        tree = ast.parse("".join(cell["source"]))
        defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        assert defined == [], "a notebook defines nothing: it calls"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "stavis":
                assert hasattr(stavis, node.attr), node.attr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_has_one_cell_of_parameters_each_a_literal_with_a_comment(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    for statement in ast.parse(tagged[0]).body:
        assert isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
        assert isinstance(ast.literal_eval(statement.value), str | int | float | bool | None), "flat, so that a shell can give it"
    assert all("#" in line and line.split("#", 1)[1].strip() for line in tagged[0].splitlines())


def test_there_are_notebooks_and_none_holds_a_path_of_someones_machine():
    assert {path.stem for path in NOTEBOOKS} >= {"train", "evaluate", "explore"}
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert not any(place in text for place in ("/home/", "/Users/", "C:\\\\", "/root/", "/tmp/"))


# Imports and dependencies


HEAVY = ("torch", "cv2", "plotly", "pandas", "pytorch_lightning", "captum", "av", "decord", "scipy", "sklearn", "numpy")
NETWORKS = ("torch", "captum", "pytorch_lightning")


@pytest.mark.parametrize(
    ("script", "light"),
    [
        ("import stavis", HEAVY),
        ("import sys; sys.argv = ['stavis', '--help']; import stavis.cli; stavis.cli.main()", HEAVY),
        ("import sys; sys.argv = ['stavis', 'train', '--help']; import stavis.cli; stavis.cli.main()", HEAVY),
        ("import sys; sys.argv = ['stavis', '--version']; import stavis.cli; stavis.cli.main()", ("torch",)),
        ("import sys; sys.argv = ['stavis', 'labels', '--help']; import stavis.cli; stavis.cli.main()", HEAVY),
        ("import sys; sys.argv = ['stavis', 'systems']; import stavis.cli; stavis.cli.main()", HEAVY),
        (
            "import sys; sys.argv = ['stavis', 'datasets']; import stavis.cli; stavis.cli.main()",
            (*NETWORKS, "scipy.stats", "scipy.ndimage", "sklearn", "plotly"),
        ),
        ("import sys; sys.argv = ['stavis', 'cache', 'list']; import stavis.cli; stavis.cli.main()", (*NETWORKS, "cv2", "av", "scipy")),
        ("import sys; sys.argv = ['stavis', 'labels', '{drawn}']; import stavis.cli; stavis.cli.main()", NETWORKS),
        ("import stavis; stavis.read_dataset('{drawn}')", NETWORKS),
    ],
    ids=["import", "--help", "train --help", "--version", "labels --help", "systems", "datasets", "cache list", "labels", "read_dataset"],
)
def test_nothing_heavy_is_loaded_before_it_is_used(script, light, request):
    if "{drawn}" in script:
        script = script.replace("{drawn}", str(request.getfixturevalue("drawn")))
    report = "import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr)); "
    done = python("-c", report + script)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.split("LOADED", 1)[1].split()
    assert [name for name in light if name in loaded] == []


def test_every_name_that_the_package_offers_is_there():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    offered = [alias.asname or alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(offered) == len(set(offered)) > 20 and set(offered) <= set(dir(stavis))
    for name in offered:
        assert getattr(stavis, name) is not None


def test_each_upper_cap_of_a_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    for requirement in asked:
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert "<" not in requirement or "#" in line, f"{requirement}: why not above?"
    names = {requirement.split("[")[0].split(">")[0].split("<")[0] for requirement in asked}
    assert "lightning" not in names  # two of its releases were malware; it is pytorch-lightning
    assert any(requirement.startswith("pytorch-lightning>=2.6.6") for requirement in asked)  # CVE-2026-58659


def test_what_belongs_to_a_project_is_there():
    names = "LICENSE CITATION.cff CHANGELOG.md CONTRIBUTING.md CODE_OF_CONDUCT.md SECURITY.md README.md environment.yml .ci/run"
    assert [name for name in names.split() if not (ROOT / name).is_file()] == []
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111 and (PACKAGE / "py.typed").is_file()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for name in ("CITATION.cff", "CHANGELOG.md"):
        assert version in (ROOT / name).read_text(encoding="utf-8"), name
    assert not (ROOT / ".zenodo.json").exists()  # CITATION.cff is the one file that says how to cite
