"""The explorer: choose a recording, scrub through it, ask for attributions while it plays, mark, take away what was found."""

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from stavis.data.annotations.annotations import Annotations
from stavis.errors import StavisError, offer
from stavis.show.explorer import export as files
from stavis.show.explorer.controller import ExplorerController
from stavis.show.explorer.panel import Panel
from stavis.show.explorer.source import Opener
from stavis.show.explorer.windows import around
from stavis.show.explorer.wiring import StaticFallback, connect_widgets
from stavis.show.explorer.worker import Task, Worker, sentence
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.describe import curve_columns
from stavis.storage.files import file_stem
from stavis.types import Attribution, Clip

LONGEST_WINDOW = 600.0
"""So many seconds at most are shown at once."""
FIRST_SIGHT = 2.0
"""So long (s) displaying waits for the first frame, so that a saved notebook has it."""


class Explorer:
    """A view on many recordings. Long work runs beside it and streams in; the player never waits for it.

    Settable from Python: `recording` (a name or its number), `time` (s), `annotations`. `wait` blocks until nothing runs any more.
    Made by `Predictor.explore`.
    """

    def __init__(
        self,
        names: Sequence[str],
        opener: Opener,
        *,
        dimensions: Sequence[str] = ("valence",),
        methods: Sequence[Callable[..., Attribution]] = (),
        ticked: Sequence[str] = (),
        dimension: str | None = None,
        start: int = 0,
        seconds: float = 20.0,
        annotations: str | Path | None = None,
        out: str | Path | None = None,
        preview: Callable[[int], np.ndarray | None] = lambda number: None,
    ):
        if not names:
            raise StavisError("there are no recordings to show: give a folder, or the paths of videos.")
        if not 0 <= start < len(names):
            raise StavisError(f"there is no recording {start} among {len(names)}: choose a number from 0 to {len(names) - 1}.")
        if dimension is not None and dimension not in dimensions:
            raise StavisError(f"the network has no dimension {dimension!r}: {offer(dimension, dimensions)}")
        if not 0 < seconds <= LONGEST_WINDOW:
            raise StavisError(f"a window of {seconds} s cannot be shown: give more than 0 and at most {LONGEST_WINDOW:.0f} seconds.")
        self.names = tuple(names)
        poster = StaticFallback(uuid.uuid4().hex)
        self.panel = Panel(self.names, tuple(dimensions), methods, set(ticked), poster.key)
        self.panel.recording.value = start
        self.panel.dimension.value = dimension or dimensions[0]
        self.panel.length.max, self.panel.length.value = LONGEST_WINDOW, float(seconds)
        self.panel.length.min = min(1.0, float(seconds))
        self.panel.annotations.value, self.panel.out.value = str(annotations or ""), str(out or "")
        self._controller = ExplorerController(self.panel, poster, opener, preview, methods)
        self._writer = Worker(ended=self._written)
        connect_widgets(self, self._controller)
        self._controller.open()

    def __repr__(self) -> str:
        return f"Explorer({len(self.names)} recording{'s' * (len(self.names) != 1)}, {self.recording} is shown)"

    @property
    def scrubber(self) -> Scrubber | None:
        """The scrubber in the middle; None before the first recording is shown."""
        return self._controller.scrubber

    @property
    def recording(self) -> str:
        """The name of the chosen recording; settable, also by its number."""
        return self.names[self.panel.recording.value]

    @recording.setter
    def recording(self, recording: str | int) -> None:
        number = self.names.index(recording) if recording in self.names else recording
        if not isinstance(number, int) or not 0 <= number < len(self.names):
            raise StavisError(f"there is no recording {recording!r}: {offer(recording, self.names)}")
        self.panel.recording.value = number

    @property
    def time(self) -> float:
        """The time of the shown frame in seconds; setting it goes to the nearest frame, also outside the shown window."""
        controller = self._controller
        with controller.lock:
            return controller.scrubber.time if controller.clip is not None else controller.requested_time or 0.0

    @time.setter
    def time(self, seconds: float) -> None:
        if not np.isfinite(seconds):
            raise StavisError(f"a time of {seconds} s cannot be shown: give a number of seconds.")
        controller = self._controller
        with controller.lock:
            clip, source = controller.clip, controller.source
            if clip is not None and (len(clip) == len(source.times) or clip.times[0] <= seconds <= clip.times[-1]):
                controller.scrubber.time = seconds
                return
            controller.requested_time = float(seconds)
        if source is not None:
            controller.show(around(source.times, seconds, self.panel.length.value))

    def on_time(self, callback: Callable[[float], None]) -> Callable[[], None]:
        """Calls back with the time in seconds whenever another frame has been chosen; returns what ends that."""
        listeners = self._controller.listeners
        listeners.append(callback)
        return lambda: listeners.remove(callback) if callback in listeners else None

    @property
    def annotations(self) -> Annotations:
        """The excluded ranges and events of the chosen recording, in seconds. Raises StavisError where none is shown yet."""
        self._controller.shown()
        return self.scrubber.annotations

    @annotations.setter
    def annotations(self, annotations: Annotations) -> None:
        self._controller.shown()
        self.scrubber.annotations = annotations

    def add_curves(self, table: pd.DataFrame | str | Path, name: str = "") -> None:
        """Lays the number columns of a table (or its CSV) with a time column in seconds under the chosen recording.

        Raises StavisError where it cannot be read or has no time column.
        """
        if not isinstance(table, pd.DataFrame) and not str(table).strip():
            raise StavisError("no file is named: write the path of a CSV with a time column.")
        columns = curve_columns(table)
        name = name or ("curve" if isinstance(table, pd.DataFrame) else Path(table).stem)
        self._controller.add_curves(name, pd.DataFrame({"time": columns[0][1], **{column: values for column, _, values in columns}}))

    def explain_moment(self, method: str | None = None) -> None:
        """Asks for the attribution of the shown frame alone, by a method's name or label; it comes as a map of its own when it is done.

        Raises StavisError where the frame shows no face, or there is no such method.
        """
        self._controller.explain_moment(method)

    def stop(self) -> None:
        """Stops what is being computed and what waits; what is shown stays."""
        self._controller.stop()

    def go_on(self) -> None:
        """Takes up what was stopped; what was finished before comes from the disk."""
        self._controller.go_on()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until everything that was requested is shown and written; False where that took longer."""
        return self._controller.reporter.worker.wait(seconds) and self._writer.wait(seconds)

    def close(self) -> None:
        """Stops all work and takes the view away."""
        for worker in (self._controller.reporter.worker, self._writer):
            worker.stop()
            worker.wait(10)
        self.panel.close()

    # What a user takes away: each is made of what is shown when it is asked for, also where others are written first

    def save_frame(self, path: str | Path) -> Path:
        """Writes the shown frame with the shown map as PNG; returns the path."""
        return self._frame()(path)

    def save_clip(self, path: str | Path) -> Path:
        """Writes the chosen range (else all that is shown) with the shown map as .mp4 or .gif; returns the path."""
        return self._clip()(path)

    def save_shares(self, path: str | Path) -> Path:
        """Writes the shown map's share on each region, one row per frame, as CSV; returns the path."""
        return self._shares()(path)

    def save_report(self, path: str | Path) -> Path:
        """Writes what is shown as one page that needs no network and no kernel; returns the path.

        Raises StavisError where another recording or segment is chosen meanwhile.
        """
        return self._report()(path)

    def _frame(self) -> Callable[[str | Path], Path]:
        clip, scrubber = self._controller.shown(), self.scrubber
        given = {"maps": self._controller.maps.get(scrubber.map), "frame": scrubber.frame, "images": scrubber.images}
        return lambda path: files.write_frame(path, clip, **given)

    def _clip(self) -> Callable[[str | Path], Path]:
        clip, scrubber = self._controller.shown(), self.scrubber
        first, last = scrubber.selection.get("range") or (0, len(clip) - 1)
        frames = slice(int(first), int(last) + 1)
        given = {"maps": self._controller.maps.get(scrubber.map), "frames": frames, "images": scrubber.images}
        return lambda path: files.write_clip(path, clip, **given)

    def _shares(self) -> Callable[[str | Path], Path]:
        clip = self._controller.shown()
        maps = files.chosen_map(self._controller.maps, self.scrubber.map, "shares")
        seen, annotations = self._controller.seen, self.annotations
        return lambda path: files.write_table(path, files.shares_table(clip, maps, seen, annotations))

    def _report(self) -> Callable[[str | Path], Path]:
        controller, name = self._controller, self.recording
        clip, maps, seen, source = controller.shown(), dict(controller.maps), controller.seen, controller.source

        def write(path: str | Path) -> Path:
            # The page holds the scrubber itself, which shows one recording.
            self._still_shown(clip, name)
            written = files.explorer_report(self.scrubber, clip, maps, seen, source).save(path)
            try:
                self._still_shown(clip, name)
            except StavisError:
                written.unlink(missing_ok=True)
                raise
            return written

        return write

    def _still_shown(self, clip: Clip, name: str) -> None:
        if self._controller.clip is not clip:
            raise StavisError(
                f"another recording or segment was chosen before the page of {name} was written: go back to it and ask again."
            )

    def export(self, kind: str) -> None:
        """Writes 'frame', 'mp4', 'gif', 'shares' or 'report' to the folder that is named in the panel, beside all other work.

        Raises StavisError where no folder is named, or nothing is shown yet.
        """
        folder = self.panel.out.value.strip()
        if not folder:
            raise StavisError("no folder is named: write one under “Write files to folder”.")
        self._controller.shown()
        stem = Path(folder).expanduser() / file_stem(self.recording)
        shown = "-".join("".join(c if c.isalnum() else " " for c in self.scrubber.map).split())
        making, path = {
            "frame": (self._frame, f"{stem}-{shown}-frame-{self.scrubber.frame + 1}.png"),
            "mp4": (self._clip, f"{stem}-{shown}.mp4"),
            "gif": (self._clip, f"{stem}-{shown}.gif"),
            "shares": (self._shares, f"{stem}-{shown}-shares.csv"),
            "report": (self._report, f"{stem}.html"),
        }[kind]
        write = making()
        self._controller.reporter.report(f"Writing {Path(path).name} …")
        self._writer.submit(f"Writing {Path(path).name}", lambda task: write(path), path)

    def _written(self, task: Task, error: Exception | None) -> None:
        if error is None:
            self._controller.reporter.report(f"Written: {task.key}")
        else:
            self._controller.reporter.report(sentence(task.name, error), "error")

    # How it is shown

    def _ipython_display_(self, **_) -> None:
        # Two outputs: the live view, and a poster for those who read without a kernel; the live view hides it.
        bundle = self.panel.box._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        display({**bundle, "text/plain": repr(self)}, raw=True)
        controller = self._controller
        controller.first_sight.wait(FIRST_SIGHT)
        with controller.lock:
            controller.poster.show(controller.scrubber if controller.clip is not None else None, repr(self))
