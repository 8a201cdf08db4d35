"""Where the attention of the STA row went, on the scenario where it gains most over the 3D-CNN and where it gains least."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stavis.bench.data import bench_data
from stavis.bench.runs import Run
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import read
from stavis.show.figures.moments import filmstrip

ATTENDS, WITHOUT = "sta", "cnn3d"


def strips_of(out: Path, rows: Sequence[Mapping]) -> list[dict]:
    """Film strips of one test recording each: scenario, text, and the figure as JSON values; none where the rows are not there."""
    gains = _gains(rows)
    if not gains:
        return []
    most, least = max(gains, key=gains.__getitem__), min(gains, key=gains.__getitem__)
    chosen = {most: "where attention gains most", **({least: "where attention gains least"} if least != most else {})}
    return [strip for name, text in chosen.items() if (strip := _strip(out / name, name, text, gains[name]))]


def _gains(rows: Sequence[Mapping]) -> dict[str, float]:
    """By how much CCC the attending row is above the one without, by scenario."""
    ccc = {(one["scenario"], one["system"]): one["ccc"] for one in rows if one["ccc"] is not None}
    names = {scenario for scenario, system in ccc if system == ATTENDS and (scenario, WITHOUT) in ccc}
    return {name: ccc[name, ATTENDS] - ccc[name, WITHOUT] for name in sorted(names)}


def _strip(folder: Path, scenario: str, text: str, gain: float) -> dict | None:
    run = Run(folder, ATTENDS, 0)
    if not run.done:
        return None
    found = bench_data(folder)
    item = found.of(found.scored)[0]
    net = VideoReader.load(run.home / "run", device="cpu")
    crops = replace(item.crops, folder=None)
    seconds = len(crops) / net.network.rate if found.plan.whole else None
    maps = read(net.network, crops.frames, crops.times, seconds=seconds).attention
    figure = filmstrip(crops.clip(), maps)
    said = f"{text} ({gain:+.3f}), {item.name}".replace("-", "−")
    return {"scenario": scenario, "text": said, "figure": json.loads(figure.to_json())}
