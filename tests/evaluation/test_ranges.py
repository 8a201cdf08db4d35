"""Errors by how low or high the gold is."""

import pandas as pd
import pytest

from stavis.evaluation.ranges import error_by_range


def test_errors_are_counted_by_range_of_the_gold():
    table = pd.DataFrame({"recording": "a", "predicted": [0.0, 0.5, -0.9], "gold": [0.1, 1.0, -1.0]})
    found = error_by_range({"sta": {0: table}}).set_index("low")
    assert found.labels.tolist() == [1, 1, 1] and found.rmse[0.75] == pytest.approx(0.5) and found.bias[-1.0] == pytest.approx(0.1)
