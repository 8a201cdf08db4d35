"""Notes are kept in order, each once, and shown as warnings of ours."""

import warnings

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
