"""The scrubber: a clip, its maps and its curves in one view that moves with the hand, in a notebook and in a page without a kernel."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets
from IPython.display import display

from stavis.data.annotations.annotations import Annotations
from stavis.data.crops.shown import SHOWN_SIDE, ShownFrames
from stavis.data.video.sound import Sound
from stavis.errors import StavisError
from stavis.inference.explained import ExplainedVideo
from stavis.show.notebook_host import static_bundle
from stavis.show.scrubber.arrays import clip_of_arrays
from stavis.show.scrubber.clock import in_one_chart, on_one_clock
from stavis.show.scrubber.contents import OF_FRAMES, clip_state, covered, cut_map, pack_clip, pack_images
from stavis.show.scrubber.describe import groups, on_times, rising_times
from stavis.show.scrubber.module import MODULE, STYLE
from stavis.show.scrubber.page import fragment, page, poster_image, write_page
from stavis.types import AttentionMaps, Attribution, Clip, Prediction

Images = np.ndarray | ShownFrames

BUFFERS = ("frames", "maps", "outlines", "numbers", "media")
EMBEDDED = 32 << 20
"""Up to so many bytes a notebook's saved output keeps; a longer clip leaves one frame in it, and its page is made by `save`."""

LARGE_STRIP = 120
"""Up to so many larger images go one by one into a notebook; more go as a video, which is smaller."""


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

    images: Images | None = None  # the frames with more pixels than the clip's

    clip = traitlets.Dict().tag(sync=True)
    frames = traitlets.Bytes().tag(sync=True)
    maps = traitlets.Bytes().tag(sync=True)
    outlines = traitlets.Bytes().tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)
    media = traitlets.Bytes().tag(sync=True)
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
        sound: Sound | None = None,
        embed: bool = True,
    ) -> "Scrubber":
        """What a network looked at in a clip, with what it predicted.

        maps by the name a reader sees; raters a dimension's (T,K) ratings in [-1,1], one row per frame; curves any table with a time
        column in seconds (or its CSV, or several by name); longest_side of the images in pixels; frames 'strip', 'video' or 'auto';
        map_groups the headings under which maps stand in the menu, by the map's name ("layers", "heads"; without one it stands on top);
        notices what stands on top of it (see `describe.notices_of`); images the clip's frames with more pixels, to be shown in their
        place (an array (T,H,W,3) uint8, or what has its shape, its slices and its frames one after another);
        sound what is heard, from the first frame on (muted until it is switched on);
        embed keeps the data in a notebook's saved output, so that its HTML export stays alive.
        A map may cover some of the frames only: those of its times.

        Raises StavisError where a map's times are not those of frames of the clip, or a table has no time column.
        """
        state, held = clip_state(clip, maps, prediction, raters, curves, title, longest_side, frames, map_groups, notices, images, sound)
        made = cls(**state, map=next(iter(maps), "none"), view={})
        made._clip, made._maps, made._options = held
        made.images, made._embed = images, embed
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
        state, held = clip_state(clip, typed, None, None, curves, title, longest_side, "auto")
        made = cls(**state, map=next(iter(typed), "none"), view={})
        made._clip, made._maps, made._options = held
        made._embed = True
        return made

    @classmethod
    def from_results(
        cls,
        results: Sequence[ExplainedVideo],
        names: Sequence[str] | None = None,
        *,
        view: str = "side by side",
        offset: float = 0.0,
        title: str = "",
        notices: Sequence[str] = (),
    ) -> "Scrubber":
        """Two explanations on one clock, with one slider and the curves of both in one chart.

        Of two recordings the frames stand side by side: the clock has the frame rate of the faster one; of the other the frame nearest in
        time is shown, and grey where it has none. Where both have the same frames (two networks on one recording) they are shown with
        both maps: "side by side", as a "wipe" or as their "difference".
        names: what they are called; offset: seconds added to the times of the second; notices: what stands on top of it.

        Raises StavisError where not two are given, they lie too far apart, or the view needs the same frames.
        """
        both = on_one_clock(results, names, offset)
        shown = both.mode(view)
        given = {"curves": both.curves, "title": title or both.clip.recording, "notices": notices}
        made = cls.from_clip(both.clip, both.maps, **given, longest_side=320 if both.same else 640)
        ranges = {name: one.prediction.shown_range for one in results for name in one.prediction.dimensions if one.prediction.shown_range}
        meta = in_one_chart(made.clip, both.names, ranges)
        made.clip = {**meta, "messages": [*meta["messages"], *both.messages]}
        made.view = shown
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
        sound: Sound | None = None,
    ) -> None:
        """Shows another clip in the same place, from its first frame, without annotations; the view stays. See `from_clip`."""
        state, held = clip_state(clip, maps, prediction, raters, curves, title, longest_side, frames, map_groups, notices, images, sound)
        self._clip, self._maps, self._options = held
        self.images = images
        with self.hold_sync():
            for key in (*BUFFERS, "clip"):
                setattr(self, key, state[key])
            self.frame, self.map = 0, next(iter(maps), "none")
            self.selection = {"range": None, "exclude": [], "events": []}

    def set_media(self, images: Images | None, sound: Sound | None = None, *, guard: AbstractContextManager | None = None) -> None:
        """Shows the same frames with more pixels, and lets their sound be heard, without moving the frame; see `from_clip`.

        images: of all frames of the clip, None for its own; guard: a lock that is held while the old images give way to the new ones.
        """
        times = rising_times(self._clip.times)[0]
        kind = "auto" if len(times) <= LARGE_STRIP else "video"
        buffers, about = pack_images(self._clip, times - times[0], images, SHOWN_SIDE, kind, sound)
        with guard or nullcontext(), self.hold_sync():
            for key, content in buffers.items():
                setattr(self, key, content)
            self.clip, self.images = {**self.clip, **about}, images

    def add_map(self, name: str, maps: AttentionMaps | Attribution, *, show: bool = True, prediction: Prediction | None = None) -> None:
        """Adds a map to those that can be chosen (or puts a newer one in its place) without moving the frame; with it a prediction in the
        place of the one that is shown, so that both are packed once."""
        covered(self._clip, name, maps)
        self._maps[name] = maps
        if prediction is not None:
            self._options["prediction"] = prediction
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
        state = pack_clip(self._clip, self._maps, **self._options, frames=None)
        with self.hold_sync():
            for key in ("maps", "numbers"):
                setattr(self, key, state[key])
            self.clip = {**state["clip"], **{key: self.clip[key] for key in OF_FRAMES}}
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
        one = self._one(self.map)
        if one is not None and self._clip.regions is not None:
            shares = self._clip[self.frame : self.frame + 1].share(one)[0]
            known = {g["label"]: sum(shares[r] for r in g["rows"]) for g in groups(self._clip.region_set) if not g["faint"]}
            best = max(known, key=lambda name: np.nan_to_num(known[name], nan=-1))
            if np.isfinite(known[best]):
                parts.append(f"{known[best]:.0%} of {self.map} on the {best}".replace("%", " %"))
        return ", ".join(parts)

    def poster(self) -> bytes:
        """The shown frame with its map as a JPEG: what readers see who have no kernel and no scripts."""
        image, maps = (self._clip.frames if self.images is None else self.images)[self.frame : self.frame + 1][0], self._one(self.map)
        if maps is None:
            return poster_image(image, None, None)
        top = next(one["clipTop"] for one in self.clip["maps"] if one["name"] == self.map)
        if isinstance(maps, AttentionMaps):
            return poster_image(image, maps.weights[0] * maps.weights[0].size, top)
        return poster_image(image, maps.values[0], top)

    def _one(self, name: str) -> AttentionMaps | Attribution | None:
        """A map in the shown frame alone; None where it does not cover it."""
        maps = self._maps.get(name)
        span = covered(self._clip, name, maps) if maps is not None else range(0)
        return cut_map(maps, self.frame - span.start) if self.frame in span else None

    def state(self) -> dict:
        """Everything but the buffers, as JSON can hold it."""
        return {key: getattr(self, key) for key in ("clip", "frame", "map", "selection", "view")}

    def buffers(self) -> dict[str, bytes]:
        """The buffers by their names."""
        return {name: getattr(self, name) for name in BUFFERS}

    _saved: Path | None = None  # the page that was written last

    def save(self, path: str | Path, pieces: str = "inside") -> Path:
        """Writes the scrubber as a page that works from the file system with no network and no kernel; returns the path.

        pieces: where the images and maps of a long clip stand: "inside" the page, "beside" it in a folder named after it (PAGE_files), or
        "auto": beside where they are more than 48 MB.

        Raises StavisError where it cannot be written.
        """
        self._saved = write_page(path, [self], pieces, lambda folder: page(self, folder))
        return self._saved

    def saved_page(self) -> str:
        """The page that was saved last, relative to this folder, '' where it is elsewhere or there is none."""
        page = self._saved.resolve() if self._saved else None
        return page.relative_to(Path.cwd()).as_posix() if page and page.is_relative_to(Path.cwd()) else ""

    save_html = save

    def _ipython_display_(self, **_) -> None:
        # Two outputs: the widget for a live kernel, and a poster (with the data, inert) for those who read without one.
        light = sum(map(len, self.buffers().values())) <= EMBEDDED
        display(static_bundle(fragment(self, data=self._embed and light), self.poster(), str(self)), raw=True)
        bundle = super()._repr_mimebundle_()
        bundle, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display({**bundle, "text/plain": str(self)}, raw=True, **({"metadata": metadata} if metadata else {}))  # Colab's are needed

    def __repr__(self) -> str:
        return f"Scrubber({self.clip.get('title') or 'clip'}: {self.clip.get('count', 0)} frames, maps {', '.join(self._maps) or 'none'})"

    __str__ = __repr__
