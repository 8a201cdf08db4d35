"""One record of a report, from its plan to the tables: a key that is renamed in one place is an error, not an empty column."""

import dataclasses
import json
import re

import pytest

from stavis.batch.collect import collected
from stavis.batch.index import write_index
from stavis.batch.record import FILE, NOTEBOOK, PAGE, Report, read_report
from stavis.batch.status import STATUS, pending, report_status, write_tables
from stavis.errors import StavisError
from stavis.inference.summary import ExplanationSummary
from stavis.models.card import SYNTHETIC_ONLY
from tests.show.pages import index_page

KEYS = {"id", "recording", "video", "labels", "parameters", "varied", "key", "state", "seconds", "reason", "page", "figures", "shares",
        "verdict", "regions", "published"}  # fmt: skip


@pytest.fixture
def made(home):
    """A plan with its first report made, as a worker leaves it."""
    plan = home.plan(vary={"count": [1, 2]})
    row = {"method": "attention", "region": "mouth", "share": 0.5, "density": 2.0, "regions_version": 2}
    kept = {"figures": {"CCC": 0.25}, "shares": {"mouth": [40, 60]}, "verdict": {"needed": "yes"}, "regions": [row]}
    kept |= {"finding": ["The mouth leads.", "Valence <rises>."], "notices": ["Seen: synthetic faces only."]}
    report = dataclasses.replace(plan.reports[0].ended("done", 1.5), page=f"{plan.reports[0].id}/{PAGE}", **kept)
    folder = plan.job.out / report.id
    folder.mkdir(parents=True)
    for name in (NOTEBOOK, PAGE):
        (folder / name).touch()
    report.write(folder)
    return plan, report, folder


def test_a_report_comes_back_as_it_was_written(made):
    _, report, folder = made
    assert set(report.to_json()) == {*KEYS, "curve", "finding", "notices"}
    assert Report.from_json(json.loads((folder / FILE).read_text())) == report == read_report(folder)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_renamed_or_missing_key_is_an_error_that_names_it(made, key):
    value = made[1].to_json()
    value[f"{key}_now"] = value.pop(key)
    with pytest.raises(StavisError, match=rf"{key}, {key}_now missing or unknown\): make the report again"):
        Report.from_json(value)
    del value[f"{key}_now"]
    with pytest.raises(StavisError, match=key):
        Report.from_json(value)
    with pytest.raises(StavisError, match="make the report again"):
        Report.from_json([value])


def test_a_report_of_an_earlier_version_has_no_curve_and_no_finding(made):
    value = made[1].to_json()
    for name in ("curve", "finding", "notices"):
        del value[name]
    assert Report.from_json(value) == dataclasses.replace(made[1], finding=[], notices=[]) and made[1].curve == {}


def test_each_answer_of_a_verdict_has_its_own_sign_in_the_index_and_a_key_says_which(tmp_path):
    page = index_page(tmp_path).read_text()
    shown = dict(re.findall(r'<span class="answer \w*" title="\w+: ([^"]*)">(\S+) \w+<', page))
    assert shown == {"yes": "✓", "no": "✗", "undecided": "?", "forced by the architecture": "="}
    assert "Verdict: ✓ yes, ✗ no, ? undecided, = forced by the architecture" in page
    assert "left eye 3" in page and "left_eye 3" not in page


def test_every_field_reaches_the_index_and_the_tables(made, home):
    plan, report, _ = made
    assert [one.state for one in report_status(plan)] == ["done"] + ["missing"] * 5
    assert next(iter(report_status(plan))) == report and [one.id for one in pending(plan)] == [one.id for one in plan.reports[1:]]
    assert len(list(pending(plan, force=True))) == 6
    counts = write_tables(plan, {plan.reports[1].id: "no luck"}, plan.job.out)
    assert (counts.done, counts.failed, counts.missing, counts.failures) == (1, 1, 4, [(report.recording, "no luck")])
    rows = json.loads((plan.job.out / "status.json").read_text())
    assert rows[0] == {name: getattr(report, name) for name in STATUS} and rows[1]["reason"] == "no luck" and rows[1]["page"] is None
    assert (plan.job.out / "summary.csv").read_text().splitlines()[1] == f"{report.id},rec00,1,attention,mouth,0.5,2.0,2"
    write_index(plan, {}, plan.job.out, finished=True)
    page = (plan.job.out / "index.html").read_text()
    for shown in (f'href="{report.page}"', "0.250", "mouth 50\N{NO-BREAK SPACE}%", "✓ needed", ">1.5<", "rec00"):
        assert shown in page
    assert '<span class="finding">The mouth leads. Valence &lt;rises&gt;.</span>' in page
    head, rows = page.split("<tbody>")
    assert head.count("Seen: synthetic faces only.") == 1 and "Seen:" not in rows, "once, on top"


RESULTS = {
    "explain.json": (["It leads."], [SYNTHETIC_ONLY]),
    "verdict.json": (["Judged."], ["A notice."]),
    "metrics.json": (["Scored."], []),
    "figures.json": (["Of my own."], []),
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_a_result_says_was_found_is_collected(made, tmp_path, name):
    found, notices = RESULTS[name]
    value = {"finding": found[0] if name == "figures.json" else found, "notices": notices}
    if name == "explain.json":
        summary = ExplanationSummary("a.mp4", 2, 2, 1, 1.0, 1.0, "", {}, {}, {}, {}, {}, True, (), {}, finding=tuple(found))
        value = summary.to_json()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / name).write_text(json.dumps(value))
    report = collected(dataclasses.replace(made[1], finding=[], notices=[]), tmp_path)
    assert (report.finding, report.notices) == (found, notices)


@pytest.mark.parametrize("finding", [3, {"a": 1}, [1, None], ["x" * 10**6] * 100])
def test_a_finding_of_another_kind_cannot_flood_the_index(made, tmp_path, finding):
    (tmp_path / "figures.json").write_text(json.dumps({"finding": finding}))
    assert sum(map(len, collected(made[1], tmp_path).finding)) < 3000
