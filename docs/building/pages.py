"""Makes the live pages of the documentation: `python -m building.pages FOLDER`. All of synthetic faces and networks that need no file."""

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import stavis
from stavis.show.scrubber import Scrubber

FACE = {"recordings": 1, "seconds": 8.0, "fps": 12.5, "size": (256, 256)}


def first(scratch: Path) -> Scrubber:
    """The picture above the fold: attention that moves from the eyes to the mouth with the cue."""
    return explained(scratch, "switching", 77, methods=("saliency",))


def explained(scratch: Path, scenario: str, seed: int, methods: tuple[str, ...] = (), **changes) -> Scrubber:
    """The shipped network on one synthetic recording of a scenario."""
    spec = stavis.SyntheticConfig(scenarios=(scenario,), seed=seed, **(FACE | changes))
    data = stavis.synth(scratch / f"{scenario}-{seed}", spec, quiet=True)
    return stavis.load("sta-synthetic", device="cpu").explain(stavis.read_dataset(data)[0], methods=methods).scrubber()


PAGES: dict[str, Callable[[Path], Scrubber]] = {"first": first}
"""The pages by name."""


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
