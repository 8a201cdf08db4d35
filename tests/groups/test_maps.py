"""Laws of mean maps and their differences: people count the same, order does not, nothing is found where nothing is, a known region is."""

import numpy as np
import pytest

from stavis.bootstrap import FEWEST
from stavis.errors import StavisError
from stavis.groups.canonical import canonical_face, density_on_face
from stavis.groups.face_maps import ATTENTION, FaceMaps
from stavis.groups.maps import map_difference, mean_map, paired_p, person_maps, unpaired_p
from stavis.groups.members import Member
from stavis.regions import REGIONS
from tests.groups.faces import SIZE, in_crop, painted, poses, turned

CELLS = int(canonical_face().mask.sum())


def member(person: str, condition: str = "all", density=None, name: str = "", visible=None) -> Member:
    """A recording whose attention has this density on the canonical face, in cells that are `visible`."""
    density = np.ones(CELLS) if density is None else np.asarray(density, float)
    visible = np.ones(CELLS, bool) if visible is None else visible
    maps = FaceMaps((ATTENTION,), np.where(visible, density, np.nan)[None], np.where(visible, 10, 0)[None])
    return Member(name or f"{person} {condition}", person, condition, np.arange(10) / 25, {}, 10, 10, maps)


def noisy(rng, shift=None) -> np.ndarray:
    """A map with smooth noise, as people differ."""
    x, y = canonical_face().cells.T
    waves = sum(rng.normal() * np.cos(6 * (x * np.cos(a) + y * np.sin(a)) + rng.uniform(0, 6)) for a in rng.uniform(0, 3, 6))
    return np.exp(0.2 * waves + 0.1 * rng.normal(size=CELLS)) + (0 if shift is None else shift)


def region(name: str) -> np.ndarray:
    return canonical_face().regions == REGIONS.index(name)


# Means


def test_every_person_counts_the_same_however_many_recordings_there_are():
    members = [member("a", density=np.full(CELLS, 2.0)), *(member("b", density=np.full(CELLS, 4.0), name=f"b{k}") for k in range(7))]
    assert np.allclose(mean_map(members, ATTENTION, "all").density, 3)
    assert mean_map(members, ATTENTION, "all").recordings == 8


def test_every_recording_of_a_person_counts_the_same_however_long_it_is():
    maps = [FaceMaps((ATTENTION,), np.full((1, CELLS), value), np.full((1, CELLS), frames)) for value, frames in ((1.0, 10), (3.0, 9000))]
    members = [Member(f"r{k}", "a", "all", np.arange(3.0), {}, 3, 3, one) for k, one in enumerate(maps)]
    assert np.allclose(person_maps(members, ATTENTION), 2)


def test_the_order_of_recordings_and_people_does_not_count():
    rng = np.random.default_rng(0)
    members = [member(f"p{k % 4}", density=noisy(rng), name=f"r{k}") for k in range(9)]
    others = [member(f"q{k}", "other", noisy(rng)) for k in range(6)]
    mixed = [members[k] for k in rng.permutation(9)]
    np.testing.assert_allclose(mean_map(members, ATTENTION, "all").density, mean_map(mixed, ATTENTION, "all").density)
    one, two = map_difference(members, others, ATTENTION), map_difference(mixed, others[::-1], ATTENTION)
    np.testing.assert_allclose(one.difference, two.difference)
    np.testing.assert_allclose(one.p, two.p)


def test_a_cell_is_averaged_over_those_in_whom_it_is_visible():
    left = canonical_face().cells[:, 0] < 0.5
    members = [member("a", density=np.full(CELLS, 2.0)), member("b", density=np.full(CELLS, 4.0), visible=left)]
    found = mean_map(members, ATTENTION, "all")
    assert np.allclose(found.density[left], 3) and np.allclose(found.density[~left], 2)
    assert set(found.people[left]) == {2} and set(found.people[~left]) == {1}


def test_even_attention_has_density_one_for_any_group():
    found = []
    for seed in range(4):
        landmarks = in_crop(turned(**poses(seed, 8)))
        placed = density_on_face(np.ones((8, 28, 28)), landmarks, SIZE)
        seen = np.isfinite(placed).any(0)
        found.append(member(f"p{seed}", density=np.where(seen, 1.0, 0.0), visible=seen))
    assert np.allclose(mean_map(found, ATTENTION, "all").density, 1)


def test_a_group_that_looks_at_a_known_region_has_a_density_of_three_and_more_there():
    members = []
    for seed in range(6):
        landmarks = in_crop(turned(**poses(seed, 10)))
        placed = density_on_face(painted(landmarks[:, [61, 291, 0, 17]].mean(1)), landmarks, SIZE)
        seen = np.isfinite(placed)
        members.append(member(f"p{seed}", density=np.where(seen, placed, 0).sum(0) / seen.sum(0).clip(1), visible=seen.any(0)))
    density = mean_map(members, ATTENTION, "all").density
    assert np.nanmean(density[region("mouth")]) >= 3
    assert canonical_face().regions[np.nanargmax(density)] == REGIONS.index("mouth")
    assert np.nanmean(density[~region("mouth")]) < 1.5


# Differences


@pytest.mark.parametrize("paired", [True, False])
def test_a_difference_in_one_region_is_found_there_and_nowhere_else(paired):
    rng = np.random.default_rng(1)
    more = np.where(region("mouth"), 2.0, 0.0)
    base = [noisy(rng) for _ in range(12)]
    one = [member(f"p{k}", "smile", base[k] + more + 0.2 * noisy(rng)) for k in range(12)]
    other = [member(f"p{k}" if paired else f"q{k}", "rest", (base[k] if paired else noisy(rng)) + 0.2 * noisy(rng)) for k in range(12)]
    found = map_difference(one, other, ATTENTION)
    assert found.paired == paired and found.reason == "" and found.people == (12, 12)
    assert found.significant[region("mouth")].mean() > 0.9 and not found.significant[~region("mouth")].any()
    assert found.difference[region("mouth")].mean() == pytest.approx(2, abs=0.4)
    assert "differs" in found.sentence


@pytest.mark.parametrize("paired", [True, False])
def test_a_difference_turns_its_sign_and_keeps_its_p_when_the_conditions_change_places(paired):
    rng = np.random.default_rng(2)
    one = [member(f"p{k}", "a", noisy(rng)) for k in range(7)]
    other = [member(f"p{k}" if paired else f"q{k}", "b", noisy(rng)) for k in range(7)]
    there, back = map_difference(one, other, ATTENTION), map_difference(other, one, ATTENTION)
    np.testing.assert_allclose(there.difference, -back.difference)
    np.testing.assert_allclose(there.p, back.p)


@pytest.mark.parametrize("paired", [True, False])
def test_without_a_difference_the_map_is_empty_in_19_of_20_groups(paired):
    empty = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        people = np.stack([noisy(rng) for _ in range(16)])[:, ::8]
        p, _ = paired_p(people[:8] - people[8:]) if paired else unpaired_p(people, 8, 200, seed)
        empty += not (p <= 0.05).any()
    assert empty >= 180  # 190 are expected; fewer than 180 happen once in 900 seeds


def test_the_smallest_p_is_that_of_the_number_of_people():
    rng = np.random.default_rng(3)
    values = np.abs(rng.normal(size=(6, 50))) + 5
    p, smallest = paired_p(values)
    assert smallest == 2 / 64 and p.min() == pytest.approx(smallest)
    groups = np.concatenate([values, -values])
    p, smallest = unpaired_p(groups, 6)
    assert smallest == 2 / 924 and p.min() == pytest.approx(smallest)
    p, smallest = unpaired_p(groups, 6, permutations=99)
    assert smallest == 1 / 100 and p.min() == pytest.approx(smallest)
    p, smallest = paired_p(np.concatenate([groups, -groups]), permutations=99)
    assert smallest == 1 / 100


def test_cells_that_few_people_have_are_not_tested():
    rng = np.random.default_rng(4)
    seen = np.arange(CELLS) < 100
    one = [member(f"p{k}", "a", noisy(rng), visible=seen if k > 2 else None) for k in range(7)]
    other = [member(f"p{k}", "b", noisy(rng)) for k in range(7)]
    found = map_difference(one, other, ATTENTION)
    assert np.isfinite(found.p[seen]).all() and np.isnan(found.p[~seen]).all()
    assert np.isfinite(found.difference).all() and not found.significant[~seen].any()


@pytest.mark.parametrize("count", [1, 2, FEWEST - 1])
def test_too_few_people_give_a_difference_and_no_test_and_say_so(count):
    one, other = ([member(f"p{k}", name, np.full(CELLS, value)) for k in range(count)] for name, value in (("a", 3.0), ("b", 1.0)))
    found = map_difference(one, other, ATTENTION)
    assert np.allclose(found.difference, 2) and not found.significant.any() and np.isnan(found.p).all()
    assert f"at least {FEWEST} are needed" in found.sentence and "no test" in found.sentence
    unpaired = map_difference(one, [member(f"q{k}", "b") for k in range(9)], ATTENTION)
    assert not unpaired.paired and f"at least {FEWEST}" in unpaired.reason


def test_five_pairs_cannot_reach_significance_and_the_sentence_says_so():
    one = [member(f"p{k}", "a", np.full(CELLS, 3.0 + 0.01 * k)) for k in range(5)]
    found = map_difference(one, [member(f"p{k}", "b") for k in range(5)], ATTENTION)
    assert not found.significant.any() and "no p below 0.062" in found.sentence


def test_people_in_one_condition_alone_are_left_out_of_a_paired_test():
    rng = np.random.default_rng(5)
    one = [member(f"p{k}", "a", noisy(rng)) for k in range(8)]
    other = [member(f"p{k}", "b", noisy(rng)) for k in range(2, 9)]
    found = map_difference(one, other, ATTENTION)
    assert found.paired and found.people == (6, 6) and found.left_out == ("p0", "p1", "p8")


@pytest.mark.parametrize(("given", "said"), [("gone", "choose one of attention"), (None, "explain it again")])
def test_a_map_that_is_not_there_is_refused_in_one_sentence(given, said):
    one = member("a") if given else Member("r", "a", "all", np.arange(3.0), {}, 3, 3)
    with pytest.raises(StavisError, match=said):
        mean_map([one], given or ATTENTION, "all")
    with pytest.raises(StavisError, match="without a recording"):
        map_difference([], [one], ATTENTION)
