"""One page of each kind, small and made up, for what is true of all pages: nothing serious for axe, in light and in dark."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd

from stavis import jobs
from stavis.batch.index import write_index
from stavis.batch.record import Report
from stavis.bench.bench import Bench
from stavis.bench.report import bench_page
from stavis.bench.scores import scores_by_group, table_of
from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.shown import ShownFrames
from stavis.data.datasets.registry import read_dataset
from stavis.data.video.io import write_video
from stavis.data.video.sound import Sound
from stavis.evaluation.ranges import error_by_range
from stavis.jobs.load import load
from stavis.jobs.verdict import VerdictResult
from stavis.show.figures.over_time import share_over_time
from stavis.show.reports.notebook_page import export_notebook
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.page import fragment
from stavis.trust.judge import Answer, Verdict
from tests.groups.explained import explained_folder
from tests.show.samples import clip_of, maps_of, prediction_of, raters_of

SYSTEMS = {"cnn": 0.5, "cnn3d": 0.3, "sta": 0.12}


def scrubber_of(seconds: float = 4.0, size: int = 64) -> Scrubber:
    """A scrubber with everything on it: maps, outlines, values, raters, a gap."""
    clip = clip_of(round(10 * seconds), size, fps=10, gap=slice(6, 9))
    curves = pd.DataFrame({"time": clip.times, "smile": 0.5 + 0.4 * np.sin(clip.times), "heart rate": 70 + 3 * np.cos(clip.times)})
    return Scrubber.from_clip(clip, maps_of(clip, 12), prediction_of(clip), raters=raters_of(clip), curves=curves, title="anna_03")


def full_scrubber_page(folder: Path) -> Path:
    """A long clip in pieces with all that a scrubber can have: sound, whole images, annotations, several maps."""
    frames = np.random.default_rng(0).integers(60, 200, (1, 48, 80, 3), np.uint8).repeat(400, 0)
    crops = crops_of(write_video(folder / "long.mp4", frames, fps=25), CropConfig(size=40, rate=None, source="centre"))
    clip = clip_of(400, 40, gap=slice(60, 70), name="long")
    sound = Sound((8000 * np.sin(np.arange(16 * 24_000) / 20)).astype(np.int16), 24_000, 0.0)
    curves = pd.DataFrame({"time": clip.times, "smile": np.sin(clip.times), "frown": 0.01})
    images = ShownFrames.of(crops, slice(0, 400))
    given = {"curves": curves, "images": images, "sound": sound, "notices": ["Trained on synthetic faces only."]}
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 8), prediction_of(clip), raters=raters_of(clip), **given)
    tier = {"name": "gaze", "labels": ["away"], "spans": [[1.0, 3.0, "away"], [5.0, 5.0, ""]]}
    scrubber.selection = {"range": None, "exclude": [[6.0, 7.0]], "events": [[9.0, "laugh"]], "tiers": [tier]}
    return scrubber.save(folder / "full.html")


def scrubber_page(folder: Path) -> Path:
    return scrubber_of().save(folder / "scrubber.html")


def explain_page(folder: Path, run: Path, data: Path) -> Path:
    """An explained synthetic recording, evaluated as well, as `stavis explain` writes it."""
    net = load(run, device="cpu")
    found = net.explain(read_dataset(data)[0], methods=("saliency",))
    return found.report().save(folder / "explain.html")


def evaluate_page(folder: Path, run: Path, data: Path) -> Path:
    """Synthetic recordings evaluated, as `stavis evaluate` writes it."""
    return jobs.evaluate(run, data, device="cpu", quiet=True).report().save(folder / "evaluate.html")


def verdict_page(folder: Path) -> Path:
    """A verdict with every part: four kinds of answers, a warning, notes, maps, curves, tables."""
    return verdict_result().report().save(folder / "verdict.html")


def verdict_result() -> VerdictResult:
    clip = clip_of(12, 64)
    clips = tuple(replace(clip, recording=f"person {k}") for k in range(6))
    numbers = {"needed": ("yes", 0.62), "sufficient": ("no", 0.03), "unique": ("undecided", 0.28), "agrees": ("forced", 0.81)}
    answers = [
        Answer(name, said, at, at - 0.12, at + 0.1, 0.05, 1.2, 0.25, "So it is: six clips, and a sentence as long as they are.")
        for name, (said, at) in numbers.items()
    ]
    tests = pd.DataFrame(
        {
            "test": ["uniform", "another clip's"], "change": [0.62, 0.4], "change_low": [0.5, 0.3], "change_high": [0.72, 0.5],
            "growth": [0.2, np.nan], "low": [0.1, np.nan], "high": [0.3, np.nan], "p": [0.03, 0.06], "p_holm": [0.06, 0.06],
        }
    )  # fmt: skip
    parts = ["mouth", "left_eye", "right_eye", "brows", "outside"]
    shares = np.array([0.4, 0.1, 0.2, 0.1, 0.2])
    localisation = pd.DataFrame({"part": parts, "share": shares, "share_low": shares - 0.05, "share_high": shares + 0.05})
    localisation = localisation.assign(density=10 * shares, density_low=8 * shares, density_high=12 * shares)
    localisation = localisation.assign(image_left=0.5, image_left_low=0.45, image_left_high=0.55)
    orders = [("attention", 0.2), ("random order", 0.0)]
    curves = [
        {
            "clip": k,
            "group": f"person {k}",
            "order": order,
            "direction": way,
            "fraction": at,
            "height": min(1.0, at + more * at * (1 - at) + 0.01 * k),
        }
        for k in range(6)
        for order, more in orders
        for way in ("insertion", "deletion")
        for at in np.linspace(0, 1, 6)
    ]
    names = ["attention", "random order", *(f"smooth random {k}" for k in (1, 2)), "centre", "exact DeepLIFT"]
    names += [f"random network {k}" for k in range(1, 9)]
    insertion = pd.DataFrame({name: np.linspace(0.2, 0.9, 6) / (1 + 0.2 * k) for k, name in enumerate(names)})
    insertion = insertion.rename_axis("clip").reset_index()
    pairs = [("attention", "saliency", 0.4), ("attention", "deeplift", 0.5), ("saliency", "deeplift", 0.7)]
    between = pd.DataFrame(pairs, columns=["method", "other", "cc"])
    notes = ("Most of the attention lies on the mouth: 10 times chance.", "One eye is read more than the other.")
    found = Verdict(
        *answers, tests, pd.DataFrame(), localisation, insertion, between, 6, notes, warnings=notes[1:],
        first_cells=insertion, curves=pd.DataFrame(curves),
        maps=tuple(maps_of(clip, 12)["attention"].weights[:6]),
    )  # fmt: skip
    net = SimpleNamespace(caution="This network has only ever seen synthetic faces.", notes=("A note of the network.",))
    return VerdictResult(found, net, clips, {"package": "stavis", "command": "stavis verdict tiny"})


def bench_page_of(folder: Path) -> Path:
    """A bench of three systems with two seeds each, from made-up predictions."""
    rng = np.random.default_rng(0)
    times = np.arange(60) / 6.25
    gold = {f"switching-{k:02}": 0.7 * np.sin(times * (0.5 + 0.2 * k) + k) for k in range(5)}
    predictions = {name: {seed: _predicted(gold, times, noise, rng) for seed in range(2)} for name, noise in SYSTEMS.items()}
    about = {"parameters": 120_000, "train_seconds": 90.0, "frames_per_second": 55.0, "delay": 0.4}
    results = {name: {seed: {**about, "postprocessing": "median, shift of the mean"} for seed in range(2)} for name in SYSTEMS}
    counts = {"recordings": 5, "frames": 300, "frames_without_face": 12, "labels": 300}
    ran = {"dev_ccc": {"before": 0.3, "after": 0.4, "left_out": 0.35}, "reads": "112 px, 6.25 frames/s", "postprocessing_words": "median"}
    provenance = {
        "data": "faces",
        "label source": "gold standard of 6 raters",
        "scored on": "test, 5 recordings",
        "crop": "aligned by truth",
    }
    summary = {
        "plan": {"dimension": "valence", "reference": "sta", "seeds": 2}, "provenance": provenance, "counts": {"test": counts},
        "systems": [{"name": name, "row": name.upper(), "seeds": [ran, ran]} for name in SYSTEMS],
    }  # fmt: skip
    failed = ({"system": "cnn-lstm", "seed": 1, "reason": "the loss became not a number."},)
    done = Bench(folder, table_of(results, predictions, "valence"), failed, summary)
    errors = error_by_range(predictions)
    groups = scores_by_group(predictions, ["switching"])
    return bench_page(done, errors, groups, predictions).save(folder / "bench.html")


def _predicted(gold: dict, times: np.ndarray, noise: float, rng: np.random.Generator) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"recording": name, "time": times, "predicted": np.clip(values + rng.normal(0, noise, 60), -1, 1), "gold": values})
        for name, values in gold.items()
    ]
    return pd.concat(parts, ignore_index=True)


def group_page(folder: Path) -> Path:
    """Six people in two conditions, with curves around the peaks of their smiles."""
    rows = []
    for k in range(6):
        for condition, look in (("smile", "mouth"), ("frown", "brows")):
            explained_folder(folder / "explained" / f"p{k}-{condition}", seed=k, look=look)
            rows.append((f"p{k}-{condition}", f"person {k}", condition))
    table = folder / "explained" / "table.csv"
    pd.DataFrame(rows, columns=["recording", "person", "condition"]).to_csv(table, index=False)
    return jobs.group(table).report(events="peaks:smile").save(folder / "group.html")


def index_page(folder: Path, reports: int = 9) -> Path:
    """The index of a study in which one report failed and one is missing; its other pages are empty files."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(reports):
        times, failed = np.linspace(0, 1, 40), number % 8 == 5
        mouth = (100 * np.clip(0.5 + 0.4 * np.sin(6 * times + number), 0, 1)).round().astype(int)
        results = {
            "figures": {"CCC": float(rng.uniform(-0.1, 0.8)), "mean valence": float(rng.uniform(-0.5, 0.5))},
            "shares": {"mouth": mouth.tolist(), "left_eye": (60 - mouth // 2).tolist(), "glabella": [12] * 40},
            "verdict": {"needed": "yes", "sufficient": "no", "unique": "undecided", "agrees": "forced"},
            "finding": [f"The mouth holds {40 + number} % of the attention.", "Valence rises after 9 s."],
            "curve": {"valence": (80 * np.sin(5 * times + number)).round().astype(int).tolist()},
        }
        one = Report(
            id=f"rec{number}", recording=f"P{number:02}_task", video=f"/videos/rest/P{number:02}.mp4", labels="", parameters={}, key="k",
            varied={"run": ("sta", "cnn3d")[number % 2]}, state="failed" if failed else "done", seconds=12.0 + number,
            reason="P05.mp4 shows no face in any frame: choose another face or recording." if failed else "",
            page=f"rec{number}/report.html", **({} if failed else results),
        )  # fmt: skip
        if number < reports - 1:
            (folder / "study" / one.id).mkdir(parents=True)
            one.write(folder / "study" / one.id)
            for name in ("executed.ipynb", "report.html"):
                (folder / "study" / one.id / name).touch()
        made.append(one)
    spec = SimpleNamespace(title="Two networks at rest", vary={"run": []}, recordings=1)
    notebook, job = SimpleNamespace(path=Path("explore.ipynb")), SimpleNamespace(out=folder / "study", version="0.1.0")
    write_index(SimpleNamespace(reports=tuple(made), spec=spec, notebook=notebook, job=job), {}, folder / "study", finished=True)
    return folder / "study" / "index.html"


def batch_page(folder: Path) -> Path:
    """An executed notebook that failed at its end: parameters, code, text, a scrubber, a figure, a table, an error."""
    clip = clip_of(20, 64)
    figure = share_over_time(clip, maps_of(clip, 12)["attention"])
    table = pd.DataFrame({"region": ["mouth", "brows"], "mean share": [0.4, 0.1]})
    new = nbformat.v4
    shown = [
        new.new_output("display_data", {"text/html": fragment(scrubber_of(2), data=True), "text/plain": "Scrubber(...)"}),
        new.new_output("display_data", figure._repr_mimebundle_()),
        new.new_output("display_data", {"text/html": table.to_html(), "text/plain": str(table)}),
        new.new_output("stream", name="stdout", text="12 frames without a face\n"),
    ]
    error = new.new_output("error", ename="ValueError", evalue="no luck", traceback=["\x1b[0;31mValueError\x1b[0m: no luck"])
    notebook = new.new_notebook(
        cells=[
            new.new_markdown_cell("# Explore\n\nWhere a network looks, *frame by frame*, in `videos`."),
            new.new_code_cell('video = "anna_03.mp4"  # a file', metadata={"tags": ["injected-parameters"]}),
            new.new_code_cell("import stavis\n\nstavis.load('sta').explain(video)  # the maps", outputs=shown, execution_count=1),
            new.new_code_cell("raise ValueError('no luck')", outputs=[error], execution_count=2),
        ]
    )
    nbformat.write(notebook, folder / "batch.ipynb")
    first = {"finding": ["The mouth leads.", "Valence rises."], "notices": ["Trained on synthetic faces only."], "problem": "no luck."}
    provenance = {"stavis": "0.1.0", "notebook": "explore.ipynb"}
    return export_notebook(
        folder / "batch.ipynb", folder / "batch.html", title="anna_03", provenance=provenance, index="../index.html", **first
    )
