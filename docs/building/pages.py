"""Makes the live pages of the documentation: `python -m building.pages FOLDER`. All of synthetic faces and networks that need no file."""

import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

import stavis
from stavis.models.checkpoint import load_checkpoint
from stavis.show.scrubber import Scrubber
from stavis.trust.sanity import randomised

METHODS = ("saliency", "exact-deeplift", "grad-cam")


@cache
def shipped() -> stavis.Predictor:
    """The network of most pages."""
    return stavis.load("sta-synthetic", device="cpu")


def recording(scratch: Path, scenario: str, seed: int, **changes) -> stavis.Recording:
    """One synthetic recording."""
    options = {"recordings": 1, "seconds": 5.0, "fps": 12.5, "size": (256, 256), **changes}
    spec = stavis.SyntheticConfig(scenarios=(scenario,), seed=seed, **options)
    return stavis.read_dataset(stavis.synth(scratch / f"{scenario}-{seed}", spec, quiet=True))[0]


def explained(scratch: Path, *, scenario: str, seed: int, methods: tuple[str, ...] = (), **changes) -> Scrubber:
    """The shipped network on one synthetic recording of a scenario."""
    return shipped().explain(recording(scratch, scenario, seed, **changes), methods=methods).scrubber()


def transformer(scratch: Path) -> Scrubber:
    """A video transformer with random weights: what its page looks like, not what it learned."""
    torch.manual_seed(0)
    sizes = {"image_size": 112, "patch_size": 16, "num_frames": 8, "hidden_size": 48, "num_hidden_layers": 3}
    config = VideoMAEConfig(**sizes, num_attention_heads=4, intermediate_size=96, num_labels=3)
    net = stavis.load(VideoMAEForVideoClassification(config), maps="rollout", device="cpu")
    return net.explain(recording(scratch, "mouth", 12), methods=()).scrubber()


def grid(scratch: Path) -> Scrubber:
    """Whole frames and the cells of a grid, by a small CNN with random weights: its saliency."""
    torch.manual_seed(0)
    cnn = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))
    net = stavis.load(cnn, size=112, rate=6.25, seconds=4.0, outputs=("value",), region="frame", framing="letterbox", device="cpu")
    return net.explain(recording(scratch, "mouth", 13), methods=("saliency",), regions="grid:3x3").scrubber()


def arrays(_: Path) -> Scrubber:
    """A map made by hand over frames made by hand: a disc, and how far each pixel changes from frame to frame."""
    rows, columns = np.mgrid[:96, :128]
    centres = [(48 + 24 * np.sin(k / 5), 64 + 40 * np.cos(k / 5)) for k in range(50)]
    discs = np.stack([np.hypot(rows - y, columns - x) < 14 for y, x in centres])
    frames = np.where(discs[..., None], np.uint8([240, 170, 60]), np.uint8([30, 40, 60])).astype(np.uint8)
    change = np.abs(np.diff(discs.astype(float), axis=0, prepend=discs[:1]))
    return Scrubber.from_arrays(frames, {"change since the frame before": change}, np.arange(len(frames)) / 12.5, title="a disc")


def two(scratch: Path) -> Scrubber:
    """Two people, one slider."""
    both = [shipped().explain(recording(scratch, "mouth", seed), methods=()) for seed in (14, 15)]
    return Scrubber.from_results(both, names=("first", "second"))


def random_weights(scratch: Path) -> Scrubber:
    """The shipped network with every layer as before any training."""
    with randomised(load_checkpoint("sta-synthetic").model, seed=0) as model:
        net = stavis.load(model, size=112, rate=6.25, seconds=4.0, outputs=("valence",), device="cpu")
        return net.explain(recording(scratch, "switching", 16), methods=()).scrubber()


PAGES: dict[str, Callable[[Path], Scrubber]] = {
    "first": partial(explained, scenario="switching", seed=77, methods=("saliency",), seconds=8.0),
    "mouth": partial(explained, scenario="mouth", seed=21),
    "eyes": partial(explained, scenario="eyes", seed=22),
    "occlusion": partial(explained, scenario="occlusion", seed=23),
    "wide": partial(explained, scenario="switching", seed=24, diversity=1.0),
    "attributions": partial(explained, scenario="switching", seed=25, methods=METHODS),
    "grid": grid,
    "transformer": transformer,
    "arrays": arrays,
    "two": two,
    "motion": partial(explained, scenario="motion", seed=26),
    "distractor": partial(explained, scenario="distractor", seed=27),
    "random": random_weights,
}
"""The pages by name. The first stands above the fold, the others in the gallery."""


def main(folder: Path) -> None:
    """Write each page and its poster, unless it is there."""
    warnings.simplefilter("ignore", stavis.StavisWarning)
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in PAGES.items():
            if (folder / f"{name}.html").is_file():
                continue
            scrubber = make(Path(scratch))
            scrubber.frame = 4 * scrubber.clip["count"] // 5
            (folder / f"{name}.jpg").write_bytes(scrubber.poster())
            scrubber.save(folder / f"{name}.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
