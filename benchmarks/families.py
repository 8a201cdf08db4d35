"""What opens, what works and what it costs, by family of networks: random weights of the base sizes, a clip of 4 s, one CPU thread.

Each family runs in a process of its own. `attention`, `attributions` and `verdict` are tried on tiny networks of the same classes; time
and memory are those of the base size: CPU seconds for reading 4 s at the network's own frame rate, then for its saliency. Results are
kept in OUT, and a family that is there is not measured again: remove the file for a fresh run.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

import stavis
from stavis.attribution.methods import saliency
from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset
from tests.inference.adapters import families, timm_like, torchvision_like

OUT = Path("reports/out/families.json")
SECONDS, LONG = 4.0, 10.0
LONGEST_RUN = 900  # s that one part of a family may take


def videomae() -> nn.Module:
    """VideoMAE-base: 16 frames of 224 px."""
    return _transformers("VideoMAEForVideoClassification", "VideoMAEConfig")


def timesformer() -> nn.Module:
    """TimeSformer-base: 8 frames of 224 px."""
    return _transformers("TimesformerForVideoClassification", "TimesformerConfig")


def vivit() -> nn.Module:
    """ViViT-B: 32 frames of 224 px."""
    return _transformers("VivitForVideoClassification", "VivitConfig")


def vit() -> nn.Module:
    """ViT-base, 224 px."""
    return _transformers("ViTForImageClassification", "ViTConfig")


def dinov2() -> nn.Module:
    """DINOv2-base at 224 px."""
    return _transformers("Dinov2ForImageClassification", "Dinov2Config", image_size=224)


def clip() -> nn.Module:
    """CLIP's ViT-B/32, its vision half."""
    return _transformers("CLIPVisionModelWithProjection", "CLIPVisionConfig")


def _transformers(model: str, config: str, **options) -> nn.Module:
    transformers = importlib.import_module("transformers")
    return getattr(transformers, model)(getattr(transformers, config)(**options))


class Emotions(nn.Module):
    """An image network of EmoNet's shape: a map of its own pools the features; valence, arousal and eight expressions."""

    def __init__(self, width: int = 64):
        super().__init__()
        layers = [nn.Conv2d(3, width, 7, 2, 3), nn.ReLU()]
        for _ in range(6):
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
        self.features, self.scores, self.weights = nn.Sequential(*layers, nn.MaxPool2d(2)), nn.Conv2d(width, 1, 1), nn.Softmax(2)
        self.valence, self.arousal, self.expression = nn.Linear(width, 1), nn.Linear(width, 1), nn.Linear(width, 8)

    def forward(self, images):
        features = self.features(images)
        pooled = (features.flatten(2) * self.weights(self.scores(features).flatten(2))).sum(2)
        return {name: getattr(self, name)(pooled) for name in ("valence", "arousal", "expression")}


class OverTime(nn.Module):
    """A CNN called for one frame after another, or for all at once, and an LSTM or a transformer over what it gives."""

    def __init__(self, looped: bool, widths=(64, 128, 256, 512)):
        super().__init__()
        layers, before = [], 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()]
            before = width
        self.cnn, self.looped = nn.Sequential(*layers), looped
        self.lstm = nn.LSTM(before, 256, batch_first=True) if looped else None
        self.encoder = None if looped else nn.TransformerEncoder(nn.TransformerEncoderLayer(before, 8, 1024, batch_first=True), 4)
        self.head = nn.Linear(256 if looped else before, 2)

    def forward(self, frames):
        if self.looped:
            features = torch.stack([self.cnn(frame).mean((2, 3)) for frame in frames.unbind(1)], 1)
            return self.head(self.lstm(features)[0])
        return self.head(self.encoder(self.cnn(frames.flatten(0, 1)).mean((2, 3)).unflatten(0, frames.shape[:2])))


MAP = {"attention": "weights", "layout": "(b t) 1 (h w)"}
BASE = {
    # family: the network of base size, what the user gives beside it, the tiny network of the tests
    "VideoMAE-base": (videomae, {}, "VideoMAE"),
    "TimeSformer-base": (timesformer, {}, "TimeSformer"),
    "ViViT-base": (vivit, {}, "ViViT"),
    "ViT-base": (vit, {}, "ViT"),
    "DINOv2-base, 224 px": (dinov2, {}, "DINOv2"),
    "CLIP ViT-B/32": (clip, {}, "CLIP"),
    "timm ViT-base": (timm_like.VisionTransformer, {}, "timm ViT, written anew"),
    "timm ConvNeXt-tiny": (timm_like.ConvNeXt, {}, "timm ConvNeXt, written anew"),
    "r3d_18": (torchvision_like.VideoResNet, {}, "r3d"),
    "s3d": (torchvision_like.S3D, {}, "s3d"),
    "mvit (small)": (torchvision_like.MViT, {}, "mvit"),
    "swin3d_t": (torchvision_like.SwinTransformer3d, {}, "swin3d"),
    "CNN + LSTM, looped": (lambda: OverTime(looped=True), {"outputs": ("valence", "arousal")}, "CNN+LSTM"),
    "CNN + Transformer": (lambda: OverTime(looped=False), {"outputs": ("valence", "arousal")}, "CNN+Transformer"),
    "EmoNet-like 2D-CNN": (Emotions, {"size": 256, **MAP}, "own map"),
}


def frames_at(rate: float, seconds: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A bright square that moves over noise, at a frame rate: frames (T,size,size,3) uint8 and times (T,) s."""
    count = max(2, round(rate * seconds))
    frames = np.random.default_rng(0).integers(0, 90, (count, size, size, 3), dtype=np.uint8)
    for i, frame in enumerate(frames):
        at = int((size - size // 4) * i / (count - 1))
        frame[at : at + size // 4, at : at + size // 4] = 230
    return frames, np.arange(count) / rate


def measured(name: str, seconds: float = SECONDS) -> dict:
    """Time and memory of the base size, in this process."""
    make, options, _ = BASE[name]
    torch.manual_seed(0)
    started = time.process_time()
    net = stavis.load(make().eval(), device="cpu", region="frame", **options)
    opened = time.process_time() - started
    frames, times = frames_at(net.network.rate, seconds, net.network.size)
    started = time.process_time()
    reading = net.read(frames, times=times)
    read, peak = time.process_time() - started, _peak()
    found = {"opened_s": opened, "read_s": read, "read_peak_gb": peak, "frames": len(frames)}
    found["maps"] = "none" if reading.attention is None else "{}x{}".format(*reading.attention.weights.shape[1:])
    if seconds <= SECONDS:
        started = time.process_time()
        net.attribute([saliency], net.crops(frames, times=times).clip(), net.dimensions[0])
        found |= {"saliency_s": time.process_time() - started, "peak_gb": _peak()}
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def works(name: str) -> dict:
    """What can be done with the tiny network of a family: attention, attributions, the verdict's questions."""
    make, options = families.FAMILIES[BASE[name][2]]
    torch.manual_seed(0)
    net = stavis.load(make().eval(), device="cpu", **options)
    clip = net.crops(families.FRAMES, times=families.TIMES).clip()
    reading = net.read(families.FRAMES, times=families.TIMES)
    found = {"attention": reading.attention is not None, "attributions": np.abs(_only(net, clip)).max() > 0}
    spec = SyntheticConfig(recordings=6, seconds=2.0, fps=5.0, size=(64, 64), shares=(0.0, 0.0, 1.0), seed=3)
    data = write_dataset(Path(os.environ["STAVIS_CACHE"]) / "faces", spec)
    try:
        answers = net.verdict(data, clips=6, quiet=True).verdict.answers
    except StavisError as error:
        return {**found, "verdict": f"refused: {error}"}
    asked = [one for one in answers if "not askable" not in one.sentence.lower()]
    without = reading.attention is None
    return {**found, "verdict": "attributions only" if without or not asked else f"{len(asked)} of {len(answers)} questions"}


def _only(net, clip) -> np.ndarray:
    return net.attribute([saliency], clip, net.dimensions[0])["Saliency"].values


def given(name: str) -> str:
    """The one line that opens a network of the family."""
    options = ", ".join(f"{key}={value!r}" for key, value in BASE[name][1].items())
    return f"stavis.load(model{', ' + options if options else ''})"


def main(words: list[str] | None = None) -> None:
    """Measure every family that is not in OUT yet, each part in a fresh process, and print the table."""
    words = sys.argv[1:] if words is None else words
    if len(words) == 3:  # in the process of one part
        warnings.simplefilter("ignore")
        part, name, seconds = words
        print(json.dumps(measured(name, float(seconds)) if part == "measured" else works(name), default=bool))
        return
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    for name in BASE:
        if name not in found:
            found[name] = {"line": given(name), **_part("works", name, SECONDS), **_part("measured", name, SECONDS)}
            if name == "VideoMAE-base":
                found[name]["ten_seconds"] = _part("measured", name, LONG)
            OUT.write_text(json.dumps(found, indent=1), encoding="utf-8")
            print(f"{name}: {found[name]}", file=sys.stderr)
    print(table(found))


def _part(part: str, name: str, seconds: float) -> dict:
    """What one process found, or why it found nothing."""
    with tempfile.TemporaryDirectory(prefix="stavis-") as scratch:
        environment = {**os.environ, "STAVIS_CACHE": scratch, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.families", part, name, str(seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            return {f"{part}_failed": f"took more than {LONGEST_RUN} s"}
    if done.returncode:
        return {f"{part}_failed": (done.stderr.strip().splitlines() or ["it died"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(found: dict) -> str:
    """The families as a table in Markdown."""
    rows = [
        "| family | line | attention | attributions | verdict | read 4 s (CPU s) | saliency (CPU s) | peak (GB) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (each for each in BASE if each in found):
        one = found[name]
        yes = ["yes" if one.get(key) else "no" for key in ("attention", "attributions")]
        numbers = [f"{one[key]:.1f}" if key in one else "-" for key in ("read_s", "saliency_s", "peak_gb")]
        rows.append("| " + " | ".join([name, f"`{one['line']}`", *yes, str(one.get("verdict", "-")), *numbers]) + " |")
    long = found.get("VideoMAE-base", {}).get("ten_seconds", {})
    if "read_peak_gb" in long:
        rows.append(f"\nVideoMAE-base reads 10 s in {long['read_s']:.0f} s with a peak of {long['read_peak_gb']:.1f} GB.")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
