"""What a bench asks of every row alike."""

import math

import pytest

from stavis.bench.plan import RECIPES, BenchConfig, folder_hash
from stavis.models.systems import SYSTEMS


@pytest.mark.parametrize("preset", sorted(RECIPES))
def test_a_step_sees_as_many_frames_of_every_row_however_long_its_windows(preset):
    plan = BenchConfig("data", "hash", tuple(SYSTEMS), preset=preset)
    clips = {name: recipe.clips for name in SYSTEMS if (recipe := plan.recipe(name)).clips}
    assert {"sta", "cnn3d", "sta-long"} <= set(clips)
    assert len({one.batch * one.seconds for one in clips.values()}) == 1, "windows are longer and fewer, or as they were"
    reach = {name: SYSTEMS[name].preset(preset).seconds for name in clips}
    assert all(math.isclose(clips[name].seconds / clips["sta"].seconds, reach[name] / reach["sta"]) for name in clips)
    assert clips["sta-long"].seconds == 2 * clips["sta"].seconds and clips["sta"] == clips["cnn3d"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "json", "arff"])
def test_labels_that_are_edited_make_the_data_another(suffix, tmp_path):
    (tmp_path / f"anna.{suffix}").write_text("0.1")
    before = folder_hash(tmp_path)
    (tmp_path / f"anna.{suffix}").write_text("0.2")
    assert folder_hash(tmp_path) != before
