"""What connects an explorer's widgets with its work: the status line, the buttons and boxes, the static fallback of a saved notebook."""

import base64
import html
import time as clock
from collections.abc import Callable
from pathlib import Path

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import display

from stavis.show.explorer.panel import StatusLine
from stavis.show.explorer.worker import Stopped, Task, Worker, sentence
from stavis.show.notebook_host import static_bundle, widget_hint
from stavis.show.scrubber.page import fragment

TELLINGS = 0.1
"""Progress is reported at most once in so many seconds."""
LARGEST_POSTER = 6 << 20
"""Up to how many characters a saved notebook keeps of a view, so that its exported page scrubs; of more, one frame is kept."""


class StatusReporter:
    """Says on the status line what a worker does; `failed(task, stopped)` hears of tasks that did not get to their end."""

    def __init__(self, status: StatusLine, failed: Callable[[Task, bool], None], slow: Callable[[Task], None]):
        self._status, self._failed, self._slow, self._last = status, failed, slow, 0.0
        self.worker = Worker(begun=self._begun, ended=self._ended, progressed=self._progressed)

    def report(self, text: str, kind: str = "") -> None:
        """One sentence."""
        with self._status.hold_sync():
            self._status.kind, self._status.said = kind, text

    def run_safely(self, name: str, call: Callable, *args) -> None:
        """Does what is quick; what goes wrong becomes a sentence."""
        try:
            call(*args)
        except Exception as error:  # whatever fails behind a button is reported, never raised
            self.report(sentence(name, error), "error")

    def _begun(self, task: Task) -> None:
        self._last = 0.0
        with self._status.hold_sync():
            self._status.doing, self._status.done, self._status.total = task.name, 0, 0
            self._status.waiting = self.worker.waiting

    def _progressed(self, task: Task, stage: str, done: int, total: int) -> None:
        now = clock.monotonic()
        if now - self._last < TELLINGS and done < total:
            return
        self._last = now
        self._slow(task)
        with self._status.hold_sync():
            self._status.doing = f"{task.name}: {stage}" if stage else task.name
            self._status.done, self._status.total, self._status.waiting = done, max(total, 0), self.worker.waiting

    def _ended(self, task: Task, error: Exception | None) -> None:
        if error is not None:
            self._failed(task, isinstance(error, Stopped))
            if not isinstance(error, Stopped):
                self.report(sentence(task.name, error), "error")
        if not self.worker.waiting:
            with self._status.hold_sync():
                self._status.doing, self._status.waiting = "", 0


def connect_widgets(explorer, controller) -> None:
    """Lets every widget of an explorer's panel do what it says."""
    panel, reporter = controller.panel, controller.reporter

    def on_click(button: widgets.Button, name: str, call: Callable, *args) -> None:
        button.on_click(lambda _: reporter.run_safely(name, call, *args))

    def on_change(widget: widgets.Widget, name: str, call: Callable) -> None:
        def changed(change) -> None:
            if not controller.filling:
                reporter.run_safely(name, call, change)

        widget.observe(changed, "value")

    def add_csv() -> None:
        path = panel.csv.value.strip()
        explorer.add_curves(Path(path).expanduser() if path else "")
        panel.csv.value = ""

    on_change(panel.recording, "Opening the recording", lambda _: controller.open())
    on_change(panel.dimension, "Changing the dimension", lambda change: controller.dimension_changed(change.old))
    for label, tick in panel.ticks.items():
        on_change(tick, label, lambda change, label=label: controller.method_ticked(label, change.new))
    on_change(panel.start, "Moving the window", lambda _: controller.window_changed())
    on_change(panel.length, "Moving the window", lambda _: controller.window_changed())
    on_click(panel.earlier, "Moving the window", controller.move_window, -1)
    on_click(panel.later, "Moving the window", controller.move_window, 1)
    on_click(panel.moment, "Explaining the moment", controller.explain_moment)
    on_click(panel.forget, "Removing the moments", controller.forget_moments)
    on_click(panel.add_csv, "Adding curves", add_csv)
    on_click(panel.drop_csv, "Removing curves", controller.remove_curves)
    on_change(panel.signals, "Showing the tracker's signals", lambda _: controller.refresh_curves())
    on_change(panel.annotations, "Keeping the annotations", lambda _: controller.annotations_folder_changed())
    for kind, button in panel.exports.items():
        on_click(button, button.description, explorer.export, kind)
    panel.status.observe(lambda _: controller.stop() if reporter.worker.busy else controller.go_on(), "pressed")


def preview_image(image: np.ndarray, name: str) -> widgets.HTML:
    """The first frame of a recording, (H,W,3) uint8 RGB, while its face is looked for."""
    factor = min(1.0, 384 / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    data = base64.b64encode(cv2.imencode(".jpg", small[..., ::-1])[1].tobytes()).decode()
    return widgets.HTML(f'<img class="stvx-preview" alt="First frame of {html.escape(name)}" src="data:image/jpeg;base64,{data}">')


class StaticFallback:
    """What a saved notebook shows where there is no kernel or the notebook is not trusted: one frame and one line of text. The
    data of a short segment go with it, inert, so that the notebook's exported page scrubs.

    It stands beside the live view, which hides it by its key, and is renewed when there is more to show.
    """

    def __init__(self, key: str):
        self.key = key
        self._shown = None

    def show(self, scrubber, text: str) -> None:
        """Displays the static fallback as an output of its own; scrubber is None where nothing was shown yet."""
        self._shown = display(self._bundle(scrubber, text), raw=True, display_id=True)

    def renew(self, scrubber, text: str) -> None:
        """Puts the scrubber's present frame in the place of what was shown."""
        if self._shown is not None:
            self._shown.update(self._bundle(scrubber, text), raw=True)

    def _bundle(self, scrubber, text: str) -> dict[str, str]:
        if scrubber is None:
            inside = html.escape(f"{text}: nothing had been shown when this was saved. {widget_hint()}".rstrip())
            inside, image = f"<p>{inside}</p>", None
        else:
            inside, image = _inside(scrubber), scrubber.poster()
        return static_bundle(f'<div data-stavis-explorer="{self.key}">{inside}</div>', image, text)


def _inside(scrubber) -> str:
    whole = fragment(scrubber, data=True)
    return whole if len(whole) <= LARGEST_POSTER else fragment(scrubber, data=False)
