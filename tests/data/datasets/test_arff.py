"""ARFF tables, however they are written."""

import numpy as np
import pytest

from stavis.data.datasets.avec import read_arff, read_features, read_gold
from stavis.errors import StavisError
from tests.data.datasets.fakes import written

HEAD = ["@relation x", "@attribute Instance_name string", "@attribute frameTime numeric", "@attribute GoldStandard numeric", "@data"]


def test_quotes_comments_cases_and_missing_values(tmp_path):
    table = read_arff(
        written(
            tmp_path / "a.arff",
            [
                "% a comment, with a comma",
                "@RELATION 'two words'",
                "@ATTRIBUTE 'a name' STRING",
                '@attribute "frame Time" NUMERIC',
                r"@attribute 'it\'s' real",
                "@attribute kind {good,'so so'}",
                "",
                "@DATA",
                r"'train, 1', 0.00, -1.5e-1, good",
                "% in between",
                "",
                r"'it\'s 100 %', 0.04, ?, 'so so'",
            ],
            "\r\n",
        )
    )
    assert list(table.columns) == ["a name", "frame Time", "it's", "kind"]
    assert table["a name"].tolist() == ["train, 1", "it's 100 %"] and table.kind.tolist() == ["good", "so so"]
    assert table["frame Time"].tolist() == [0.0, 0.04] and table["it's"][0] == -0.15 and np.isnan(table["it's"][1])


def test_names_without_quotes_and_in_double_quotes(tmp_path):
    plain = read_arff(written(tmp_path / "a.arff", [*HEAD, "train_1,0.00,0.5"]))
    double = read_arff(written(tmp_path / "b.arff", [*HEAD, '"train_1",0.00,0.5']))
    assert plain.equals(double) and plain.GoldStandard.tolist() == [0.5]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (HEAD[:-1], "no line '@data'"),
        (HEAD, "no row below '@data'"),
        ([*HEAD, "{0 a, 1 2}"], "sparse"),
        ([*HEAD, "a,0,0,0"], "4 values for 3 attributes"),
        ([*HEAD, "a,0,0", "a,0.04,x"], "does not fit its attributes"),
        ([*HEAD, "a,0,0", "a,0.04,0,0"], "does not fit its attributes"),
        (["@attribute", "@data", "1"], "line 1: '@attribute' names no attribute"),
    ],
)
def test_what_is_no_table_is_told_in_a_sentence(lines, said, tmp_path):
    with pytest.raises(StavisError, match=said) as caught:
        read_arff(written(tmp_path / "a.arff", lines))
    assert "\n" not in str(caught.value)


def test_descriptors_need_times_and_numbers(tmp_path):
    no_time = ["@relation x", "@attribute name string", "@attribute GoldStandard numeric", "@data", "a,0.5"]
    with pytest.raises(StavisError, match="no attribute frameTime"):
        read_gold(written(tmp_path / "a.arff", no_time))
    only_time = ["@relation x", "@attribute name string", "@attribute frameTime numeric", "@data", "a,0.5"]
    with pytest.raises(StavisError, match="no descriptor"):
        read_features(written(tmp_path / "b.arff", only_time))
