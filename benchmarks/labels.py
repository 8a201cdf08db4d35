"""How long 10,000 label files take to open, in the writing of each data set; one process, files in the disk cache."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stavis.data.datasets.afewva import read_clip_labels
from stavis.data.datasets.affwild2 import read_frame_labels
from stavis.data.datasets.avec import read_gold
from stavis.data.datasets.labels import read_labels, read_raters
from stavis.data.datasets.sewa import read_sewa_labels

FILES, DIFFERENT = 10_000, 50
MOST = 60.0  # s for all files
RATERS = "FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"


def course(number: int, rows: int) -> np.ndarray:
    """Annotations of one recording, (rows,) in [-1,1]."""
    return np.round(0.8 * np.sin(np.arange(rows) / 90 + number), 4)


def own(number: int) -> str:
    """time,valence,arousal every .04 s for 5 minutes."""
    rows = [f"{k / 25:.2f},{v:.4f},{-v:.4f}" for k, v in enumerate(course(number, 7501))]
    return "\n".join(["time,valence,arousal", *rows])


def recola(number: int) -> str:
    """Six raters every .04 s for 5 minutes."""
    rows = [f"{k / 25:.2f};" + ";".join(f"{v - r / 50:.2f}" for r in range(6)) for k, v in enumerate(course(number, 7501))]
    return "\n".join([f"time;{RATERS}", *rows])


def sewa(number: int) -> str:
    """Three dimensions every .1 s for 3 minutes."""
    return "\n".join(f"'Train_{number:02d}';{k / 10:.1f};{-v:.4f};{v:.4f};0.0" for k, v in enumerate(course(number, 1800)))


def affwild2(number: int) -> str:
    """Two dimensions of 5,000 frames, some invalid."""
    rows = ["-5,-5" if k % 97 == 0 else f"{v:.4f},{-v:.4f}" for k, v in enumerate(course(number, 5000))]
    return "\n".join(["valence,arousal", *rows])


def afewva(number: int) -> str:
    """Two dimensions and 68 landmarks of 50 frames."""
    frames = {
        f"{k:05d}": {"arousal": 1.0, "valence": round(10 * v), "landmarks": [[100.5, 200.5]] * 68} for k, v in enumerate(course(number, 50))
    }
    return json.dumps({"actor": "one", "frames": frames})


def avec(number: int) -> str:
    """A gold standard in ARFF every .04 s for 5 minutes."""
    head = ["@relation x", "@attribute Instance_name string", "@attribute frameTime numeric", "@attribute GoldStandard numeric", "@data"]
    return "\n".join([*head, *(f"'train_{number}',{k / 25:.2f},{v:.6f}" for k, v in enumerate(course(number, 7501)))])


KINDS: dict[str, tuple[Callable[[int], str], Callable[[Path], object], str]] = {
    "folder": (own, read_labels, ".csv"),
    "recola raters": (recola, read_raters, ".csv"),
    "sewa": (sewa, read_sewa_labels, ".csv"),
    "affwild2": (affwild2, read_frame_labels, ".txt"),
    "afewva": (afewva, read_clip_labels, ".json"),
    "avec arff": (avec, read_gold, ".arff"),
}


def main() -> None:
    """Print a line a writing: s and CPU s for 10,000 files (of fifty different ones), CPU ms a file, kB a file."""
    print(f"{'':16}{'s':>8}{'CPU s':>8}{'at most':>9}{'ms a file':>11}{'kB a file':>11}   {FILES} files")
    for name, (make, read, suffix) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}{suffix}" for number in range(DIFFERENT)]
            for number, path in enumerate(paths):
                path.write_text(make(number))
            read(paths[0])
            started, worked = time.perf_counter(), time.process_time()
            for number in range(FILES):
                read(paths[number % DIFFERENT])
            taken, worked = time.perf_counter() - started, time.process_time() - worked
            size = sum(path.stat().st_size for path in paths) / DIFFERENT / 1e3
        print(f"{name:16}{taken:8.1f}{worked:8.1f}{MOST:9.1f}{worked / FILES * 1e3:11.2f}{size:11.0f}")
