"""The examples in the docstrings of what is public in the cache, the crops and the labels run as they are written."""

import doctest
import sys

import pytest

import stavis


@pytest.mark.parametrize("name", ["cache_list", "cache_clear", "CropConfig", "labels", "datasets"])
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path))
    offered = getattr(stavis, name)
    tests = list(doctest.DocTestFinder(recurse=False).find(offered, name, module=sys.modules[offered.__module__]))
    results = [doctest.DocTestRunner().run(test) for test in tests]
    assert sum(result.attempted for result in results) >= 2 and sum(result.failed for result in results) == 0
