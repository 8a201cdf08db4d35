"""The page of a verdict: strips on one scale with axes, the map of each clip, insertion and deletion curves with intervals."""

import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd

from stavis.jobs.verdict import VerdictResult, by_order
from stavis.printable import unbroken
from stavis.show.figures.faithfulness_curves import faithfulness_figure
from stavis.show.reports.mean_maps import mean_maps
from stavis.show.reports.verdict_card import AXES, card
from stavis.show.tables import readable
from stavis.trust.answers import USED
from stavis.trust.judge import Answer, Verdict
from stavis.types import Clip
from tests.show.pages import verdict_result

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


def result(found: Verdict, caution: str = "") -> VerdictResult:
    return VerdictResult(found, SimpleNamespace(notes=("Loaded with care.",), caution=caution), (), {"stavis": "test"})


def test_the_page_and_the_file_begin_with_what_was_found(tmp_path):
    places = pd.DataFrame([{"part": "mouth", "share": 0.4, "density": 9.0}]).assign(
        share_low=0.3, share_high=0.5, density_low=8.0, density_high=10.0, image_left=0.5, image_left_low=0.4, image_left_high=0.6
    )
    judged = result(dataclasses.replace(verdict(), localisation=places), caution="Synthetic <faces> only.")
    first, second = judged.finding.sentences
    assert first.startswith("Judged on 6 clips, the attention is needed, sufficient,") and "densest on the region mouth" in second
    page = judged.save(tmp_path).read_text()
    order = ["Synthetic &lt;faces&gt; only.", unbroken(f"{first} {second}"), "Loaded with care.", "Is the attention needed?"]
    assert [page.index(one) for one in order] == sorted(page.index(one) for one in order)
    held = json.loads((tmp_path / "verdict.json").read_text())
    assert held["finding"] == [first, second] and held["notices"] == ["Synthetic <faces> only."]


def test_without_attention_the_page_begins_with_why_nothing_was_found():
    unknown = [dataclasses.replace(one, effect=float("nan"), answer="undecided") for one in verdict().answers]
    found = Verdict(*unknown, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, 6, ("The model has no attention.",))
    assert result(found).finding.sentences == ("The model has no attention.",)


def test_titles_over_columns_are_words(tmp_path):
    tests = pd.DataFrame([{"test": "uniform", "change": 0.5, "change_low": USED - 0.0004, "change_high": 0.6, "p": 0.01, "p_holm": 0.02}])
    judged = result(dataclasses.replace(verdict(), tests=tests))
    page = judged.report().html()
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", page)
    assert heads == ["test", "change [95\N{NO-BREAK SPACE}%]", "p", "p (Holm)"] and "p_holm" not in page
    assert f">0.5000 [{USED - 0.0004:.4f}, 0.6000]</td>" in page, "the interval's end is told from what would count"
    judged.save(tmp_path)
    assert '"p_holm"' in (tmp_path / "verdict.json").read_text(), "keys in files stay"
    assert pd.read_csv(tmp_path / "tests.csv").columns.tolist() == tests.columns.tolist(), "the CSV has every column by its key"


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


def test_the_question_stands_once_on_a_page_and_above_a_card_alone():
    judged = result(verdict())
    question = "Does the attention explain the prediction?"
    page = judged.report().html()
    assert page.count(f"<h1>{question}") == 1 and page.count(question) == 2, "the headline and the browser's title"
    assert judged.card().data.count(question) == 1


def test_orders_of_cells_are_rows_and_those_that_are_numbered_one_row():
    numbers = np.linspace(0.2, 0.7, 6)
    areas = pd.DataFrame({"clip": range(6), "attention": numbers, "random network 1": numbers - 0.2, "random network 2": numbers - 0.4})
    found = dataclasses.replace(verdict(), insertion=areas, first_cells=areas)
    table = by_order(found).set_index("order of the cells")
    assert table.index.tolist() == ["attention", "random network (mean of 2)"]
    assert np.allclose(table.area, [numbers.mean(), numbers.mean() - 0.3]) and (table.area_low < table.area).all()
    page = result(found).report().html()
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", page)
    assert heads == [
        "order of the cells",
        "area [95\N{NO-BREAK SPACE}%]",
        "at the first cells [95\N{NO-BREAK SPACE}%]",
        "",
        *(f"clip {k}" for k in range(1, 7)),
    ]
    assert page.index("<details><summary>All numbers</summary>") < page.index("clip 1")
    assert by_order(verdict()).empty


def test_every_table_of_the_page_has_few_columns_and_all_of_them_are_files(tmp_path):
    judged = verdict_result()
    page = judged.save(tmp_path).read_text()
    folded = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    tables = re.findall(r"<thead>(.*?)</thead>", folded)
    assert len(tables) == 3 and max(one.count("<th") for one in tables) <= 6
    assert "left eye" in folded and "left_eye" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for kind in ("tests", "localisation", "insertion", "first_cells"):
        assert len(pd.read_csv(tmp_path / f"{kind}.csv")) == len(getattr(judged.verdict, kind))


def test_a_notebook_tells_each_effect_from_what_would_count():
    near = dataclasses.replace(verdict().needed, effect=0.20004, low=0.1, threshold=0.2)
    shown = readable(result(dataclasses.replace(verdict(), needed=near)).table())
    row = re.findall(r"<td[^>]*>([^<]*)</td>", shown._repr_html_())[: len(shown.columns)]
    cells = dict(zip(shown.columns, row, strict=True))
    assert (cells["effect"], cells["threshold"]) == ("0.20004", "0.200") and cells["low"] == "0.100"
