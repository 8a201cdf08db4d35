"""The crops of several recordings: what must be known of them names the recordings that it is of."""

from pathlib import Path
from types import SimpleNamespace

from stavis.data.crops.many import notes_of


def crops(name: str, *notes: str) -> SimpleNamespace:
    return SimpleNamespace(recording=name, video=Path(f"videos/{name}.mp4"), notes=notes)


def test_a_note_of_one_of_several_recordings_names_it():
    own = "P16.mp4: frames from 1 s on are interlaced and were deinterlaced."
    found = notes_of(
        [crops("P16", "after 1.0 s another person may be shown.", own), crops("P19", "after 1.0 s another person may be shown.")]
    )
    assert found == ("P16, P19: after 1.0 s another person may be shown.", own)
    labels = "recording 3: 0.20 of 3.33 s have no label."
    assert notes_of([crops("3", "3: no face was found.", labels), crops("after", "after 3 s ...")]) == (
        "3: no face was found.",
        labels,
        "after: after 3 s ...",
    )


def test_of_a_single_recording_notes_stay_as_they_are():
    assert notes_of([crops("P16", "after 1.0 s another person may be shown.")]) == ("after 1.0 s another person may be shown.",)
