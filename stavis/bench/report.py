"""The page about a bench, and its table for a terminal or a notebook: measured beside published, and all that a reader must know."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.bench.data import BenchData
from stavis.bench.figures import differences_figure, scores_figure, values_figure
from stavis.bench.power import POWER, TYPICAL, detectable
from stavis.bench.rows import row_named
from stavis.bench.scores import ALPHA, MEAN, PRIMARY, plain_rows
from stavis.bootstrap import phrase
from stavis.data.datasets.folder import some
from stavis.printable import percent, telling_apart
from stavis.show.figures.errors import error_figure
from stavis.show.reports.report import HtmlReport
from stavis.show.tables import to_latex

_TRACES = 4  # recordings whose values are shown over time
_PAPER_GAPS = (("STA over 3D-CNN", 0.053), ("3D-CNN over CNN", 0.167), ("1 s over a frame", 0.148), ("4 s over 1 s", 0.032))
_PUBLISHED = {"recola": "RECOLA", "avec2017": "AV+EC'17"}


def bench_table(table: pd.DataFrame, protocol: str = "concatenated") -> pd.DataFrame:
    """Means over seeds under one protocol beside the published CCC: one row per system, in the tables' order.

    table: the rows of bench.csv.
    """
    rows = []
    for row in table[(table.protocol == protocol) & (table.seed.astype(str) == MEAN)].itertuples():
        published = _published_of(row.system)
        rows.append(
            {
                "system": row.system,
                "seeds": int(((table.system == row.system) & (table.protocol == protocol)).sum()) - 1,
                "RMSE": row.rmse,
                "CC": row.cc,
                "CCC": row.ccc,
                "95 %": _ends(row.ccc_low, row.ccc_high),
                "minus STA": row.delta_vs_sta,
                "95 % of that": _ends(row.delta_low, row.delta_high),
                **({"p (Holm)": getattr(row, "p_holm", np.nan)} if protocol == PRIMARY else {}),
                **{f"{words} CCC": published.get(key, {}).get("ccc") for key, words in _PUBLISHED.items()},
                "parameters": row.parameters,
                "training s": row.train_seconds,
                "frames/s": row.frames_per_second,
                "delay s": row.delay,
                "kept": row.postprocessing,
            }
        )
    return pd.DataFrame(rows)


def power_before(found: BenchData) -> str:
    """What a bench on this data can show, said before anything is trained."""
    plan, recordings = found.plan, len(found.of(found.scored))
    family = max(1, len(plan.systems) - 1)
    smallest = detectable(TYPICAL, recordings, plan.seeds, family=family)
    if not np.isfinite(smallest):
        few = f"{recordings} {found.scored} recordings and {plan.seeds} seed{'s' * (plan.seeds > 1)}"
        return f"With {few} no difference can be claimed: take more seeds or recordings."
    gaps = ", ".join(f"{text} {gap:.3f}" for text, gap in _PAPER_GAPS)
    return (
        f"With {recordings} {found.scored} recordings and {plan.seeds} seeds a difference of CCC {smallest:.2f} is shown in "
        f"{percent(POWER)} of benches (Holm over {family} contrasts; deviations as of synthetic faces, longer recordings resolve more). "
        f"The paper's gaps: {gaps}."
    )


def contrasts_of(table: pd.DataFrame, found: BenchData, lacking: int = 0) -> list[dict]:
    """The differences from the reference as the rows of bench.json's contrasts; lacking: how many recordings could not be scored."""
    plan, recordings = found.plan, len(found.of(found.scored)) - lacking
    smallest = detectable(TYPICAL, recordings, plan.seeds, family=max(1, len(plan.systems) - 1))
    means = table[(table.protocol == PRIMARY) & (table.seed.astype(str) == MEAN) & table.delta_vs_sta.notna()]
    shown = pd.DataFrame(
        {
            "scenario": Path(plan.data).name, "better": plan.reference, "worse": means.system, "difference": -means.delta_vs_sta,
            "low": -means.delta_high, "high": -means.delta_low, "p": means.p, "p_holm": means.p_holm, "recordings": recordings,
            "seeds": plan.seeds, "detectable": smallest,
        }
    )  # fmt: skip
    return plain_rows(shown)


def _published_of(name: str) -> dict:
    row = row_named(name)
    return {} if row.of or row.at else row.known.published


def beside_published(table: pd.DataFrame, protocol: str = PRIMARY) -> pd.DataFrame:
    """RMSE, CC and CCC as measured under one protocol, with the CCC's interval, beside those that were published: one row per system.

    table: the rows of bench.csv.
    """
    rows = []
    for row in table[(table.protocol == protocol) & (table.seed.astype(str) == MEAN)].itertuples():
        shown = {"system": row_named(row.system).text, "RMSE": row.rmse, "CC": row.cc, "CCC": row.ccc}
        shown |= {"95 % interval": _ends(row.ccc_low, row.ccc_high)}
        for key, words in _PUBLISHED.items():
            known = _published_of(row.system).get(key, {})
            shown |= {f"{words} {metric.upper()}": _number(known.get(metric)) for metric in ("rmse", "cc", "ccc")}
        rows.append(shown)
    return pd.DataFrame(rows)


def bench_latex(done) -> str:
    """The table of measured beside published metrics as LaTeX with the rules of booktabs, the highest measured CCC in bold."""
    table = beside_published(done.table)
    if table.empty:
        return ""
    counts, seeds = done.summary["counts"], done.summary["plan"]["seeds"]
    split = done.summary["provenance"]["scored on"].split(",")[0]
    caption = f"Measured on {done.summary['provenance']['data']} ({split}, {_scored(counts[split])} recordings, {seeds} seeds) "
    best = [(int(table.CCC.idxmax()), "CCC")] if table.CCC.notna().any() else []
    return to_latex(table, caption=f"{caption}beside published metrics.", label="tab:bench", bold=best, wide=True)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def bench_page(done, errors: pd.DataFrame, groups: pd.DataFrame, predictions: dict[str, dict[int, pd.DataFrame]]) -> HtmlReport:
    """The page about a Bench: tables, intervals, differences, values over time, error by range, runs that failed, provenance."""
    plan, counts = done.summary["plan"], done.summary["counts"]
    dimension, about = plan["dimension"], done.summary["provenance"]
    split, reference = about["scored on"].split(",")[0], plan["reference"]
    seeds = f"means over {plan['seeds']} seeds" if plan["seeds"] > 1 else "one seed"
    kind = phrase(_scored(counts[split])) + (" and the seeds" if plan["seeds"] > 1 else "")
    subtitle = f"{about['scored on']} scored; crops {about['crop']}; labels: {about['label source']}; {seeds}; {kind}"
    report = HtmlReport("The tables, measured here", subtitle=subtitle, provenance=about)
    for failure in done.failures:
        report.add_warning(f"{failure['system']}, seed {failure['seed']}, has no result: {failure['reason']}")
    if text := unscored_text(done.summary):
        report.add_warning(text)
    if split == "dev":
        report.add_notice(_CHOSEN_THERE)
    if "truth" in about["crop"]:
        report.add_notice(_BY_TRUTH)
    report.add_notice(_PUBLISHED_WORDS)
    if done.summary.get("power"):
        report.add_notice(done.summary["power"])
    for protocol in ("concatenated", "per_recording"):
        shown = bench_table(done.table, protocol)
        if not len(shown):
            continue
        hidden = [*_COSTS, *(f"{words} CCC" for words in _PUBLISHED.values())]
        scores = shown.drop(columns=hidden)
        words = _SCORE_WORDS if protocol == "concatenated" else ""
        report.add_table(f"Scores, {protocol.replace('_', ' ')}", scores, words, limits={"p (Holm)": ALPHA})
        if protocol == PRIMARY:
            report.add_table("Measured beside published", beside_published(done.table, protocol), _BESIDE)
        figure = scores_figure(_for_figure(done.table, protocol), _of_seeds(done.table, protocol))
        report.add_figure(f"CCC, {protocol.replace('_', ' ')}", figure, _counted(plan, counts[split]))
        differences = _differences(done.table, protocol)
        if len(differences):
            claims = _claims(plan, len(differences)) if protocol == PRIMARY else "For orientation: no difference is claimed here."
            report.add_figure("Differences", differences_figure(differences, reference), claims)
    if split == "dev":
        report.add_table("CCC, recordings left out", _left_out_table(done.summary), _LEFT_OUT)
    names = list(predictions)
    first = [name for name in (reference, "cnn") if name in names] or names[:2]
    costs = bench_table(done.table)
    if len(costs):
        report.add_table("Size, time, delay, post-processing", costs[["system", *_COSTS]], _COST_WORDS)
    if len(errors):
        by_range = error_figure(errors, dimension, first, _ordered(names, reference))
        report.add_figure("Error by range of the gold", by_range, "RMSE over all seeds; switch systems on in the legend.")
    if len(groups):
        report.add_table("CCC by scenario of the synthetic data", groups, _GROUPS)
    for recording in _shown_recordings(predictions):
        report.add_figure(str(recording), _over_time(predictions, recording, dimension, reference), "Means over seeds, post-processed.")
    report.add_table(
        "Counts", pd.DataFrame([{"split": split, **{k.replace("_", " "): v for k, v in c.items()}} for split, c in counts.items()])
    )
    report.add_table("What each system read", _read_table(done.summary))
    return report


_BY_TRUTH = (
    "Crops are aligned by the known landmarks of the synthetic faces, which no other video has. Through the tracker, as in a video of "
    "one's own, systems score lower: --source face measures that."
)
_PUBLISHED_WORDS = (
    "Published metrics are of RECOLA and SEWA, recordings of people that are under licence. They stand beside the measured ones for "
    "orientation; only where the bench ran on the same data and split can the two be compared."
)
_BESIDE = (
    "Means over seeds, concatenated; published: RECOLA development set of AV+EC 2015, SEWA development set of AV+EC'17. The table is also "
    "in scores.csv and, as LaTeX for booktabs, in bench.tex beside this page."
)
_COSTS = ("parameters", "training s", "frames/s", "delay s", "kept")
_COST_WORDS = (
    "Training is the row's own; frames/s is from crops (or, for bags of words, from the tracked shapes) to values. Kept: the steps of the "
    "post-processing, one list per seed where they differ."
)
_SCORE_WORDS = (
    "Concatenated joins all recordings end to end, per recording is the mean over recordings. The post-processing was fitted on the dev "
    "split and each step kept only where it raised the CCC there."
)


def _for_figure(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    rows = table[(table.protocol == protocol) & (table.seed.astype(str) == MEAN)]
    found = pd.DataFrame({"system": rows.system, "ccc": rows.ccc, "low": rows.ccc_low, "high": rows.ccc_high})
    for key, words in _PUBLISHED.items():
        found[words] = [_published_of(name).get(key, {}).get("ccc") for name in rows.system]
    return found


def _of_seeds(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    rows = table[(table.protocol == protocol) & (table.seed.astype(str) != MEAN)]
    return rows[["system", "ccc"]]


def _counted(plan: dict, counts: dict) -> str:
    """What the points and intervals are of."""
    seeds = f"{plan['seeds']} seeds (open circles), the filled dot their mean" if plan["seeds"] > 1 else "one seed"
    return f"n = {_scored(counts)} recordings, {counts['frames']} frames; {seeds}."


def _scored(counts: dict) -> int:
    """How many recordings of a split are scored; all in what an earlier version wrote."""
    return counts.get("recordings_scored", counts["recordings"])


def unscored_text(summary: dict) -> str:
    """Which recordings are scored in no run, because one of them has no prediction there; '' where all are scored."""
    lacking = summary.get("unscored") or {}
    named = some([f"{name} ({run})" for name, run in lacking.items()])
    return f"Recordings for which a run has no prediction (no face?) are scored in none: {named}." if lacking else ""


def _differences(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    rows = table[(table.protocol == protocol) & (table.seed.astype(str) == MEAN) & table.delta_vs_sta.notna()]
    found = pd.DataFrame({"system": rows.system, "difference": rows.delta_vs_sta, "low": rows.delta_low, "high": rows.delta_high})
    return found.assign(claimed=rows.get("p_holm", pd.Series(np.nan, rows.index)) < ALPHA)


def _claims(plan: dict, contrasts: int) -> str:
    if plan["seeds"] < 2:
        return "With one seed the intervals are about the trained networks, not about the systems: no difference is claimed."
    return (
        f"Blue: claimed, p < {ALPHA:g} after Holm over {contrasts} contrasts named beforehand (CCC concatenated, each system minus "
        f"{plan['reference']}); seeds count as well as recordings."
    )


def _left_out_table(summary: dict) -> pd.DataFrame:
    """One row per system: CCC on the scored split as chosen there, and with the post-processing of each recording fitted on the others."""
    rows = []
    for one in summary["systems"]:
        found = [run["dev_ccc"] for run in one["seeds"]]
        means = {
            key: np.mean([np.nan if each.get(key) is None else each[key] for each in found]) for key in ("before", "after", "left_out")
        }
        rows.append({"system": one["name"], "without": means["before"], "as chosen": means["after"], "left out": means["left_out"]})
    return pd.DataFrame(rows)


_GROUPS = "Concatenated; what single frames tell, and what only movement tells. For orientation: no difference is claimed here."
_CHOSEN_THERE = (
    "There is no test split: the metrics are of the dev split, on which delay, post-processing and checkpoint were chosen as well. They "
    "are higher than they would be on other recordings; see the table of recordings left out."
)
_LEFT_OUT = (
    "Without post-processing; as chosen on all recordings; and with each recording's post-processing (its shift in time included) fitted "
    "on the others alone. The delay of the training labels and the checkpoint are not chosen again."
)


def _shown_recordings(predictions: dict[str, dict[int, pd.DataFrame]]) -> list:
    for seeds in predictions.values():
        for table in seeds.values():
            names = table.recording.drop_duplicates().tolist()
            return [names[k] for k in np.unique(np.linspace(0, len(names) - 1, min(_TRACES, len(names))).round().astype(int))]
    return []


def _ordered(names: Iterable[str], reference: str) -> list[str]:
    """Systems in the order in which figures give out colours, the same in each figure of the page."""
    return sorted(names, key=lambda name: (name != reference, name != "cnn"))


def _over_time(predictions: dict[str, dict[int, pd.DataFrame]], recording, dimension: str, reference: str):
    means, times, gold = {}, np.zeros(0), np.zeros(0)
    for name in _ordered(predictions, reference):
        rows = [table[table.recording == recording] for table in predictions[name].values()]
        times, gold = rows[0].time.to_numpy(), rows[0].gold.to_numpy()
        means[name] = np.mean([one.predicted.to_numpy() for one in rows], 0)
    return values_figure(times, gold, means, dimension)


def _read_table(summary: dict) -> pd.DataFrame:
    rows = []
    for one in summary["systems"]:
        for run in one["seeds"][:1]:
            rows.append(
                {
                    "system": one["name"],
                    "row": one["row"],
                    "reads": run["reads"],
                    "post-processing of seed 0": run["postprocessing_words"],
                }
            )
    return pd.DataFrame(rows)


def _ends(low: float, high: float) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        return "–"
    show = telling_apart([low, high], [0.0], 3)
    return f"[{show(low)},\u00a0{show(high)}]".replace("-", "−")
