"""An image processor of transformers, read: side, framing and normalisation of the images it makes, and what of it is not followed."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from stavis.errors import StavisError

FOLLOWED = ("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_pad")
NOTHING_HERE = ("do_convert_rgb", "do_reduce_labels", "do_convert_annotations", "do_sample_frames")
"""Its steps that change nothing for the frames of a video: they are RGB, without labels, and chosen before."""
EDGES = ("height", "width", "shortest_edge", "longest_edge")


def read_processor(processor) -> dict:
    """What it says of "size" (px), "framing" and "normalise" (mean and std of frames in [0,1]), each where it says it; "notes" where a
    part of it is not followed.

    Raises StavisError where it is no image processor, or its images cannot be made.
    """
    inner = getattr(processor, "image_processor", None) or getattr(processor, "video_processor", None)
    processor = processor if inner is None else inner
    if not any(hasattr(processor, name) for name in ("size", "image_mean", "do_normalize")):
        raise StavisError(f"processor= is a {type(processor).__name__}: give an image processor of transformers, or normalise= and size=.")
    if getattr(processor, "do_flip_channel_order", None):
        raise StavisError(
            "processor= puts blue first (do_flip_channel_order), and frames come with red first: switch that off in it, and turn the "
            "colours in forward=, such as lambda m, x: m(x.flip(2))."
        )
    others = [name for name in dir(processor) if name.startswith("do_") and name not in (*FOLLOWED, *NOTHING_HERE)]
    ignored = [name for name in others if getattr(processor, name, None) is True]
    ignored += ["crop_pct"] if getattr(processor, "crop_pct", None) else []
    found = {**_images(processor, ignored), **_colours(processor)}
    return {**found, "notes": (f"What processor= says of {', '.join(ignored)} is not followed.",)} if ignored else found


def _images(processor, ignored: list[str]) -> dict:
    """Side and framing of its images; what cannot be followed is added to `ignored`."""
    resized, cropped = getattr(processor, "do_resize", True) is not False, bool(getattr(processor, "do_center_crop", None))
    size = _edges(getattr(processor, "size", None), square=not cropped) if resized else dict.fromkeys(EDGES)
    if not resized:
        ignored.append("do_resize=False")
    if cropped:
        crop = _edges(getattr(processor, "crop_size", None), square=True)
        side = _square(crop["height"], crop["width"])
        if side is None:
            ignored.append("do_center_crop without crop_size")
            return {}
        return {"size": side, "framing": _cropped(size, side, ignored)}
    if getattr(processor, "do_pad", None) and (size["longest_edge"] or size["height"]):
        return {"size": size["longest_edge"] or _square(size["height"], size["width"]), "framing": "letterbox"}
    if size["height"] and size["width"]:
        return {"size": _square(size["height"], size["width"]), "framing": "resize"}
    if size["shortest_edge"]:
        ignored.append("images that are not square (shortest_edge without do_center_crop)")
        return {"size": size["shortest_edge"]}
    return {}


def _cropped(size: dict[str, int | None], side: int, ignored: list[str]) -> str:
    """The framing of a square of `side` px in the middle of images that were resized before."""
    name = "center_crop" if size["shortest_edge"] else "resize" if size["height"] and size["width"] else None
    if name is None:
        return "center_crop"
    whole = (size["shortest_edge"],) if name == "center_crop" else (size["width"], size["height"])
    if side > min(whole):
        ignored.append("crop_size beyond size")
    kept = [f"{min(1.0, side / one):g}" for one in whole]
    kept = kept[:1] if len(set(kept)) == 1 else kept
    return name if kept == ["1"] else f"{name}:{'x'.join(kept)}"


def _edges(given, square: bool) -> dict[str, int | None]:
    """The named edges in px of a size: a mapping, an object of transformers, (height, width), or one number for a square or its edge."""
    if isinstance(given, int):
        given = {"height": given, "width": given} if square else {"shortest_edge": given}
    if isinstance(given, list | tuple) and len(given) == 2:
        given = {"height": given[0], "width": given[1]}
    of = given.get if isinstance(given, Mapping) else lambda name: getattr(given, name, None)
    return {name: int(of(name)) if of(name) else None for name in EDGES}


def _square(height: int | None, width: int | None) -> int | None:
    """The side of a square. Raises StavisError where it is none."""
    if height != width:
        raise StavisError(
            f"processor= makes images of {width}x{height} px, and networks are shown squares: give size= and normalise= instead."
        )
    return height


def _colours(processor) -> dict:
    """The mean and std for frames in [0,1] that do what its rescaling and normalisation do to frames from 0 to 255; {} where it says
    neither.

    Raises StavisError where its factor is no number above 0.
    """
    mean, std = getattr(processor, "image_mean", None), getattr(processor, "image_std", None)
    normalised = getattr(processor, "do_normalize", True)
    if normalised and mean is None:
        return {}
    factor, offset = 1.0, 0.0
    if getattr(processor, "do_rescale", True):
        offset = float(bool(getattr(processor, "offset", type(processor).__name__.startswith("Vivit"))))  # its frames lose 1 after
        factor = getattr(processor, "rescale_factor", 1 / 127.5 if offset else 1 / 255)
        if not (isinstance(factor, Real) and 0 < factor < float("inf")):
            raise StavisError(f"processor= has rescale_factor={factor!r}: give a number above 0, or do_rescale=False.")
    mean, std = (mean, std) if normalised else (0.0, 1.0)
    try:
        mean, std = np.asarray(mean, float), np.asarray(std, float)
    except (TypeError, ValueError) as error:
        raise StavisError(f"processor= has image_mean={mean!r} and image_std={std!r}: give one number or three of each.") from error
    return {"normalise": ((mean + offset) / (255 * factor), std / (255 * factor))}
