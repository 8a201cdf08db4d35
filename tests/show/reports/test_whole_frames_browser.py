"""The page about a network of whole frames: it scrubs, has its layers and heads to choose from, and no word of faces."""

import re
import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.data.video.io import write_video
from tests.inference.adapters.families import videomae

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
OF_FACES = re.compile(r"\b(?:faces?|facial|mouth|eyes?|left_eye|brows?|nose|landmarks?)\b", re.IGNORECASE)
TEXTS = """() => [document.title, document.body.innerText,
  ...[...document.querySelectorAll("option, optgroup, summary, svg text, td, th, li, label")].map((node) => node.label || node.textContent),
  ...[...document.querySelectorAll("*")].flatMap((node) => [...node.attributes].map((one) => one.value))].join("\\n")"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A tiny VideoMAE explained on a wide video, between bars, with its layers and the heads of the last one."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (12, 36, 64, 3), dtype=np.uint8)
    video = write_video(folder / "street.mp4", iter(frames), fps=5)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = stavis.load(videomae().eval(), rate=5.0, region="frame", framing="letterbox", device="cpu")
        return net.explain(video, methods=("saliency",), attention_layers=True, heads=-1)


def test_the_page_scrubs_by_layer_and_head_and_speaks_of_no_face(open_page, tmp_path, found):
    path = found.save(tmp_path / "out")
    html = re.sub(r'<script type="(?:text/plain|module)".*?</script>', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert OF_FACES.findall(html) == []
    page = open_page(path)
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    assert OF_FACES.findall(page.evaluate(TEXTS)) == []
    groups = page.locator("select[name=map] optgroup").evaluate_all("nodes => nodes.map((n) => [n.label, n.children.length])")
    assert groups == [["layers", 2], ["heads", 2]]
    page.locator("select[name=map]").select_option("layer 2, head 1")
    legend = page.locator(".stv-legend").text_content()
    assert "Share of layer 2, head 1" in legend and "top left" in legend and "bottom right" in legend
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("End")
    page.wait_for_selector(f"{ROOT}[data-drawn='11']")
    canvas = page.locator(".stv-canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert page.locator(".stv-under").inner_text().startswith("centre · layer 2, head 1")
    canvas.hover(position={"x": box["width"] / 2, "y": 4})
    assert page.locator(".stv-under").inner_text().startswith("layer 2, head 1")  # the bar is no region
    page.keyboard.press("a")
    assert page.locator("select[name=map]").input_value() == "layer 2, head 2"
    assert page.requests == [] and page.errors == []


def test_boxes_are_outlined_with_their_corners(live, tmp_path, found):
    (tmp_path / "boxes.csv").write_text("frame,name,x0,y0,x1,y1\n,sign,8,8,40,28\n", encoding="utf-8")
    net = found.predictor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxed = net.explain(found.video, methods=(), regions=tmp_path / "boxes.csv").scrubber()
    assert boxed.clip["corners"] and boxed.clip["regions"] == ["sign", "rest"]
    page = live(boxed)
    assert {"sign", "rest"} <= set(page.locator(".stv-legend th[scope=row]").all_inner_texts())
    page.locator("select[name=map]").select_option("none")
    # the outline's colour at the box's corners: a rounded outline would not reach them
    colour = boxed.clip["regionColours"][0]
    rgb = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    near = page.evaluate(
        """([u, v, rgb]) => {
          const canvas = document.querySelector(".stv-canvas"), pen = canvas.getContext("2d");
          const x = Math.round(u * canvas.width) - 6, y = Math.round(v * canvas.height) - 6;
          const data = pen.getImageData(x, y, 12, 12).data;
          let best = 1e9;
          for (let k = 0; k < data.length; k += 4) best = Math.min(best, Math.max(...rgb.map((c, i) => Math.abs(c - data[k + i]))));
          return best;
        }""",
        [8 / 64, (7 + 8 / 2) / 32, rgb],
    )
    assert near < 60


def test_the_poster_and_the_tables_speak_of_regions(found):
    assert re.search(r"% of attention on the (top|bottom|left|right|centre)", found.scrubber().text())
    for kind in ("regions", "agreement", "shares", "predictions"):
        table = found.table(kind)
        assert OF_FACES.findall(" ".join([*map(str, table.columns), table.to_csv()])) == []
    assert OF_FACES.findall(" ".join([repr(found), *found.notes, *map(str, found.provenance)])) == []
