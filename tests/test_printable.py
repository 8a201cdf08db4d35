"""Names that are no UTF-8 can be printed, written and read again."""

import json
import os

import pytest

from stavis.errors import StavisError, StavisWarning
from stavis.notes import Notes
from stavis.printable import printable, printable_json
from stavis.storage.files import content_hash, file_stem, read_json, write_json, write_text

NAME = os.fsdecode(b"caf\xe9 \xff.mp4")


def test_every_byte_that_is_no_utf8_is_shown_as_an_escape():
    assert printable(NAME) == r"caf\xe9 \xff.mp4" and printable("Größe 表情 😀") == "Größe 表情 😀"
    assert printable("\ud800") == r"\ud800"
    assert str(StavisError(f"{NAME} is empty.")) == r"caf\xe9 \xff.mp4 is empty." == str(StavisWarning(f"{NAME} is empty."))
    assert list(Notes([f"{NAME} is cut."])) == [r"caf\xe9 \xff.mp4 is cut."]


def test_json_with_such_names_is_json(tmp_path):
    text = printable_json(json.dumps({NAME: [NAME]}, ensure_ascii=False))
    assert json.loads(text.encode()) == {printable(NAME): [printable(NAME)]}
    assert read_json(write_json(tmp_path / "a.json", [NAME])) == [printable(NAME)]
    assert write_text(tmp_path / "a.txt", NAME).read_text(encoding="utf-8") == printable(NAME)


def test_two_such_names_stay_two():
    others = [os.fsdecode(b"caf\xe8"), os.fsdecode(b"caf\xe9")]
    assert len({content_hash(name) for name in others}) == 2 == len({file_stem(name) for name in others})
    for name in others:
        file_stem(name).encode()


def test_a_file_of_such_a_name_is_written(tmp_path):
    path = tmp_path / NAME
    with pytest.raises(StavisError, match=r"caf\\xe9 \\xff.mp4 is missing"):
        read_json(path)
    assert write_json(path, 1).exists() and read_json(path) == 1
