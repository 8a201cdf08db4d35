"""Names that are no UTF-8 can be printed, written and read again."""

import html
import itertools
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

import stavis
from stavis.errors import StavisError, StavisWarning
from stavis.notes import Notes
from stavis.printable import html_text, percent, printable, printable_json, telling_apart, unbroken
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


NUMBERS = [0.0, -0.0, 1e-9, -1e-9, 0.88, 0.8800001, 0.05, 0.0496, 1.0, 0.9996, 1 / 3, 20.0, 1e6, 1e-300, -0.25, 5e-324, 1e300]
NUMBERS += [math.nextafter(one, math.inf) for one in NUMBERS] + [math.nextafter(one, -math.inf) for one in NUMBERS]


@pytest.mark.parametrize("fewest", [0, 1, 2, 3])
def test_two_unequal_numbers_never_print_alike(fewest):
    random = np.random.default_rng(0)
    near = [(a, a * (1 + 10.0 ** -random.integers(1, 17))) for a in random.normal(size=300)]
    for a, b in [*itertools.product(NUMBERS, NUMBERS), *near]:
        show = telling_apart([a], [b], fewest)
        assert (show(a) == show(b)) == (a == b), (a, b, show(a), show(b))


def test_no_more_digits_than_it_takes():
    assert telling_apart([0.5], [0.25])(0.5) == "0.50"
    show = telling_apart([0.8812, 0.7], [0.8809, 0.2])
    assert [show(one) for one in (0.8812, 0.8809, 0.7)] == ["0.8812", "0.8809", "0.7000"]
    assert telling_apart([0.123456], [])(0.123456) == "0.12"


def test_undefined_numbers_are_told_and_ask_for_no_digits():
    show = telling_apart([float("nan"), 0.3], [float("inf"), 0.1])
    assert (show(float("nan")), show(0.3), show(-0.001)) == ("?", "0.30", "0.00")


def test_per_cent_is_written_in_one_way():
    assert (percent(0.274), percent(0.0072, 1), percent(-0.0001), percent(float("nan"))) == ("27 %", "0.7 %", "0 %", "? %")
    own = re.compile(r":\.\d%\}")
    lines = [
        f"{path.name}: {line.strip()}"
        for path in Path(stavis.__file__).parent.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if own.search(line) and '.replace("%", " %")' not in line
    ]
    assert lines == [], "27%: use stavis.printable.percent, which writes 27 %"


def test_a_page_keeps_a_number_and_its_unit_together():
    text = "88 % of 9.5 s at 25 frames/s, 112 px, 3 MB; 4 smiles, 3 such, 20.7 × chance <b>"
    held = unbroken(text)
    assert held.replace("\N{NO-BREAK SPACE}", " ") == text and unbroken(held) == held
    apart = [part for part in held.split(" ") if part[0].isdigit() or part == "%"]
    assert [part.replace("\N{NO-BREAK SPACE}", " ") for part in apart] == [
        "88 %", "9.5 s", "25 frames/s,", "112 px,", "3 MB;", "4", "3", "20.7 ×",
    ]  # fmt: skip
    assert html_text(text) == html.escape(held) and html_text(text).endswith("&lt;b&gt;")
    assert percent(0.88) == "88 %", "a terminal and a file keep the ordinary space"
