"""The page of a verdict: strips on one scale with axes, the map of each clip, insertion and deletion curves with intervals."""

import re

import numpy as np
import pandas as pd

from stavis.show.figures.faithfulness_curves import faithfulness_figure
from stavis.show.reports.mean_maps import mean_maps
from stavis.show.reports.verdict_card import AXES, card
from stavis.trust.judge import Answer, Verdict
from stavis.types import Clip

EMPTY = pd.DataFrame()


def verdict(high: float = 0.6) -> Verdict:
    answers = [
        Answer(name, "yes", 0.5, 0.4, high, 0.1, 1.0, 0.2, "Yes: it is so.") for name in ("needed", "sufficient", "unique", "agrees")
    ]
    return Verdict(*answers, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, 6)


def test_all_strips_have_one_scale_with_ticks_and_a_label():
    text = card(verdict(high=1.9))
    strips = re.findall(r"<svg.*?</svg>", text)
    assert len(strips) == 4
    effects = {re.search(r'<circle cx="([\d.]+)"', strip)[1] for strip in strips}
    assert len(effects) == 1, "the same number stands at the same place"
    for strip, label in zip(strips, AXES.values(), strict=True):
        ticks = [float(one) for one in re.findall(r'text-anchor="middle" fill="currentColor">([-\d.]+)<', strip)]
        assert label in strip and ticks[0] == 0 and ticks == sorted(ticks) and 4 <= len(ticks) <= 9


def test_curves_are_means_over_clips_with_intervals_over_recordings():
    rows = [
        {"group": f"rec {clip}", "order": order, "direction": direction, "fraction": at, "height": 0.8 * at + 0.01 * clip}
        for clip in range(6)
        for order in ("attention", "random order")
        for direction in ("insertion", "deletion")
        for at in (0.0, 0.5, 1.0)
    ]
    figure = faithfulness_figure(pd.DataFrame(rows))
    assert len(figure.data) == 4 and {one.line.dash for one in figure.data} == {"solid", "dash"}
    for one in figure.data:
        assert list(one.x) == [0, 50, 100] and np.allclose(one.y, [0.025, 0.425, 0.825])
        assert (np.array(one.error_y.array) >= 0).all() and one.error_y.color == one.line.color


def test_each_clip_has_its_mean_map_and_its_name_escaped():
    frames = np.full((3, 32, 32, 3), 120, np.uint8)
    clips = [Clip(frames, np.arange(3.0), recording=name) for name in ("anna", "<b>")]
    text = mean_maps(clips, [np.eye(4), np.ones((4, 4))])
    assert text.count("<img ") == 2 and "anna" in text and "&lt;b&gt;" in text and "<b>" not in text
