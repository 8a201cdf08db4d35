"""A group from table to page: what is computed, written, said; bad input in one sentence."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stavis import jobs
from stavis.errors import StavisError, StavisWarning
from stavis.groups.canonical import GRID, canonical_face
from stavis.groups.face_maps import CENTRE
from stavis.regions import REGIONS
from tests.groups.explained import explained_folder

pytestmark = pytest.mark.filterwarnings("ignore::stavis.errors.StavisWarning")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Seven people who look at the mouth in one condition and between the brows in the other; one was filmed at another frame rate."""
    root = tmp_path_factory.mktemp("group")
    rows = ["recording,person,condition"]
    for k in range(7):
        for condition, look in (("smile", "mouth"), ("frown", "brows")):
            explained_folder(root / f"p{k}-{condition}", seed=k, look=look, frames=30, rate=10 if k else 12.5)
            rows.append(f"p{k}-{condition},person {k},{condition}")
    path = root / "table.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(table):
    with pytest.warns(StavisWarning, match="10 to 12.5 frames/s"):
        return jobs.group(table)


def inside(region: str) -> np.ndarray:
    return canonical_face().regions == REGIONS.index(region)


def test_a_known_region_has_a_density_of_three_and_more(made):
    smile = made.map(condition="smile")
    assert np.nanmean(smile.density[inside("mouth")]) >= 3 and smile.image.shape == (GRID, GRID)
    assert (len(smile.names), smile.recordings, smile.frames) == (7, 7, 210)
    assert np.nanmean(smile.density[inside("brows")]) < 1.5
    assert np.nanmax(made.map(CENTRE).density) < 4


def test_the_difference_is_found_in_both_regions_and_has_their_signs(made):
    found = made.difference("smile", "frown")
    assert found.paired and found.people == (7, 7)
    assert found.significant[inside("mouth")].any() and np.nanmean(found.difference[inside("mouth")]) > 2
    assert not found.significant[found.difference == 0].any()
    assert np.allclose(made.difference("frown", "smile").difference, -found.difference, equal_nan=True)


def test_curves_rise_where_the_peaks_are(made):
    found = made.around("peaks:smile", before=1, after=1)
    curve = found.curve("smile", "valence").set_index("offset").value
    assert curve.idxmax() == pytest.approx(0, abs=0.15) and curve.max() > 0.4
    assert found.rate == pytest.approx(10)


def test_figures_show_what_the_results_say(made):
    maps = made.figure("maps")
    assert [one.text for one in maps.layout.annotations] == ["smile", "frown"]
    heat = [trace for trace in maps.data if trace.type == "heatmap"]
    assert len(heat) == 2 and len({(one.zmin, one.zmax) for one in heat}) == 1
    difference = made.figure("difference")
    assert len(difference.data) > len(made.figure("difference", of=CENTRE).data)  # the outline of significant cells
    around = made.figure("around", events="peaks:smile", curves=["valence", "mouth"])
    assert {trace.name for trace in around.data if trace.name} == {"smile", "frown"}
    assert sum(trace.fill == "toself" for trace in around.data) == 4


def test_everything_is_written_and_reads_back(made, tmp_path):
    page = made.save(tmp_path / "out", events="peaks:smile", before=1, after=1)
    names = {path.name for path in page.parent.iterdir()}
    assert names == {"report.html", "group.json", "group_maps.npz", "recordings.csv", "regions.csv", "differences.csv", "around.csv"}
    with np.load(page.parent / "group_maps.npz", allow_pickle=False) as file:
        assert file["density"].shape == (2, 2, GRID, GRID) and file["conditions"].tolist() == ["smile", "frown"]
        np.testing.assert_allclose(file["density"][0, 0], made.map(condition="smile").image, rtol=1e-5)
    told = json.loads((page.parent / "group.json").read_text(encoding="utf-8"))
    assert told["people"] == 7 and told["frames"] == 420 and told["differences"][0]["paired"] is True
    assert pd.read_csv(page.parent / "recordings.csv").weight.sum() == pytest.approx(2)


def test_the_page_draws_faces_without_a_script_and_says_who_went_in(made, tmp_path):
    text = made.save(tmp_path / "out").read_text(encoding="utf-8")
    drawings = re.findall(r'<svg class="face-map".*?</svg>', text, re.DOTALL)
    assert len(drawings) == 4 and all('role="img"' in one and "aria-label" in one and "<title>" in one for one in drawings)
    assert "mouth" in re.search(r'aria-label="attention, smile: ([^"]*)"', text).group(1)
    assert "14 recordings of 7 people; 420 frames, 0 of them without a face" in text
    assert "the person&#x27;s right" in text.lower() and "corrected for the whole map" in text
    assert not re.search(r'(src|href)="https?:', text)


def test_names_are_untrusted_text(tmp_path):
    bad = '<script>alert("x")</script>'
    table = {str(explained_folder(tmp_path / "a")): (bad, bad), str(explained_folder(tmp_path / "b", seed=1)): (bad, "rest & more")}
    group = jobs.group(table)
    text = group.report(events="peaks:smile").html()
    assert "<script>alert" not in text and "rest &amp; more" in text


def test_one_recording_has_a_map_no_interval_and_no_test_and_says_so(tmp_path):
    folder = explained_folder(tmp_path / "only")
    with pytest.warns(StavisWarning, match="no interval and no test"):
        group = jobs.group({str(folder): "anna"})
    assert group.table("regions").low.isna().all() and not len(group.table("differences"))
    assert np.nanmax(group.map().density) > 3
    with pytest.raises(StavisError, match="needs two conditions"):
        group.difference()
    assert "1 recordings" not in repr(group) or "no interval" in group.report(tmp_path / "page.html").html()


def test_a_condition_of_two_has_a_difference_and_no_test_and_says_so(tmp_path):
    table = {}
    for k in range(6):
        table[str(explained_folder(tmp_path / f"a{k}", seed=k))] = (f"p{k}", "a")
    for k in range(2):
        table[str(explained_folder(tmp_path / f"b{k}", seed=k, look="brows"))] = (f"p{k}", "b")
    with pytest.warns(StavisWarning, match="b: 2 people, at least 5 are needed"):
        group = jobs.group(table)
    assert "no test, 2 people" in group.difference().sentence and not group.difference().significant.any()
    assert "no test" in group.report().html()


def test_half_of_the_frames_without_a_face_are_said(tmp_path):
    table = {str(explained_folder(tmp_path / f"a{k}", seed=k, gaps=tuple(range(10)) if k == 0 else ())): f"p{k}" for k in range(5)}
    with pytest.warns(StavisWarning, match=r"In 1 of 5 recordings half of the frames or more .*a0: a face in 10 of 20 frames"):
        group = jobs.group(table)
    assert "10 of them without a face" in group.report().html()


def test_networks_that_differ_are_said(tmp_path):
    table = {str(explained_folder(tmp_path / f"a{k}", seed=k, weights=f"w{k}")): f"p{k}" for k in range(2)}
    with pytest.warns(StavisWarning, match="read by 2 networks"):
        jobs.group(table)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda group: group.map("saliency"), "has no map 'saliency': choose one of attention"),
        (lambda group: group.map(condition="anger"), "no condition 'anger': choose one of smile, frown"),
        (lambda group: group.figure("hat"), "no figure 'hat'"),
        (lambda group: group.table("hat"), "no table 'hat'"),
        (lambda group: group.figure("around"), "needs events"),
        (lambda group: group.figure("around", events="peaks:smile", curves=["hat"]), "no curve 'hat'"),
        (lambda group: group.report(of="saliency"), "no recording has a map 'saliency'"),
        (lambda group: group.difference("smile", "smile"), "needs two conditions"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(made, ask, said):
    with pytest.raises(StavisError, match=said):
        ask(made)


def test_the_shell_writes_the_same_and_prints_what_was_found(shell, table, tmp_path):
    done = shell("group", table, "--out", tmp_path / "out", "--events", "peaks:smile")
    assert done.code == 0 and "14 recordings of 7 people" in done.out and "smile minus frown" in done.out
    assert (tmp_path / "out" / "report.html").is_file() and (tmp_path / "out" / "around.csv").is_file()
    first = Path(table).read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    events = tmp_path / "events.csv"
    events.write_text(f"recording,time\n{Path(first).name},1\n{Path(first).name},1000\n", encoding="utf-8")
    done = shell("group", table, "--out", tmp_path / "events", "--events", events)
    assert done.code == 0 and "warning: 1 of 2 events do not count" in done.err
    assert any("1 of 2 events do not count" in note for note in json.loads((tmp_path / "events" / "group.json").read_text())["notes"])
    told = json.loads(shell("group", table, "--out", tmp_path / "again", "--json").out)
    assert told["people"] == 7
    refused = shell("group", tmp_path / "none.csv", "--out", tmp_path / "no")
    assert refused.code == 2 and "is missing" in refused.err and not (tmp_path / "no").exists()


def test_explanations_make_a_group_as_their_folders_do(drawn, tiny_run, tmp_path):
    videos = sorted((drawn / "videos").glob("*.mp4"))[:2]
    explained = {
        video.stem: jobs.explain(tiny_run, video, methods=("saliency",), overlay=False, device="cpu", quiet=True) for video in videos
    }
    people = {name: (f"person of {name}", f"condition {k}") for k, name in enumerate(explained)}
    live = jobs.group(people, explained)
    folders = {}
    for name, one in explained.items():
        one.save(tmp_path / name)
        folders[str(tmp_path / name)] = people[name]
    saved = jobs.group(folders)
    assert live.kinds == saved.kinds and set(live.kinds) >= {"attention", "Saliency", CENTRE}
    for kind in live.kinds:
        np.testing.assert_allclose(live.map(kind).density, saved.map(kind).density, rtol=1e-5)
    pd.testing.assert_frame_equal(live.table("regions"), saved.table("regions"), rtol=1e-4)
    read = jobs.group(people, [one.reading for one in explained.values()])
    np.testing.assert_allclose(read.map().density, live.map().density, rtol=1e-5)
    assert live.figure("maps").data and "Mean attention" in live.report().html()


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    text = (Path(__file__).resolve().parents[2] / "docs" / "groups.md").read_text(encoding="utf-8")
    table = "\n".join(line.strip() for line in text[text.index("    recording,person") :].split("\n\n")[0].splitlines())
    for line in table.splitlines()[1:]:
        explained_folder(tmp_path / line.split(",")[0], look="mouth" if "smile" in line else "brows", seed=len(line))
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    exec(compile(example, "docs/groups.md", "exec"), {})
    assert (tmp_path / "grouped" / "report.html").is_file()
    assert f"{int(canonical_face().mask.sum()):,} cells" in text
