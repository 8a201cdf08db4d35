"""Figures for a paper: fonts inside the PDF, the pixels that were asked for, the same file each time, refusals in a sentence."""

import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from stavis.errors import StavisError
from stavis.show.figures.faithfulness_curves import faithfulness_figure
from stavis.show.figures.moments import agreement_matrix, region_time_heatmap
from stavis.show.figures.over_time import share_over_time, valence_arousal, valence_traces
from stavis.show.paper.figure import WIDTHS, for_paper, paper_of
from stavis.show.paper.maps import overlay_figure, strip_figure
from tests.show.samples import clip_of, maps_of, prediction_of


@pytest.fixture(scope="module")
def clip():
    return clip_of(24, 48, gap=slice(4, 7))


@pytest.fixture(scope="module")
def maps(clip):
    found = maps_of(clip, 8)
    return {name: found[name] for name in list(found)[:2]}


def plotly_figures(clip, maps):
    prediction = prediction_of(clip)
    table = np.corrcoef(np.random.default_rng(0).random((3, 9)))
    names = ["a", "b_$", "c"]
    return {
        "shares": share_over_time(clip, maps["attention"]),
        "stacked": share_over_time(clip, maps["attention"], stacked=True),
        "values": valence_traces(clip, prediction, dimension="valence"),
        "plane": valence_arousal(prediction, clip=clip),
        "heatmap": region_time_heatmap(clip, maps["attention"]),
        "matrix": agreement_matrix(pd.DataFrame(table, index=names, columns=names)),
        "bars": go.Figure(go.Bar(x=[1, 2], y=["a", "b"], orientation="h", error_x={"array": [0.1, 0.2]})),
    }


def size_of(png: bytes) -> tuple[int, int]:
    height, width = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


def test_subplots_stand_side_by_side_each_under_its_title_and_the_legend_once():
    rows = [
        {
            "group": clip,
            "order": order,
            "direction": direction,
            "fraction": fraction,
            "height": fraction if direction == "insertion" else 1 - fraction,
        }
        for clip in range(6)
        for order in ("attention", "random order")
        for direction in ("insertion", "deletion")
        for fraction in (0.1, 0.5, 0.9)
    ]
    canvas = paper_of(faithfulness_figure(pd.DataFrame(rows)), "page").matplotlib()
    first, second = canvas.axes
    assert first.get_title().startswith("insertion") and second.get_title().startswith("deletion")
    assert first.get_position().x1 <= second.get_position().x0
    ends = [[line.get_ydata()[-1] for line in axes.lines if line.get_linestyle() != "None"] for axes in (first, second)]
    assert ends == [[pytest.approx(0.9)] * 2, [pytest.approx(0.1)] * 2], "each curve in its own subplot"
    assert first.get_ylim() == second.get_ylim() and first.get_xlabel() == "cells shown (%)"
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["in the order of the attention", "in random order"]


@pytest.mark.parametrize("name", ["shares", "stacked", "values", "plane", "heatmap", "matrix", "bars"])
def test_every_plotly_figure_is_drawn_for_a_paper(clip, maps, name):
    paper = paper_of(plotly_figures(clip, maps)[name])
    png = paper.bytes(".png")
    width, height = size_of(png)
    assert width == 1050 and height == pytest.approx(paper.height * 300, abs=1)  # matplotlib 3.9 rounds it down
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert (image.min(2) < 200).mean() > 0.005


def test_a_pdf_embeds_its_fonts_and_has_the_width_of_a_column(clip, maps, tmp_path):
    path = overlay_figure(clip, maps, 12).save(tmp_path / "f.pdf")
    text = path.read_bytes()
    assert text.startswith(b"%PDF") and b"/FontFile2" in text and b"/Type3" not in text
    fonts = re.findall(rb"/BaseFont /([A-Za-z0-9+-]+)", text)
    assert fonts and all(b"DejaVu" in name for name in fonts)
    box = [float(value) for value in re.search(rb"/MediaBox \[ ?([\d. ]+)\]", text)[1].split()]
    assert box[2] == pytest.approx(72 * WIDTHS["column"])


def test_an_svg_holds_text_as_outlines_and_nothing_from_elsewhere(clip, maps, tmp_path):
    root = ET.parse(strip_figure(clip, maps, [2, 5, 20]).save(tmp_path / "f.svg")).getroot()
    assert root.get("width") == f"{72 * WIDTHS['page']:g}pt"
    tags = {node.tag.rpartition("}")[2] for node in root.iter()}
    assert "text" not in tags and "image" in tags and "path" in tags
    links = [value for node in root.iter() for key, value in node.attrib.items() if key.endswith("href")]
    assert links and all(link.startswith(("#", "data:")) for link in links)


@pytest.mark.parametrize("width, pixels", [("column", 1050), ("page", 2148), (2.0, 600)])
def test_a_png_has_the_pixels_that_were_asked_for(clip, maps, tmp_path, width, pixels):
    figure = strip_figure(clip, maps, [2, 20], width=width)
    path = figure.save(tmp_path / "f.png")
    assert size_of(path.read_bytes()) == (pixels, round(figure.height * 300))
    assert size_of(figure.bytes(".png", 150))[0] == pixels // 2


def test_the_same_figure_is_the_same_file(clip, maps):
    for suffix in (".pdf", ".svg"):
        assert overlay_figure(clip, maps, 3).bytes(suffix) == overlay_figure(clip, maps, 3).bytes(suffix)


def test_a_plotly_figure_saves_itself_for_a_paper_and_stays_what_it_is(clip, maps, tmp_path):
    figure = for_paper(share_over_time(clip, maps["attention"]), None)
    assert isinstance(figure, go.Figure)
    assert size_of(figure.save(tmp_path / "f.png", width="page").read_bytes())[0] == 2148
    assert for_paper(share_over_time(clip, maps["attention"]), 2.5).width == 2.5


def test_settings_of_matplotlib_stay_as_they_were(clip, maps):
    import matplotlib

    before = dict(matplotlib.rcParams)
    overlay_figure(clip, maps, 3).bytes()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda clip, maps: overlay_figure(clip[:0], maps, 0), "has no frames to show"),
        (lambda clip, maps: strip_figure(clip, maps, []), "no moment of .* is asked for"),
        (lambda clip, maps: overlay_figure(clip, maps, 99), "has no frame 99: it has 24"),
        (lambda clip, maps: overlay_figure(clip, {}, 0), "no map to lay over"),
        (lambda clip, maps: overlay_figure(clip, maps, 0, width="wide"), "cannot be 'wide' wide"),
        (lambda clip, maps: overlay_figure(clip[:9], maps, 0), "24 frames for a clip of 9"),
        (lambda clip, maps: overlay_figure(clip, maps, 0).save("f.jpg"), "ends in none of .pdf, .svg, .png"),
        (lambda clip, maps: overlay_figure(clip, maps, 0).save("f.png", dpi=3), "3 dots per inch"),
        (lambda clip, maps: paper_of(go.Figure()), "shows nothing"),
        (lambda clip, maps: paper_of(go.Figure(go.Pie(values=[1]))), "figure of pie"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(clip, maps, make, reason):
    with pytest.raises(StavisError, match=reason):
        make(clip, maps)
