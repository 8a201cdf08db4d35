"""Whether someone was trained on is said where it is known, and only there."""

import pytest

from stavis.evaluation.people import NOT_TRAINED_ON, UNKNOWN, all_people, people_of, trained_on
from stavis.types import Recording

OWN = {"name": "mine"}
TRAIN, TEST = [Recording("a", "a.mp4", "Anna"), Recording("b", "b.mp4", "Bob")], [Recording("c", "c.mp4", "Cleo"), Recording("d", "d.mp4")]
SPEC = {"synthetic": True, "name": "faces", "hash": "1", "spec": {"seed": 3}}


def info(data=OWN, recordings=TRAIN, source=None, **more):
    return {"data": {**data, "split": "train"}, **all_people(recordings, data, source), **more}


def test_people_of_the_training_split_are_said_to_be_known():
    found = trained_on(info(), TRAIN, OWN, "train")
    assert found.text == ", 2 of them of people who were trained on"
    assert found.warning.startswith("2 of 2 recordings are of people who were trained on (by the names of subjects): ")
    mixed = trained_on(info(), [*TEST, Recording("e", "e.mp4", "ANNA")], {"name": "other"}, "test")
    assert "1 of 3 recordings" in mixed.warning
    assert trained_on(info(), TEST, OWN, "test") == trained_on(info(), TEST, {"name": "other"}, None)
    assert trained_on(info(), TEST, OWN, "test").text == NOT_TRAINED_ON and not trained_on(info(), TEST, OWN, "test").warning


def test_a_recording_without_a_subject_stands_for_itself():
    assert trained_on(info(recordings=TEST), [Recording("d", "d.mp4")], OWN, "test").warning


def test_names_are_kept_as_digests():
    assert "Anna" not in str(info()) and people_of(TRAIN) == people_of(TRAIN[::-1]) and len(people_of(TRAIN * 2)) == 2


def test_a_run_that_does_not_know_is_not_vouched_for():
    older = {"data": {"name": "mine", "split": "train"}}
    assert trained_on(older, TEST, OWN, "test").text == trained_on({}, TEST, OWN, "test").text == UNKNOWN
    assert "2 of 2 recordings" in trained_on(older, TRAIN, OWN, "train").warning


def test_fine_tuned_networks_remember_those_before():
    tuned = info({"name": "second"}, TEST, info())
    assert trained_on(tuned, TRAIN, OWN, "train").warning and trained_on(tuned, TEST, {"name": "second"}, "train").warning
    assert "people" not in info(source={"data": {"name": "older"}}), "whom that was trained on is not known"
    assert trained_on(info(source=info(SPEC)), TRAIN, OWN, "train").warning


@pytest.mark.parametrize(
    ("data", "split", "text"),
    [
        (SPEC, "test", NOT_TRAINED_ON),
        ({**SPEC, "name": "moved"}, "test", NOT_TRAINED_ON),
        (SPEC, "train", ", 2 of them of people who were trained on"),
        ({**SPEC, "hash": "2", "spec": {"seed": 4}}, "train", NOT_TRAINED_ON),
        ({**SPEC, "hash": "2"}, "test", UNKNOWN),
        (OWN, "test", NOT_TRAINED_ON),
    ],
)
def test_synthetic_people_are_told_apart_by_their_set(data, split, text):
    learned = info(SPEC)
    assert "people" not in learned, "a set of thousands says it by its hash"
    assert trained_on(learned, TRAIN, data, split).text == text
