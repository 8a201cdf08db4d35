"""What happens in an explorer: a recording is opened, a window of it shown, its attributions computed and streamed in."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from stavis.data.annotations.annotations import Annotations, joined
from stavis.errors import StavisError, offer
from stavis.printable import html_text
from stavis.show.explorer.annotation_file import AnnotationFile
from stavis.show.explorer.panel import Panel
from stavis.show.explorer.source import Beginning, Opener, ReadResult, RecordingSource
from stavis.show.explorer.windows import around, moved, window_of
from stavis.show.explorer.wiring import StaticFallback, StatusReporter, preview_image
from stavis.show.explorer.worker import Task
from stavis.show.scrubber import Scrubber
from stavis.types import AttentionMaps, Attribution, Clip, Prediction

MOMENTS = 6
"""So many explained moments are kept among the maps; the oldest goes first."""


class ExplorerController:
    """The shown recording and the work on it. `clip` is None while none is shown; then `requested_time` (s) is where it will begin."""

    def __init__(
        self, panel: Panel, poster: StaticFallback, opener: Opener, preview: Callable, methods: Sequence[Callable[..., Attribution]]
    ):
        self.panel, self.poster, self._opener, self._preview = panel, poster, opener, preview
        self.methods = {method.label: method for method in methods}
        self.reporter = StatusReporter(panel.status, self._failed, self._slow)
        self.lock = threading.RLock()
        self.scrubber: Scrubber | None = None
        self.source: RecordingSource | None = None
        self.clip: Clip | None = None
        self.seen: ReadResult | None = None
        self.maps: dict[str, AttentionMaps | Attribution] = {}
        self.listeners: list[Callable[[float], None]] = []
        self.requested_time: float | None = None
        self.filling = False
        self.begun = False
        self.first_sight = threading.Event()
        self._window = slice(0, 0)
        self._annotations = AnnotationFile("", "")
        self._curves: dict[int, dict[str, pd.DataFrame]] = {}
        self._moments: list[str] = []
        self._preferred = "attention"
        self._stopped: list[Task] = []

    # Opening a recording and showing a window of it

    @property
    def number(self) -> int:
        """The number of the chosen recording."""
        return self.panel.recording.value

    def open(self) -> None:
        """Opens the chosen recording; what was computed for another one stops."""
        self._clear()
        with self.lock:
            self.source = self.requested_time = None
            self.begun = False
        name = self.panel.recording.label
        self.reporter.worker.submit(f"Opening {name}", partial(self._open, self.number), "open")

    def show(self, window: slice) -> None:
        """Shows another window of the recording."""
        source = self.source
        if source is None:
            return
        self._clear()
        self.reporter.worker.submit(f"Reading {source.name}", partial(self._show, source, window), "open")

    def move_window(self, steps: int) -> None:
        """Shows the window that lies `steps` windows later."""
        if self.source is not None:
            self.show(moved(self.source.times, self._window, self.panel.length.value, steps))

    def window_changed(self) -> None:
        """Shows the window that start and length say."""
        if self.source is not None:
            self.show(window_of(self.source.times, self.panel.start.value, self.panel.length.value))

    def stop(self) -> None:
        """Stops what runs and waits; what is shown stays."""
        self._stopped = self.reporter.worker.stop()
        if self._stopped:
            self.reporter.report("Stopped.")
            self.panel.status.stopped = True

    def go_on(self) -> None:
        """Takes up what was stopped."""
        again, self._stopped = self._stopped, []
        self.panel.status.stopped = False
        self.reporter.report("")
        for task in again:
            self.reporter.worker.submit(task.name, task.work, task.key)

    def _clear(self) -> None:
        self.reporter.worker.stop()
        with self.lock:
            self.clip = self.seen = None
        self._stopped, self.panel.status.stopped = [], False
        self.reporter.report("")

    def _open(self, number: int, task: Task) -> None:
        source = self._opener(number, task, partial(self._begin, task))
        task.check()
        with self.lock:
            self.source = source
            if self.begun and self.requested_time is None:
                self.requested_time = self.scrubber.time  # where somebody went meanwhile
            moment, length = self.requested_time, self.panel.length.value
        times = source.times
        self._show(source, window_of(times, times[0], length) if moment is None else around(times, moment, length), task)

    def _begin(self, task: Task, beginning: Beginning) -> None:
        """The first frames of a recording that is still being read: to look at, until all of it takes their place."""
        clip, seen, name = beginning.clip, beginning.seen, self.panel.recording.label
        shown = float(clip.times[-1] - clip.times[0])
        notice = f"The first {shown:.0f} of {beginning.seconds:.0f} s, while the rest is being read: values and attention may still change."
        maps = {} if seen.attention is None else {"attention": seen.attention}
        task.check()
        with self.lock:
            frame, annotations = (self.scrubber.frame, self.scrubber.annotations) if self.begun else (0, Annotations())
            lines = {"prediction": seen.prediction, "title": name, "notices": (*beginning.notices, notice)}
            self._put(clip, lines, maps)
            if frame or annotations != Annotations():  # else somebody who goes on in this instant stays there
                self.scrubber.frame, self.scrubber.annotations = frame, annotations
            self.begun = True
        self._renew_poster()
        self.first_sight.set()

    def _show(self, source: RecordingSource, window: slice, task: Task) -> None:
        """The images that the network is given, then what it says of them, then larger ones; then the ticked methods are run."""
        clip, raters = source.cut(window), source.raters(window)
        early = source.read(window, task) if self.begun else None  # what is looked at stays until there is more
        task.check()
        with self.lock:
            self.clip = self.seen = None
            self._window, self.maps, self._moments = window, {}, []
            annotations = self.scrubber.annotations if self.begun else Annotations()
            self._put(clip, {"raters": raters, "curves": self._tables(source), "title": source.name, "notices": source.notices})
            self._annotations, self.begun = AnnotationFile(self.panel.annotations.value, source.name), False
            try:
                annotations = joined(annotations, self._annotations.read())
            except StavisError as error:
                self.reporter.report(str(error), "error")
            self.scrubber.annotations = annotations
            self.clip = clip
            if self.requested_time is not None:
                self.scrubber.time, self.requested_time = self.requested_time, None
        self._fill(source, clip)
        self.tell_time()
        self._renew_poster()
        self.first_sight.set()
        seen = early or source.read(window, task)
        task.check()
        self.seen = seen
        if seen.attention is not None:
            self._add("attention", seen.attention, self._preferred not in map(self._name, self._ticked()), seen.prediction)
        else:
            with self.lock:
                self.scrubber.set_lines(prediction=seen.prediction)
        self._renew_poster()
        self._show_media(source, window, task)
        for label in self._ticked():
            self._ask(label, show=seen.attention is None)

    def _show_media(self, source: RecordingSource, window: slice, task: Task) -> None:
        media = source.media(window, task)
        if media.images is not None or media.sound is not None:
            self.scrubber.set_media(media.images, media.sound, guard=self.lock)
            task.check()
        self._put_notes((*source.notes, *media.notes))

    def _put(self, clip: Clip, lines: dict, maps: dict | None = None) -> None:
        if self.scrubber is None:
            self.scrubber = Scrubber.from_clip(clip, maps or {}, **lines, embed=False)
            self.scrubber.observe(lambda _: self.tell_time(), "frame")
            self.scrubber.observe(lambda _: self.reporter.run_safely("Keeping the annotations", self._keep_annotations), "selection")
        else:
            if self.scrubber.map != "none":
                self._preferred = self.scrubber.map
            self.scrubber.show_clip(clip, maps or {}, **lines)
        if self.scrubber not in self.panel.place.children:
            self.panel.place.children = [self.scrubber]

    def _fill(self, source: RecordingSource, clip: Clip) -> None:
        """The widgets that depend on the recording."""
        panel, times = self.panel, source.times
        self.filling = True
        try:
            panel.window.layout.display = None if len(clip) < len(times) else "none"
            panel.start.max = float(times[-1])
            panel.start.value = round(float(clip.times[0]), 2)
            panel.earlier.disabled, panel.later.disabled = bool(clip.times[0] <= times[0]), bool(clip.times[-1] >= times[-1])
            panel.signals.layout.display = "none" if source.signals is None else None
            panel.drop_csv.layout.display = None if self._curves.get(self.number) else "none"
            panel.forget.layout.display = "none"
        finally:
            self.filling = False
        count = source.windows(clip)
        text = "one, which is all of this segment" if count == 1 else f"this segment has {count}"
        panel.hint.value = f"A cost is for each window that the network reads: {text}."
        self._put_notes(source.notes)

    def _put_notes(self, notes: tuple[str, ...]) -> None:
        self.panel.notes.value = "".join(f"<p>{html_text(note)}</p>" for note in notes)
        self.panel.notes.layout.display = None if notes else "none"

    def _slow(self, task: Task) -> None:
        """Something to look at while a face is looked for."""
        number, place = self.number, self.panel.place
        if task.key != "open" or self.source is not None or self.begun or (place.children and place.children[0] is not self.scrubber):
            return
        image = self._preview(number)
        if image is not None:
            place.children = [preview_image(image, self.panel.recording.label)]
        elif place.children:
            place.children = []

    def _failed(self, task: Task, stopped: bool) -> None:
        """A recording that could not be opened is not shown under the name of another."""
        if task.key == "open" and self.source is None and not self.reporter.worker.waiting:
            self.panel.place.children, self.begun = [], False
            self.first_sight.set()

    def _renew_poster(self) -> None:
        self.poster.renew(self.scrubber, str(self.scrubber))

    def _add(self, name: str, maps: AttentionMaps | Attribution, show: bool, prediction: Prediction | None = None) -> None:
        with self.lock:
            self.maps[name] = maps
            self.scrubber.add_map(name, maps, show=show or name == self._preferred, prediction=prediction)

    def tell_time(self) -> None:
        """Tells the listeners which moment is shown."""
        if self.clip is not None:
            for listener in list(self.listeners):
                self.reporter.run_safely("What listens to the time", listener, self.scrubber.time)

    # Attributions

    def method_ticked(self, label: str, on: bool) -> None:
        """Asks for a method, or takes its map away."""
        if on:
            self._ask(label, show=True)
            return
        self.reporter.worker.stop(f"method {label}")
        self._drop(self._name(label))

    def dimension_changed(self, old: str) -> None:
        """Asks the ticked methods about the other dimension."""
        for label in self.methods:
            self.reporter.worker.stop(f"method {label}")
            self._drop(f"{label}, {old}")
        for label in self._ticked():
            self._ask(label, show=False)

    def explain_moment(self, method: str | None = None) -> None:
        """Asks for the attribution of exactly the shown frame, by a method's name or label."""
        label = self._label(method or self.panel.moment_method.value)
        clip, frame = self.shown(), self.scrubber.frame
        seconds = float(clip.times[frame])
        if not clip.valid[frame]:
            lacks = "no face is seen" if clip.subject == "face" else "no frame could be read"
            raise StavisError(f"at {seconds:.2f} s {lacks}, so there is nothing to explain: choose another moment.")
        name = f"{self._name(label)} at {seconds:.2f} s"
        work = partial(self._moment, name, self.methods[label], self.source, clip, self.panel.dimension.value, frame)
        self.reporter.worker.submit(name, work, f"moment {name}")

    def _label(self, method: str) -> str:
        """The label of a method that is named, as in `explore`, or called by its label. Raises StavisError where there is none."""
        names = {getattr(one, "__name__", label).replace("_", "-"): label for label, one in self.methods.items()}
        label = method if method in self.methods else names.get(str(method).strip().replace("_", "-"))
        if label is None:
            raise StavisError(f"there is no attribution method {method!r}: {offer(method, names)}")
        return label

    def forget_moments(self) -> None:
        """Takes the maps of single moments away."""
        for name in self._moments:
            self._drop(name)
        self._moments, self.panel.forget.layout.display = [], "none"

    def shown(self) -> Clip:
        """The shown clip. Raises StavisError where none is shown yet."""
        if self.clip is None:
            raise StavisError("no recording is shown yet: wait until it has been opened.")
        return self.clip

    def _ticked(self) -> list[str]:
        return [label for label, tick in self.panel.ticks.items() if tick.value]

    def _name(self, label: str) -> str:
        several = len(self.panel.dimension.options) > 1
        return f"{label}, {self.panel.dimension.value}" if several else label

    def _ask(self, label: str, *, show: bool) -> None:
        if self.clip is None or self.seen is None:
            return  # it is ticked, so it is computed once the recording has been read
        name, method = self._name(label), self.methods[label]
        work = partial(self._attribute, name, method, self.source, self.clip, self.panel.dimension.value, show)
        self.reporter.worker.submit(name, work, f"method {label}")

    def _attribute(self, name: str, method: Callable, source: RecordingSource, clip: Clip, dimension: str, show: bool, task: Task) -> None:
        found = source.attribute(method, clip, dimension, task)
        task.check()
        self._add(name, found, show)

    def _moment(self, name: str, method: Callable, source: RecordingSource, clip: Clip, dimension: str, frame: int, task: Task) -> None:
        found = source.attribute_moment(method, clip, dimension, frame, task)
        task.check()
        self._add(name, found, True)
        on = np.flatnonzero((found.values != 0).reshape(len(found.values), -1).any(1))
        if len(on):
            first, last = clip.times[on[[0, -1]]]
            segment = f"on {len(on)} frames from {first:.2f} to {last:.2f} s" if len(on) > 1 else "on this frame alone"
            self.reporter.report(f"{name}: the map is {segment}, and zero elsewhere.")
        self._moments = [*(one for one in self._moments if one != name), name]
        for old in self._moments[:-MOMENTS]:
            self._drop(old)
        self._moments, self.panel.forget.layout.display = self._moments[-MOMENTS:], None

    def _drop(self, name: str) -> None:
        with self.lock:
            if self.maps.pop(name, None) is not None:
                self.scrubber.remove_map(name)

    # Annotations and curves

    def _keep_annotations(self) -> None:
        if self.clip is not None and self._annotations.keep(self.scrubber.annotations):
            self.reporter.report(f"Annotations are kept in {self._annotations.path}.")

    def annotations_folder_changed(self) -> None:
        """Annotations that are in the folder already join those that were set before it was named."""
        if self.clip is None:
            return
        self._annotations = AnnotationFile(self.panel.annotations.value, self.source.name)
        self.scrubber.annotations = joined(self.scrubber.annotations, self._annotations.read())
        self._keep_annotations()

    def add_curves(self, name: str, table: pd.DataFrame) -> None:
        """Lays further curves under the chosen recording."""
        self._curves.setdefault(self.number, {})[name] = table
        self.refresh_curves()

    def remove_curves(self) -> None:
        """Takes the further curves of the chosen recording away."""
        self._curves.pop(self.number, None)
        self.refresh_curves()

    def refresh_curves(self) -> None:
        """Shows the further curves again."""
        self.panel.drop_csv.layout.display = None if self._curves.get(self.number) else "none"
        with self.lock:
            if self.clip is not None:
                self.scrubber.set_lines(curves=self._tables(self.source))

    def _tables(self, source: RecordingSource) -> dict[str, pd.DataFrame] | None:
        tables = dict(self._curves.get(self.number, {}))
        if self.panel.signals.value and source.signals is not None:
            tables["tracker"] = source.signals
        return tables or None
