"""How a study stands: each report of its plan with its record, from disk, one after another; and that as status.json and summary.csv."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stavis.batch.plan import StudyPlan
from stavis.batch.record import PAGE, Record, read_record
from stavis.batch.task import Report
from stavis.printable import printable, printable_json
from stavis.storage.files import atomic_file

COLUMNS = ("method", "region", "share", "density")


@dataclass(frozen=True)
class ReportStatus:
    """One report: done, failed or missing, its record (None where it never ran), its page relative to the index, why it failed."""

    report: Report
    state: str
    record: Record | None = None
    page: str | None = None
    reason: str = ""


@dataclass
class Counts:
    """How many reports are done, failed, missing; and which failed, with the reason."""

    done: int = 0
    failed: int = 0
    missing: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def add(self, one: ReportStatus) -> None:
        """Count one report."""
        setattr(self, one.state, getattr(self, one.state) + 1)
        if one.state == "failed":
            self.failures.append((one.report.recording or one.report.id, one.reason))


def standing(plan: StudyPlan, failures: dict[str, str] | None = None) -> Iterator[ReportStatus]:
    """Each report as the disk has it; `failures` are reasons of this run, which may not have reached the disk."""
    failures = failures or {}
    for report in plan.reports:
        record = read_record(plan.job.out / report.id)
        current = record is not None and record.key == report.key
        page = f"{report.id}/{PAGE}" if current else None
        if report.id in failures:
            yield ReportStatus(report, "failed", record if current else None, page, failures[report.id])
        elif current:
            yield ReportStatus(report, record.state, record, page, record.reason)
        else:
            yield ReportStatus(report, "missing")


def left_to_do(plan: StudyPlan, afresh: bool = False) -> Iterator[Report]:
    """The reports that are not done, or whose copies are not where they should be."""
    for report in plan.reports:
        record = None if afresh else read_record(plan.job.out / report.id)
        done = record is not None and record.key == report.key and record.state == "done"
        if not done or record.published != (plan.job.publish or record.published):
            yield report


def write_tables(plan: StudyPlan, failures: dict[str, str], out: Path) -> Counts:
    """Write status.json and summary.csv (one row a recording, region and method), a row at a time; returns the counts."""
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
        for one in standing(plan, failures):
            counts.add(one)
            stream.write(before + "\n" + printable_json(json.dumps(_status(one), ensure_ascii=False)))
            before = ","
            report = one.report
            named = printable(report.recording)
            for row in one.record.regions if one.record and one.state == "done" else ():
                rows.writerow(
                    [
                        report.id,
                        named,
                        *(report.varied[name] for name in varied),
                        *(row.get(name) for name in COLUMNS),
                    ]
                )
        stream.write(("[" if before == "[" else "") + "\n]\n")
    return counts


def _status(one: ReportStatus) -> dict:
    return {
        "id": one.report.id,
        "recording": one.report.recording,
        "parameters": one.report.parameters,
        "state": one.state,
        "seconds": one.record.seconds if one.record else None,
        "page": one.page,
        "reason": one.reason,
    }
