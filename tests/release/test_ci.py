"""In CI nothing passes because it was skipped; elsewhere a skipped test is no failure."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CONFTEST = """
import tests.conftest
from tests.conftest import *

tests.conftest._clips_folder = lambda: None
"""
TESTS = """
import pytest

@pytest.mark.browser
def test_marked():
    pytest.skip("JupyterLab did not start")

def test_without_the_mark(real_clips):
    assert real_clips

def test_in_no_browser(chromium):
    assert chromium

def test_of_something_else():
    pytest.skip("boto3 is installed here")
"""


@pytest.mark.parametrize(("variables", "failed"), [({"STAVIS_CI": "1"}, 3), ({}, 0)], ids=["in CI", "elsewhere"])
def test_a_skipped_test_of_the_browser_or_of_real_clips_fails_in_ci_alone(variables, failed, tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_skipped.py").write_text(TESTS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "STAVIS"))}
    env = {**kept, "PYTHONPATH": str(ROOT), "PATH": str(tmp_path), **variables}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == (1 if failed else 0), done.stdout + done.stderr
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (failed|error|skipped)", done.stdout.strip().splitlines()[-1])}
    assert counts.pop("skipped") == 4 - failed and sum(counts.values()) == failed
    assert ("skipped, which CI does not allow here" in done.stdout) == bool(failed)


def test_the_script_of_ci_is_sound_and_each_long_step_ends():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    long = [line for line in script.splitlines() if "-m pytest" in line or "stavis demo" in line or "stavis verify" in line]
    assert len(long) >= 4 and all("limit " in line for line in long), long
    assert "STAVIS_CI=1" in script and "set -euo pipefail" in script
