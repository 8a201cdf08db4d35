"""The scrubber: a clip, its maps and its curves in one view that moves with the hand, in a notebook and in a page without a kernel."""

import json
from collections.abc import Sequence
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets
from IPython.display import display

from stavis.data.annotations.annotations import Annotations
from stavis.data.crops.shown import ShownFrames
from stavis.errors import StavisError
from stavis.inference.explained import ExplainedVideo
from stavis.show.figures.colours import PALETTES
from stavis.show.scrubber.arrays import clip_of_arrays
from stavis.show.scrubber.clock import in_one_chart, on_one_clock
from stavis.show.scrubber.describe import (
    Numbers,
    add_traces,
    gaps,
    groups,
    invalid_text,
    missing_texts,
    on_times,
    regions_of,
    rising_times,
    subject_texts,
)
from stavis.show.scrubber.module import MODULE, STYLE, policy
from stavis.show.scrubber.pack import grid_limit, pack_frames, pack_map, pack_outlines
from stavis.show.scrubber.page import fragment, page, poster_image
from stavis.storage.files import content_hash, write_text
from stavis.types import AttentionMaps, Attribution, Clip, Prediction

Images = np.ndarray | ShownFrames

BUFFERS = ("frames", "maps", "outlines", "numbers")


class Scrubber(anywidget.AnyWidget):
    """Frames to scrub through, with maps over them and curves beneath. Make one with `Scrubber.from_arrays` or `Scrubber.from_clip`.

    Parameters
    ----------
    frame : int
        The shown frame, from 0; settable, and tells what the user did, as do the next two.
    map : str
        The name of the shown map, or "none".
    selection : dict
        {"range": [start, end] or None, "exclude": ranges, "events": (time, label)}, times in seconds.
    view : dict
        How it is looked at: opacity, gamma, mode ...

    Examples
    --------
    >>> scrubber = stavis.Scrubber.from_arrays(frames, {"mine": np.ones((12, 4, 4)) / 16}, np.arange(12) / 25)
    >>> scrubber.time = 0.2
    >>> scrubber.frame, scrubber.save(out / "page.html").name
    (5, 'page.html')
    """

    _esm = MODULE
    _css = STYLE

    clip = traitlets.Dict().tag(sync=True)
    frames = traitlets.Bytes().tag(sync=True)
    maps = traitlets.Bytes().tag(sync=True)
    outlines = traitlets.Bytes().tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    map = traitlets.Unicode("none").tag(sync=True)
    selection = traitlets.Dict(default_value={"range": None, "exclude": [], "events": []}).tag(sync=True)
    view = traitlets.Dict().tag(sync=True)

    @classmethod
    def from_clip(
        cls,
        clip: Clip,
        maps: dict[str, AttentionMaps | Attribution],
        prediction: Prediction | None = None,
        *,
        raters: dict[str, np.ndarray] | None = None,
        curves: pd.DataFrame | str | Path | dict | None = None,
        title: str = "",
        longest_side: int = 320,
        frames: str = "auto",
        map_groups: dict[str, str] | None = None,
        notices: Sequence[str] = (),
        images: Images | None = None,
        embed: bool = True,
    ) -> "Scrubber":
        """What a network looked at in a clip, with what it predicted.

        maps by the name a reader sees; raters a dimension's (T,K) ratings in [-1,1], one row per frame; curves any table with a time
        column in seconds (or its CSV, or several by name); longest_side of the images in pixels; frames 'strip', 'video' or 'auto';
        map_groups the headings under which maps stand in the menu, by the map's name ("layers", "heads"; without one it stands on top);
        notices what stands on top of it (see `describe.notices_of`); images the clip's frames with more pixels, to be shown in their
        place (an array (T,H,W,3) uint8, or what has its shape, its slices and its frames one after another);
        embed keeps the data in a notebook's saved output, so that its HTML export stays alive.

        Raises StavisError where a map has another number of frames than the clip, or a table has no time column.
        """
        state, held = _state(clip, maps, prediction, raters, curves, title, longest_side, frames, map_groups, notices, images)
        made = cls(**state, map=next(iter(maps), "none"), view={})
        made._clip, made._maps, made._options = held
        made._embed = embed
        return made

    @classmethod
    def from_arrays(
        cls,
        frames: np.ndarray,
        maps: dict[str, np.ndarray],
        times: np.ndarray | None = None,
        *,
        curves: pd.DataFrame | str | Path | dict | None = None,
        title: str = "",
        longest_side: int = 320,
    ) -> "Scrubber":
        """Any maps over any frames: no network, no face and no regions are needed.

        Parameters
        ----------
        frames : array (T,H,W,3) of uint8
            RGB frames in order of time.
        maps : dict of str to array (T,h,w)
            By the name a reader sees: numbers on any grid, one map per frame. Maps of 0 or more that sum to 1 in each frame are shown
            as attention (in multiples of a uniform map), others as they are, with their sign.
        times : array (T,), optional
            The frames' times in seconds; by default 25 frames/s.
        curves : DataFrame, path or dict, optional
            Lines beneath: any table with a time column in seconds (or its CSV, or several by name).
        title : str
            What stands above it.
        longest_side : int
            Longest side of the shown frames in pixels.

        Returns
        -------
        Scrubber
            Shown in a notebook; `.save("page.html")` writes a page that works from the file system.

        Raises
        ------
        StavisError
            Where the frames are not (T,H,W,3) uint8, or a map or the times do not fit them.

        Examples
        --------
        >>> import numpy as np
        >>> pixels = np.zeros((5, 32, 32, 3), np.uint8)
        >>> stavis.Scrubber.from_arrays(pixels, {"mine": np.random.default_rng(0).random((5, 4, 4))}, np.arange(5) / 25)
        Scrubber(clip: 5 frames, maps mine)
        """
        clip, typed = clip_of_arrays(frames, maps, times)
        state, held = _state(clip, typed, None, None, curves, title, longest_side, "auto")
        made = cls(**state, map=next(iter(typed), "none"), view={})
        made._clip, made._maps, made._options = held
        made._embed = True
        return made

    @classmethod
    def from_results(
        cls, results: Sequence[ExplainedVideo], names: Sequence[str] | None = None, *, offset: float = 0.0, title: str = ""
    ) -> "Scrubber":
        """Two explained recordings on one clock: frames side by side, one slider, the curves of both in one chart.

        The clock has the frame rate of the faster one; of the other the frame nearest in time is shown, and grey where it has none.
        names: what they are called; offset: seconds added to the times of the second.

        Raises StavisError where not two are given, or they lie too far apart.
        """
        both = on_one_clock(results, names, offset)
        made = cls.from_clip(both.clip, both.maps, curves=both.curves, title=title or both.clip.recording, longest_side=640)
        meta = in_one_chart(made.clip, both.names)
        made.clip = {**meta, "messages": [*meta["messages"], *both.messages]}
        return made

    def show_clip(
        self,
        clip: Clip,
        maps: dict[str, AttentionMaps | Attribution],
        prediction: Prediction | None = None,
        *,
        raters: dict[str, np.ndarray] | None = None,
        curves: pd.DataFrame | str | Path | dict | None = None,
        title: str = "",
        longest_side: int = 320,
        frames: str = "auto",
        map_groups: dict[str, str] | None = None,
        notices: Sequence[str] = (),
        images: Images | None = None,
    ) -> None:
        """Shows another clip in the same place, from its first frame, without annotations; the view stays. See `from_clip`."""
        state, held = _state(clip, maps, prediction, raters, curves, title, longest_side, frames, map_groups, notices, images)
        self._clip, self._maps, self._options = held
        with self.hold_sync():
            for key in (*BUFFERS, "clip"):
                setattr(self, key, state[key])
            self.frame, self.map = 0, next(iter(maps), "none")
            self.selection = {"range": None, "exclude": [], "events": []}

    def add_map(self, name: str, maps: AttentionMaps | Attribution, *, show: bool = True) -> None:
        """Adds a map to those that can be chosen (or puts a newer one in its place) without moving the frame."""
        if len(maps.times) != len(self._clip):
            raise StavisError(f"the map {name!r} has {len(maps.times)} frames for a clip of {len(self._clip)}: compute it on this clip.")
        self._maps[name] = maps
        self._refresh(name if show else self.map)

    def remove_map(self, name: str) -> None:
        """Takes a map away without moving the frame; one that is not there is no error."""
        if self._maps.pop(name, None) is not None:
            self._refresh(self.map if self.map != name else next(iter(self._maps), "none"))

    def set_lines(self, **lines) -> None:
        """Puts other lines under the images (prediction, raters, curves: see `from_clip`) without moving the frame.

        Raises StavisError where a table has no time column; then the lines stay as they were.
        """
        if unknown := set(lines) - {"prediction", "raters", "curves"}:
            raise StavisError(f"there are no lines called {sorted(unknown)[0]!r}: give prediction, raters or curves.")
        before = dict(self._options)
        self._options |= lines
        try:
            self._refresh(self.map)
        except StavisError:
            self._options = before
            raise

    def _refresh(self, shown: str) -> None:
        state = _pack(self._clip, self._maps, **self._options, frames=None)
        with self.hold_sync():
            for key in ("maps", "numbers"):
                setattr(self, key, state[key])
            self.clip = {**state["clip"], **{key: self.clip[key] for key in ("picture", "width", "height", "poster")}}
            self.map = shown

    @traitlets.validate("frame")
    def _within(self, proposal) -> int:
        return int(min(max(0, proposal["value"]), max(0, self.clip.get("count", 1) - 1)))

    @property
    def time(self) -> float:
        """The time of the shown frame in seconds; setting it goes to the nearest frame."""
        return float(self._clip.times[self.frame])

    @time.setter
    def time(self, seconds: float) -> None:
        self.frame = int(np.nanargmin(np.abs(np.asarray(self._clip.times, float) - seconds)))

    @property
    def annotations(self) -> Annotations:
        """The excluded ranges and events that the user set, in seconds."""
        return Annotations.from_selection(self.selection)

    @annotations.setter
    def annotations(self, annotations: Annotations) -> None:
        self.selection = {"range": self.selection.get("range"), **annotations.to_selection()}

    def text(self) -> str:
        """The shown frame in text: its number, the predicted value, where most of the map lies."""
        parts = [f"frame {self.frame + 1}"]
        prediction = self._options["prediction"]
        for k, dimension in enumerate(prediction.dimensions if prediction is not None else ()):
            value = on_times(np.asarray(prediction.times, float), prediction.values[:, k].astype(float), self._clip.times)[self.frame]
            if np.isfinite(value) and self._clip.valid[self.frame]:
                parts.append(f"{dimension} {value:.2f}".replace("-", "−"))
        if self.map in self._maps and self._clip.regions is not None:
            shares = self._clip[self.frame : self.frame + 1].share(_cut(self._maps[self.map], self.frame))[0]
            known = {g["label"]: sum(shares[r] for r in g["rows"]) for g in groups(self._clip.region_set) if not g["faint"]}
            best = max(known, key=lambda name: np.nan_to_num(known[name], nan=-1))
            if np.isfinite(known[best]):
                parts.append(f"{known[best]:.0%} of {self.map} on the {best}".replace("%", " %"))
        return ", ".join(parts)

    def poster(self) -> bytes:
        """The shown frame with its map as a JPEG: what readers see who have no kernel and no scripts."""
        image, maps = self._clip.frames[self.frame], self._maps.get(self.map)
        if maps is None:
            return poster_image(image, None, None)
        top = next(one["clipTop"] for one in self.clip["maps"] if one["name"] == self.map)
        if isinstance(maps, AttentionMaps):
            return poster_image(image, maps.weights[self.frame] * maps.weights[0].size, top)
        return poster_image(image, maps.values[self.frame], top)

    def state(self) -> dict:
        """Everything but the buffers, as JSON can hold it."""
        return {key: getattr(self, key) for key in ("clip", "frame", "map", "selection", "view")}

    def buffers(self) -> dict[str, bytes]:
        """The buffers by their names."""
        return {name: getattr(self, name) for name in BUFFERS}

    def save(self, path: str | Path) -> Path:
        """Writes the scrubber as one page that works from the file system with no network and no kernel; returns the path.

        Raises StavisError where it cannot be written.
        """
        return write_text(path, page(self))

    save_html = save

    def _ipython_display_(self, **_) -> None:
        # Two outputs: the widget for a live kernel, and a poster (with the data, inert) for those who read without one.
        display({"text/html": fragment(self, data=self._embed), "text/plain": str(self)}, raw=True)
        bundle = super()._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        display({**bundle, "text/plain": str(self)}, raw=True)

    def __repr__(self) -> str:
        return f"Scrubber({self.clip.get('title') or 'clip'}: {self.clip.get('count', 0)} frames, maps {', '.join(self._maps) or 'none'})"

    __str__ = __repr__


def _state(
    clip: Clip, maps: dict, prediction, raters, curves, title: str, longest_side: int, frames: str, map_groups=None, notices=(), images=None
) -> tuple[dict, tuple]:
    """The traits of a clip, and what Python keeps of it: clip, maps, options."""
    if not len(clip):
        raise StavisError(f"{clip.recording or 'the clip'} has no frames: nothing can be shown.")
    for name, one in maps.items():
        if len(one.times) != len(clip):
            raise StavisError(f"the map {name!r} has {len(one.times)} frames for a clip of {len(clip)}: compute it on this clip.")
    options = {"prediction": prediction, "raters": raters, "curves": curves, "title": title, "longest_side": longest_side}
    options |= {"map_groups": dict(map_groups or {}), "notices": tuple(notices)}
    if images is not None and len(images) != len(clip):
        raise StavisError(f"there are {len(images)} images for a clip of {len(clip)} frames: give one image per frame.")
    return _pack(clip, maps, **options, frames=frames, images=images), (clip, dict(maps), options)


def _cut(maps: AttentionMaps | Attribution, i: int) -> AttentionMaps | Attribution:
    if isinstance(maps, AttentionMaps):
        return AttentionMaps(maps.weights[i : i + 1], maps.times[i : i + 1])
    return Attribution(maps.method, maps.target, maps.values[i : i + 1], maps.times[i : i + 1])


def _pack(clip: Clip, maps: dict, prediction, *, raters, curves, title, longest_side, frames, map_groups, notices, images=None) -> dict:
    """The traits of a clip; frames=None leaves the images and the outlines out."""
    times, trouble = rising_times(clip.times)
    messages = [trouble] if trouble else []
    numbers = Numbers(len(clip))
    numbers.add(times - times[0])
    numbers.add(clip.valid)
    area = numbers.add(clip.areas) if clip.regions is not None else -1
    messages += missing_texts(clip)
    described, buffers, at = [], [], 0
    limit = grid_limit(len(clip), len(maps))
    for name, one in maps.items():
        packed = pack_map(name, one, longest_grid=limit)
        messages += packed.messages
        if isinstance(one, Attribution) and one.complete is False:
            messages.append(f"{name} misses completeness by {one.relative_delta:.1%}: read it with care.".replace("%", " %"))
        described.append(
            {
                "name": name, "signed": packed.signed, "w": packed.grid[1], "h": packed.grid[0], "offset": at, "unit": packed.unit,
                "clipTop": packed.clip_top, "scale": numbers.add(packed.scale), "top": numbers.add(packed.top),
                "shares": numbers.add(clip.share(one)) if clip.regions is not None else -1, "group": map_groups.get(name, ""),
            }
        )  # fmt: skip
        buffers.append(packed.buffer)
        at += len(packed.buffer)
    if not maps:
        messages.append("No map was given: only the images are shown.")
    panels, traces = add_traces(numbers, clip, prediction, raters, curves, messages)
    if not clip.valid.all():
        messages.append(invalid_text(clip))
    meta = {
        "count": len(clip), "start": float(times[0]), "title": title or clip.recording, "maps": described, **regions_of(clip),
        "area": area, "panels": panels, "traces": traces,
        "gaps": gaps(clip), "texts": subject_texts(clip), "messages": messages,
        "notices": list(notices), "palettes": PALETTES, "policy": policy(MODULE),
    }  # fmt: skip
    state = {"maps": b"".join(buffers), "numbers": numbers.buffer, "clip": meta}
    if frames is not None:
        images = pack_frames(clip.frames if images is None else images, times - times[0], longest_side=longest_side, kind=frames)
        meta |= {"width": images.width, "height": images.height}
        meta["picture"] = {"kind": images.kind, "mime": images.mime, "offsets": list(images.offsets)}
        state |= {"frames": images.buffer, "outlines": pack_outlines(clip.regions, clip.region_set) if clip.regions is not None else b""}
        meta["poster"] = content_hash(json.dumps(meta, allow_nan=True), images.buffer[:4096])[:16]
    return state
