"""The targets of speed, each a number with a name, measured on this machine.

    python -m benchmarks --json FILE [--only NAME,...] [--minutes 1,5]

Without --only all but those of LONG, which take up to an hour and are called by their names. Only ratios of one run count; `holds` is
null, with the reason in `detail`, where this machine cannot tell.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.targets import gpu, networks, peers, videos, waits, whole
from benchmarks.targets.measure import Result, machine, unknown
from stavis.storage.files import write_json

TARGETS: dict[str, Callable[[], Result]] = {
    function.__name__: function
    for function in (
        whole.busy_neighbour,
        videos.explain_realtime,
        waits.first_picture,
        networks.b1_dispatch,
        networks.small_peak_fraction,
        networks.convlstm_forward_fp32,
        networks.convlstm_forward_bf16,
        networks.convlstm_train_fp32,
        networks.convlstm_train_bf16,
        videos.video_length_slope,
        videos.video_memory_slope,
        videos.mp4_realtime,
        whole.crop_cache_ms,
        waits.loader_wait,
        whole.report_seconds,
        waits.scrubber_draw_ms,
        whole.demo_seconds,
        whole.verdict_seconds,
        peers.peer_sliding_windows,
        peers.peer_integrated_gradients,
        peers.peer_seeks,
        gpu.cuda_train_peak_fraction,
        gpu.cuda_explain,
    )
}
SLOPES = ("video_length_slope", "video_memory_slope")
LONG = (*SLOPES, "demo_seconds", "verdict_seconds")


def main(*options: str) -> None:
    """Measure, print a line each, and write the JSON where one is wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=_minutes, default=videos.MINUTES, metavar="N,...", help="lengths for the slopes of videos")
    chosen = parser.parse_args(options)
    names = chosen.only or [name for name in TARGETS if name not in LONG]
    if wrong := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no {', '.join(wrong)}: choose from {', '.join(TARGETS)}")
    found = {"machine": machine(), "results": []}
    print(json.dumps(found["machine"], indent=1))
    for name in names:
        result = _measured(name, *([chosen.minutes] if name in SLOPES else []))
        found["results"].append(dataclasses.asdict(result))
        verdict = {True: "holds", False: "does not hold", None: "cannot be told here"}[result.holds]
        value = "-" if result.value is None else f"{result.value:g}"
        print(f"{name:26}{value:>10} {result.unit:12} {result.target:14} {verdict}; {result.detail}", flush=True)
        if chosen.json:
            write_json(chosen.json, found)  # after each: a run that is stopped leaves what it has


def _minutes(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(one) for one in text.split(",")))


def _measured(name: str, *given) -> Result:
    """One result; one that fails says why instead of ending the others."""
    try:
        return TARGETS[name](*given)
    except Exception as error:
        return unknown(name, "", "", f"it failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
