"""A network on real clips, end to end on real faces."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from stavis.data.faces.networks import known_file
from stavis.data.faces.networks.emotions import FILE
from stavis.errors import StavisError
from stavis.evaluation.invariance import COLUMNS
from stavis.jobs.transfer import transfer, transfer_table
from tests.test_map import columns_named


@pytest.mark.real_clips
def test_a_network_on_real_clips_from_the_shell(real_clips, face_model, shell, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("pyfeat_single_face.mp4", "pyfeat_no_face.mp4"):
        (folder / name).symlink_to(real_clips / name)
    hands = tmp_path / "covered.csv"
    hands.write_text("recording,start,stop\npyfeat_single_face,.5,1.1\n")
    said = shell("transfer", "sta-synthetic", folder, "--covered", hands, "--json", "--quiet")
    assert said.code == 0
    (row,) = json.loads(said.out)  # no row for the clip in which no face was found
    assert row["clip"] == "pyfeat_single_face"
    assert sum(row[part] for part in ("features", "nose", "cheeks", "forehead", "chin", "rest", "outside")) == pytest.approx(1, abs=1e-6)
    assert row["features"] == pytest.approx(row["mouth"] + row["eyes"] + row["brows"] + row["glabella"])
    assert row["eyes"] == pytest.approx(row["left_eye"] + row["right_eye"]) and row["rest"] < 0.1, "no finding hides in the rest"
    assert row["smile_r"] > 0.7 and abs(row["neutral"]) < 0.3, "the shipped network reads this face"
    assert row["features"] > 0.6, "what every clip must reach"
    assert row["nose"] + row["outside"] < 0.03 and min(row["mouth_density"], row["eyes_density"]) > 1, "more than chance would have"
    assert 0.5 < row["covered_ratio"] < 2, "no hand is there"
    assert abs(row["smile_lag"]) < 0.2 and 0.3 < row["smile_slope"] < 1.5 and -0.5 < row["smile_level"] < 0.2
    assert columns_named(row) == [], "every column stands in the docs"
    table = transfer_table(pd.DataFrame([row | {"neutral": np.nan}]))
    assert "| pyfeat_single_face |" in table and "| – |" in table


def test_a_second_opinion_invariance_and_the_sheet_from_the_shell(real_clips, face_model, emotion_network, tiny_run, shell, tmp_path):
    sheet = tmp_path / "sheets" / "worst.png"
    clip = real_clips / "pyfeat_single_face.mp4"
    done = shell("transfer", tiny_run, clip, "--second-opinion", "--invariance", "--sheet", sheet, "--json", "--quiet")
    assert done.code == 0 and "worst.png shows faces" in done.err
    (row,) = json.loads(done.out)
    assert columns_named(row) == [] and set(COLUMNS) <= set(row)
    assert all(row[name] >= 0 for name in COLUMNS) and row["rms_shift"] > 0
    assert -1 <= row["opinion_r"] <= 1 and row["opinion_confidence"] > 0.7, "it is sure of this smile"
    assert cv2.imread(str(sheet)).shape[1] >= 640 and [path.name for path in sheet.parent.iterdir()] == ["worst.png"]


def test_a_second_opinion_that_is_not_available_is_one_sentence(tiny_run, tmp_path, monkeypatch):
    def refuse(_):
        raise known_file.Unavailable("no network")

    monkeypatch.setattr(known_file, "from_index", refuse)
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(FILE.variable, raising=False)
    with pytest.raises(StavisError, match=r"emotion network .* could not be fetched \(no network\): set \$STAVIS_EMOTION_MODEL .*\.$"):
        transfer(tiny_run, tmp_path, second_opinion=True, quiet=True)


def test_a_sheet_of_another_kind_is_refused_before_the_work(tiny_run, tmp_path):
    with pytest.raises(StavisError, match=r"worst\.jpg does not end in \.png"):
        transfer(tiny_run, tmp_path, sheet=tmp_path / "worst.jpg", quiet=True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [("recording,start,stop\nnobody,0,1\n", "no clip called .*nobody"), ("recording,start\nanna,0\n", "the column 'stop' is missing")],
)
def test_hands_that_belong_to_no_clip_are_told(tiny_run, tmp_path, lines, said):
    (tmp_path / "hands.csv").write_text(lines)
    with pytest.raises(StavisError, match=said):
        transfer(tiny_run, [tmp_path / "anna.mp4"], covered=tmp_path / "hands.csv", quiet=True)


def test_a_folder_without_a_face_is_refused(tiny_run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StavisError, match="no clip in which a face was tracked"):
        transfer(tiny_run, tmp_path / "empty", quiet=True)
