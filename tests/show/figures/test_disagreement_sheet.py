"""The frames of the worst disagreements: which they are, and the sheet that shows them."""

import cv2
import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.show.figures.disagreement_sheet import APART, FRAMES, check_sheet, disagreement_sheet, save_sheet, worst_frames


def frames(clip: str = "anna", count: int = 100, seed: int = 0, **given) -> pd.DataFrame:
    """One row per frame of a clip of 25 frames/s."""
    rng = np.random.default_rng(seed)
    smile = rng.uniform(0, 1, count)
    values = {"valence": rng.uniform(-1, 1, count), "smile": smile, "frown": 0 * smile, "smile_less_frown": smile} | given
    return pd.DataFrame({"clip": clip, "frame": np.arange(count), "time": np.arange(count) / 25, **values})


def test_the_worst_come_first_and_never_two_that_show_the_same():
    table = pd.concat([frames("anna"), frames("bela", seed=1)], ignore_index=True)
    found = worst_frames(table)
    distance = (table.valence - table.smile_less_frown).abs()
    assert found.disagreement.is_monotonic_decreasing and found.disagreement.iloc[0] == distance.max()
    for _, rows in found.groupby("clip"):
        assert np.diff(np.sort(rows.time)).min() >= APART - 1e-9
    for index, row in table.drop(found.index).iterrows():  # what is left out is less bad, or shown by a worse neighbour
        beside = found[(found["clip"] == row["clip"]) & ((found.time - row.time).abs() < APART)]
        assert len(beside) and beside.disagreement.max() >= distance[index]


def test_the_larger_of_two_disagreements_counts_and_one_alone_does():
    valence = np.zeros(30)
    smile = np.where(np.arange(30) == 3, 0.4, 0)
    opinion = np.where(np.arange(30) == 25, -0.9, np.nan)
    both = worst_frames(frames(count=30, valence=valence, smile_less_frown=smile, opinion=opinion))
    assert both.frame.tolist()[:2] == [25, 3] and both.disagreement.tolist()[:2] == pytest.approx([0.9, 0.4])
    assert worst_frames(frames(count=30, valence=valence, smile_less_frown=smile)).frame.iloc[0] == 3


def test_a_sheet_has_at_most_its_frames_and_none_without_a_value():
    table = pd.concat([frames(f"clip {n}", seed=n) for n in range(20)], ignore_index=True)
    assert len(worst_frames(table)) == FRAMES
    assert worst_frames(frames(valence=np.full(100, np.nan))).empty


@pytest.mark.parametrize("count", [1, 5, 24])
def test_every_frame_is_on_the_sheet_with_something_written_under_it(count):
    table = pd.concat([frames(f"Zoë {n}", seed=n, opinion=np.full(100, np.nan)) for n in range(24)], ignore_index=True)
    worst = worst_frames(table, count)
    shown = []

    def image_of(row: pd.Series) -> np.ndarray:
        shown.append((row["clip"], row["frame"]))
        return np.full((32, 32, 3), (255, 0, 0), np.uint8)

    sheet = disagreement_sheet(worst, image_of)
    assert len(shown) == len(set(shown)) == count
    red = (sheet == (255, 0, 0)).all(2)
    assert red.sum() == count * 168 * 168
    bottom = np.flatnonzero(red.any(1)).max()
    assert (sheet[bottom + 1 :] < 100).any(), "what was measured is written under the last row"
    assert (sheet[:40] < 100).any(), "the notice"


def test_a_sheet_without_a_frame_has_only_its_heading():
    sheet = disagreement_sheet(worst_frames(frames(valence=np.full(100, np.nan))), lambda row: None)
    assert sheet.ndim == 3 and (sheet[:40] < 100).any()


def test_a_sheet_is_written_whole_or_not_at_all(tmp_path):
    sheet = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = save_sheet(sheet, tmp_path / "new" / "worst.PNG")
    assert np.array_equal(cv2.imread(str(path))[:, :, ::-1], sheet) and len(list(path.parent.iterdir())) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(StavisError, match="file"):
        save_sheet(sheet, tmp_path / "file" / "worst.png")


@pytest.mark.parametrize("name", ["worst.jpg", "worst"])
def test_a_sheet_is_a_png(name):
    check_sheet("worst.png")
    check_sheet(None)
    with pytest.raises(StavisError, match=r"does not end in \.png"):
        check_sheet(name)
