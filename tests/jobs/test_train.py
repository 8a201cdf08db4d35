"""Training as a job: what of a data set's labels a network is trained on."""

import shutil

import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.jobs.train import train
from stavis.models.checkpoint import load_checkpoint
from stavis.storage.locks import only_runner
from stavis.training.config import TrainingConfig

SHORT = TrainingConfig(steps=1, batch=1, seconds=0.8, epoch=1)
OPTIONS = {"training": SHORT, "device": "cpu", "quiet": True, "crop_size": 32}


@pytest.fixture
def both(drawn, tmp_path):
    """The drawn data set with a column of arousal before that of valence, which lacks the first second."""
    root = tmp_path / "both"
    shutil.copytree(drawn, root)
    for path in (root / "labels").iterdir():
        table = pd.read_csv(path)
        table.insert(1, "arousal", (0.5 * table.valence).where(table.time > 1))
        table.to_csv(path, index=False)
    return root


def test_labels_of_other_dimensions_are_neither_missed_nor_noted(both, tmp_path, recwarn):
    said = []
    result = train(tmp_path / "run", both, report=said.append, **OPTIONS)
    assert "without a label" not in said[0]
    assert not [str(one.message) for one in recwarn if " s have " in str(one.message)]
    assert load_checkpoint(result.run).info["data"]["recordings"] == 1


def test_a_dimension_that_only_some_recordings_have_is_refused_where_it_is_wanted(both, tmp_path):
    name = next(line.split(",")[0] for line in (both / "splits.csv").read_text().splitlines() if line.endswith("train"))
    path = both / "labels" / f"{name}.csv"
    pd.read_csv(path).drop(columns="arousal").to_csv(path, index=False)
    train(tmp_path / "valence", both, **OPTIONS)
    with pytest.raises(StavisError, match=f"recording {name} has no labels of arousal"):
        train(tmp_path / "both", both, dimensions=("valence", "arousal"), **OPTIONS)


def test_a_run_that_another_process_writes_is_left_to_it(drawn, tmp_path):
    with only_runner(tmp_path / "run"), pytest.raises(StavisError, match=r"is being written by another runner \(process \d+ on "):
        train(tmp_path / "run", drawn, resume=True, **OPTIONS)
    assert train(tmp_path / "run", drawn, resume=True, **OPTIONS).step == 1
