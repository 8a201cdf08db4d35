"""Makers of small fakes of each data set, written in its format with its traps: three recordings each, of brightness that is the label."""

import json
from pathlib import Path

import cv2
import numpy as np

from stavis.data.video.io import write_video

FPS, FRAMES, SIZE = 25, 30, 48
TIMES = np.arange(FRAMES + 1) / FPS
"""One label row more than there are frames."""
RATERS = ["FM1", "FM2", "FM3", "FF1", "FF2", "FF3"]


def course(number: int, times: np.ndarray = TIMES) -> np.ndarray:
    """The valence of a fake recording at some times."""
    return np.round(0.7 * np.sin(3 * times + number), 4)


def pictures(number: int, count: int = FRAMES, fps: float = FPS) -> list[np.ndarray]:
    """Pictures whose brightness is the valence, with a mark that walks a pixel a frame."""
    images = []
    for k, value in enumerate(course(number, np.arange(count) / fps)):
        image = np.full((SIZE, SIZE, 3), int(128 + 100 * value), np.uint8)
        image[4:8, k % SIZE] = 255
        images.append(image)
    return images


def video(path: Path, number: int) -> Path:
    """A video of a fake recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, pictures(number), fps=FPS)


def images(folder: Path, number: int, *, first: int, missing=(), suffix=".jpg", count: int = FRAMES, fps: float = FPS) -> Path:
    """A folder of numbered images; the numbers of `missing` are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(pictures(number, count, fps)):
        if k + first not in missing:
            cv2.imwrite(str(folder / f"{k + first:05d}{suffix}"), image[:, :, ::-1])
    return folder


def written(path: Path, lines: list[str], end: str = "\n") -> Path:
    """A text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(end.join(lines) + end, encoding="utf-8", newline="")
    return path


def rater_file(path: Path, number: int, lag: float = 0.0, constant: str = "") -> Path:
    """What six raters marked, in RECOLA's own writing: spaces after the names in the header, one row more than frames."""
    marks = [np.round(course(number, TIMES - lag) * (1 - k / 30) + k / 50, 2) for k in range(len(RATERS))]
    marks = [np.full(len(TIMES), 0.1) if name == constant else one for name, one in zip(RATERS, marks, strict=True)]
    rows = [";".join([f"{time:.2f}", *(f"{one[k]:.2f}" for one in marks)]) for k, time in enumerate(TIMES)]
    return written(path, ["time;" + " ;".join(RATERS), *rows], "\r\n")


def recola(root: Path, constant: str = "") -> Path:
    """RECOLA: two people of the train split, one of dev."""
    for number, name in enumerate(("P16", "P21", "P19")):
        video(root / "RECOLA-Video-recordings" / f"{name}.mp4", number)
        for dimension in ("valence", "arousal"):
            path = root / "RECOLA-Annotation" / "emotional_behaviour" / dimension / f"{name}.csv"
            rater_file(path, number + 3 * (dimension == "arousal"), constant=constant if name == "P16" else "")
    return root


def sewa(root: Path, year: int = 2017) -> Path:
    """SEWA as in one year: without a header and with quoted names (2017), plain names with the language (2018), a header (2019)."""
    for number, name in enumerate(("Train_01", "Train_02", "Devel_01")):
        name = name if year == 2017 else name.replace("_", "_DE_")
        video(root / "videos" / f"{name}.avi".replace(".avi", ".mp4"), number)
        quote = {2017: "'", 2018: "", 2019: '"'}[year]
        times = np.arange(0, FRAMES / FPS, 0.1)
        rows = [
            f"{quote}{name}{quote};{t:.1f};{a:.4f};{v:.4f};0.0"
            for t, a, v in zip(times, -course(number, times), course(number, times), strict=True)
        ]
        written(root / "labels" / f"{name}.csv", (["name;timestamp;arousal;valence;liking"] if year == 2019 else []) + rows)
    return root


def affwild2(root: Path) -> Path:
    """Aff-Wild2: images from 1 with holes, invalid labels (-5), one line more, and one less, than images."""
    for number, (folder, name) in enumerate((("Train_Set", "1-25-640x360"), ("Train_Set", "video2"), ("Validation_Set", "video3_left"))):
        missing = {0: (3, 4), 1: (1,), 2: ()}[number]
        fps = 25 if number == 0 else 30
        images(root / "cropped_aligned" / name, number, first=1, missing=missing, fps=fps)
        values = course(number, np.arange(FRAMES + (1, -1, 0)[number]) / fps)
        lines = [f"{v:.4f},{-v:.4f}" for v in values]
        lines[5] = "-5,-5"
        written(root / "VA_Estimation_Challenge" / folder / f"{name}.txt", ["valence,arousal", *lines])
    return root


def afewva(root: Path, actors=("anna", "ben", "cleo"), parts: bool = True) -> Path:
    """AFEW-VA: images from 0 with a hole, labels in whole steps from -10 to 10, and the folders of the archives kept."""
    for number, actor in enumerate(actors):
        name = f"{number + 1:03d}"
        folder = root / "01" / name if parts else root / name
        images(folder, number, first=0, missing=(2,) if number == 0 else (), suffix=".png")
        frames = {
            f"{k:05d}": {"arousal": float(round(-10 * v)), "valence": round(10 * v), "landmarks": [[1.0, 2.0]] * 68}
            for k, v in enumerate(course(number)[:FRAMES])
        }
        told = {"video_id": name, "frames": frames} | ({"actor": actor} if actor else {})
        written(folder / f"{name}.json", [json.dumps(told)])
    return root


def arff(path: Path, name: str, times: np.ndarray, columns: dict[str, np.ndarray]) -> Path:
    """An ARFF file with keywords in mixed case, comments, quoted names and a quote in them."""
    head = ["% made up", "@RELATION 'a fake'", "", "@attribute 'Instance_name' STRING", "@Attribute frameTime numeric"]
    head += [f"@attribute {column} real" for column in columns]
    rows = [f"'{name}',{t:.2f}," + ",".join(f"{values[k]:.6f}" for values in columns.values()) for k, t in enumerate(times)]
    return written(path, [*head, "", "@DATA", "% the rows", *rows])


def avec(root: Path) -> Path:
    """An AV+EC package: gold standards in ARFF, the raters of one recording, descriptors of another."""
    for number, name in enumerate(("train_1", "train_2", "dev_1")):
        video(root / "recordings_video" / f"{name}.mp4", number)
        for dimension, sign in (("valence", 1), ("arousal", -1)):
            path = root / "ratings_gold_standard" / dimension / f"{name}.arff"
            arff(path, name, TIMES, {"GoldStandard": sign * course(number)})
    rater_file(root / "ratings_individual" / "valence" / "train_1.csv", 0)
    arff(root / "features_video_appearance" / "dev_1.arff", "dev_1", TIMES, {"'LGBP TOP 1'": course(0), "second": course(1)})
    return root


MAKERS = {"recola": recola, "sewa": sewa, "affwild2": affwild2, "afewva": afewva, "avec": avec}
"""The maker of each licensed data set's fake, by its name in DATASETS."""
