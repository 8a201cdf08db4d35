"""Figures show what they were given: gaps stay gaps, colours are the regions' own, nothing is registered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure as MatplotlibFigure

from stavis.errors import StavisError
from stavis.regions import FACE, REGIONS
from stavis.show.figures.colours import GROUPS, PALETTES, lookup, outline_colours
from stavis.show.figures.moments import agreement_matrix, filmstrip, key_moments, region_time_heatmap
from stavis.show.figures.over_time import share_over_time, valence_arousal, valence_traces
from stavis.show.figures.static import draw
from stavis.show.figures.static_traces import SCREEN
from stavis.types import AttentionMaps, Clip, Prediction
from tests.show.samples import clip_of, maps_of, prediction_of, raters_of


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(60, 48, gap=slice(20, 30))


@pytest.fixture(scope="module")
def attention(clip) -> AttentionMaps:
    return maps_of(clip, 12)["attention"]


def test_shares_are_per_cent_with_gaps_and_sum_to_a_hundred(clip, attention):
    figure = share_over_time(clip, attention)
    values = np.array([trace.y for trace in figure.data], float)
    assert [trace.name for trace in figure.data] == [group.label for group in GROUPS]
    assert np.isnan(values[:, 20:30]).all()
    assert values[:, :20].sum(0) == pytest.approx(100, abs=0.01)
    assert figure.layout.xaxis.title.text == "time (s)" and figure.layout.yaxis.title.text == "share of attention (%)"


@pytest.mark.parametrize("valid", [[True], [False, True, False, True, True, False]])
def test_a_frame_alone_is_a_dot_in_shares_and_values(valid, attention):
    count = len(valid)
    known = np.array(valid)
    clip = replace(clip_of(count, 48), valid=known, notes=("",) * count)
    alone = [k for k in range(count) if known[k] and not known[max(0, k - 1) : k].any() and not known[k + 1 : k + 2].any()]
    shares = share_over_time(clip, AttentionMaps(attention.weights[:count], clip.times))
    values = valence_traces(replace(clip, labels=None), Prediction(clip.times, np.full((count, 1), 0.5), ("valence",)))
    for trace in (*shares.data, *values.data):
        assert "markers" in trace.mode and np.flatnonzero(trace.marker.size).tolist() == alone
    axes = MatplotlibFigure()
    draw(axes, values, SCREEN)
    dots = [one for one in axes.axes[0].collections if isinstance(one, PathCollection)]
    assert np.flatnonzero(dots[0].get_sizes() > 0).tolist() == alone


def test_stacks_stop_at_gaps(clip, attention):
    figure = share_over_time(clip, attention, stacked=True)
    assert {trace.stackgroup for trace in figure.data} == {"segment 0", "segment 1"}
    assert not any(clip.times[20] <= x <= clip.times[29] for trace in figure.data for x in trace.x)
    assert sum(trace.showlegend is not False for trace in figure.data) == len(GROUPS)


def test_lines_can_be_told_apart_without_colour():
    assert len({group.dash for group in GROUPS}) == len({group.colour for group in GROUPS}) == len(GROUPS)
    colours = dict(zip(REGIONS, outline_colours(FACE), strict=True))
    assert len(set(colours.values())) == len(REGIONS) and colours["rest"] == "#FFFFFF"
    assert [group.key for group in GROUPS] == list(FACE.order), "left and right are lines of their own"


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_rise_steadily_in_lightness_or_meet_in_the_middle(name):
    light = lookup(name).astype(float) @ [0.299, 0.587, 0.114]
    if name == "diverging":
        assert light[127] > light[0] and light[127] > light[255]
    else:
        assert (np.diff(light) > -1.5).all()


def test_the_valence_figure_has_band_label_and_prediction(clip):
    figure = valence_traces(clip, prediction_of(clip), raters=raters_of(clip)["valence"])
    names = [trace.name for trace in figure.data]
    assert names[1:] == ["range of 6 raters", "raters' mean", "label", "predicted"]
    low, high = np.array(figure.data[0].y, float), np.array(figure.data[1].y, float)
    assert (low <= high).all()
    assert np.isnan(np.array(figure.data[-1].y, float)[20:30]).all()
    assert any("hand over the face" in (note.hovertext or "") for note in figure.layout.annotations)


def test_what_is_not_known_is_refused(clip):
    bare = Clip(clip.frames, clip.times)
    with pytest.raises(StavisError, match="nothing is known of valence"):
        valence_traces(bare)
    with pytest.raises(StavisError, match="no arousal"):
        valence_arousal(Prediction(clip.times, np.zeros((60, 1)), ("valence",)))
    with pytest.raises(StavisError, match="one row per frame"):
        valence_traces(clip, raters=np.zeros((3, 2)))
    with pytest.raises(StavisError, match="no regions"):
        share_over_time(bare, maps_of(clip, 8)["attention"])


def test_the_plane_keeps_its_shape(clip):
    figure = valence_arousal(prediction_of(clip), clip=clip)
    assert figure.layout.yaxis.scaleanchor == "x" and len(figure.data[1].x) == 60


def test_key_moments_are_where_the_map_changes():
    weights = np.zeros((100, 2, 2), np.float32)
    weights[:50, 0, 0] = 1
    weights[50:, 1, 1] = 1
    moments = key_moments(AttentionMaps(weights, np.arange(100) / 25), count=1)
    assert abs(int(moments[0]) - 50) <= 13
    assert len(key_moments(AttentionMaps(weights[:1], np.zeros(1)))) == 1


def test_the_filmstrip_has_a_picture_a_moment(clip, attention):
    figure = filmstrip(clip, attention, count=4)
    assert len(figure.layout.images) == len(figure.layout.annotations) == 4
    assert any("no face" in note.text for note in filmstrip(clip, attention, moments=np.array([25])).layout.annotations)
    with pytest.raises(StavisError, match="60 frames"):
        filmstrip(clip, attention, moments=np.array([60]))


def test_the_heatmap_is_empty_where_no_face_was(clip, attention):
    heat = region_time_heatmap(clip, attention).data[0]
    values = np.array(heat.z, float)
    assert values.shape == (len(GROUPS), 60) and np.isnan(values[:, 20:30]).all()


@pytest.mark.parametrize("kind", ["shares", "values", "moments", "heatmap"])
def test_a_figure_of_no_frames_is_refused_in_one_sentence(clip, attention, kind):
    none = replace(clip[:0], recording="anna_03")
    with pytest.raises(StavisError, match=r"^anna_03 has no frames to show: a figure needs at least one\.$"):
        makers = {"shares": share_over_time, "values": valence_traces, "moments": filmstrip, "heatmap": region_time_heatmap}
        makers[kind](none, prediction_of(clip) if kind == "values" else attention)


def test_the_agreement_matrix_prints_its_values():
    table = pd.DataFrame([[1, -0.25], [np.nan, 1]], index=["a", "b"], columns=["a", "b"])
    heat = agreement_matrix(table).data[0]
    assert [list(row) for row in heat.text] == [["1.00", "−0.25"], ["–", "1.00"]] and heat.zmin == -1
    with pytest.raises(StavisError, match="square"):
        agreement_matrix(table.iloc[:1])


def test_no_template_is_registered(clip, attention):
    before = set(pio.templates), pio.templates.default
    share_over_time(clip, attention)
    assert (set(pio.templates), pio.templates.default) == before
