"""A network on real clips: what is measured beside the tracker's signals, by laws on made signals, and end to end on real faces."""

import json

import numpy as np
import pandas as pd
import pytest

from stavis.data.faces.blendshapes import SIGNALS
from stavis.errors import StavisError
from stavis.jobs.transfer import FEWEST, beside_signals, transfer, transfer_table

FRAMES = 60


def signals(**given) -> pd.DataFrame:
    """Signals of a face that rests, but for what is given."""
    return pd.DataFrame({"time": np.arange(FRAMES) / 25} | {name: np.zeros(FRAMES) for name in SIGNALS} | given)


BARE = np.ones(FRAMES, bool)
SMILE = np.clip(np.sin(np.arange(FRAMES) / 6), 0, 1)


@pytest.mark.parametrize("sign", [1, -1])
def test_valence_that_follows_smile_less_frown_correlates_wholly(sign):
    frown = SMILE[::-1]
    found = beside_signals(sign * (SMILE - frown) / 3 + 0.2, signals(smile=SMILE, frown=frown), BARE)
    assert found["smile_r"] == pytest.approx(sign)


def test_a_smile_that_does_not_vary_gives_no_correlation():
    assert "smile_r" not in beside_signals(SMILE, signals(smile=np.full(FRAMES, 0.8)), BARE)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_frame_in_which_anything_moves_is_not_neutral(name):
    moved = np.arange(FRAMES) < FRAMES // 2
    found = beside_signals(np.where(moved, 0.9, -0.1), signals(**{name: moved * 0.9}), BARE)
    assert found["neutral"] == pytest.approx(-0.1)


def test_a_frame_under_a_hand_or_without_a_face_is_not_neutral():
    under, lost = np.arange(FRAMES) < 20, np.arange(FRAMES) > 40
    valence = np.where(under, 0.9, np.where(lost, np.nan, 0.3))
    assert beside_signals(valence, signals(), ~under)["neutral"] == pytest.approx(0.3)


@pytest.mark.parametrize(("still", "told"), [(FEWEST - 1, False), (FEWEST, True)])
def test_a_few_frames_are_no_resting_face(still, told):
    smile = np.where(np.arange(FRAMES) < still, 0, 0.5)
    assert ("neutral" in beside_signals(np.zeros(FRAMES), signals(smile=smile), BARE)) == told


def test_without_signals_nothing_is_told():
    assert beside_signals(SMILE, None, BARE) == {}


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
    assert sum(row[part] for part in ("features", "nose", "rest", "outside")) == pytest.approx(1, abs=1e-6)
    assert row["features"] == pytest.approx(row["mouth"] + row["eyes"] + row["brows"])
    assert row["smile_r"] > 0.7 and abs(row["neutral"]) < 0.3, "the shipped network reads this face"
    assert row["features"] > 0.4, "what every clip must reach"
    assert row["nose"] + row["outside"] < 0.03 and min(row["mouth_density"], row["eyes_density"]) > 1, "more than chance would have"
    assert 0.5 < row["covered_ratio"] < 2, "no hand is there"
    table = transfer_table(pd.DataFrame([row | {"neutral": np.nan}]))
    assert "| pyfeat_single_face |" in table and "| – |" in table


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
