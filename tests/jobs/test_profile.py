"""What explaining a video costs, stage by stage."""

import os

import plotly.graph_objects as go
import pytest

from stavis import jobs
from stavis.errors import StavisError
from stavis.inference.predictor import VideoReader
from stavis.storage.contents import cache_list


@pytest.fixture(scope="module")
def found(tmp_path_factory, drawn, tiny_run):
    before = dict(os.environ), len(cache_list())
    found = jobs.profile(tiny_run, next((drawn / "videos").glob("*.mp4")), methods=("saliency",), device="cpu", quiet=True)
    assert (dict(os.environ), len(cache_list())) == before  # nothing is taken from the cache, nothing left in it
    return found


def test_every_stage_has_its_frames_and_its_time(found):
    stages = found.table.set_index("stage")
    whole = [name for name in stages.index if not name.startswith(" ")]
    assert whole[0] == "decode" and {"decode and crop", "read", "Saliency", "shares", "page, tables and overlay"} < set(whole)
    assert (stages.frames == 25).all()
    assert (stages.cpu >= 0).all() and (stages.wall > 0).all()
    assert stages.per_frame.to_numpy() == pytest.approx(1000 * stages.cpu.to_numpy() / 25)
    assert found.cpu == pytest.approx(stages.cpu[whole].sum())


def test_the_parts_of_the_network_take_no_longer_than_reading_with_it(found, tiny_run):
    stages = found.table.set_index("stage")
    parts = [name for name in stages.index if name.startswith(" ")]
    children = [name for name, _ in VideoReader.load(tiny_run, device="cpu").model.named_children()]
    assert [name.strip() for name in parts] == [name for name in children if f"  {name}" in parts] and len(parts) > 3
    assert stages.wall[parts].sum() <= stages.wall["read"]


def test_it_prints_a_line_a_stage_and_the_sum(found):
    lines = str(found).splitlines()
    assert len(lines) == len(found.table) + 2 and "x its length" in lines[-1]
    assert isinstance(found.figure(), go.Figure)


def test_a_video_that_is_not_there_is_refused(tiny_run, tmp_path):
    with pytest.raises(StavisError, match=r"nothing\.mp4"):
        jobs.profile(tiny_run, tmp_path / "nothing.mp4", device="cpu", quiet=True)
