"""The bench can be deleted: nothing of the package but its own command depends on it."""

from pathlib import Path

import grimp

import stavis

ROOT = Path(stavis.__file__).parent


def test_nothing_outside_the_bench_imports_it():
    graph = grimp.build_graph("stavis")
    wing = {module for module in graph.modules if module == "stavis.bench" or module.startswith("stavis.bench.")}
    assert len(wing) > 10
    outside = {importer for module in wing for importer in graph.find_modules_that_directly_import(module)} - wing
    assert outside <= {"stavis.cli.bench"}


def test_the_bench_folder_holds_at_most_16_files():
    assert len([path for path in (ROOT / "bench").iterdir() if path.is_file()]) <= 16
