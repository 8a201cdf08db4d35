"""Label files: the same however they were written, and what cannot be read for sure is refused with file and line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.data.datasets import labels as labels_module
from stavis.data.datasets.exclusion import read_exclusions
from stavis.data.datasets.labels import LabelConfig, read_labels, read_raters
from stavis.errors import StavisError

TIMES = np.arange(76) / 25
VALENCE = np.round(np.sin(TIMES), 4)
AROUSAL = np.round(np.cos(3 * TIMES) / 2, 4)


def lines(separator=",", spaces="", quote="", comma=False, extra=False):
    def cell(value):
        text = value if isinstance(value, str) else f"{value:.4f}"
        return f"{quote}{text.replace('.', ',') if comma else text}{spaces}{quote}"

    names = ["time", "valence", "arousal"]
    rows = [names] + [[t, v, a] for t, v, a in zip(TIMES, VALENCE, AROUSAL, strict=True)]
    if extra:
        rows = [["comment", *names[:2], "frame", names[2]]] + [["so, la", t, v, str(k), a] for k, (t, v, a) in enumerate(rows[1:])]
        rows = [[f'"{row[0]}"', *row[1:]] for row in rows]
        return [separator.join([row[0], *map(cell, row[1:])]) for row in rows]
    return [separator.join(map(cell, row)) for row in rows]


WAYS = {
    "plain": "\n".join(lines()),
    "semicolon": "\n".join(lines(";")),
    "tab": "\n".join(lines("\t")),
    "crlf": "\r\n".join(lines()) + "\r\n",
    "old mac": "\r".join(lines()),
    "bom": "\ufeff" + "\n".join(lines()),
    "quotes": "\n".join(lines(quote='"')),
    "spaces": "\n".join(lines(";", spaces="  ")),
    "spaces in quotes": "\n".join(lines(", ", spaces=" ", quote='"')),
    "decimal comma": "\n".join(lines(";", comma=True)),
    "extra columns": "\n".join(lines(extra=True)),
    "empty rows": "\n\n".join(lines()) + "\n,,\n\n",
    "trailing separators": "\n".join(lines()).replace("\n", ",\n") + ", ,",
    "upper case": "\n".join(lines()).replace("time,valence", "Time,VALENCE"),
}


@pytest.mark.parametrize("way", WAYS)
def test_labels_are_the_same_however_written(tmp_path, way):
    path = tmp_path / "a.csv"
    path.write_bytes(WAYS[way].encode())
    labels = read_labels(path)
    assert labels.dimensions == ("valence", "arousal")
    assert np.array_equal(labels.times, np.round(TIMES, 4))
    assert np.array_equal(labels.values, np.stack([VALENCE, AROUSAL], 1))


def test_utf16_as_spreadsheets_write_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(lines("\t")).encode("utf-16"))
    assert np.array_equal(read_labels(path).values[:, 0], VALENCE)


def test_asked_dimensions_come_in_the_asked_order(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,arousal,joy,valence\n0,.1,.2,.3\n")
    assert read_labels(path, ("valence", "joy")).values.tolist() == [[0.3, 0.2]]


BAD = {
    "missing time": ("t,valence\n0,0\n", "line 1.*'time' is missing"),
    "missing dimension": ("time,happiness\n0,0\n", "line 1.*no column is called valence"),
    "no header": ("0,0.1\n0.04,0.2\n", "no header"),
    "text": ("time,valence\n0,0\n0.04,abc\n", "line 3: valence is 'abc', not a number"),
    "empty time": ("time,valence\n0,0\n,0\n", "line 3: time is empty"),
    "time that is nan": ("time,valence\nnan,0\n", "line 2: time is 'nan'|line 2: time is nan"),
    "infinite value": ("time,valence\n0,inf\n", "line 2: valence is inf"),
    "percent": ("time,valence\n0%,0\n50%,0\n", "line 2: time is '0%', not a number: give time_unit='percent'"),
    "minutes": ("time,valence\n0:00,0\n1:30,0\n", "line 2: time is '0:00', not a number: write seconds, or hours:minutes:seconds"),
    "percent value": ("time,valence\n0,50%\n", "line 2: valence is '50%', not a number"),
    "descending": ("time,valence\n2,0\n1,0\n0,0\n", "line 3: the time 1 s comes after 2: times run backwards"),
    "infinite": ("time,valence\n0,0\ninf,0\n", "line 3: time is inf"),
    "backwards": ("time,valence\n0,0\n0.08,0\n0.04,0\n", "line 4.*backwards"),
    "twice": ("time,valence\n0,0\n0.04,0\n0.04,0\n", "line 4.*twice"),
    "range": (
        "time,valence\n0,0\n0.04,10\n",
        r"line 3: valence is 10, outside \[-1,1\] \(the file's values are from 0 to 10\): give the ends of the scale, scale=\(low, high\)",
    ),
    "double column": ("time,valence,valence\n0,0,0\n", "line 1.*'valence' is there twice"),
    "header only": ("time,valence\n", "no row below its header"),
    "empty": ("", "is empty"),
    "blank": (" \n\n \n", "is empty"),
    "separators only": (";;;\n", "no header|no row"),
    "binary": ("PK\x03\x04\0\0\0", "is not text"),
    "underscore": ("time,valence\n0,0\n1_0,0\n", "line 3: time is '1_0', not a number"),
    "decimal commas in a comma file": ("time,valence\n0,0\n1,0,6\n2,-0,7\n", "line 3 has 3 values under 2 columns: .*decimal commas"),
    "row names of R": ('"time","valence"\n"1",0,0.5\n"2",0.5,0.6\n', "line 2 has 3 values under 2 columns: .*name every column"),
    "a value after empty cells": ("time,valence\n0,0\n1,0,,,6\n", "line 3 has 5 values under 2 columns"),
    "thousands": ("time;valence\n0;0,5\n1.000;0,6\n2.000;-0,7\n", r"line 3: the time 1\.000 may be 1 or a thousand times as much"),
    "thousands with commas": ('time,valence\n0,0.5\n"10,500",0.6\n', "line 3: the time 10,500 may be 10 or a thousand times as much"),
    "open quote": ('time,valence\n0,"0\n' + "1,0\n" * 60000, "line|not a number"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_labels_are_told_with_file_and_line(tmp_path, kind):
    text, said = BAD[kind]
    path = tmp_path / "the labels.csv"
    path.write_text(text)
    with pytest.raises(StavisError, match=said) as caught:
        read_labels(path)
    assert "the labels.csv" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_asked_dimension_that_is_missing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,valence\n0,0\n")
    with pytest.raises(StavisError, match="'arousal' is missing"):
        read_labels(path, ("valence", "arousal"))


def test_huge_missing_and_odd_files(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("time,valence\n0,0\n")
    monkeypatch.setattr(labels_module, "LARGEST_FILE", 10)
    with pytest.raises(StavisError, match="larger than"):
        read_labels(path)
    for wrong in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(StavisError, match="missing or no regular file"):
            read_labels(wrong)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet='time,valence;\t\n"0123.-einfa', max_size=300).map(str.encode))
def test_any_bytes_give_labels_or_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    for read in (read_labels, read_raters):
        try:
            found = read(path)
        except StavisError as error:
            assert "\n" not in str(error)
        else:
            assert (np.diff(found.times) > 0).all() and not (np.abs(found.values) > 1).any() and not np.isinf(found.values).any()


def test_raters_in_recolas_format_with_its_trailing_spaces(tmp_path):
    path = tmp_path / "P16.csv"
    path.write_bytes(b"time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3\n0;0;.1;.2;.3;.4;.5\n.04;0;.1;.2;.3;.4;-.5\n")
    found = read_raters(path)
    assert found.raters == ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3") and found.values[1, 5] == -0.5
    path.write_text("time;frame\n0;1\n")
    with pytest.raises(StavisError, match="no rater"):
        read_raters(path)


@pytest.mark.parametrize("way", WAYS)
def test_quick_and_careful_reading_give_the_same_numbers(way, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(WAYS[way] if isinstance(WAYS[way], bytes) else WAYS[way].encode())
    quick = read_labels(path)
    with monkeypatch.context() as patch:
        patch.setattr(labels_module, "_quick", lambda *_: None)
        careful = read_labels(path)
    assert np.array_equal(quick.times, careful.times) and np.array_equal(quick.values, careful.values)


@pytest.mark.parametrize("header", ["time,valence", '"time","valence"', "time,valence,note"])
def test_what_is_under_no_column_is_refused_wherever_it_stands(header, tmp_path):
    """One row in a thousand, where the quick reading would pass over it."""
    columns = header.count(",") + 1
    rows = [",".join([f"{k}", "0.5", "x"][:columns]) for k in range(1000)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *rows]))
    assert len(read_labels(path).times) == 1000
    path.write_text("\n".join([header, *rows[:700], rows[700] + ",7", *rows[701:]]))
    with pytest.raises(StavisError, match=f"line 702 has {columns + 1} values under {columns} columns"):
        read_labels(path)


def test_other_tables_refuse_what_is_under_no_column(tmp_path):
    """The start .5 s and the stop 1.5 s, with decimal commas, would be a range from 0 to 5 s."""
    path = tmp_path / "exclude.csv"
    path.write_text("recording,start,stop,reason\na,0,5,1,5\n")
    with pytest.raises(StavisError, match="line 2 has 5 values under 4 columns"):
        read_exclusions(path)


@pytest.mark.parametrize(
    "rows", ["0.000;0,5\n1.000;0,6", "0,000;0,5\n1,000;0,6", "0;0.5\n1.000;0.6", "0.040;0,5\n1.080;0,6", "0;0\n1.000;1"]
)
def test_times_that_can_be_read_in_one_way_alone_are_read(rows, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"time;valence\n{rows}\n")
    assert read_labels(path).times[1] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("name", "value"), [("scale", 9), ("scale", "1,9"), ("scale", (9, 1)), ("max_gap", "three"), ("max_gap", 0.5)])
def test_how_labels_are_read_is_refused_in_one_sentence(name, value):
    with pytest.raises(StavisError, match=name):
        LabelConfig(**{name: value})
