"""Tables of an explanation by annotated intervals: one interval over everything has the means of the whole."""

import numpy as np
import pytest

from stavis.data.annotations.annotations import Annotations
from stavis.data.annotations.tiers import Span, Tier
from stavis.data.datasets.registry import read_dataset
from stavis.errors import StavisError
from stavis.jobs.load import load


@pytest.fixture(scope="module")
def explained(tiny_run, drawn):
    return load(tiny_run, device="cpu").explain(read_dataset(drawn)[0], methods=("saliency",))


def all_of(x) -> Annotations:
    times = x.crops.times
    return Annotations(tiers=(Tier("whole", (Span(float(times[0]), float(times[-1]), "all"),)),))


def test_one_interval_over_everything_has_the_means_of_the_whole(explained):
    row = explained.table(by=all_of(explained)).iloc[0]
    whole = explained.table("regions").set_index("region")["mean share"]
    assert row.frames == len(explained.crops) and row.valid == explained.frames_with_face
    for name in explained.crops.region_names:
        assert round(row[name], 3) == pytest.approx(whole[name.replace("_", " ")], abs=1e-9)
    values = explained.table("predictions")
    name = values.dimension[0]
    assert row[f"predicted {name}"] == pytest.approx(values[values.dimension == name].predicted.mean())


def test_every_table_has_a_row_for_each_interval(explained):
    times = explained.crops.times
    halves = (Span(float(times[0]), float(times[5]), "first"), Span(float(times[6]), float(times[-1]), "second"))
    annotations = Annotations(tiers=(Tier("half", halves),))
    for kind in ("regions", "agreement", "shares", "predictions"):
        found = explained.table(kind, by=annotations)
        assert found.label.tolist() == ["first", "second"] and found.frames.tolist() == [6, len(times) - 6]
        assert len(found.columns) > 6 and np.isfinite(found.iloc[:, 6:].to_numpy()).any()
    with pytest.raises(StavisError, match="no span, point or event"):
        explained.table(by=Annotations())
