"""The explorer's widgets: every one labelled, all reachable by Tab, in four panels of which one is open."""

from collections.abc import Callable, Sequence
from importlib.resources import files

import anywidget
import ipywidgets as widgets
import traitlets

_HERE = files(__name__.rpartition(".")[0])
_TABS = (("methods", "Attributions"), ("curves", "Curves"), ("files", "Annotations and files"))
EXPORTS = {
    "frame": "Frame (PNG)",
    "mp4": "Clip (MP4)",
    "gif": "Animation (GIF)",
    "shares": "Shares (CSV)",
    "report": "Report (HTML)",
}


class StatusLine(anywidget.AnyWidget):
    """What is being done, how far it is, a button to stop it or go on (`pressed` counts up), and the last message."""

    _esm = _HERE.joinpath("status.js").read_text(encoding="utf-8")
    _css = _HERE.joinpath("explorer.css").read_text(encoding="utf-8")

    doing = traitlets.Unicode("").tag(sync=True)
    done = traitlets.Int(0).tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    waiting = traitlets.Int(0).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    kind = traitlets.Unicode("").tag(sync=True)
    stopped = traitlets.Bool(False).tag(sync=True)
    pressed = traitlets.Int(0).tag(sync=True)
    poster = traitlets.Unicode("").tag(sync=True)


class Tabs(anywidget.AnyWidget):
    """Buttons that open one panel each; the browser does it alone."""

    _esm = _HERE.joinpath("tabs.js").read_text(encoding="utf-8")

    names = traitlets.List().tag(sync=True)
    first = traitlets.Unicode("").tag(sync=True)


class Panel:
    """All widgets of an explorer but the scrubber, which has its place in `place`; `box` is what is shown."""

    def __init__(self, names: Sequence[str], dimensions: Sequence[str], methods: Sequence[Callable], ticked: set[str], poster: str):
        self.status = StatusLine(poster=poster)
        self.recording = _choice("Recording", [(name, number) for number, name in enumerate(names)], "stvx-recording")
        self.dimension = _choice("Target dimension", list(dimensions), "stvx-choice")
        self.start = _number("From (s)")
        self.length = _number("Length (s)")
        self.earlier, self.later = widgets.Button(description="Earlier"), widgets.Button(description="Later")
        self.window = _row(self.start, self.length, self.earlier, self.later)
        self.window.layout.display = "none"
        self.place = widgets.VBox([])
        self.notes = widgets.HTML()
        self.notes.add_class("stvx-notes")
        self.tabs = Tabs(names=[list(pair) for pair in _TABS], first="methods")
        panels = [self._methods(methods, ticked), self._curves(), self._files()]
        for (key, _), panel in zip(_TABS, panels, strict=True):
            panel.add_class("stvx-panel")
            panel.add_class(f"stvx-panel-{key}")
        head = _row(self.recording, *([self.dimension] if len(dimensions) > 1 else []))
        self.box = widgets.VBox([head, self.window, self.place, self.notes, self.status, self.tabs, *panels])
        self.box.add_class("stvx")

    def _methods(self, methods: Sequence[Callable], ticked: set[str]) -> widgets.Widget:
        self.hint = widgets.HTML()
        self.hint.add_class("stvx-hint")
        self.ticks: dict[str, widgets.Checkbox] = {}
        for method in methods:
            text = f"{method.label} · {method.cost}" if method.cost else method.label
            tick = widgets.Checkbox(value=method.label in ticked, description=text, indent=False, tooltip=method.caution or None)
            self.ticks[method.label] = tick
        grid = widgets.Box(list(self.ticks.values()))
        grid.add_class("stvx-methods")
        self.moment_method = _choice("One moment by", [(f"{m.label} · {m.cost}", m.label) for m in methods], "stvx-choice")
        self.moment = widgets.Button(description="Explain the shown moment")
        self.forget = widgets.Button(description="Remove moments", layout={"display": "none"})
        return widgets.VBox([self.hint, grid, _row(self.moment_method, self.moment, self.forget)])

    def _curves(self) -> widgets.Widget:
        self.csv = _text("CSV with a time column", "path of the file")
        self.add_csv = widgets.Button(description="Add curves")
        self.drop_csv = widgets.Button(description="Remove curves", layout={"display": "none"})
        self.signals = widgets.Checkbox(value=True, description="Signals of the face tracker", indent=False, layout={"display": "none"})
        return widgets.VBox([_row(self.csv, self.add_csv, self.drop_csv), self.signals])

    def _files(self) -> widgets.Widget:
        self.annotations = _text("Keep annotations in folder", "not kept")
        self.out = _text("Write files to folder", "no folder yet")
        self.exports = {key: widgets.Button(description=text) for key, text in EXPORTS.items()}
        return widgets.VBox([_row(self.annotations), _row(self.out), _row(*self.exports.values())])

    def close(self) -> None:
        """Takes every widget away."""
        for widget in _all(self.box):
            widget.close()


def _all(widget: widgets.Widget):
    for child in getattr(widget, "children", ()):
        yield from _all(child)
    yield widget


def _row(*children: widgets.Widget) -> widgets.Box:
    row = widgets.HBox(list(children))
    row.add_class("stvx-row")
    return row


def _choice(label: str, options: list, kind: str) -> widgets.Dropdown:
    made = widgets.Dropdown(options=options, description=label, style={"description_width": "initial"})
    made.add_class(kind)
    return made


def _number(label: str) -> widgets.BoundedFloatText:
    made = widgets.BoundedFloatText(value=0, min=0, max=0, step=1, description=label, style={"description_width": "initial"})
    made.add_class("stvx-number")
    return made


def _text(label: str, placeholder: str) -> widgets.Text:
    made = widgets.Text(description=label, placeholder=placeholder, continuous_update=False, style={"description_width": "initial"})
    made.add_class("stvx-grow")
    return made
