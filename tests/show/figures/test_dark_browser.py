"""Figures in a dark JupyterLab: their ground is dark and what is written on it can be read."""

import pytest

from stavis.show.figures.figure import CONFIG, DARK, figures_on_dark
from stavis.show.figures.over_time import valence_traces
from tests.show.samples import clip_of, prediction_of

pytestmark = pytest.mark.browser

# The ground of a figure, and how much each text and line of it differs from that (the contrast of WCAG).
LOOK = """() => {
  const plot = document.querySelector(".js-plotly-plot");
  const light = (colour) => {
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = getComputedStyle(plot.querySelector(".main-svg")).backgroundColor;
  const contrast = (colour) => {
    const [a, b] = [light(colour), light(ground)].sort((p, q) => q - p);
    return (a + 0.05) / (b + 0.05);
  };
  const of = (selector, key) => [...plot.querySelectorAll(selector)].map((node) => contrast(getComputedStyle(node)[key]));
  return [ground, of("text", "fill"), of("path.js-line", "stroke"), of("rect.bg", "fill")];
}"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_figure_has_the_ground_of_its_notebook(open_page, theme):
    clip = clip_of(20, 32)
    figure = valence_traces(clip, prediction_of(clip), dimension="valence")
    page = open_page()
    page.set_content(
        f"<!doctype html><html lang='en'><style>{figures_on_dark()}</style><body data-jp-theme-light='{str(theme == 'light').lower()}'>"
        f"{figure.to_html(full_html=False, include_plotlyjs=True, config=CONFIG)}</body></html>"
    )
    page.wait_for_selector(".js-plotly-plot text")
    ground, texts, lines, inner = page.evaluate(LOOK)
    wanted = DARK["#FFFFFF"] if theme == "dark" else "#FFFFFF"
    assert [int(part) for part in ground[4:-1].split(",")] == [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]
    assert min(texts) >= 4.5 and min(lines) >= 3 and max(inner, default=1) == pytest.approx(1)
    assert page.errors == []
