"""The table of a group and its recordings: what is read from folders, and what is refused in one sentence."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.groups.canonical import canonical_face
from stavis.groups.events import event_times
from stavis.groups.face_maps import ATTENTION, FILE
from stavis.groups.maps import mean_map
from stavis.groups.members import PREDICTED, SHARE, SIGNAL
from stavis.groups.table import read_members
from stavis.groups.tables import difference_table, recording_table, region_table
from stavis.regions import REGIONS
from tests.groups.explained import explained_folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("explained")
    for name, look, gaps in (("one", "mouth", ()), ("two", "mouth", tuple(range(12))), ("three", "brows", ())):
        explained_folder(root / name, seed=len(name), look=look, gaps=gaps)
    explained_folder(root / "eye", look="left_eye", seed=7)
    explained_folder(root / "other eye", look="right_eye", seed=7)
    return root


def csv(folder, text: str):
    path = folder / f"table {abs(hash(text))}.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_names_folders_beside_it(folders):
    members = read_members(csv(folders, "recording,person,condition\none,anna,x\ntwo,bert,y\n"))
    assert [(one.name, one.person, one.condition) for one in members] == [("one", "anna", "x"), ("two", "bert", "y")]
    assert {one.condition for one in read_members(csv(folders, "recording,person,condition\none,anna,\ntwo,bert,\n"))} == {"all"}
    first = members[0]
    assert {(PREDICTED, "valence"), (SHARE, "mouth"), (SIGNAL, "smile")} <= set(first.curves)
    assert first.rate == pytest.approx(10) and first.maps.names[0] == ATTENTION and first.network == "w"


def test_frames_without_a_face_do_not_count(folders):
    two = read_members({str(folders / "two"): "bert"})[0]
    assert (two.frames, two.frames_with_face) == (20, 8)
    assert all(np.isnan(values[:12]).all() and np.isfinite(values[12:]).any() for values in two.curves.values())
    assert two.maps.frames.max() == 8


def test_a_dict_a_list_and_a_dataframe_say_the_same(folders):
    path = str(folders / "one")
    row = {"recording": path, "person": "anna", "condition": "x"}
    for table in ({path: ("anna", "x")}, [row], pd.DataFrame([row]), {path: {"person": "anna", "condition": "x"}}):
        one = read_members(table)[0]
        assert (one.name, one.person, one.condition) == ("one", "anna", "x")


def test_a_person_is_one_in_whatever_case_and_bytes_the_name_is_written(folders):
    members = read_members({str(folders / "one"): "Zo\u00eb", str(folders / "two"): "zoe\u0308", str(folders / "three"): "ZO\u00cb"})
    assert {one.person for one in members} == {"Zo\u00eb"}


def test_folders_that_are_called_alike_are_all_called_as_the_table_writes_them(folders, tmp_path):
    for name in ("happy/p1", "sad/p1", "sad/p2"):
        explained_folder(tmp_path / name)
    members = read_members(csv(tmp_path, "recording,person,condition\nhappy/p1,a,happy\nsad/p1,a,sad\nsad/p2,b,sad\n"))
    assert [one.name for one in members] == ["happy/p1", "sad/p1", "sad/p2"]
    events = pd.DataFrame({"recording": ["happy/p1", "sad/p1", "p1"], "time": [0.5, 0.7, 0.9]})
    _, times, notes = event_times(events, members)
    assert {name: list(found) for name, found in times.items()} == {"happy/p1": [0.5], "sad/p1": [0.7]}
    assert "1 recordings that are not in the group are passed over (p1)" in notes[0]


def test_a_mirrored_recording_is_turned_so_that_each_persons_sides_agree(folders):
    plain = read_members({str(folders / "eye"): "anna"})[0]
    mirrored = read_members([{"recording": str(folders / "eye"), "person": "anna", "mirrored": "yes"}])[0]
    assert np.array_equal(plain.curves[SHARE, "left_eye"], mirrored.curves[SHARE, "right_eye"], equal_nan=True)
    assert plain.densities["left_eye"] == mirrored.densities["right_eye"]
    there, turned = (mean_map([one], ATTENTION, "all").density for one in (plain, mirrored))
    face = canonical_face()
    assert face.cells[np.nanargmax(there), 0] < 0.5 < face.cells[np.nanargmax(turned), 0]
    assert np.array_equal(turned, there[face.opposite], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recording,person\none,anna\ngone,bert\n", r"line 3: .*gone is no folder"),
        ("recording,person\none,\n", r"line 2 names no person for one"),
        ("recording,person\n\none,NA\n", r"line 3 names no person for one"),
        ("recording,person,condition\none,anna,x\n\ntwo,bert,\n", r"line 4 names no condition for two, others do"),
        ("recording,person\n,anna\n", r"line 2 names no recording"),
        ("recording,condition\none,x\n", r"no column person"),
        ("folder,person\none,x\n", r"no column recording"),
        ("recording,person\n", r"holds no row"),
        ("recording,person\none,anna\n./one,bert\n", r"line 3 names ./one, which .*line 2 names already"),
        ("recording,person,mirrored\none,anna,maybe\n", r"mirrored is 'maybe', expected yes or no"),
        ("recording,person\n.,anna\n", r"holds no explain.json"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(folders, text, said):
    with pytest.raises(StavisError, match=said) as refused:
        read_members(csv(folders, text))
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


def test_other_bad_input_is_refused_in_one_sentence(folders, tmp_path):
    with pytest.raises(StavisError, match="is no file"):
        read_members(tmp_path / "none.csv")
    with pytest.raises(StavisError, match="give its person"):
        read_members({"one": ("a", "b", "c")})
    with pytest.raises(StavisError, match="not among the results"):
        read_members({"one": "anna"}, {"two": folders / "two"})
    damaged = explained_folder(tmp_path / "damaged")
    (damaged / FILE).write_bytes(b"PK nothing")
    with pytest.raises(StavisError, match="damaged or no file of face maps"):
        read_members({str(damaged): "anna"})
    short = explained_folder(tmp_path / "short")
    (short / "signals.csv").write_text("time,smile\n0,0\n")
    with pytest.raises(StavisError, match="different frames"):
        read_members({str(short): "anna"})


def test_a_folder_of_an_earlier_version_has_curves_and_no_maps(tmp_path):
    old = explained_folder(tmp_path / "old")
    (old / FILE).unlink()
    one = read_members({str(old): "anna"})[0]
    assert one.maps is None and (SHARE, "mouth") in one.curves
    with pytest.raises(StavisError, match="explain it again"):
        mean_map([one], ATTENTION, "all")


# Tables


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    root = tmp_path_factory.mktemp("people")
    table = {}
    for k in range(6):
        for condition, look in (("smile", "mouth"), ("frown", "brows")):
            table[str(explained_folder(root / f"p{k} {condition}", seed=k, look=look))] = (f"p{k}", condition)
    table[str(explained_folder(root / "p0 again", seed=9))] = ("p0", "smile")
    return read_members(table)


def test_weights_sum_to_one_by_condition_and_are_the_same_for_people(members):
    table = recording_table(members)
    assert table.groupby("condition").weight.sum().to_numpy() == pytest.approx(1)
    assert table.groupby(["condition", "person"]).weight.sum().to_numpy() == pytest.approx(1 / 6)


def test_regions_have_intervals_over_people(members):
    table = region_table(members).set_index(["condition", "region"])
    assert len(table) == 2 * len(REGIONS) and set(table.people) == {6}
    top = table.loc[("smile", "mouth")]
    assert 3 <= top.low < top.density < top.high


def test_differences_are_paired_where_people_are_and_not_where_they_are_not(members):
    paired = difference_table(members).set_index("region")
    assert set(paired.paired) == {"yes"} and paired.difference["mouth"] > 3 and paired.low["mouth"] > 0
    assert (paired.p_holm >= paired.p).all()
    strangers = [one for one in members if (one.condition == "smile") or one.person in ("p0",)]
    strangers = [one if one.condition == "smile" else type(one)(**{**vars(one), "person": f"q{k}"}) for k, one in enumerate(strangers)]
    assert set(difference_table(strangers).paired) == {"no"}


def test_a_group_of_fewer_than_five_others_has_a_difference_and_no_interval_or_p(members):
    many = [replace(one, person=f"s{k}") for k, one in enumerate(members) if one.condition == "smile"]
    few = [replace(one, person=f"f{k}") for k, one in enumerate(members) if one.condition == "frown"][:4]
    found = difference_table([*many, *few])
    assert found.difference.notna().all() and set(found.people) == {len(many) + 4}
    assert found[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    five = difference_table([*many, *few, replace(few[0], person="f9")])
    assert five[["low", "high", "p"]].notna().all(axis=None)


def test_a_region_that_one_condition_lacks_takes_its_pair_out_in_that_region_alone(members):
    kept = [replace(one, densities={**one.densities, "mouth": np.nan}) if one.name == "p5 frown" else one for one in members]
    found, full = (difference_table(each).set_index("region") for each in (kept, members))
    pairs = difference_table([one for one in members if one.person != "p5"]).set_index("region")
    assert found.people["mouth"] == 5 and found.people["left_eye"] == 6
    assert found.loc["mouth", "difference":"p"].tolist() == pairs.loc["mouth", "difference":"p"].tolist()
    assert found.loc["left_eye", "difference":"p"].tolist() == full.loc["left_eye", "difference":"p"].tolist()
