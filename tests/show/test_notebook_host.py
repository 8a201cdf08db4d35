"""What notebooks keep for GitHub, nbviewer, exports and editors: an image and a line, a hint in Colab alone. Environments are faked."""

import base64
import io
import sys
from html.parser import HTMLParser
from types import ModuleType

import nbformat
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from PIL import Image

from stavis.show.explorer.wiring import StaticFallback
from stavis.show.figures.figure import MIME
from stavis.show.figures.over_time import figure_of
from stavis.show.notebook_host import widget_hint
from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def shown(monkeypatch) -> list[tuple[dict, dict]]:
    """What is displayed: pairs of data and metadata."""
    sent = []
    for module in ("scrubber", "explorer.wiring", "figures.figure"):
        monkeypatch.setattr(f"stavis.show.{module}.display", lambda data, metadata=None, **_: sent.append((data, metadata or {})))
    return sent


@pytest.fixture
def colab(monkeypatch) -> ModuleType:
    """The module of Colab that turns on widgets of other packages, as far as anywidget uses it."""
    output = ModuleType("google.colab.output")
    output._widgets = ModuleType("google.colab.output._widgets")
    output._widgets._installed_url = None
    output.enable_custom_widget_manager = lambda: setattr(output._widgets, "_installed_url", "https://example.org/manager.js")
    for name in ("google.colab", "google.colab.output"):
        monkeypatch.setitem(sys.modules, name, output)
    monkeypatch.setattr(pio.renderers, "default", "colab")
    return output


@pytest.fixture
def scrubber() -> Scrubber:
    clip = clip_of(6, 48)
    return Scrubber.from_clip(clip, maps_of(clip, 8))


@pytest.fixture
def figure():
    return figure_of(go.Scatter(x=[0, 1, 2], y=[1, 0, 2], name="valence"))


def image_in(bundle: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle.get("image/png") or bundle["image/jpeg"]))).convert("RGB"))


def test_a_saved_scrubber_has_an_image_a_line_and_the_way_to_its_page(shown, scrubber, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scrubber.save("page.html")
    scrubber._ipython_display_()
    (poster, _), (widget, _) = shown
    expected = np.asarray(Image.open(io.BytesIO(scrubber.poster())).convert("RGB")).astype(int)
    assert image_in(poster).shape == expected.shape and np.abs(image_in(poster) - expected).mean() < 8
    assert '<a href="page.html">page.html</a> scrubs' in poster["text/html"] and poster["text/plain"] == str(scrubber)
    assert VIEW in widget and VIEW not in poster and "Colab" not in poster["text/html"]


class Sanitised(HTMLParser):
    """What a viewer keeps that takes scripts out with all that is in them, as GitHub and an untrusted JupyterLab do."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.inside = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside += tag == "script"
        if not self.inside:
            self.tags.add(tag)

    def handle_endtag(self, tag):
        self.inside -= tag == "script"

    def handle_data(self, data):
        self.text += "" if self.inside else data


@pytest.mark.parametrize("embed", [True, False])
def test_without_scripts_a_saved_scrubber_is_one_image_and_one_line(shown, embed):
    clip = clip_of(6, 48)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 8), embed=embed)
    scrubber._ipython_display_()
    kept = Sanitised(shown[0][0]["text/html"])
    assert kept.tags == {"div", "img", "p"}
    assert kept.text.startswith("anna_03: frame 1") and kept.text.endswith(
        'Without a kernel, the page that .save("page.html") writes scrubs.'
    )
    assert len(kept.text) < 400 and ("<script" in shown[0][0]["text/html"]) == embed


def test_an_export_to_latex_keeps_the_image(shown, scrubber):
    exporter = pytest.importorskip("nbconvert").LatexExporter()
    scrubber._ipython_display_()
    outputs = [nbformat.v4.new_output("display_data", data) for data, _ in shown]
    text, found = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("scrubber", outputs=outputs)]))
    (name,) = found["outputs"]
    assert name.endswith(".png") and name in text


def test_in_colab_the_line_says_what_turns_the_live_view_on(shown, scrubber, colab):
    scrubber._ipython_display_()
    (poster, _), (_, metadata) = shown
    assert "output.enable_custom_widget_manager()" in poster["text/html"]
    # anywidget asks for it where a widget is shown alone, and says so in the metadata
    assert colab._widgets._installed_url == metadata[VIEW]["colab"]["custom_widget_manager"]["url"]
    fallback = StaticFallback("key")
    fallback.show(None, "Explorer")
    fallback.show(scrubber, "Explorer")
    (empty, _), (filled, _) = shown[2:]
    assert "image/png" not in empty and "image/png" in filled
    assert all(one["text/html"].count("enable_custom_widget_manager") == 1 for one in (empty, filled))


@pytest.mark.parametrize("variables", [{}, {"VSCODE_PID": "1", "VSCODE_CWD": "/work"}], ids=["jupyter", "vs code"])
def test_elsewhere_nothing_is_said_for_nothing_is_missing(shown, scrubber, variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert widget_hint() == ""
    StaticFallback("key").show(None, "Explorer")
    scrubber._ipython_display_()
    assert "Colab" not in "".join(data.get("text/html", "") for data, _ in shown)


def test_a_page_of_its_own_says_nothing_of_colab(scrubber, colab, tmp_path):
    assert "Colab" not in scrubber.save(tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("renderer", ["plotly_mimetype", "vscode", "plotly_mimetype+notebook"])
def test_in_jupyter_and_vs_code_a_figure_is_kept_with_its_image(shown, figure, renderer, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", renderer)
    figure._ipython_display_()
    (bundle, _), (style, _) = shown
    assert set(style) == {"text/html"} and "jp-theme-light" in style["text/html"], "its colours in a dark JupyterLab"
    assert set(bundle) == {MIME, "image/jpeg", "text/plain"} and image_in(bundle).std() > 3


def test_in_colab_a_figure_is_html_whose_image_goes_when_it_is_drawn(shown, figure, colab):
    figure._ipython_display_()
    ((bundle, _),) = shown
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    image, _, live = bundle["text/html"].partition(">")
    assert image.startswith('<img id="stavis-') and bundle["image/png"] in image
    name = image.split('"')[1]
    assert (
        f'getElementById("{name}")?.remove()' in live
        and f'id="{name.removesuffix("-image")}"' in live
        and '"showSendToCloud": false' in live
    )
