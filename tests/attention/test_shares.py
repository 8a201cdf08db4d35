"""Shares of a map over a partition sum to 1, whatever the map."""

import numpy as np
import pytest

from stavis.attention.shares import share_table, shares_over_time
from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.types import AttentionMaps, Attribution, Clip, Target
from tests.show.samples import clip_of, maps_of


def test_shares_sum_to_one_for_every_map():
    clip = clip_of(12, 60)
    for maps in maps_of(clip, 14).values():
        shares = maps.share(clip.regions)
        assert shares.shape == (12, len(REGIONS))
        assert shares.sum(1) == pytest.approx(1, abs=1e-5)
        assert (shares >= 0).all()


def test_attention_agrees_with_its_own_law_over_many_frames():
    clip = clip_of(300, 24)
    attention = maps_of(clip, 8)["attention"]
    assert share_table(attention, clip)[list(REGIONS)].to_numpy() == pytest.approx(
        shares_over_time(clip, attention)[list(REGIONS)].to_numpy()
    )


def test_an_attribution_counts_by_its_size_not_its_sign():
    clip = clip_of(4, 40)
    values = np.random.default_rng(0).normal(size=(4, 40, 40)).astype(np.float32)
    shares = Attribution("m", Target(), values, clip.times).share(clip.regions)
    mouth = (np.abs(values) * clip.regions[:, 0]).sum((1, 2)) / np.abs(values).sum((1, 2))
    assert shares[:, 0] == pytest.approx(mouth, abs=1e-5)
    coarse = Attribution("m", Target(), np.abs(values[:, ::2, ::2]), clip.times)
    assert coarse.share(clip.regions).sum(1) == pytest.approx(1, abs=1e-5)


def test_zero_or_broken_frames_have_no_share():
    clip = clip_of(3, 20)
    values = np.ones((3, 20, 20), np.float32)
    values[0] = 0
    values[1, 4, 4] = np.nan
    shares = Attribution("m", Target(), values, clip.times).share(clip.regions)
    assert np.isnan(shares[:2]).all() and np.isfinite(shares[2]).all()


def test_the_table_has_gaps_where_no_face_was():
    clip = clip_of(10, 20, gap=slice(4, 6))
    table = shares_over_time(clip, maps_of(clip, 8)["attention"])
    assert table.columns.tolist() == ["time", "face", *REGIONS]
    assert table["mouth"].isna().tolist() == [4 <= k < 6 for k in range(10)]


def test_what_does_not_fit_is_said():
    clip = clip_of(5, 20)
    with pytest.raises(StavisError, match="5 frames"):
        AttentionMaps(np.ones((4, 2, 2)) / 4, np.arange(4)).share(clip.regions)
    with pytest.raises(StavisError, match="no regions"):
        shares_over_time(Clip(clip.frames, clip.times), maps_of(clip, 8)["attention"])
