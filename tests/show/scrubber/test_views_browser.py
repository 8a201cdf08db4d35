"""Two maps of the same frames in a browser: side by side, wiped, and their difference, pixel for pixel."""

import base64

import cv2
import numpy as np
import pytest

from stavis.show.scrubber import Scrubber
from stavis.types import AttentionMaps
from tests.show.samples import clip_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
DRAWN = """async (view) => {
  await new Promise((done) => {
    document.addEventListener("stavis:drawn", done, { once: true });
    one.fromPython("view", { opacity: 1, ...view });
  });
  return document.querySelector(".stv-canvas").toDataURL();
}"""
KNOB = 12


def spots(count: int, x: int) -> np.ndarray:
    """Maps (T,8,8) that lie on one column of cells, x from 0."""
    weights = np.full((count, 8, 8), 1e-3, np.float32)
    weights[:, :, x] = 1
    return weights / weights.sum((1, 2), keepdims=True)


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    """Two maps that differ in every part of the image: one on its left column, the other on its right one, both on the middle."""
    clip = clip_of(6, 96)
    maps = {name: AttentionMaps((spots(6, x) + spots(6, 3)) / 2, clip.times) for name, x in (("left", 1), ("right", 6))}
    return Scrubber.from_clip(clip, maps)


@pytest.fixture
def drawn_in(live, scrubber):
    """drawn_in(view) -> the pixels (H,W,3) that the image has in a view, and the page."""
    page = live(scrubber)

    def drawn(**view):
        content = np.frombuffer(base64.b64decode(page.evaluate(DRAWN, view).partition(",")[2]), np.uint8)
        return cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1].astype(int), page

    return drawn


@pytest.mark.parametrize("wipe", [0.25, 0.5, 0.8])
def test_a_wipe_changes_the_pixels_of_one_side_only(drawn_in, wipe):
    first, page = drawn_in(mode="overlay", outlines=False)
    wiped, _ = drawn_in(mode="wipe", second="right", wipe=wipe, outlines=False)
    page.locator("select[name=map]").select_option("right")
    second, _ = drawn_in(mode="overlay", outlines=False)
    cut = round(first.shape[1] * wipe)
    kept, changed = np.s_[:, : cut - KNOB], np.s_[:, cut + KNOB :]
    assert (wiped[kept] == first[kept]).all() and (wiped[changed] == second[changed]).all()
    assert (wiped[changed] != first[changed]).any() and (wiped[kept] != second[kept]).any()


def test_side_by_side_each_map_has_a_copy_of_the_frame(drawn_in):
    plain, _ = drawn_in(mode="side", second="right", opacity=0)
    both, _ = drawn_in(mode="side", second="right")
    side = plain.shape[0]
    assert both.shape[1] == pytest.approx(2 * side, abs=2 * KNOB)
    changed = np.abs(both - plain).sum((0, 2))
    cells = [half[: side - side % 8].reshape(8, -1).sum(1) for half in (changed, changed[-side:])]
    assert [sorted(map(int, np.argsort(one)[-2:])) for one in cells] == [[1, 3], [3, 6]]


def test_the_difference_has_colours_for_more_and_for_less_and_a_bar_of_its_own(drawn_in):
    plain, _ = drawn_in(mode="overlay", opacity=0, outlines=False)
    found, page = drawn_in(mode="difference", second="right", outlines=False)
    cell = found.shape[1] // 8
    column = lambda image, k: image[:, k * cell + cell // 4 : (k + 1) * cell - cell // 4].mean((0, 1))  # noqa: E731
    more, less = column(found, 1), column(found, 6)
    assert (more[0] - more[2]) * (less[0] - less[2]) < 0
    assert column(found, 3) == pytest.approx(column(plain, 3), abs=12)
    bar = page.locator(".stv-barrow").first
    low, high = (bar.locator("span").nth(k).inner_text() for k in (1, 2))
    assert low == "−" + high and "difference of densities, first − second" in bar.inner_text()
    assert page.locator(".stv-barrow").nth(1).is_hidden()
