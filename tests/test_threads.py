"""Threads that wait without spinning: set before torch is loaded, never over a user's own setting."""

import os
import subprocess
import sys

import pytest

from stavis import threads

UNSET = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")}


def fresh(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    run = subprocess.run([sys.executable, "-c", code], env=UNSET | environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_import_stavis_sets_the_wait_before_torch_is_there():
    assert fresh("import stavis, os, sys; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)") == f"{threads.SPIN} False"


@pytest.mark.parametrize("own, kept", [({}, threads.SLEEP), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "20")])
def test_threads_of_openblas_sleep_soon_unless_the_user_says_otherwise(own, kept):
    environment = dict(own)
    threads.wait_without_spinning(environment)
    assert environment["OPENBLAS_THREAD_TIMEOUT"] == kept


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"])
def test_a_setting_of_the_users_own_wins(name):
    code = f"import stavis, os; print(os.environ['{name}'], len([n for n in os.environ if n in {threads._USERS_OWN}]))"
    assert fresh(code, **{name: "77"}) == "77 1"


def test_where_torch_is_loaded_already_only_later_processes_have_it(monkeypatch):
    environment = {}
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert threads.wait_without_spinning(environment) is False
    assert environment["GOMP_SPINCOUNT"] == threads.SPIN
