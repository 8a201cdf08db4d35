"""The status of a study: each report of its plan as the disk has it, one after another; and that as status.json and summary.csv."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from stavis.batch.plan import StudyPlan
from stavis.batch.record import Report, read_report
from stavis.printable import ShortRepr, printable, printable_json
from stavis.storage.files import atomic_file

COLUMNS = ("method", "region", "share", "density", "regions_version")
STATUS = ("id", "recording", "parameters", "state", "seconds", "page", "reason")
"""The fields of a report that status.json holds."""


@dataclass(repr=False)
class Counts(ShortRepr):
    """How many reports are done, failed, missing; and which failed, with the reason."""

    done: int = 0
    failed: int = 0
    missing: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add(self, one: Report) -> None:
        """Count one report."""
        setattr(self, one.state, getattr(self, one.state) + 1)
        if one.state == "failed":
            self.failures.append((one.title, one.reason))


def report_status(plan: StudyPlan, failures: dict[str, str] | None = None) -> Iterator[Report]:
    """Each report as the disk has it; `failures` are reasons of this run, which may not have reached the disk."""
    failures = failures or {}
    for planned in plan.reports:
        made = read_report(plan.job.out / planned.id)
        if made is not None and made.key == planned.key:
            given = {name: getattr(planned, name) for name in ("recording", "video", "labels", "parameters", "varied")}
            planned = replace(made, **given)
        if planned.id in failures:
            planned = replace(planned, state="failed", reason=failures[planned.id])
        yield planned


def pending(plan: StudyPlan, force: bool = False) -> Iterator[Report]:
    """The reports that are not done, or whose copies are not where they should be; all of them with `force`."""
    for report in plan.reports:
        made = None if force else read_report(plan.job.out / report.id)
        done = made is not None and made.key == report.key and made.state == "done"
        if not done or made.published != (plan.job.publish or made.published):
            yield report


def write_tables(plan: StudyPlan, failures: dict[str, str], out: Path) -> Counts:
    """Write status.json and summary.csv (one row per recording, region and method), row by row; returns the counts."""
    counts = Counts()
    varied = list(plan.spec.vary)
    with (
        atomic_file(out / "status.json") as status,
        atomic_file(out / "summary.csv") as summary,
        open(status, "w", encoding="utf-8") as stream,
        open(summary, "w", encoding="utf-8", newline="") as table,
    ):
        rows = csv.writer(table)
        rows.writerow(
            ["id", "recording", *(f"parameter_{name}" if name in (*COLUMNS, "id", "recording") else name for name in varied), *COLUMNS]
        )
        before = "["
        for one in report_status(plan, failures):
            counts.add(one)
            stream.write(before + "\n" + printable_json(json.dumps(_status(one), ensure_ascii=False)))
            before = ","
            for row in one.regions if one.state == "done" else ():
                varied_values = (one.varied[name] for name in varied)
                rows.writerow([one.id, printable(one.recording), *varied_values, *(row.get(name) for name in COLUMNS)])
        stream.write(("[" if before == "[" else "") + "\n]\n")
    return counts


def _status(one: Report) -> dict:
    return {name: getattr(one, name) for name in STATUS} | {"page": one.page or None}
