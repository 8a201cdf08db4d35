"""Importing stavis changes nothing of other libraries or of the process: no log level, no handler, no environment, no warning filter."""

import ast
import json
import subprocess
import sys

from tests.test_house import PACKAGE, ROOT, SOURCES, TREES

STATE = """
import importlib, json, logging, os, sys, warnings

def state():
    loggers = [logging.root, *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    found = {one.name: [one.level, one.propagate, one.disabled, len(one.handlers)] for one in loggers}
    hooks = [id(hook) for hook in (warnings.showwarning, sys.excepthook, sys.stdout, sys.stderr)]
    return found, dict(os.environ), [str(one) for one in warnings.filters], hooks, os.getcwd()

foreign, own = json.load(sys.stdin)
for name in foreign:
    importlib.import_module(name)
before = state()
for name in own:
    importlib.import_module(name)
after = state()
changed = {name: [before[0][name], now] for name, now in after[0].items() if name in before[0] and before[0][name] != now}
new = {name: now for name, now in after[0].items() if name not in before[0] and (now[0] or not now[1] or now[2] or now[3])}
print(json.dumps([changed, new, *(one == other for one, other in zip(before[1:], after[1:]))]))
"""


def imported() -> set[str]:
    """The modules of other packages that stavis imports."""
    found = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
    return {name for name in found if name.split(".")[0] != "stavis"}


def test_importing_every_module_leaves_logging_and_the_process_as_they_were():
    own = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in SOURCES]
    own = [name.removesuffix(".__init__") for name in own if not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", STATE], input=json.dumps([sorted(imported()), own]), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    changed, new, *same = json.loads(done.stdout.splitlines()[-1])
    assert (changed, new) == ({}, {}) and all(same), (changed, new, same)
