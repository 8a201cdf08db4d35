"""The overlay on the source: the same whether the video is read for it alone or for a page as well, and decoded once with a page."""

import av
import numpy as np
import pytest

from stavis.data.crops import shown
from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.shown import ShownFrames
from stavis.data.datasets.registry import read_dataset
from stavis.data.video.io import write_video
from stavis.errors import StavisError
from stavis.jobs.load import load
from stavis.show.figures import source_overlay
from stavis.show.figures.source_overlay import write_source_overlay
from stavis.types import AttentionMaps


def pictures(path):
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture
def crops(tmp_path):
    y, x = np.mgrid[0:150, 0:200] / 200
    images = [np.stack([127 + 120 * np.sin(9 * x + k / 3), 127 + 120 * np.cos(7 * y), 60 + 0 * x], -1) for k in range(12)]
    return crops_of(
        write_video(tmp_path / "video.mp4", np.array(images).astype(np.uint8), fps=10), CropConfig(size=40, rate=None, source="centre")
    )


@pytest.fixture
def maps(crops):
    weights = np.random.default_rng(1).dirichlet(np.ones(16), len(crops)).reshape(-1, 4, 4).astype(np.float32)
    return AttentionMaps(weights, crops.times)


@pytest.fixture
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(source_overlay, "get_file", lambda kind, key, name, make, about: make(tmp_path / name) or tmp_path / name)


def reading(crops, **changes):
    """What reads every frame for a purpose of its own."""
    return lambda seen: list(ShownFrames.of(crops, slice(0, len(crops)), seen=seen, **changes))


def test_painted_on_the_way_it_is_the_overlay_painted_alone(crops, maps, tmp_path, monkeypatch, nothing_kept):
    alone = write_source_overlay(tmp_path / "alone.mp4", crops.video, crops, maps)
    monkeypatch.setattr(source_overlay, "read_frames", None)  # it is not read again
    beside = write_source_overlay(tmp_path / "beside.mp4", crops.video, crops, maps, reading=reading(crops))
    one, other = pictures(alone).astype(int), pictures(beside).astype(int)
    assert len(one) == len(other) == len(crops) and np.abs(one - other).mean() < 1  # two decoders may have read it


def test_who_reads_the_video_does_so_once_also_where_the_overlay_is_kept(crops, maps, tmp_path):
    asked = []
    for name in ("first.mp4", "second.mp4"):
        write_source_overlay(tmp_path / name, crops.video, crops, maps, reading=lambda seen: asked.append(seen) or reading(crops)(seen))
    assert len(asked) == 2 and asked[0] is not None and asked[1] is None
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_frames_that_nobody_was_shown_are_read(crops, maps, tmp_path, nothing_kept):
    short = write_source_overlay(
        tmp_path / "short.mp4", crops.video, crops, maps, reading=lambda seen: seen(0, np.zeros((4, 4, 3), np.uint8))
    )
    assert pictures(short).shape[:2] == (len(crops), 150)


def test_its_own_error_is_not_taken_for_one_of_the_video(crops, maps, tmp_path, monkeypatch, nothing_kept):
    def broken(*_, **__):
        raise StavisError("no colour is left.")

    monkeypatch.setattr(source_overlay, "paint_map", broken)
    with pytest.raises(StavisError, match="no colour is left"):
        write_source_overlay(tmp_path / "overlay.mp4", crops.video, crops, maps, reading=reading(crops))
    assert not list(tmp_path.glob("*overlay*"))


@pytest.mark.parametrize("error", [ValueError("a figure"), OSError(28, "no space for a page"), StavisError("a page.")])
def test_an_error_of_who_reads_the_video_is_told_as_it_is_and_nothing_is_kept(crops, maps, tmp_path, error):
    def fails(seen):
        reading(crops)(seen)
        raise error

    maps = AttentionMaps(maps.weights[:, ::-1], maps.times)  # painted by no other test
    for _ in range(2):
        with pytest.raises(type(error)) as told:
            write_source_overlay(tmp_path / "overlay.mp4", crops.video, crops, maps, reading=fails)
        assert told.value is error and not (tmp_path / "overlay.mp4").exists()


def test_who_reads_the_video_does_so_also_where_the_overlay_cannot_be_begun(crops, maps, tmp_path, monkeypatch, nothing_kept):
    def full(*_, **__):
        raise StavisError("the disk is full.")

    monkeypatch.setattr(source_overlay, "written_video", full)
    asked = []
    with pytest.raises(StavisError, match="the disk is full"):
        write_source_overlay(tmp_path / "overlay.mp4", crops.video, crops, maps, reading=asked.append)
    assert asked == [None]


def test_a_saved_explanation_reads_its_video_once(tiny_run, drawn, tmp_path, monkeypatch):
    read = []
    for module in (shown, source_overlay):
        monkeypatch.setattr(
            module, "read_frames", lambda *names, real=module.read_frames, **options: read.append(1) or real(*names, **options)
        )
    load(tiny_run, device="cpu").explain(read_dataset(drawn)[0], methods=()).save(tmp_path / "out", overlay=True)
    assert (tmp_path / "out" / "report.html").is_file() and len(pictures(tmp_path / "out" / "overlay.mp4")) > 1
    assert len(read) <= 2  # one of a single frame, for the size, and one of all
