"""What several commands share: options, metrics as text, faces and sizes read from text."""

import math
from pathlib import Path
from typing import Annotated

import typer

import stavis


def number(param: typer.CallbackParam, value: float | None) -> float | None:
    """What an option is given, where it is a number. Raises StavisError for nan."""
    if value is not None and math.isnan(value):
        raise stavis.StavisError(f"{param.opts[0]} is {value}, expected a number: give one, or leave it out.")
    return value


def finite(param: typer.CallbackParam, value: float | None) -> float | None:
    """What an option is given, where it is a finite number. Raises StavisError for nan and inf."""
    if value is not None and not math.isfinite(value):
        raise stavis.StavisError(f"{param.opts[0]} is {value}, expected a finite number: give one, or leave it out.")
    return value


Out = Annotated[Path, typer.Option("--out", help="The folder to write to.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Data = Annotated[Path | None, typer.Option(help="A data set's folder or name (stavis datasets); the embedded data if left out.")]
Fold = Annotated[int | None, typer.Option(help="Which of AFEW-VA's five folds is the test split.")]
Exclude = Annotated[Path | None, typer.Option(help="A CSV of recording,start,stop,reason: the ranges to leave out.")]
TimeUnit = Annotated[str, typer.Option(help="Unit of label times: s, ms, us, ns, cs, min, h, frames, percent, fraction, or seconds.")]
Scale = Annotated[str, typer.Option(help="LOW,HIGH: the ends of the scale of your label values, such as 1,9; else -1,1.")]
MaxGap = Annotated[
    float, typer.Option(callback=number, help="No label between rows further apart than this many median steps; inf bridges any gap.")
]
Stream = Annotated[int | None, typer.Option(min=0, help="Which video stream of the file, by its number; the best if left out.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Read each video and its mirror image, and take the mean.")]
Mode = Annotated[str, typer.Option(help="window: overlapping clips; stream: one pass whose memory is carried on (sta and cnn3d).")]
CropSource = Annotated[str, typer.Option("--source", help="How crops are made: auto, face, centre, truth.")]
Regions = Annotated[str, typer.Option("--regions", help="grid:3x3, or a CSV or npz of boxes or masks; else the face's parts.")]
Pieces = Annotated[
    str, typer.Option(help="Where images and maps of a long recording stand: inside the page, beside it in a folder, or auto.")
]
Sound = Annotated[bool, typer.Option(help="Keep the sound in page and overlay.mp4; people can be recognised by their voice.")]
Context = Annotated[bool, typer.Option(help="Show the whole image, small, beside the crop; others may be seen in it.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]


def metric_text(metrics: dict, name: str) -> str:
    """A metric with its interval as text, from the keys `name`, `name`_low and `name`_high."""
    value, low, high = (metrics.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    return "undefined" if value is None else f"{value:.3f}" if low is None else f"{value:.3f}  [{low:.3f}, {high:.3f}]"


def face_from(text: str) -> str | int | tuple[float, float]:
    """Which face is meant: "largest", a number, or the pixel X,Y.

    Raises StavisError for anything else.
    """
    if text == "largest":
        return text
    try:
        parts = [float(part) for part in text.split(",")]
        return (parts[0], parts[1]) if len(parts) == 2 else int(text)
    except ValueError:
        raise stavis.StavisError(f"--face is {text!r}, expected largest, a number such as 0, or X,Y such as 320,180.") from None


def scale_from(text: str) -> tuple[float, float] | None:
    """The two ends of a scale from LOW,HIGH; None where nothing is given.

    Raises StavisError for anything else.
    """
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise stavis.StavisError(f"--scale is {text!r}, expected LOW,HIGH such as 1,9 or -10,10.") from None
    return low, high


def size_from(text: str) -> tuple[int, int]:
    """Width and height in pixels from WIDTHxHEIGHT.

    Raises StavisError for anything else.
    """
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise stavis.StavisError(f"--size is {text!r}, expected WIDTHxHEIGHT such as 128x128.") from None
    return width, height


def shortened(text: str, width: int) -> str:
    """The text on one line of at most `width` characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 3] + "..."
