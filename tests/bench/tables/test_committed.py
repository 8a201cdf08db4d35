"""The result of the whole bench that the project holds: its form, its page, and what the documentation says of it."""

import html
import json

import pytest

from stavis.bench.bench import bench_from
from stavis.bench.contrasts import CONTRASTS, FEWEST_SEEDS
from stavis.bench.scenarios import SCENARIOS, TEST_RECORDINGS
from stavis.bench.tables.run import TablesConfig
from stavis.printable import unbroken
from tests.conftest import ROOT
from tests.show.test_tables import beyond_latex

RESULT = ROOT / "reports" / "results" / "tables.json"


@pytest.fixture(scope="module")
def told() -> dict:
    return json.loads(RESULT.read_text(encoding="utf-8"))


def test_it_holds_the_named_contrasts_in_order_on_recordings_and_seeds_enough(told):
    named = [(one["scenario"], one["worse"], one["better"]) for one in told["contrasts"]]
    assert named == [(one.scenario, one.worse, one.better) for one in CONTRASTS]
    assert all(one["recordings"] >= TEST_RECORDINGS and one["seeds"] >= FEWEST_SEEDS for one in told["contrasts"])
    assert all(one["low"] <= one["difference"] <= one["high"] and 0 <= one["p_holm"] <= 1 for one in told["contrasts"])
    assert {"processor", "cores", "python"} <= set(told["machine"]) and told["command"].startswith("stavis bench")
    assert told["quick"] is False and told["plan"]["scale"] == 1


def test_it_is_of_the_data_that_this_version_makes(told):
    made = {one["name"]: one["data"] for one in TablesConfig().as_json()["scenarios"]}
    assert {one["name"]: one["data"] for one in told["plan"]["scenarios"]} == made
    assert set(told["references"]) == {one.name for one in SCENARIOS}


def test_its_page_is_made_from_it_alone(told, tmp_path):
    bench_from(RESULT, tmp_path)
    page = html.unescape((tmp_path / "bench.html").read_text(encoding="utf-8"))
    assert all(unbroken(one["sentence"]) in page for one in told["contrasts"])


def test_its_tables_for_a_paper_hold_no_sign_that_pdflatex_refuses(tmp_path):
    bench_from(RESULT, tmp_path)
    text = (tmp_path / "bench.tex").read_text(encoding="utf-8")
    assert text.count(r"\toprule") == 2 and not beyond_latex(text)


def test_the_documentation_says_what_it_says(told):
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for row in documented(told):
        assert row in text, f"docs/benchmarks.md lacks {row}"


def documented(told: dict) -> list[str]:
    """The rows of the documentation's tables, as they follow from the result."""
    contrasts = []
    for one in told["contrasts"]:
        equal = one["equal_compute"]
        p = "< .001" if one["p_holm"] < 0.001 else f"{one['p_holm']:.3f}".lstrip("0")
        cells = [
            f"`{one['scenario']}`", f"`{one['worse']}` < `{one['better']}`", _interval(one), p, _plain(one["detectable"]), one["verdict"],
            "the same networks" if (equal["better"], equal["worse"]) == (one["better"], one["worse"]) else _interval(equal),
        ]  # fmt: skip
        contrasts.append(f"| {' | '.join(cells)} |")
    references = told["references"]
    rows = [
        f"| `{one['scenario']}` | `{one['system']}` | {_plain(one['ccc'])} [{_plain(one['low'])}, {_plain(one['high'])}] | "
        f"{one['cpu_seconds'] + one['base_cpu_seconds']:.0f} | {_plain(references[one['scenario']]['oracle'])} |"
        for one in told["rows"]
    ]
    return contrasts + rows


def _interval(one: dict) -> str:
    return f"{_plain(one['difference'])} [{_plain(one['low'])}, {_plain(one['high'])}]"


def _plain(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".").replace("-", "−")
