"""Every figure: nothing of it leaves the machine, and an image of it stands beside it for viewers that run no script."""

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

import stavis
from stavis.bench.figures import differences_figure, scores_figure, values_figure
from stavis.groups.canonical import GRID
from stavis.show.figures.errors import error_figure
from stavis.show.figures.face_maps import face_map_figure
from stavis.show.figures.figure import CONFIG, DARK, MIME, Figure
from stavis.show.figures.moments import agreement_matrix, filmstrip, region_time_heatmap
from stavis.show.figures.over_time import figure_of, share_over_time, valence_arousal, valence_traces
from stavis.show.figures.static import static_png
from tests.show.samples import clip_of, maps_of, prediction_of, raters_of

PACKAGE = Path(stavis.__file__).parent
SENDING = re.compile("cloud|chart-?studio|editInChart|sendData", re.IGNORECASE)


def figures() -> dict[str, go.Figure]:
    clip = clip_of(40, 48, gap=slice(20, 26))
    attention, times = maps_of(clip, 12)["attention"], np.arange(40) / 25
    scores = pd.DataFrame({"system": ["sta", "b"], "ccc": [0.5, 0.4], "low": [0.4, 0.3], "high": [0.6, 0.5], "paper": [0.55, np.nan]})
    claims = scores.rename(columns={"ccc": "difference"}).assign(claimed=[True, False])
    errors = pd.DataFrame({"system": ["a", "a", "b", "b"], "low": [-1, 0, -1, 0], "high": [0, 1, 0, 1], "rmse": [0.2, 0.3, 0.1, 0.2]})
    y, x = np.mgrid[0:GRID, 0:GRID] / GRID
    return {
        "face maps": face_map_figure({"one": 3 * x, "two": 3 * y}),
        "shares": share_over_time(clip, attention),
        "stacked": share_over_time(clip, attention, stacked=True),
        "values": valence_traces(clip, prediction_of(clip), raters=raters_of(clip)["valence"]),
        "plane": valence_arousal(prediction_of(clip), clip=clip),
        "moments": filmstrip(clip, attention),
        "heatmap": region_time_heatmap(clip, attention),
        "matrix": agreement_matrix(pd.DataFrame(np.eye(3), columns=list("abc"), index=list("abc"))),
        "scores": scores_figure(scores),
        "differences": differences_figure(claims, "sta"),
        "over time": values_figure(times, np.sin(times), {"a": np.cos(times)}, "valence"),
        "errors": error_figure(errors, "valence"),
        "bars": figure_of(go.Bar(x=[1.0, 2.0], y=["read", "crop <b>"], orientation="h"), yaxis={"autorange": "reversed"}),
    }


@pytest.fixture(scope="module")
def every() -> dict[str, go.Figure]:
    return figures()


def test_every_figure_is_of_the_one_class(every):
    assert {name: type(figure) for name, figure in every.items()} == dict.fromkeys(every, Figure)


def test_no_other_figure_is_made_anywhere():
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"go\.Figure\(|FigureWidget\(|plotly\.express", text := path.read_text(encoding="utf-8"))
        or text.count("make_subplots(") != text.count("figure=Figure()")
    }
    # The exporter reads a figure of any notebook and gives it the same settings.
    assert makers <= {"show/figures/figure.py", "show/reports/notebook_page.py"}


def test_no_button_and_no_address_of_a_figure_leads_elsewhere():
    assert CONFIG["plotlyServerURL"] == "" and not CONFIG["showSendToCloud"] and not CONFIG["displaylogo"]
    buttons = [button for group in CONFIG["modeBarButtons"] for button in group]
    assert buttons and not any(SENDING.search(button) for button in buttons)


def test_a_notebook_keeps_the_settings_and_an_image(every):
    for name, figure in every.items():
        bundle = figure._repr_mimebundle_()
        assert bundle[MIME]["config"] == CONFIG, name
        assert set(bundle) == {MIME, "image/jpeg", "text/plain"}, name
        image = cv2.imdecode(np.frombuffer(base64.b64decode(bundle["image/jpeg"]), np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[1] > 1000 and image.std() > 3, name
        assert len(bundle["image/jpeg"]) < 200_000, name
        json.dumps(bundle[MIME])


def test_showing_and_saving_keep_the_settings(every, tmp_path, monkeypatch):
    every["shares"].write_html(tmp_path / "figure.html", include_plotlyjs=False)
    for text in (every["shares"].to_html(include_plotlyjs=False, full_html=False), (tmp_path / "figure.html").read_text(encoding="utf-8")):
        assert f'"modeBarButtons": {json.dumps(CONFIG["modeBarButtons"])}' in text and '"showSendToCloud": false' in text
    shown = []
    monkeypatch.setattr(pio, "show", lambda figure, *args, **options: shown.append(options))
    monkeypatch.setattr(pio.renderers, "default", "json")
    every["shares"].show()
    assert shown == [{"config": CONFIG}]


def test_the_image_shows_what_the_figure_shows():
    rising = static_png(figure_of(go.Scatter(x=[0, 1], y=[0, 1], line={"color": "#D55E00", "width": 6})))
    image = cv2.imdecode(np.frombuffer(rising, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    y, x = np.nonzero((np.abs(image - (0xD5, 0x5E, 0x00)) < 40).all(2))
    assert len(x) > 200 and np.corrcoef(x, y)[0, 1] < -0.95
    assert static_png(go.Figure(go.Surface(z=[[1, 2], [3, 4]]))) == b""


def test_gaps_and_bands_are_in_the_image(every):
    plain = clip_of(40, 48)
    with_gap = valence_traces(clip_of(40, 48, gap=slice(10, 30)), prediction_of(plain))
    assert static_png(with_gap) != static_png(valence_traces(plain, prediction_of(plain)))


def test_every_colour_of_a_line_can_be_seen_on_a_dark_page(every):
    def light(colour: str) -> float:
        channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    back = light(DARK["#FFFFFF"])
    colours = {
        trace.line.color
        for name, figure in every.items()
        if name != "face maps"
        for trace in figure.data
        if trace.type == "scatter" and trace.line.color
    }
    for colour in colours | {"#1C1F23", "#5D646D"}:
        if colour.startswith("#"):
            dark = DARK.get(colour.upper(), colour)
            assert (light(dark) + 0.05) / (back + 0.05) >= 3, colour
