"""Notes are kept in order, each once, and shown as warnings of ours."""

import shutil
import warnings

import stavis
from stavis.data.crops.many import crops_for
from stavis.errors import StavisWarning
from stavis.notes import Notes, show


def test_a_sentence_is_kept_once_in_the_order_in_which_it_came():
    notes = Notes(["b", "a"])
    notes.add("a", "c", "b  \n")
    assert list(notes) == ["b", "a", "c"] and len(notes) == 3


def test_each_note_is_shown_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        show(["a", "b", "a"])
    assert [(str(one.message), one.category) for one in caught] == [("a", StavisWarning), ("b", StavisWarning)]


def test_what_is_known_of_a_video_is_shown_once_by_what_the_user_called(tiny_run, drawn, tmp_path):
    net = stavis.load(tiny_run, device="cpu")
    video = tmp_path / "anna.mp4"
    shutil.copy(next((drawn / "videos").glob("*.mp4")), video)
    (tmp_path / "anna.csv").write_text("time,valence\n" + "".join(f"{k / 12.5},0.1\n" for k in range(12)))
    recording = stavis.read_dataset(tmp_path)[0]
    calls = {
        "read": lambda: net.read(recording, source="centre"),
        "read_many": lambda: net.read_many([recording], source="centre"),
        "explain": lambda: net.explain(recording, methods=(), source="centre"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", StavisWarning)
        (note,) = [one for one in net.crops(recording, source="centre").notes if "before the video" in one]
        crops_for([recording] * 4, net.crop_config("centre"))
    for name, call in calls.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert [str(one.message) for one in caught].count(note) == 1, name
