"""What a card makes of the wide network: python -m benchmarks gpu [--json FILE] [--seconds N]

Frames go to the device as uint8 and become numbers there; the computation is bf16 under autocast, the 3D layers in channels_last_3d, the
ConvLSTM's loop compiled or recorded as a CUDA graph. All checks take less than eight minutes on one card. Without a card the same code
runs on the CPU with a tiny network, which shows that it works and nothing of a card's speed; the JSON says so.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.targets.measure import Result, at_least, at_most, unknown
from stavis.models.sta import PRESETS, STA, STAConfig
from stavis.storage.files import write_json

TINY = STAConfig(encoder=(4, 6, 8), decoder=(6, 4), stem=(4, 6), regressor=(8, 10), hidden=8, crop_size=32, vision=32)
FRAMES, BATCH = 100, 8
HOUR = 25 * 3600
WAYS = ("eager", "compiled", "graphed")


def device_of(name: str | None = None) -> torch.device:
    """The card where there is one, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def network(config: STAConfig, device: torch.device) -> STA:
    """A network with its 3D layers in channels_last_3d, the frames' 2D layers as they are."""
    torch.manual_seed(0)
    model = STA(config).to(device)
    for part in (model.stem, model.regressor):
        part.layers.to(memory_format=torch.channels_last_3d)
    return model


def as_input(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B,T,H,W,3) uint8 on the device as (B,T,3,H,W) in [0,1], made there."""
    return frames.permute(0, 1, 4, 2, 3).float().div_(255)


def seconds_of(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Median seconds of a call, measured by events on a card, by the clock elsewhere; the first two calls do not count."""
    taken = []
    for number in range(rounds + 2):
        if device.type == "cuda":
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            run()
            end.record()
            torch.cuda.synchronize()
            elapsed = start.elapsed_time(end) / 1e3
        else:
            started = time.perf_counter()
            run()
            elapsed = time.perf_counter() - started
        if number > 1:
            taken.append(elapsed)
    return sorted(taken)[len(taken) // 2]


def matmul_peak(device: torch.device, side: int) -> float:
    """FLOP/s of a large bf16 product of matrices: the card's own measured peak."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: a @ b, device, 9)


def work_of(config: STAConfig, frames: int) -> float:
    """FLOP of the convolutions of one frame, forward, counted without computing them."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        side = config.crop_size
        STA(config)(torch.empty(2, frames, 3, side, side))
    return counter.get_total_flops() / 2 / frames


def halved_once(run: Callable[[int], float], batch: int, notes: list[str]) -> tuple[float, int]:
    """What `run(batch)` gives, and the batch; where the card's memory is too small for it, with half of it, which is noted."""
    try:
        return run(batch), batch
    except torch.cuda.OutOfMemoryError:
        if batch < 2:
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    notes.append(f"the card's memory was too small for {batch} clips: the batch was halved to {batch // 2}")
    return run(batch // 2), batch // 2


def train_seconds(config: STAConfig, device: torch.device, way: str, batch: int, frames: int, rounds: int) -> float:
    """Seconds of a training step, from uint8 on the device to the optimiser's step."""
    model = network(config, device).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device.type == "cuda", capturable=device.type == "cuda")
    images = torch.randint(0, 256, (batch, frames, config.crop_size, config.crop_size, 3), dtype=torch.uint8, device=device)
    labels = torch.zeros(batch, frames, len(config.dimensions), device=device)
    forward = torch.compile(model) if way == "compiled" else model

    def step():
        optimiser.zero_grad(set_to_none=way != "graphed")
        with torch.autocast(device.type, torch.bfloat16):
            predicted = forward(as_input(images))
        torch.nn.functional.mse_loss(predicted.float(), labels).backward()
        optimiser.step()

    return seconds_of(_recorded(step) if way == "graphed" and device.type == "cuda" else step, device, rounds)


def read_seconds(config: STAConfig, device: torch.device, way: str, batch: int, frames: int, rounds: int) -> float:
    """Seconds of reading a batch of clips, from uint8 in pinned memory of the host to values and maps."""
    model = network(config, device).eval()
    images = torch.randint(0, 256, (batch, frames, config.crop_size, config.crop_size, 3), dtype=torch.uint8)
    images = images.pin_memory() if device.type == "cuda" else images
    there = torch.empty_like(images, device=device)

    def step():
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            return model(as_input(there))

    run = _recorded(step) if way == "graphed" and device.type == "cuda" else step

    def whole():
        there.copy_(images, non_blocking=True)
        run()

    return seconds_of(whole, device, rounds)


def _recorded(step: Callable[[], object]) -> Callable[[], object]:
    """The step as one CUDA graph, recorded after three warm-up calls on a stream of their own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def checks(device: torch.device, limit: float = 420.0) -> dict:
    """All checks on one device within `limit` seconds: {"device", "tiny", "notes", "results"}; what there was no time for is noted."""
    card, started, notes = device.type == "cuda", time.monotonic(), []
    config, frames, batch, rounds = (PRESETS["paper"], FRAMES, BATCH, 7) if card else (TINY, 6, 2, 1)
    ways = WAYS if card else ("eager",)
    if not card:
        notes.append("there is no card here: a tiny network ran through the same code on the CPU, which tells nothing of a card's speed")
    peak = matmul_peak(device, 8192 if card else 64)
    found = {"train": {}, "read": {}}
    for kind, measure in (("read", read_seconds), ("train", train_seconds)):
        for way in ways:
            if kind == "read" and way == "compiled":
                continue
            if time.monotonic() - started > limit * (0.55 if way == "compiled" else 0.9):
                notes.append(f"no time was left for {kind}, {way}")
                continue
            try:
                seconds, used = halved_once(lambda n, w=way, m=measure: m(config, device, w, n, frames, rounds), batch, notes)
                found[kind][way] = used * frames / seconds  # frames/s
            except Exception as error:
                notes.append(f"{kind}, {way}: {type(error).__name__}: {(str(error) or '-').splitlines()[0]}")
    results = (
        [_train(found["train"], config, frames, peak), _read(found["read"])]
        if card
        else [
            unknown("cuda_train_peak_fraction", "of peak", ">= 0.35", notes[0]),
            unknown("cuda_explain", "s", "<= 60", notes[0]),
        ]
    )
    name = torch.cuda.get_device_name() if card else "cpu"
    about = {"device": name, "tiny": not card, "matmul_tflops": peak / 1e12, "frames_per_second": found, "notes": notes}
    return about | {"seconds": round(time.monotonic() - started, 1), "results": [dataclasses.asdict(one) for one in results]}


def _train(rates: dict[str, float], config: STAConfig, frames: int, peak: float) -> Result:
    if not rates:
        return unknown("cuda_train_peak_fraction", "of peak", ">= 0.35", "no way of training ran: see the notes")
    way = max(rates, key=rates.get)
    share = 3 * work_of(config, frames) * rates[way] / peak  # backward is twice forward
    return at_least("cuda_train_peak_fraction", share, 0.35, "of peak", f"{way}: {rates[way]:.0f} frames/s, peak {peak / 1e12:.0f} TFLOP/s")


def _read(rates: dict[str, float]) -> Result:
    if not rates:
        return unknown("cuda_explain", "s", "<= 60", "no way of reading ran: see the notes")
    way = max(rates, key=rates.get)
    return at_most(
        "cuda_explain", HOUR / rates[way], 60, "s", f"an hour at 25 frames/s, from the host's memory; {way}: {rates[way]:.0f} frames/s"
    )


def _named(name: str, unit: str, target: str) -> Result:
    if not torch.cuda.is_available():
        return unknown(name, unit, target, "no CUDA device here: python -m benchmarks gpu where there is one")
    return next(Result(**one) for one in checks(device_of())["results"] if one["name"] == name)


def cuda_train_peak_fraction() -> Result:
    """The share of the card's measured matmul peak in training."""
    return _named("cuda_train_peak_fraction", "of peak", ">= 0.35")


def cuda_explain() -> Result:
    """Seconds in which an hour of cached crops is read."""
    return _named("cuda_explain", "s", "<= 60")


def main(*options: str) -> None:
    """Run all checks, print them, and write the JSON where one is wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--device", help="cuda where there is one, else cpu")
    parser.add_argument("--seconds", type=float, default=420.0, help="begin nothing new after about so many")
    chosen = parser.parse_args(options)
    found = checks(device_of(chosen.device), chosen.seconds)
    if chosen.json:
        write_json(chosen.json, found)
    print(json.dumps(found, indent=1))
