"""The explorer without a browser: its work runs beside it, streams in, stops when asked, and what fails is one sentence."""

import threading
import time
from dataclasses import dataclass, field

import cv2
import nbformat
import numpy as np
import pandas as pd
import pytest

from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.data.video.io import read_frames
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.show.explorer.explorer import Explorer
from stavis.show.explorer.export import shares_table, write_frame
from stavis.show.explorer.source import Beginning, ReadResult, WindowMedia
from stavis.show.explorer.windows import around, moved, window_of
from stavis.show.explorer.worker import Stopped, Worker, sentence
from stavis.show.reports.notebook_page import export_notebook
from stavis.storage.files import file_stem
from stavis.types import AttentionMaps, Attribution, Prediction, Target
from tests.show.samples import clip_of, raters_of, wandering


def method_of(label: str, cost: str = "1 gradient"):
    def method():
        raise AssertionError("only the sources calls methods")

    method.label, method.cost, method.caution = label, cost, ""
    return method


FAST, SLOW, BROKEN = method_of("Fast"), method_of("Slow", "100 runs"), method_of("Broken")


@dataclass
class Drawn:
    """RecordingSource of a made-up face; `slow` work waits until it is let go or stopped."""

    name: str = "anna"
    count: int = 40
    dimensions: tuple[str, ...] = ("valence",)
    go: threading.Event = field(default_factory=threading.Event)
    asked: list = field(default_factory=list)
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    signals: pd.DataFrame | None = None
    provenance: dict = field(default_factory=lambda: {"command": "test"})

    def __post_init__(self):
        self.whole = clip_of(self.count, 48, gap=slice(10, 12), name=self.name)
        self.times = self.whole.times

    def cut(self, window):
        return self.whole[window]

    def media(self, window, task):
        return WindowMedia(np.repeat(np.repeat(self.whole.frames[window], 3, 1), 3, 2), None, self.heard)

    def raters(self, window):
        return {"valence": raters_of(self.whole)["valence"][window]}

    def windows(self, clip):
        return 1

    def read(self, window, task):
        times = self.times[window]
        values = np.stack([np.sin(times)] * len(self.dimensions), 1)
        attention = AttentionMaps(wandering(self.count, 8)[window], times)
        return ReadResult(Prediction(times, values, self.dimensions), attention)

    def attribute(self, method, clip, dimension, task):
        self.asked.append((self.name, method.label, dimension))
        for done in range(1000):
            task.progress("", done, 1000)
            if method is not SLOW or self.go.wait(0.01):
                break
        if method is BROKEN:
            raise RuntimeError("out of\nluck")
        values = np.ones(clip.frames.shape[:3], np.float32) * (-1 if dimension == "arousal" else 1)
        return Attribution(method.label, Target(dimension), values, clip.times)

    def attribute_moment(self, method, clip, dimension, frame, task):
        self.asked.append((self.name, method.label, dimension, frame))
        values = np.zeros(clip.frames.shape[:3], np.float32)
        values[max(0, frame - 2) : frame + 3] = 1
        return Attribution(method.label, Target(dimension, frame), values, clip.times)


@pytest.fixture
def explorer_of():
    """explorer_of(sources, ..., **options) → an explorer of these recordings, closed after the test."""
    made = []

    def explorer(*sources, **options):
        sources = sources or (Drawn(), Drawn("ben"))
        options = {"methods": (FAST, SLOW, BROKEN), **options}
        made.append(Explorer([one.name for one in sources], lambda number, task, begin: sources[number], **options))
        made[-1].sources = sources
        return made[-1]

    yield explorer
    for one in made:
        one.close()


def shown(explorer: Explorer) -> list[str]:
    return [one["name"] for one in explorer.scrubber.clip["maps"]]


def said(explorer: Explorer) -> tuple[str, str]:
    return explorer.panel.status.kind, explorer.panel.status.said


# Showing


def test_a_recording_is_shown_with_its_attention_and_the_ticked_methods(explorer_of):
    explorer = explorer_of(ticked=("Fast",))
    assert explorer.wait(20)
    assert shown(explorer) == ["attention", "Fast"] and explorer.scrubber.map == "attention"
    assert (explorer.scrubber.clip["width"], explorer.scrubber.clip["picture"]["kind"]) == (3 * 48, "strip"), (
        "more pixels than the network's"
    )
    assert explorer.panel.place.children == (explorer.scrubber,) and explorer.scrubber.clip["title"] == "anna"
    kinds = {trace["kind"] for trace in explorer.scrubber.clip["traces"]}
    assert kinds == {"gold", "predicted", "rater"}
    assert explorer.panel.status.doing == ""


def test_what_must_be_known_of_the_sound_joins_the_notes_of_the_recording(explorer_of):
    explorer = explorer_of(Drawn(notes=("no label for 3 frames",), heard=("the sound ends 2 s before the video",)))
    assert explorer.wait(20)
    assert explorer.panel.notes.value == "<p>no label for 3 frames</p><p>the sound ends 2\N{NO-BREAK SPACE}s before the video</p>"


def test_a_map_streams_in_without_moving_the_frame(explorer_of):
    explorer = explorer_of()
    explorer.wait(20)
    explorer.scrubber.frame = 7
    pictures, sent = explorer.scrubber.frames, []
    explorer.scrubber.observe(lambda change: sent.append(change.name))
    explorer.panel.ticks["Fast"].value = True
    assert explorer.wait(20)
    assert explorer.scrubber.frame == 7 and explorer.scrubber.frames is pictures and not {"frames", "frame"} & set(sent)
    assert explorer.scrubber.map == "Fast"
    explorer.panel.ticks["Fast"].value = False
    assert shown(explorer) == ["attention"] and explorer.scrubber.map == "attention"


def test_another_recording_keeps_the_ticks_and_the_chosen_map(explorer_of):
    explorer = explorer_of(ticked=("Fast",))
    explorer.wait(20)
    explorer.scrubber.map = "Fast"
    explorer.recording = "ben"
    assert explorer.wait(20)
    assert explorer.scrubber.clip["title"] == "ben" and shown(explorer) == ["attention", "Fast"] and explorer.scrubber.map == "Fast"
    with pytest.raises(StavisError, match="no recording 'carl'"):
        explorer.recording = "carl"


def test_the_other_dimension_is_asked_again(explorer_of):
    explorer = explorer_of(Drawn(dimensions=("valence", "arousal")), dimensions=("valence", "arousal"), ticked=("Fast",))
    explorer.wait(20)
    assert shown(explorer) == ["attention", "Fast, valence"]
    explorer.panel.dimension.value = "arousal"
    explorer.wait(20)
    assert shown(explorer) == ["attention", "Fast, arousal"]


def test_the_very_moment_is_explained(explorer_of):
    explorer = explorer_of(Drawn())
    explorer.wait(20)
    explorer.time = 0.8
    explorer.panel.moment.click()
    assert explorer.wait(20)
    assert explorer.sources[0].asked[-1] == ("anna", "Fast", "valence", 20)
    assert explorer.scrubber.map == "Fast at 0.80 s" and explorer.scrubber.frame == 20
    assert "5 frames from 0.72 to 0.88 s, and zero elsewhere" in said(explorer)[1]
    explorer.panel.forget.click()
    assert shown(explorer) == ["attention"]
    with pytest.raises(StavisError, match="no face is seen"):
        explorer.time = 0.4
        explorer.explain_moment()


def test_a_long_recording_is_shown_in_windows(explorer_of):
    explorer = explorer_of(Drawn(count=200), seconds=2.0)
    explorer.wait(20)
    assert explorer.scrubber.clip["count"] == 51 and explorer.panel.window.layout.display is None
    assert explorer.panel.earlier.disabled and not explorer.panel.later.disabled
    explorer.panel.later.click()
    explorer.wait(20)
    assert explorer.scrubber.clip["start"] == pytest.approx(2.0) and shown(explorer) == ["attention"]
    explorer.time = 6.49
    explorer.wait(20)
    assert explorer.time == pytest.approx(6.48) and explorer.scrubber.clip["start"] == pytest.approx(5.52, abs=0.05)


def test_windows_lie_within_the_recording():
    times = np.arange(100) / 10
    assert window_of(times, 0, 20) == slice(0, 100) and window_of(times, 3, 2) == slice(30, 51)
    assert window_of(times, 9.5, 2) == slice(79, 100) and around(times, 0.2, 2) == slice(0, 21)
    assert moved(times, slice(0, 21), 2, 1) == slice(20, 41) and moved(times, slice(20, 41), 2, -9) == slice(0, 21)


# A recording that is still being read


class Begun(Drawn):
    """Its beginning is shown while it is opened, which waits until it is let go."""

    def opener(self, number, task, begin):
        for count in (8, 20):
            task.check()
            part = slice(0, count)
            begin(Beginning(self.cut(part), self.read(part, task), float(self.times[-1])))
        while not self.go.wait(0.01):
            task.progress("finding the face", 20, 40)
        return self


@pytest.fixture
def begun():
    source = Begun()
    explorer = Explorer(["anna"], source.opener, methods=(FAST, SLOW), ticked=("Fast",))
    deadline = time.monotonic() + 20
    while explorer.scrubber is None or explorer.scrubber.clip["count"] < 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield source, explorer
    source.go.set()
    explorer.close()


def test_the_beginning_is_shown_with_attention_and_gives_way_to_the_whole(begun):
    source, explorer = begun
    assert shown(explorer) == ["attention"] and explorer.panel.place.children == (explorer.scrubber,)
    assert "while the rest is being read" in explorer.scrubber.clip["notices"][-1] and explorer.panel.status.doing.startswith("Opening")
    assert source.asked == [], "attributions are of the whole"
    with pytest.raises(StavisError, match="wait until it has been opened"):
        explorer.save_shares("x.csv")
    source.go.set()
    assert explorer.wait(20)
    other = Explorer(["anna"], lambda number, task, begin: Drawn(), methods=(FAST, SLOW), ticked=("Fast",))
    assert other.wait(20)
    for key in ("maps", "numbers", "outlines", "frames"):
        assert getattr(explorer.scrubber, key) == getattr(other.scrubber, key), "in the end it is what is read at once"
    assert explorer.scrubber.clip == other.scrubber.clip and shown(explorer) == ["attention", "Fast"]
    other.close()


def test_who_went_on_and_annotated_the_beginning_stays_there_and_keeps_it(begun):
    source, explorer = begun
    explorer.scrubber.frame = 13
    explorer.scrubber.annotations = Annotations(events=((0.2, "smile"),))
    source.go.set()
    assert explorer.wait(20)
    assert explorer.scrubber.frame == 13 and explorer.annotations == Annotations(events=((0.2, "smile"),))


def test_a_beginning_that_is_stopped_is_taken_away_and_comes_again(begun):
    source, explorer = begun
    explorer.stop()
    assert explorer.wait(20) and explorer.panel.place.children == () and said(explorer) == ("", "Stopped.")
    source.go.set()
    explorer.go_on()
    assert explorer.wait(20) and explorer.panel.place.children == (explorer.scrubber,) and explorer.scrubber.clip["count"] == 40


# Work that is stopped, that fails


def test_stop_stops_and_go_on_finishes(explorer_of):
    explorer = explorer_of(Drawn())
    explorer.wait(20)
    explorer.panel.ticks["Slow"].value = True
    explorer.panel.ticks["Fast"].value = True
    explorer.panel.status.pressed += 1
    assert explorer.wait(20) and shown(explorer) == ["attention"]
    assert explorer.panel.status.stopped and said(explorer) == ("", "Stopped.")
    explorer.sources[0].go.set()
    explorer.panel.status.pressed += 1
    assert explorer.wait(20) and shown(explorer) == ["attention", "Slow", "Fast"] and not explorer.panel.status.stopped


def test_choosing_another_recording_stops_what_runs(explorer_of):
    explorer = explorer_of()
    explorer.wait(20)
    explorer.panel.ticks["Slow"].value = True
    explorer.recording = 1
    explorer.sources[1].go.set()
    assert explorer.wait(20) and shown(explorer) == ["attention", "Slow"]
    assert explorer.scrubber.clip["title"] == "ben" and not explorer.sources[0].go.is_set()


def test_what_fails_is_one_sentence_and_the_rest_goes_on(explorer_of, capfd):
    explorer = explorer_of(ticked=("Broken", "Fast"))
    assert explorer.wait(20)
    assert said(explorer) == ("error", "Broken failed (RuntimeError: out of luck).")
    assert shown(explorer) == ["attention", "Fast"]
    assert capfd.readouterr().err == ""


def test_a_recording_that_cannot_be_opened_is_not_shown_as_another(explorer_of):
    def opener(number, task, begin):
        if number:
            raise StavisError("ben.mp4 is empty: take another copy.")
        return Drawn()

    explorer = Explorer(["anna", "ben"], opener)
    explorer.wait(20)
    explorer.recording = 1
    explorer.wait(20)
    assert said(explorer) == ("error", "ben.mp4 is empty: take another copy.") and explorer.panel.place.children == ()
    with pytest.raises(StavisError, match="no recording is shown yet"):
        explorer.save_frame("x.png")
    explorer.recording = 0
    explorer.wait(20)
    assert said(explorer) == ("", "") and explorer.panel.place.children == (explorer.scrubber,)
    explorer.close()


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"start": 2}, "no recording 2 among 2"), ({"dimension": "joy"}, "no dimension 'joy'"), ({"seconds": 0}, "window of 0 s")],
)
def test_what_cannot_be_is_refused(explorer_of, options, reason):
    with pytest.raises(StavisError, match=reason):
        explorer_of(**options)


def test_no_recordings_is_one_sentence():
    with pytest.raises(StavisError, match="there are no recordings to show: give a folder"):
        Explorer([], lambda *_: None)


def test_a_worker_does_one_thing_after_another_and_forgets_what_was_stopped():
    done, ended, inside = [], [], threading.Event()
    worker = Worker(ended=lambda task, error: ended.append((task.name, type(error))))

    def long(task):
        inside.set()
        while True:
            task.check()

    worker.submit("a", long)
    worker.submit("b", lambda task: done.append("b"), key="other")
    worker.submit("c", lambda task: done.append("c"))
    assert inside.wait(10) and worker.busy and [task.name for task in worker.stop("")] == ["a", "c"]
    assert worker.wait(10) and done == ["b"] and ended == [("a", Stopped), ("b", type(None))]
    assert not worker.busy and worker.stop() == []


def test_errors_become_sentences():
    assert sentence("x", MemoryError()).startswith("x needs more memory")
    assert sentence("x", StavisError("a\nb")) == "a b" and "\n" not in sentence("x", ValueError("a\nb"))


# Time, marks, curves, files


def test_the_time_is_set_and_heard(explorer_of):
    explorer = explorer_of()
    heard = []
    end = explorer.on_time(heard.append)
    explorer.time = 0.6  # before anything is shown, or after: both count
    explorer.wait(20)
    assert explorer.time == pytest.approx(0.6)
    explorer.scrubber.frame = 3
    assert heard[-1] == pytest.approx(0.12)
    end()
    explorer.time = 1.0
    assert heard[-1] == pytest.approx(0.12)
    explorer.on_time(lambda seconds: 1 / 0)
    explorer.time = 0.2
    assert said(explorer)[0] == "error" and "ZeroDivisionError" in said(explorer)[1]
    with pytest.raises(StavisError, match="cannot be shown"):
        explorer.time = float("nan")


def test_marks_are_kept_in_the_named_folder_and_read_back(explorer_of, tmp_path):
    explorer = explorer_of(annotations=tmp_path / "marks")
    explorer.wait(20)
    assert not (tmp_path / "marks").exists()
    explorer.scrubber.selection = {"range": None, "exclude": [[0.2, 0.4]], "events": [[0.8, "smile"]]}
    marks = Annotations(((0.2, 0.4),), ((0.8, "smile"),))
    assert read_annotations(tmp_path / "marks" / "anna.csv") == marks == explorer.annotations
    explorer.recording = "ben"
    explorer.wait(20)
    assert explorer.annotations == Annotations() and not (tmp_path / "marks" / "ben.csv").exists()
    explorer.recording = "anna"
    explorer.wait(20)
    assert explorer.annotations == marks


def test_marks_without_a_folder_stay_off_the_disk_until_one_is_named(explorer_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explorer_of()
    explorer.wait(20)
    explorer.annotations = Annotations((), ((0.8, "smile"),))
    assert list(tmp_path.iterdir()) == []
    Annotations((), ((0.1, "before"),)).save(tmp_path / "kept" / "anna.csv")
    explorer.panel.annotations.value = str(tmp_path / "kept")
    assert explorer.annotations.events == ((0.1, "before"), (0.8, "smile")) == read_annotations(tmp_path / "kept" / "anna.csv").events


def test_a_damaged_file_of_marks_is_said_and_left_alone(explorer_of, tmp_path):
    (tmp_path / "anna.csv").write_text("something else\n")
    explorer = explorer_of(annotations=tmp_path)
    explorer.wait(20)
    assert said(explorer)[0] == "error" and "not kept" in said(explorer)[1] and shown(explorer) == ["attention"]
    explorer.annotations = Annotations((), ((0.8, "smile"),))
    assert (tmp_path / "anna.csv").read_text() == "something else\n"


def test_names_of_files_hold_nothing_that_leads_elsewhere():
    assert file_stem("anna_03") == "anna_03" and "/" not in file_stem("../../etc/passwd") and file_stem("a b") != file_stem("a-b")
    assert file_stem("</script>") and file_stem("..") and not file_stem("..").startswith(".")


def test_any_table_with_a_time_column_becomes_curves(explorer_of, tmp_path):
    explorer = explorer_of()
    explorer.wait(20)
    path = tmp_path / "pulse.csv"
    pd.DataFrame({"time": [0.0, 1.0, 2.0], "bpm": [60, 70, 65]}).to_csv(path, index=False)
    explorer.panel.csv.value = str(path)
    explorer.panel.add_csv.click()
    names = lambda: [trace["name"] for trace in explorer.scrubber.clip["traces"] if trace["kind"] == "curve"]  # noqa: E731
    assert names() == ["pulse bpm"] and explorer.panel.csv.value == ""
    explorer.panel.csv.value = str(tmp_path / "none.csv")
    explorer.panel.add_csv.click()
    assert said(explorer)[0] == "error" and names() == ["pulse bpm"]
    explorer.panel.drop_csv.click()
    assert names() == []


def test_the_signals_of_the_tracker_are_shown_until_their_box_is_cleared(explorer_of):
    times = np.arange(40) / 25
    explorer = explorer_of(Drawn(signals=pd.DataFrame({"time": times, "smile": 0.01 * np.abs(np.sin(times))})))
    explorer.wait(20)
    names = lambda: [trace["name"] for trace in explorer.scrubber.clip["traces"] if trace["kind"] == "curve"]  # noqa: E731
    assert names() == ["smile"] and explorer.panel.signals.layout.display is None
    (panel,) = [panel for panel in explorer.scrubber.clip["panels"] if panel["title"] == "smile"]
    assert (panel["low"], panel["high"]) == (0, 1), "a trembling near 0 is not drawn as a movement"
    explorer.panel.signals.value = False
    assert names() == []


def test_a_recording_without_signals_offers_no_box_for_them(explorer_of):
    explorer = explorer_of()
    explorer.wait(20)
    assert explorer.panel.signals.layout.display == "none"


def test_everything_can_be_taken_away(explorer_of, tmp_path):
    explorer = explorer_of(out=tmp_path / "out", ticked=("Fast",))
    explorer.wait(20)
    for button in explorer.panel.exports.values():
        button.click()
    assert explorer.wait(60) and said(explorer)[1].startswith("Written: ")
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {"anna-attention-frame-1.png", "anna-attention.mp4", "anna-attention.gif", "anna-attention-shares.csv", "anna.html"}
    assert cv2.imread(str(tmp_path / "out" / "anna-attention-frame-1.png")).shape[0] == 768
    table = pd.read_csv(tmp_path / "out" / "anna-attention-shares.csv")
    assert len(table) == 40 and {"time", "face", "mouth", "excluded", "predicted valence"} <= set(table.columns)
    page = (tmp_path / "out" / "anna.html").read_text()
    assert "Fast" in page and "Predicted valence" in page and "http://" not in page.split("<script", 1)[0]


def test_what_waits_to_be_written_is_what_was_shown_when_it_was_asked_for(explorer_of, tmp_path):
    explorer = explorer_of(out=tmp_path)
    explorer.wait(20)
    clip, go = explorer._controller.clip, threading.Event()
    explorer.scrubber.frame, explorer.annotations = 7, Annotations(((0.0, 0.2),))
    explorer._writer.submit("What takes long", lambda task: go.wait(20))
    for kind in ("frame", "shares", "report"):
        explorer.export(kind)
    explorer.scrubber.frame = 30
    explorer.recording = "ben"
    assert explorer._controller.reporter.worker.wait(20)
    errors = []
    explorer.panel.status.observe(lambda change: errors.append(change.new), "said")
    go.set()
    assert explorer.wait(60)
    write_frame(tmp_path / "right.png", clip, explorer._controller.maps["attention"], 7, np.repeat(np.repeat(clip.frames, 3, 1), 3, 2))
    assert (tmp_path / "anna-attention-frame-8.png").read_bytes() == (tmp_path / "right.png").read_bytes()
    assert pd.read_csv(tmp_path / "anna-attention-shares.csv").excluded.sum() == 6
    assert not (tmp_path / "anna.html").exists()
    assert any(text.startswith("another recording or segment was chosen before the page of anna was written") for text in errors)


def test_what_is_taken_away_has_the_pixels_that_are_shown(explorer_of, tmp_path, monkeypatch):
    red = lambda self, window, task: WindowMedia(np.full((window.stop - window.start, 144, 144, 3), (200, 0, 0), np.uint8))  # noqa: E731
    monkeypatch.setattr(Drawn, "media", red)
    explorer = explorer_of()
    explorer.wait(20)
    explorer.scrubber.map = "none"
    frame = cv2.imread(str(explorer.save_frame(tmp_path / "a.png")))[..., ::-1]
    clip = next(iter(read_frames(explorer.save_clip(tmp_path / "a.mp4"), notes=Notes()))).image
    poster = cv2.imdecode(np.frombuffer(explorer.scrubber.poster(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    for image in (frame, clip, poster):
        assert image.mean((0, 1)) == pytest.approx([200, 0, 0], abs=8)


def test_no_folder_no_file(explorer_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explorer_of()
    explorer.wait(20)
    explorer.panel.exports["frame"].click()
    assert "no folder is named" in said(explorer)[1] and list(tmp_path.iterdir()) == []


def test_the_shares_say_what_is_excluded():
    clip = clip_of(10, 32)
    maps = AttentionMaps(wandering(10, 8), clip.times)
    table = shares_table(clip, maps, None, Annotations(((0.08, 0.16),)))
    assert table.excluded.tolist() == [False, False, True, True, True, *[False] * 5]


def test_a_saved_notebook_has_a_poster_that_the_live_view_hides(explorer_of, monkeypatch):
    sent, renewed = [], []

    class Handle:
        def update(self, bundle, **_):
            renewed.append(bundle)

    monkeypatch.setattr("stavis.show.explorer.explorer.display", lambda data, raw: sent.append(data))
    monkeypatch.setattr("stavis.show.explorer.wiring.display", lambda data, raw, display_id: sent.append(data) or Handle())
    explorer = explorer_of()
    explorer.wait(20)
    explorer._ipython_display_()
    live, poster = sent
    assert "application/vnd.jupyter.widget-view+json" in live and "object at 0x" not in live["text/plain"]
    key = explorer.panel.status.poster
    assert f'data-stavis-explorer="{key}"' in poster["text/html"] and 'alt="frame 1, valence' in poster["text/html"]
    outputs = [nbformat.v4.new_output("display_data", one) for one in sent]
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)]))
    assert "data-stavis-block" in poster["text/html"]
    monkeypatch.setattr("stavis.show.explorer.wiring.LARGEST_POSTER", 1000)  # of a long stretch one frame is kept
    explorer.recording = "ben"
    explorer.wait(20)
    assert "ben: frame 1" in renewed[-1]["text/html"] and "data-stavis-block" not in renewed[-1]["text/html"]


@pytest.mark.browser
def test_the_page_of_an_executed_notebook_scrubs_though_nobody_had_it_open(explorer_of, monkeypatch, tmp_path, open_page):
    sent = []
    for module in ("explorer.explorer", "explorer.wiring"):
        monkeypatch.setattr(f"stavis.show.{module}.display", lambda data, raw, display_id=None: sent.append(data))
    explorer = explorer_of()
    explorer.wait(20)
    explorer._ipython_display_()
    cell = nbformat.v4.new_code_cell("look()", outputs=[nbformat.v4.new_output("display_data", one) for one in sent])
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Look\n\nWords."), cell]), tmp_path / "a.ipynb")
    page = open_page(export_notebook(tmp_path / "a.ipynb", tmp_path / "a.html", title="Anna"))
    page.wait_for_selector("[data-stavis=scrubber][data-drawn='0']")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[data-stavis=scrubber][data-drawn='1']")
    assert page.locator("h1").all_inner_texts() == ["Anna"] and page.get_by_text("Words.").is_visible()
    assert not page.get_by_text("look()").is_visible()
    page.get_by_text("Code of this page", exact=True).click()
    assert page.get_by_text("look()").is_visible()
    assert page.requests == [] and page.errors == []
