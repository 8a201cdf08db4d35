"""The page of a bench of the contrasts, made of its bench.json alone, and its tables for a paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from stavis.bench.scores import ALPHA
from stavis.bench.tables.figures import contrasts_figure, rows_figure
from stavis.bench.tables.wording import QUESTION, QUICK, of_waiting
from stavis.show.figures.figure import Figure
from stavis.show.reports.report import HtmlReport
from stavis.show.tables import to_latex
from stavis.storage.files import atomic_file, write_text

_SETS = {"recola": "RECOLA", "avec2017": "AV+EC'17"}
_WHEN = {
    "motion": "How fast the face moves is the value: a single frame says next to nothing.",
    "memory": "The value is what was shown seconds ago.",
    "places": "Mouth and eyes show a value each, the better lit counts; few people are known, and crops lie off as a tracker's do.",
    "cued": "A shadow seconds ago says which of mouth and eyes counts now.",
    "mixed": "Recordings of all four together.",
}


def tables_page(summary: Mapping) -> HtmlReport:
    """The page: first what each part buys, then each scenario's rows, compute, the published metrics and where the attention went."""
    about = summary["plan"]
    contrasts, rows = summary["contrasts"], summary["rows"]
    recordings = max((one["recordings"] for one in contrasts), default=0)
    subtitle = f"{about['seeds']} seeds, {recordings} test recordings a scenario; {summary['provenance'].get('data', '')}"
    report = HtmlReport(QUESTION, subtitle=subtitle, provenance={**summary["provenance"], **_machine(summary)})
    if summary["quick"]:
        report.add_warning(QUICK)
    if missing := of_waiting(summary.get("waiting", ())):
        report.add_notice(missing)
    for failure in summary["failures"]:
        report.add_warning(f"{failure['scenario']}: {failure['system']}, seed {failure['seed']}, has no result: {failure['reason']}")
    report.add_text("In short", [one["sentence"] for one in contrasts])
    report.add_figure("The contrasts", contrasts_figure(contrasts), _CONTRASTS)
    report.add_table("The contrasts in numbers", contrasts_table(summary), _HOLM, limits={"p (Holm)": ALPHA})
    if summary["longer_memory"]:
        report.add_text("What must show nothing", [one["sentence"] for one in summary["longer_memory"]])
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        of = [row for row in rows if row["scenario"] == scenario]
        caption = f"{_WHEN.get(scenario, '')} {_LINES}".strip()
        report.add_figure(scenario, rows_figure(of, summary["references"].get(scenario, {})), caption)
        for strip in summary.get("attention", []):
            if strip["scenario"] == scenario:
                report.add_figure(f"{scenario}: {strip['text']}", Figure(strip["figure"]), _STRIP)
    report.add_table("Measured beside published", beside_published(rows), _BESIDE)
    report.add_table("Compute by row", compute_table(rows), _COMPUTE)
    if summary.get("pilot"):
        report.add_text("Designed by power", summary["pilot"])
    report.add_table("Recordings and frames", _counts(summary["counts"]))
    return report


def contrasts_table(summary: Mapping) -> pd.DataFrame:
    """The four contrasts: difference, interval, p after Holm, detectable difference, verdict; and the same at equal compute."""
    made = []
    for one in summary["contrasts"]:
        equal = one.get("equal_compute") or {}
        made.append(
            {
                "scenario": one["scenario"], "contrast": f"{one['better']} − {one['worse']}", "difference": one["difference"],
                "low": one["low"], "high": one["high"], "p (Holm)": one["p_holm"], "detectable": one["detectable"],
                "recordings": one["recordings"], "seeds": one["seeds"], "verdict": one["verdict"],
                "at equal compute": equal.get("difference"), "low there": equal.get("low"), "high there": equal.get("high"),
                "verdict there": equal.get("verdict", ""),
            }
        )  # fmt: skip
    table = pd.DataFrame(made)
    rounded = dict.fromkeys(["difference", "low", "high", "detectable", "at equal compute", "low there", "high there"], 3)
    return table.astype(dict.fromkeys([*rounded, "p (Holm)"], float)).round(rounded) if len(table) else table


def scores_table(rows: Sequence[Mapping]) -> pd.DataFrame:
    """Every row of every scenario: RMSE, CC and CCC with its interval, means over seeds, and what training took."""
    columns = {
        "scenario": "scenario", "row": "system", "seeds": "seeds", "rmse": "RMSE", "cc": "CC", "ccc": "CCC", "low": "low", "high": "high",
        "steps": "steps", "cpu_seconds": "CPU s",
    }  # fmt: skip
    made = [{title: one[key] for key, title in columns.items()} | {"steps": round(one["steps"])} for one in rows]
    return pd.DataFrame(made, columns=list(columns.values()))


def beside_published(rows: Sequence[Mapping]) -> pd.DataFrame:
    """The mixed set's metrics (or those of what there is) beside those that were published, of rows that stand in the paper."""
    scenario = "mixed" if any(one["scenario"] == "mixed" for one in rows) else None
    made = []
    for one in rows:
        if not one["published"] or (scenario and one["scenario"] != scenario):
            continue
        shown = {"system": one["row"], "scenario": one["scenario"], "RMSE": one["rmse"], "CC": one["cc"], "CCC": one["ccc"]}
        for key, title in _SETS.items():
            known = one["published"].get(key, {})
            shown |= {f"{title} {metric.upper()}": known.get(metric) for metric in ("rmse", "cc", "ccc")}
        made.append(shown)
    return pd.DataFrame(made)


def compute_table(rows: Sequence[Mapping]) -> pd.DataFrame:
    """What each row took: steps of its cap, CPU seconds, how many seeds ended at a plateau, and what the search chose."""
    return pd.DataFrame(
        [
            {
                "scenario": one["scenario"], "system": one["row"], "parameters": one["parameters"], "steps": round(one["steps"]),
                "cap": one["cap"], "CPU s": one["cpu_seconds"], "CPU s of its base": one["base_cpu_seconds"],
                "at a plateau": f"{one['at_plateau']} of {one['seeds']}", "learning rate ×": one["learning_rate_factor"],
                "augmentation": one["augment"],
            }
            for one in rows
        ]
    )  # fmt: skip


def save_tables(summary: Mapping, folder: Path) -> Path:
    """Write bench.html, and the tables for a paper: contrasts.csv, scores.csv and bench.tex; returns the page."""
    contrasts, scores = contrasts_table(summary), scores_table(summary["rows"])
    for name, table in (("contrasts", contrasts), ("scores", scores)):
        with atomic_file(folder / f"{name}.csv") as path:
            table.to_csv(path, index=False, float_format="%.6g")
    counts = f"{summary['plan']['seeds']} seeds"
    parts = [to_latex(contrasts.iloc[:, :10], caption=f"The named contrasts, {counts}.", label="tab:contrasts", wide=True)]
    parts.append(to_latex(scores.iloc[:, :8], caption=f"Every row by scenario, means over {counts}.", label="tab:scores", wide=True))
    write_text(folder / "bench.tex", "\n".join(parts))
    return tables_page(summary).save(folder / "bench.html")


def _machine(summary: Mapping) -> dict[str, str]:
    told = summary["machine"]
    return {"machine": f"{told.get('processor', '')}, {told.get('cores', '')} cores, {told.get('system', '')}"}


def _counts(counts: Mapping[str, Mapping]) -> pd.DataFrame:
    return pd.DataFrame([{"scenario": name, "split": split, **one} for name, splits in counts.items() for split, one in splits.items()])


_CONTRASTS = (
    "Differences of CCC with 95 % intervals over recordings and seeds; the tick is the difference that this bench shows with a probability "
    "of 80 %."
)
_HOLM = (
    "Four contrasts were named before anything was trained; p is after Holm over all four. True: p < .05 and above 0. False: the opposite, "
    "or a gain of .05 is ruled out. Equal compute: the dearer row trained again with the CPU seconds of the cheaper one."
)
_LINES = "Large dot: mean over seeds with its 95 % interval; circles: seeds; lines: an oracle, single frames, the labels' mean."
_STRIP = "Six moments of one test recording of seed 0, with the attention over the crop."
_BESIDE = (
    "Published metrics are of RECOLA (development set of AV+EC 2015) and SEWA (AV+EC'17), recordings of people that are under licence. "
    "They stand here for orientation and cannot be compared with metrics of synthetic faces."
)
_COMPUTE = (
    "Means over seeds. One rule for all: training ends when the CCC on dev gains no more, or at the cap. Learning rate and augmentation "
    "come from the same small search on dev; the base is the CNN that a recurrent head is built on."
)
