"""What is scored and what is not: frames without a face, excluded ranges, delays, recordings without any face."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from stavis.errors import StavisError
from stavis.evaluation.evaluate import evaluate, filled, pair_of
from stavis.evaluation.postprocess import without_delay
from stavis.metrics import ccc, concatenated
from stavis.types import FaceTrack
from tests.training.made_crops import made_crops


class Light(nn.Module):
    """Says how bright each frame is, which is what made crops are labelled by."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(255 / 90))

    def forward(self, frames, attention=None):
        return ((frames.mean((2, 3, 4)) - 128 / 255) * self.scale).unsqueeze(2)


def valid_but(crops, *gone):
    valid = np.ones(len(crops), bool)
    valid[list(gone)] = False
    return replace(crops, valid=valid)


def test_frames_without_a_face_are_filled_as_asked():
    values, valid = np.array([[0.2], [9.0], [0.4], [9.0]]), np.array([True, False, True, False])
    assert filled(values, valid)[:, 0].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.4])
    assert filled(values, valid, "zero")[:, 0].tolist() == [0.2, 0, 0.4, 0]
    assert np.isnan(filled(values, valid, "drop")[[1, 3]]).all()
    assert np.isnan(filled(values, np.zeros(4, bool))).all()
    with pytest.raises(StavisError, match="cannot be filled by 'mean'"):
        evaluate(Light(), made_crops(1), fill="mean")


def test_a_face_that_is_lost_for_a_moment_is_read_and_one_that_is_gone_is_not():
    crops = made_crops(1)[0]
    gone = np.isin(np.arange(40), [*range(10, 18), *range(30, 40)])
    moment = np.arange(40) // 8 == 1  # frames 8 to 15, of which 8 and 9 are seen
    nowhere = np.full((40, 478, 2), np.nan)
    track = FaceTrack(crops.times, nowhere[:, :2, 0], nowhere, np.ones(40), crops.affine, ~gone, bridged=moment & gone)
    lost = replace(crops, valid=~gone, track=track, source="face")
    whole = evaluate(Light(), [crops]).predictions.predicted.to_numpy()
    read, filled_in = (evaluate(Light(), [lost], fill=fill) for fill in ("read", "interpolate"))
    now, before = (done.predictions.predicted.to_numpy() for done in (read, filled_in))
    assert np.array_equal(now[10:16], whole[10:16]) and not np.allclose(before[10:16], whole[10:16], atol=1e-3)
    assert np.allclose(now[16:18], np.interp([16, 17], [15, 18], whole[[15, 18]])) and np.array_equal(now[30:], before[30:])
    assert np.array_equal(now[~gone], before[~gone])
    assert read.counts["frames_without_face"] == filled_in.counts["frames_without_face"] == 18 and read.counts["frames_bridged"] == 6
    assert np.isnan(evaluate(Light(), [lost], fill="drop").predictions.predicted[10:16]).all()


def test_every_frame_is_counted_and_the_fill_is_said():
    crops = made_crops(2)
    crops[0] = valid_but(replace(crops[0], exclude=((0, 0.32, "hand"),)), 20, 21)
    labels = crops[1].label_values.copy()
    labels[7] = np.nan
    crops[1] = replace(crops[1], label_values=labels)
    told = evaluate(Light(), crops, fill="drop").as_json()
    assert told["counts"] == {
        "recordings": 2,
        "frames": 80,
        "frames_without_face": 2,
        "frames_bridged": 0,
        "frames_without_label": 1,
        "seconds_without_label": 0.08,
        "frames_excluded": 5,
        "recordings_scored": 2,
        "frames_scored": 80 - 2 - 1 - 5,
    }
    assert told["fill"] == "drop" and evaluate(Light(), crops).counts["frames_scored"] == 74


def test_what_is_excluded_changes_no_score():
    crops = made_crops(3)
    spoilt = crops[0].label_values.copy()
    spoilt[10:20] = -1
    bad = [replace(crops[0], label_values=spoilt), *crops[1:]]
    times = crops[0].times
    without = [replace(bad[0], exclude=((times[10], times[19], "wrong"),)), *crops[1:]]
    scores = [evaluate(Light(), each).scores["concatenated"]["rmse"]["valence"].value for each in (crops, bad, without)]
    assert scores[0] == pytest.approx(scores[2], abs=0.01) and scores[1] > 2 * scores[2]


def test_a_delay_of_the_labels_is_given_back_to_the_predictions():
    crops = made_crops(3, frames=100)
    lagging = [replace(one, label_times=one.label_times + 0.8) for one in crops]
    plain, undone = (evaluate(Light(), lagging, delay=delay).scores["per_recording"]["ccc"]["valence"].value for delay in (0, 0.8))
    assert undone > 0.98 > 0.8 > plain
    assert evaluate(Light(), [without_delay(one, 0.8) for one in lagging]).scores["per_recording"]["ccc"]["valence"].value > 0.98


def test_a_recording_without_any_face_is_named_and_not_scored():
    crops = made_crops(3)
    crops[1] = replace(crops[1], valid=np.zeros(40, bool))
    done = evaluate(Light(), crops)
    assert done.notes == (f"recordings in which no face was found are not scored: {crops[1].recording}.",)
    assert done.counts["recordings"] == 3 and done.counts["recordings_scored"] == 2 and done.counts["frames_scored"] == 80
    zero = evaluate(Light(), crops, fill="zero")
    assert zero.counts["recordings_scored"] == 3 and "are scored as 0" in zero.notes[0]
    assert evaluate(Light(), made_crops(3)).notes == ()
    nobody = [replace(one, valid=np.zeros(40, bool)) for one in crops]
    with pytest.raises(StavisError, match="none of the 3 recordings of this split shows a face where it has a label"):
        evaluate(Light(), nobody)


def test_validation_is_not_undone_by_a_recording_without_any_face():
    crops = made_crops(2)
    crops[1] = replace(crops[1], valid=np.zeros(40, bool))
    pairs = [pair_of(Light(), one) for one in crops]
    assert concatenated(ccc, pairs) > 0.98 and len(pairs[1][0]) == len(pairs[1][1]) == 0


def test_without_any_label_there_is_nothing_to_score():
    crops = [replace(one, exclude=((-1, 100, "all"),)) for one in made_crops(2)]
    with warnings.catch_warnings(), pytest.raises(StavisError, match="no recording of this split has a label"):
        warnings.simplefilter("ignore")
        evaluate(Light(), crops)


def test_what_is_excluded_is_the_frames_and_not_the_labels_of_their_times():
    seen = replace(made_crops(1, frames=100)[0], exclude=((2.0, 4.0, "looks away"),))
    hidden = seen.frames.copy()
    hidden[~seen.kept] = 255
    lagging = replace(seen, frames=hidden, label_times=seen.label_times + 0.8)
    done = evaluate(Light(), [lagging], delay=0.8)
    table = done.predictions
    left_out = table.time[table.predicted.isna()]
    assert (left_out.min(), left_out.max()) == pytest.approx((2.8, 4.8), abs=0.041)
    assert done.scores["concatenated"]["ccc"]["valence"].value > 0.98
    trained_on = np.isfinite(without_delay(lagging, 0.8).labels[:, 0])
    scored = (table.predicted.notna() & table.gold.notna()).to_numpy()
    assert np.array_equal(trained_on[:-10], scored[10:]), "a frame is scored where it is trained on"


def test_what_is_predicted_of_excluded_frames_fills_no_other():
    crops = made_crops(1)[0]
    hidden = crops.frames.copy()
    hidden[10:15] = 255
    crops = valid_but(replace(crops, frames=hidden, exclude=((crops.times[10], crops.times[14], "hand"),)), 15, 16)
    values = evaluate(Light(), [crops], fill="interpolate").predictions.predicted.to_numpy()
    whole = evaluate(Light(), made_crops(1)).predictions.predicted.to_numpy()
    assert values[15:17] == pytest.approx(np.interp([15, 16], [9, 17], whole[[9, 17]])) and np.isnan(values[10:15]).all()
