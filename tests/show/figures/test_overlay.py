"""A map over a picture: zero changes nothing, full opacity at the top shows the map's colour."""

import av
import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.show.figures.colours import lookup
from stavis.show.figures.overlay import overlay_frames, paint_map, write_overlay
from stavis.types import AttentionMaps
from tests.show.samples import clip_of, maps_of

PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("values", [np.zeros((4, 4)), np.full((4, 4), np.nan)])
def test_nothing_to_show_leaves_the_picture(values):
    assert (paint_map(PICTURE, values) == PICTURE).all()


def test_zero_is_transparent_and_the_top_is_the_maps_colour():
    values = np.zeros((40, 60), np.float32)
    values[:, 30:] = 2.0
    painted = paint_map(PICTURE, values, top=2.0, opacity=1.0, gamma=1.0)
    assert (painted[:, :29] == PICTURE[:, :29]).all()
    assert (painted[:, 31:] == lookup("magma")[255]).all()


def test_signs_have_colours_of_their_own():
    values = np.zeros((40, 60), np.float32)
    values[:, :20], values[:, 40:] = -1, 1
    painted = paint_map(PICTURE, values, opacity=1.0).astype(int)
    assert (painted[:, :19, 2] > painted[:, :19, 0]).all() and (painted[:, 41:, 0] > painted[:, 41:, 2]).all()


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_a_video_has_every_frame(tmp_path, ending):
    clip = clip_of(12, 48)
    path = write_overlay(clip, maps_of(clip, 8)["attention"], tmp_path / f"overlay.{ending}", longest_side=96)
    with av.open(str(path)) as box:
        frames = [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]
        assert float(box.streams.video[0].average_rate) == pytest.approx(25, rel=0.03)
    assert len(frames) == 12 and frames[0].shape == (96, 96, 3)
    wanted = list(overlay_frames(clip.frames, maps_of(clip, 8)["attention"]))[6]
    assert np.abs(frames[6][::2, ::2].astype(float) - wanted).mean() < 14


def test_images_may_come_one_by_one(tmp_path):
    clip = clip_of(5, 32)
    assert write_overlay(iter(clip.frames), maps_of(clip, 8)["saliency"], tmp_path / "a.mp4", fps=5, longest_side=64).stat().st_size > 500


def test_a_video_keeps_uneven_times(tmp_path):
    clip, times = clip_of(5, 32), np.array([0, 0.04, 0.5, 0.54, 2])
    maps = AttentionMaps(maps_of(clip, 8)["attention"].weights, times + 3)
    with av.open(str(write_overlay(iter(clip.frames), maps, tmp_path / "a.mp4", longest_side=64))) as box:
        assert [frame.time for frame in box.decode(video=0)] == pytest.approx(list(times), abs=1e-4)


def test_what_does_not_fit_leaves_no_file(tmp_path):
    clip = clip_of(5, 32)
    attention = maps_of(clip, 8)["attention"]
    short = AttentionMaps(attention.weights[:3], attention.times[:3])
    for frames, maps in ((clip, short), (iter(clip.frames[:2]), attention)):
        with pytest.raises(StavisError, match=r"images"):
            write_overlay(frames, maps, tmp_path / "a.mp4")
    with pytest.raises(StavisError, match=r"neither \.mp4 nor \.gif"):
        write_overlay(clip, attention, tmp_path / "a.avi")
    assert list(tmp_path.iterdir()) == []
