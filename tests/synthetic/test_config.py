"""What a spec promises: every value checked, splits that never share a person, recordings that hang on seed and index alone."""

import dataclasses
import math

import pytest

from stavis.errors import StavisError
from stavis.synthetic.config import SCENARIOS, SPLITS, SyntheticConfig


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"scenarios": ("mouth", "nose")}, "'nose'"),
        ({"scenarios": ()}, "scenarios"),
        ({"scenarios": 3}, "scenarios"),
        ({"recordings": 0}, "recordings"),
        ({"recordings": -2}, "recordings"),
        ({"recordings": 2.5}, "recordings"),
        ({"recordings_per_identity": 0}, "recordings_per_identity"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"seconds": math.inf}, "seconds"),
        ({"seconds": 0.04}, "two frames"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"fps": 0}, "fps"),
        ({"fps": "25"}, "fps"),
        ({"size": (32, 32)}, "size"),
        ({"size": (127, 128)}, "size"),
        ({"size": (128,)}, "size"),
        ({"size": 128}, "size"),
        ({"shares": (0.5, 0.5, 0.5)}, "shares"),
        ({"shares": (1.2, -0.1, -0.1)}, "shares"),
        ({"rater_lag": -1}, "rater_lag"),
        ({"rater_noise": math.nan}, "rater_noise"),
        ({"crf": (30, 20)}, "crf"),
        ({"crf": (0, 60)}, "crf"),
        ({"diversity": "very"}, "diversity"),
        ({"diversity": 1.5}, "diversity"),
        ({"neutral": -0.1}, "neutral"),
        ({"renderer": "round"}, "flat, heads, both"),
    ],
)
def test_a_value_that_cannot_be_drawn_is_refused_by_name(wrong, named):
    with pytest.raises(StavisError, match=named):
        SyntheticConfig(**wrong)


def test_one_scenario_may_be_given_as_a_word():
    assert SyntheticConfig(scenarios="eyes") == SyntheticConfig(scenarios=("eyes",))


def test_identities_never_cross_splits():
    spec = SyntheticConfig(recordings=60, recordings_per_identity=3)
    splits = {}
    for index in range(spec.recordings):
        splits.setdefault(spec.identity_of(index), set()).add(spec.split_of(index))
    assert len(splits) == spec.identities == 20
    assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize("recordings", [3, 4, 7, 20, 200])
def test_every_split_has_its_share_and_none_is_empty(recordings):
    spec = SyntheticConfig(recordings=recordings)
    counts = {name: sum(spec.split_of(index) == name for index in range(recordings)) for name in SPLITS}
    assert min(counts.values()) >= 1
    if recordings >= 20:
        for name, share in zip(SPLITS, spec.shares, strict=True):
            assert abs(counts[name] - share * recordings) <= 1


def test_a_share_of_nothing_gets_nothing():
    spec = SyntheticConfig(recordings=10, shares=(0, 0, 1))
    assert {spec.split_of(index) for index in range(10)} == {"test"}


def test_every_split_sees_every_scenario():
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=60, shares=(0.6, 0.2, 0.2))
    for name in SPLITS:
        seen = [spec.scenario_of(index) for index in range(60) if spec.split_of(index) == name]
        assert set(seen) == set(SCENARIOS)


def test_the_hash_tells_specs_apart_and_only_specs():
    spec = SyntheticConfig()
    assert spec.hash() == SyntheticConfig().hash()
    others = [dataclasses.replace(spec, **change) for change in ({"seed": 1}, {"size": (256, 256)}, {"rater_lag": 1.0})]
    assert len({spec.hash(), *(other.hash() for other in others)}) == 4
    assert SyntheticConfig(**spec.as_dict()) == spec


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 1.0])
def test_the_asked_part_of_the_people_differs_widely_in_every_scenario(part):
    spec = SyntheticConfig(scenarios=("mouth", "eyes"), recordings=400, diversity=part, recordings_per_identity=2)
    wide = [spec.diverse(index) for index in range(400)]
    assert wide[::2] == wide[1::2]  # a person stays the same
    for scenario in ("mouth", "eyes"):
        mine = [flag for index, flag in enumerate(wide) if spec.scenario_of(index) == scenario]
        assert abs(sum(mine) / len(mine) - part) < 0.02


def test_settings_stored_under_a_former_name_are_the_same_data_set():
    config = SyntheticConfig(recordings=4, diversity=0.5)
    stored = config.as_dict()
    stored["wide"] = stored.pop("diversity")
    assert SyntheticConfig.from_dict(stored) == config and SyntheticConfig.from_dict(config.as_dict()) == config
    with pytest.raises(TypeError):
        SyntheticConfig.from_dict({"width": 3})


FLAT_HASHES = {
    SyntheticConfig(): "89366413e85e5116",
    SyntheticConfig(scenarios=("switching", "motion"), recordings=7, diversity=0.6, seed=20): "7ed3453eb05a3bb1",
}


@pytest.mark.parametrize("config", FLAT_HASHES)
def test_flat_faces_keep_the_hash_they_had_before_there_were_heads(config):
    assert config.hash()[:16] == FLAT_HASHES[config]
    others = [dataclasses.replace(config, **change) for change in ({"renderer": "heads"}, {"renderer": "both"}, {"neutral": 0.3})]
    assert len({config.hash(), *(other.hash() for other in others)}) == 4
    assert all(SyntheticConfig.from_dict(other.as_dict()) == other for other in others)


@pytest.mark.parametrize("scenarios", [("mouth",), ("mouth", "eyes"), ("switching", "switching", "mouth", "eyes", "occlusion"), SCENARIOS])
@pytest.mark.parametrize("each", [1, 2, 3])
def test_both_renderers_share_every_split_and_scenario_evenly_and_a_person_has_one(scenarios, each):
    config = SyntheticConfig(
        scenarios, recordings=1200, recordings_per_identity=each, shares=(0.5, 0.25, 0.25), renderer="both", diversity=0.5
    )
    turns = [config.renderer_of(index) for index in range(1200)]
    assert all(len(set(turns[start : start + each])) == 1 for start in range(0, 1200, each))
    for split in SPLITS:
        for scenario in set(scenarios):
            mine = [turns[k] for k in range(1200) if config.split_of(k) == split and config.scenario_of(k) == scenario]
            assert abs(mine.count("heads") - mine.count("flat")) <= 2 * each * scenarios.count(scenario), (split, scenario)
    wide = [config.diverse(index) for index in range(1200) if turns[index] == "heads"]
    assert abs(sum(wide) / len(wide) - 0.5) < 0.03
    assert {dataclasses.replace(config, renderer="heads").renderer_of(index) for index in range(20)} == {"heads"}


def test_the_asked_part_of_the_people_is_exactly_neutral_always_or_in_episodes():
    config = SyntheticConfig(scenarios=("mouth", "eyes"), recordings=2000, neutral=0.45, renderer="both", diversity=0.6)
    kinds = [config.neutral_of(index) for index in range(2000)]
    for chosen in (config.diverse, lambda index: config.renderer_of(index) == "heads", lambda index: config.scenario_of(index) == "eyes"):
        mine = [kind for index, kind in enumerate(kinds) if chosen(index)]
        assert abs(mine.count("always") / len(mine) - 0.3) < 0.03 and abs(mine.count("episodes") / len(mine) - 0.15) < 0.03
    assert not any(SyntheticConfig(recordings=50).neutral_of(index) for index in range(50))
