"""Dimensions with clocks of their own: a second dimension never changes what the first gives."""

import numpy as np
import pytest

from stavis.data.datasets.assembly import GroupedNotes, of_raters
from stavis.data.datasets.clock import on_one_clock
from stavis.data.datasets.folder import read_folder
from stavis.data.datasets.gold import Ratings
from stavis.timeline import resample


def clock(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels at a rate of their own, with a gap, invalid ones, and ends of their own."""
    times = rng.uniform(0, 2) + np.arange(rng.integers(30, 90)) * rng.choice([0.04, 0.1, 0.4])
    gap = rng.integers(5, 15)
    kept = np.delete(times, slice(gap, gap + rng.integers(0, 10)))
    values = np.sin(kept * rng.uniform(1, 3))[:, None]
    values[rng.random(len(kept)) < 0.1] = np.nan
    start = rng.integers(len(kept))
    values[start : start + rng.integers(8)] = np.nan
    return kept, values


@pytest.mark.parametrize("max_gap", [3.0, 1.0, None])
@pytest.mark.parametrize("seed", range(8))
def test_each_dimension_is_what_it_would_be_alone(seed, max_gap):
    rng = np.random.default_rng(seed)
    found = {name: clock(rng) for name in ("valence", "arousal", "dominance")[: 2 + seed % 2]}
    joined = on_one_clock(found, max_gap)
    assert (np.diff(joined.times) > 0).all() and set(joined.own_rows) == set(found)
    assert joined.times[0] == min(times[0] for times, _ in found.values()) and joined.times[-1] == max(t[-1] for t, _ in found.values())
    asked = np.sort(rng.uniform(-1, 40, 4000))
    for name, (times, values) in found.items():
        own = joined.own_rows[name]
        assert np.array_equal(joined.times[own], times) and np.array_equal(joined.values[name][own], values, equal_nan=True)
        alone, together = resample(times, values, asked, max_gap), resample(joined.times, joined.values[name], asked, joined.max_gap)
        assert np.array_equal(np.isnan(alone), np.isnan(together))
        assert np.allclose(alone, together, atol=0.005, equal_nan=True)  # within the tolerance of a gap's end the slopes differ


def test_one_clock_that_was_rounded_twice_stays_one_clock():
    times = np.arange(50) / 30
    found = {"valence": (times, np.zeros((50, 1))), "arousal": (np.round(times, 3), np.ones((50, 1)))}
    joined = on_one_clock(found)
    assert np.array_equal(joined.times, times) and not joined.own_rows and joined.max_gap == 3 and (joined.values["arousal"] == 1).all()


def rated(end: float, step: float) -> Ratings:
    times = np.arange(0, end, step)
    return Ratings(times, np.stack([np.sin(times), 0.9 * np.sin(times)], 1), ("a", "b"))


def test_raters_of_a_short_dimension_leave_the_long_one_its_labels(tmp_path):
    """25 ratings a second over 4 s beside 2.5 over 1.2 s: in alphabetical order, and in the other one."""
    ratings = {"arousal": rated(1.3, 0.4), "valence": rated(4, 0.04)}
    alone = {name: of_raters("x", {name: one}, GroupedNotes()) for name, one in ratings.items()}
    for order in (ratings, dict(reversed(ratings.items()))):
        fields = of_raters("x", order, GroupedNotes())
        for column, name in enumerate(fields["dimensions"]):
            own = fields["own_rows"][name]
            assert np.array_equal(fields["labels"][own, column], alone[name]["labels"][:, 0])
            assert np.array_equal(fields["raters"][name][own], ratings[name].values)
    (tmp_path / "x.mp4").touch()
    for name, one in ratings.items():
        (tmp_path / "raters" / name).mkdir(parents=True)
        rows = [f"{time:.2f},{a:.4f},{b:.4f}" for time, (a, b) in zip(one.times, one.values, strict=True)]
        (tmp_path / "raters" / name / "x.csv").write_text("\n".join(["time,a,b", *rows]))
    (found,) = read_folder(tmp_path)
    labels = resample(found.label_times, found.labels, np.arange(100) / 25, found.max_gap)
    assert np.isfinite(labels[:, found.dimensions.index("valence")]).all() and found.max_gap is None
    assert np.isfinite(labels[:, found.dimensions.index("arousal")]).sum() == 31
    (tmp_path / "x.csv").write_text("time,dominance\n0,0\n2,0.5\n4,1\n")
    (found,) = read_folder(tmp_path)
    labels = resample(found.label_times, found.labels, np.arange(100) / 25, found.max_gap)
    assert np.isfinite(labels).sum(0).tolist() == [100, 31, 100] and labels[50, 0] == pytest.approx(0.5)
    (tmp_path / "x.csv").unlink()
    (found,) = read_folder(tmp_path, ("valence",))
    assert len(found.label_times) == 100 and found.max_gap == 3
