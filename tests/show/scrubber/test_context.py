"""The whole image around a crop: the images are the source's, the outline is where the crop was cut."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.shown import ShownFrames
from stavis.data.video.io import write_video
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber import context as module
from stavis.show.scrubber.context import CORNER, NO_CROP, context_of, crop_corners

SIZE = (200, 120)


def whole_images() -> np.ndarray:
    """Twelve frames (120,200) that get lighter, red on the left and blue on the right of the centred square."""
    frames = np.zeros((12, SIZE[1], SIZE[0], 3), np.uint8)
    frames[:] = (20 + 18 * np.arange(12))[:, None, None, None]
    frames[:, :, :40] = (200, 0, 0)
    frames[:, :, 160:] = (0, 0, 200)
    return frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("context") / "wide.mp4", whole_images(), fps=10)


def crops_from(video, source: str = "centre"):
    return crops_of(video, CropConfig(size=40, rate=None, source=source))


def scrubber_of(crops, **options) -> Scrubber:
    return Scrubber.from_clip(crops.clip(), {}, images=ShownFrames.of(crops, slice(0, len(crops)), 80, **options))


def images_of(scrubber: Scrubber, folder) -> tuple[dict, list[np.ndarray], np.ndarray]:
    """What a scrubber says of its whole images, those as they are decoded, and the corners of its crops."""
    about = scrubber.clip["media"]["context"]
    path = folder / "context.mp4"
    path.write_bytes(scrubber.media[about["offset"] : about["offset"] + about["bytes"]])
    with av.open(str(path)) as box:
        images = [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]
    return about, images, np.frombuffer(scrubber.media, np.int16, 8 * scrubber.clip["count"], about["corners"]).reshape(-1, 4, 2)


def test_the_images_are_the_whole_ones_and_the_crops_stay_what_they_are(video, tmp_path):
    crops = crops_from(video)
    scrubber = scrubber_of(crops)
    about, images, corners = images_of(scrubber, tmp_path)
    assert about["frames"] == list(range(12)) and (about["width"], about["height"]) == SIZE and len(images) == 12
    for image, whole in zip(images, whole_images(), strict=True):
        assert np.abs(image[::8, ::8].astype(int) - whole[::8, ::8]).mean() < 12
    assert corners[3] / CORNER == pytest.approx(np.array([[0.2, 0], [0.8, 0], [0.8, 1], [0.2, 1]]), abs=1e-3)
    without = scrubber_of(crops, context=False)
    assert without.frames == scrubber.frames and "context" not in without.clip["media"]


def test_a_long_clip_has_the_image_of_every_so_many_frames(video, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES", 4)
    about, images, _ = images_of(scrubber_of(crops_from(video)), tmp_path)
    assert about["frames"] == [0, 3, 6, 9] and len(images) == 4
    assert [round(float(image[60, 100].mean())) for image in images] == pytest.approx([20, 74, 128, 182], abs=6)


def test_turned_crops_have_turned_outlines_and_frames_without_one_have_none(video):
    crops = crops_from(video)
    turn = np.concatenate([cv2.getRotationMatrix2D((100, 60), 30, 0.5)])
    affine = np.stack([turn] * len(crops))
    affine[2], affine[3] = np.nan, 0
    valid = np.ones(len(crops), bool)
    valid[5] = False
    corners = crop_corners(replace(crops, affine=affine, valid=valid), slice(1, 7))
    known = (corners != NO_CROP).all((1, 2))
    assert known.tolist() == [True, False, False, True, False, True]
    points = corners[0] / CORNER * SIZE - 0.5
    back = points @ turn[:, :2].T + turn[:, 2]
    assert back == pytest.approx(np.array([[-0.5, -0.5], [39.5, -0.5], [39.5, 39.5], [-0.5, 39.5]]), abs=0.05)


def test_there_is_none_where_the_crops_show_everything_or_nothing_can_be_read(video, tmp_path):
    times = np.arange(12) / 10
    for source in ("resize", "letterbox"):
        crops = crops_from(video, source)
        assert context_of(ShownFrames.of(crops, slice(0, 12)), times) is None
    assert context_of(None, times) is None and context_of(whole_images(), times) is None
    gone = replace(crops_from(video), video=tmp_path / "gone.mp4")
    scrubber = scrubber_of(gone)
    assert "context" not in scrubber.clip["media"] and scrubber.clip["count"] == 12


# In a browser

ROOT = "[data-stavis=scrubber]"
# The colour of the whole image at (u, v) in [0,1] of it.
COLOUR = """([u, v]) => {
  const canvas = document.querySelector(".stv-whole");
  return [...canvas.getContext("2d").getImageData(Math.round(u * canvas.width), Math.round(v * canvas.height), 1, 1).data].slice(0, 3);
}"""


@pytest.fixture
def opened(open_page, video, tmp_path):
    page = open_page(scrubber_of(crops_from(video)).save(tmp_path / "page.html"))
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    return page


@pytest.mark.browser
def test_the_whole_image_follows_the_frame_and_shows_where_the_crop_is(opened):
    for frame in (7, 2, 11):
        opened.evaluate(f"goToFrame({frame})")
        opened.wait_for_selector(f".stv-whole[data-frame='{frame}'][data-image='{frame}']")
        assert opened.evaluate(COLOUR, [0.5, 0.5]) == pytest.approx([20 + 18 * frame] * 3, abs=8)
    red, blue, line = (opened.evaluate(COLOUR, [u, 0.5]) for u in (0.05, 0.95, 0.2))
    assert red[0] > 150 > red[2] + 80 and blue[2] > 150 > blue[0] + 80 and min(line) > 180
    assert opened.locator(".stv-whole").get_attribute("aria-label") == "Whole image, with the outline of the crop"
    assert opened.errors == opened.requests == []


@pytest.mark.browser
def test_whether_it_is_shown_is_remembered(opened):
    assert opened.locator(".stv-context").is_visible()
    opened.get_by_role("slider", name="Frame").focus()
    opened.keyboard.press("w")
    assert opened.locator(".stv-context").is_hidden()
    opened.reload()
    opened.wait_for_selector(f"{ROOT}[data-drawn]")
    assert opened.locator(".stv-context").is_hidden()
    opened.locator("summary", has_text="Display").click()
    box = opened.get_by_label("Whole image", exact=True)
    assert not box.is_checked()
    box.check()
    assert opened.locator(".stv-context").is_visible()
    opened.reload()
    opened.wait_for_selector(".stv-whole[data-frame]")


@pytest.mark.browser
def test_a_clip_without_it_has_no_choice_of_it(live, video):
    page = live(scrubber_of(crops_from(video), context=False))
    page.locator("summary", has_text="Display").click()
    assert page.locator(".stv-context").is_hidden() and page.locator("input[name=context]").is_hidden()


@pytest.mark.browser
def test_it_stands_where_there_is_room_and_pushes_nothing_off_the_screen(opened):
    box = lambda selector: opened.locator(selector).bounding_box()  # noqa: E731
    bottom = lambda one: one["y"] + one["height"]  # noqa: E731
    opened.set_viewport_size({"width": 1440, "height": 900})
    opened.wait_for_timeout(200)
    image, whole, transport = (box(one) for one in (".stv-canvas", ".stv-whole", ".stv-transport"))
    assert whole["x"] == pytest.approx(image["x"], abs=2) and whole["y"] >= bottom(image)
    assert bottom(whole) <= 900 and transport["y"] < image["y"]
    for width in (900, 700):  # 700: what JupyterLab leaves of a window of 900
        opened.set_viewport_size({"width": width, "height": 900})
        opened.wait_for_timeout(200)
        image, whole, transport = (box(one) for one in (".stv-canvas", ".stv-whole", ".stv-transport"))
        assert whole["x"] > image["x"] + image["width"] and whole["y"] == pytest.approx(image["y"], abs=2) and bottom(transport) <= 900
        assert whole["width"] >= 200 and image["width"] >= 384
    opened.set_viewport_size({"width": 400, "height": 900})
    opened.wait_for_timeout(200)
    image, whole, transport = (box(one) for one in (".stv-canvas", ".stv-whole", ".stv-transport"))
    assert bottom(image) <= transport["y"] < whole["y"] and bottom(transport) <= 900
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_whole_images_that_are_hours_apart_keep_their_times(video, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES", 6)  # every second image
    crops = crops_from(video)
    times = np.arange(12) / 10 + 40_000 * (np.arange(12) >= 9)
    context = context_of(ShownFrames.of(crops, slice(0, 12), 80), times)
    for _ in context.images:
        pass
    (tmp_path / "context.mp4").write_bytes(context.packed()[0])
    with av.open(str(tmp_path / "context.mp4")) as box:
        assert [frame.time for frame in box.decode(video=0)] == pytest.approx(list(times[::2]), abs=1e-3)
