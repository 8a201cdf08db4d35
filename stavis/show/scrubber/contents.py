"""The traits of a scrubber that hold a clip, its maps and its lines: buffers, and the description that goes with them."""

import json

import numpy as np

from stavis.data.video.sound import Sound
from stavis.errors import StavisError
from stavis.show.figures.colours import PALETTES
from stavis.show.scrubber.context import context_of
from stavis.show.scrubber.describe import (
    Numbers,
    add_traces,
    gaps,
    invalid_text,
    missing_texts,
    regions_of,
    rising_times,
    subject_texts,
)
from stavis.show.scrubber.media import pack_media
from stavis.show.scrubber.module import MODULE, policy
from stavis.show.scrubber.pack import grid_limit, pack_frames, pack_map, pack_outlines
from stavis.storage.files import content_hash
from stavis.types import AttentionMaps, Attribution, Clip

OF_FRAMES = ("picture", "width", "height", "poster", "media")
"""What of the description belongs to the images: it stays when maps or lines change."""
_CHUNK = 256


def clip_state(
    clip: Clip,
    maps: dict,
    prediction,
    raters,
    curves,
    title: str,
    longest_side: int,
    frames: str,
    map_groups=None,
    notices=(),
    images=None,
    sound: Sound | None = None,
) -> tuple[dict, tuple]:
    """The traits of a clip, and what Python keeps of it: clip, maps, options."""
    if not len(clip):
        raise StavisError(f"{clip.recording or 'the clip'} has no frames: nothing can be shown.")
    for name, one in maps.items():
        covered(clip, name, one)
    options = {"prediction": prediction, "raters": raters, "curves": curves, "title": title, "longest_side": longest_side}
    options |= {"map_groups": dict(map_groups or {}), "notices": tuple(notices)}
    return pack_clip(clip, maps, **options, frames=frames, images=images, sound=sound), (clip, dict(maps), options)


def covered(clip: Clip, name: str, maps: AttentionMaps | Attribution) -> range:
    """Which frames of a clip a map is of: those of its own times, one after another.

    Raises StavisError where its times are not those of the clip.
    """
    count, times = len(maps.times), np.asarray(maps.times, float)
    if count == len(clip):
        return range(count)
    first = int(np.argmin(np.abs(np.asarray(clip.times, float) - times[0]))) if count else 0
    own = np.asarray(clip.times[first : first + count], float)
    if not count or len(own) != count or not np.allclose(own, times, rtol=0, atol=1e-4):
        raise StavisError(f"the map {name!r} has {count} frames for a clip of {len(clip)}: compute it on this clip.")
    return range(first, first + count)


def cut_map(maps: AttentionMaps | Attribution, i: int) -> AttentionMaps | Attribution:
    """A map in one of its frames."""
    return _part_of(maps, slice(i, i + 1))


def _part_of(maps: AttentionMaps | Attribution, part: slice) -> AttentionMaps | Attribution:
    if isinstance(maps, AttentionMaps):
        return AttentionMaps(maps.weights[part], maps.times[part])
    return Attribution(maps.method, maps.target, maps.values[part], maps.times[part])


def pack_clip(
    clip: Clip, maps: dict, prediction, *, raters, curves, title, longest_side, frames, map_groups, notices, images=None, sound=None
) -> dict:
    """The traits of a clip; frames=None leaves the images, the outlines and the sound out."""
    times, trouble = rising_times(clip.times)
    messages = [trouble] if trouble else []
    numbers = Numbers(len(clip))
    numbers.add(times - times[0])
    numbers.add(clip.valid)
    area = numbers.add(_in_chunks(clip, lambda part: part.areas)) if clip.regions is not None else -1
    messages += missing_texts(clip)
    buffer, described = _packed_maps(clip, maps, numbers, messages, map_groups)
    panels, traces = add_traces(numbers, clip, prediction, raters, curves, messages)
    if not clip.valid.all():
        messages.append(invalid_text(clip))
    meta = {
        "count": len(clip), "start": float(times[0]), "title": title or clip.recording, "maps": described, **regions_of(clip),
        "area": area, "panels": panels, "traces": traces,
        "gaps": gaps(clip), "texts": subject_texts(clip), "messages": messages,
        "notices": list(notices), "palettes": PALETTES, "policy": policy(MODULE),
    }  # fmt: skip
    state = {"maps": buffer, "numbers": numbers.buffer, "clip": meta}
    if frames is not None:
        shown, described = pack_images(clip, times - times[0], images, longest_side, frames, sound)
        meta |= described
        state |= {**shown, "outlines": pack_outlines(clip.regions, clip.region_set) if clip.regions is not None else b""}
        meta["poster"] = content_hash(json.dumps(meta, allow_nan=True), shown["frames"][:4096])[:16]
    return state


def pack_images(clip: Clip, times: np.ndarray, images, longest_side: int, frames: str, sound: Sound | None) -> tuple[dict, dict]:
    """The buffers of a clip's images and of what goes with them (thumbnails, sound, whole images), and what the description says of them.

    times (T,) s from the first frame, rising; images in place of the clip's own, or None. Raises StavisError where they are not as many.
    """
    if images is not None and len(images) != len(clip):
        raise StavisError(f"there are {len(images)} images for a clip of {len(clip)} frames: give one image per frame.")
    context = context_of(images, times)
    source = clip.frames if images is None else images if context is None else context.images
    packed = pack_frames(source, times, longest_side=longest_side, kind=frames)
    media, described = pack_media(clip.frames, sound, context, thumbnails=packed.kind == "video")
    about = {"width": packed.width, "height": packed.height, "picture": packed.described, "media": described}
    return {"frames": packed.buffer, "media": media}, about


def _packed_maps(clip: Clip, maps: dict, numbers: Numbers, messages: list[str], map_groups: dict[str, str]) -> tuple[bytes, list[dict]]:
    """The maps one after another, and where each stands: its frames, its grid, its rows in the numbers."""
    described, buffers, at = [], [], 0
    spans = {name: covered(clip, name, one) for name, one in maps.items()}
    limit = grid_limit(-(-sum(map(len, spans.values())) // max(1, len(maps))), len(maps))
    for name, one in maps.items():
        span = spans[name]
        packed = pack_map(name, one, longest_grid=limit)
        messages += packed.messages
        if isinstance(one, Attribution) and one.complete is False:
            messages.append(f"{name} misses completeness by {one.relative_delta:.1%}: read it with care.".replace("%", " %"))
        if len(span) < len(clip):
            ends = f"{clip.times[span.start]:.1f} to {clip.times[span.stop - 1]:.1f} s".replace("-", "−")
            messages.append(f"{name} was computed for {ends} of the recording: elsewhere there is no such map, and its curves have a gap.")
        shares = -1
        if clip.regions is not None:
            shares = numbers.add(_filled(_shares(clip, one, span), span, len(clip), np.nan))
        described.append(
            {
                "name": name, "signed": packed.signed, "w": packed.grid[1], "h": packed.grid[0], "offset": at, "unit": packed.unit,
                "clipTop": packed.clip_top, "scale": numbers.add(_filled(packed.scale, span, len(clip), 0)),
                "top": numbers.add(_filled(packed.top, span, len(clip), 0)), "shares": shares, "group": map_groups.get(name, ""),
                "first": span.start, "stop": span.stop,
            }
        )  # fmt: skip
        buffers.append(packed.buffer)
        at += len(packed.buffer)
    if not maps:
        messages.append("No map was given: only the images are shown.")
    return b"".join(buffers), described


def _in_chunks(clip: Clip, measure) -> np.ndarray:
    """A measure of the frames of a clip, computed a few hundred frames at a time: the regions of a long clip do not fit in memory."""
    return np.concatenate([measure(clip[at : at + _CHUNK]) for at in range(0, len(clip), _CHUNK)])


def _shares(clip: Clip, maps: AttentionMaps | Attribution, span: range) -> np.ndarray:
    parts = []
    for at in range(0, len(span), _CHUNK):
        part = slice(at, min(at + _CHUNK, len(span)))
        parts.append(clip[span.start + part.start : span.start + part.stop].share(_part_of(maps, part)))
    return np.concatenate(parts)


def _filled(values: np.ndarray, span: range, count: int, fill: float) -> np.ndarray:
    """Values of some frames as values of all of them."""
    if len(span) == count:
        return values
    whole = np.full((count, *values.shape[1:]), fill, np.float32)
    whole[span.start : span.stop] = values
    return whole
