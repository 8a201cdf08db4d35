"""Splits and scenarios of any spec: nobody is in two splits, shares are met, each split goes through the scenarios in turn."""

from itertools import cycle, islice

from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.synthetic.config import SCENARIOS, SPLITS, SyntheticConfig


@st.composite
def specs(draw) -> SyntheticConfig:
    parts = draw(st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any))
    return SyntheticConfig(
        scenarios=tuple(draw(st.lists(st.sampled_from(SCENARIOS), min_size=1, max_size=6))),
        recordings=draw(st.integers(1, 120)),
        recordings_per_identity=draw(st.integers(1, 5)),
        shares=tuple(part / sum(parts) for part in parts),
        seed=draw(st.integers(0, 2**40)),
    )


@settings(max_examples=80, deadline=None)
@given(specs())
def test_nobody_is_in_two_splits_and_shares_are_met(spec):
    home = {}
    for index in range(spec.recordings):
        assert home.setdefault(spec.identity_of(index), spec.split_of(index)) == spec.split_of(index)
    assert len(home) == spec.identities
    counts = [sum(split == name for split in home.values()) for name in SPLITS]
    for count, share in zip(counts, spec.shares, strict=True):
        assert abs(count - share * len(home)) <= 2, "of whole people; each split that has a share gets one of the first three"
        assert share > 0 or count == 0


@settings(max_examples=80, deadline=None)
@given(specs())
def test_each_split_goes_through_the_scenarios_in_turn(spec):
    for name in SPLITS:
        seen = [spec.scenario_of(index) for index in range(spec.recordings) if spec.split_of(index) == name]
        assert seen == list(islice(cycle(spec.scenarios), len(seen)))


@settings(max_examples=40, deadline=None)
@given(specs(), st.integers(1, 400))
def test_more_recordings_change_none_of_the_first(spec, more):
    longer = SyntheticConfig(**(spec.as_dict() | {"recordings": spec.recordings + more}))
    for index in range(0, spec.recordings, 7):
        assert longer.name_of(index) == spec.name_of(index) and longer.split_of(index) == spec.split_of(index)
    names = [spec.name_of(index) for index in range(spec.recordings)]
    assert len(set(names)) == len(names)


@settings(max_examples=40, deadline=None)
@given(specs())
def test_a_spec_comes_back_from_its_json(spec):
    again = SyntheticConfig(**spec.as_dict())
    assert again == spec and hash(again) == hash(spec) and again.hash() == spec.hash()
