"""Known networks on rendered faces: what is known of them by construction holds there, on flat faces and on 3D heads."""

import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.trust.attention_tests import recorded
from stavis.trust.known.canvas import EYES, GRID, MOUTH, TOY, canvas_of, faded
from stavis.trust.known.five import case
from stavis.trust.known.grammar import RULES, known_network
from stavis.trust.known.rates import SAMPLE, answers_of, by_network
from stavis.trust.known.tokens import RULES as TOKEN_RULES
from stavis.trust.known.tokens import token_case
from stavis.trust.localisation import localisation
from stavis.types import Target

NOWHERE = np.random.default_rng(0)


@pytest.fixture(params=["flat", pytest.param("heads", marks=pytest.mark.heads)])
def canvas(request, monkeypatch):
    """The canvas of each renderer; that of heads needs their model."""
    if request.param == "heads":
        monkeypatch.setenv("STAVIS_HEADS", str(request.getfixturevalue("heads_file")))
    return canvas_of(request.param)


def by_name(name: str):
    return next(rule for rule in RULES if rule.name == name)


def test_networks_of_the_grammar_predict_their_labels_and_attend_as_their_rules_say(canvas):
    for rule in SAMPLE:
        network = known_network(rule, 3, 2, canvas)
        readings = [recorded(network.model, clip, Target(), None) for clip in network.clips]
        labels, own = (np.concatenate(each) for each in ([clip.labels[:, 0] for clip in network.clips], [own for _, own in readings]))
        if rule.looks == "nowhere":
            assert np.allclose(np.stack([maps for maps, _ in readings]), 1 / GRID**2, atol=1e-6)
            continue
        assert np.corrcoef(own, labels)[0, 1] > 0.98, rule.name
        cells = rule.cells if rule.looks == "cue" else 1
        for maps, _ in readings:
            attended = np.sort(maps.reshape(len(maps), -1), 1)[:, -cells:].sum(1)
            np.testing.assert_allclose(attended, network.rule.share, atol=0.01, err_msg=rule.name)


def test_built_networks_of_the_five_and_of_tokens_predict_their_labels(canvas):
    made = [case(name, 3, clips=2, canvas=canvas) for name in ("decorative", "only path")]
    made += [token_case(name, 3, clips=2, canvas=canvas) for name in ("only path", "redundant", "averaged")]
    assert set(TOKEN_RULES) >= {"only path", "redundant", "averaged"}
    for model, clips in made:
        attention = getattr(model, "attention", None)
        own = np.concatenate([recorded(model, clip, Target(), attention)[1] for clip in clips])
        assert np.corrcoef(own, np.concatenate([clip.labels[:, 0] for clip in clips]))[0, 1] > 0.95


def test_eyes_and_mouth_lie_in_their_cells(canvas):
    for number in range(4):
        regions = canvas.ground(NOWHERE, 5, number, 2)[1]
        assert (regions.sum(1) == 1).all(), "a partition"
        names = {"left_eye": EYES["left"], "right_eye": EYES["right"], "mouth": MOUTH}
        for name, cell in names.items():
            held = {each: float(regions[:, REGIONS.index(each), *canvas.pixels(cell)].mean()) for each in names}
            assert held[name] > 0.25 and sum(held.values()) == held[name], (number, name, held)


def test_nothing_that_is_rendered_is_taken_for_a_patch(canvas):
    """The colours of the patches hardly stand out anywhere in the faces; patches stand out by a quarter and more."""
    for number in range(4):
        frames = canvas.ground(NOWHERE, 5, number, 2)[0]
        assert frames.shape[1:] == (112, 112, 3) and frames.std() > 0.05
        for channel in (canvas.cue, canvas.decoy):
            others = (frames.sum(3) - frames[..., channel]) / 2
            assert (frames[..., channel] - others).max() < 0.021


def test_fading_leaves_every_pixel_alone_in_which_the_colour_does_not_stand_out_and_the_brightness_of_all():
    frames = np.random.default_rng(3).random((2, 16, 16, 3))
    out = faded(frames, 1)
    stands_out = frames[..., 1] - frames[..., [0, 2]].mean(3) > 0.02
    assert 0.2 < stands_out.mean() < 0.8
    np.testing.assert_allclose(out[~stands_out], frames[~stands_out])
    np.testing.assert_allclose(out.mean(3), frames.mean(3))
    assert (out.min() >= 0) and (out.max() <= 1)


def test_a_seed_fixes_the_faces_and_people_come_again_after_all_of_them(canvas):
    first, again, other = (canvas.ground(NOWHERE, 5, number, 2)[0] for number in (0, 24, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    first += 1  # what was painted on is not painted on the next clip
    assert np.array_equal(canvas.ground(NOWHERE, 5, 0, 2)[0], again)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_wink_is_told_by_its_side(canvas, side):
    """The patch is a cell, which holds the lower part of the eye's region: its share is what lies there, and none on the other eye."""
    network, other = known_network(by_name(f"{side} eye only"), 1, 4, canvas), "right" if side == "left" else "left"
    for clip in network.clips:
        table = localisation(recorded(network.model, clip, Target(), None)[0], clip.regions).groupby("part")[
            ["share", "density", "image_left"]
        ]
        found = table.mean()
        assert found.share[f"{side}_eye"] > 0.25 > 0.02 > found.share[f"{other}_eye"]
        assert found.density.idxmax() == f"{side}_eye" and (found.image_left[f"{side}_eye"] > 0.95) == (side == "left")


@pytest.mark.heads
def test_a_verdict_on_3d_heads_is_right(heads_file, monkeypatch):
    """One network; `python -m benchmarks verdicts --renderer heads` judges all of them."""
    monkeypatch.setenv("STAVIS_HEADS", str(heads_file))
    network = known_network(by_name("sharp, a third past the attention"), 5, 6, canvas_of("heads"))
    table = pd.DataFrame(answers_of(network, [6], heads=1, networks=1))
    assert by_network(table)[0]["right"], table.to_string()


def test_faces_of_nobody_are_refused():
    assert canvas_of() is TOY and canvas_of("flat").cell == 14
    with pytest.raises(StavisError, match="no faces of 'both'"):
        canvas_of("both")
