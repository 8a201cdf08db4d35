"""The scores of attention against the truth are right where the answer is made by hand."""

import numpy as np
import pytest

from stavis.attention.cue_scores import EYES, MOUTH, cue_scores, cue_trace
from stavis.regions import REGIONS
from stavis.types import AttentionMaps


def _made(follow: bool, frames=40, seed=0, lost=slice(0)):
    """A face in three bands (eyes, rest, mouth) and attention that follows the cue, or is shuffled against it; `lost`: without a face."""
    rng = np.random.default_rng(seed)
    regions = np.zeros((frames, len(REGIONS), 12, 12), bool)
    regions[:, REGIONS.index("left_eye"), :3] = True
    regions[:, REGIONS.index("rest"), 3:9] = True
    regions[:, REGIONS.index("mouth"), 9:] = True
    regions[lost] = False
    regions[lost, REGIONS.index("outside")] = True
    cue = (rng.random(frames) > 0.5).astype(float)
    weights = np.full((frames, 4, 4), 0.1 / 16)
    looked = cue if follow else rng.permutation(cue)
    for t in range(frames):
        weights[t, 3 if looked[t] else 0] += 0.9 / 4
    informative = np.where(cue > 0.5, MOUTH, EYES)
    return cue_trace(AttentionMaps(weights, np.arange(frames) / 25), regions, cue, informative)


def test_attention_that_follows_the_cue_scores_high_and_shuffled_attention_does_not():
    followed = cue_scores([_made(True, seed=s) for s in range(6)])
    assert followed.correlation.value == pytest.approx(1)
    looked, beside = 0.9 + 0.1 / 4, 0.1 / 4  # of the map; 1/9 of a row of cells lies beyond an outline that is one cell wide
    assert followed.density.value == pytest.approx((looked * 8 / 9 + beside / 9) / 0.25, rel=1e-3)
    shuffled = cue_scores([_made(False, seed=s) for s in range(6)])
    assert abs(shuffled.correlation.value) < 0.4 and shuffled.correlation.low < 0 < shuffled.correlation.high
    assert shuffled.density.value < 0.75 * followed.density.value


def test_one_recording_has_no_interval_and_a_still_cue_no_correlation():
    lone = cue_scores([_made(True)])
    assert np.isnan(lone.correlation.low) and np.isfinite(lone.correlation.value)
    still = _made(True)
    still.mouth_cue[:] = 1
    assert np.isnan(cue_scores([still]).correlation.value)


def test_frames_without_a_face_are_not_taken_for_attention_off_the_mouth():
    traces = [_made(True, seed=s, lost=slice(3, 30)) for s in range(4)]
    assert np.isnan(traces[0].mouth_share[3:30]).all() and np.isfinite(traces[0].mouth_share[30:]).all()
    scores = cue_scores(traces)
    assert scores.correlation.value == pytest.approx(1) and np.isfinite(scores.density.value)
    assert np.isnan(cue_scores([_made(True, lost=slice(None))]).correlation.value)
