"""The gate of 3D heads: what it compares, and that it is passed by what is the same."""

import dataclasses

import numpy as np
import pytest

from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.blendshapes import BLENDSHAPES, SIGNALS
from stavis.errors import StavisError
from stavis.evaluation import heads_gate as module
from stavis.evaluation.heads_gate import AT_LEAST, REST, HeadsGate, heads_gate
from tests.synthetic.test_renderers import face_points


def seen(true: np.ndarray, tracked: np.ndarray) -> module._Seen:
    rest = np.array([sum(ends) / 2 for ends in REST.values()])
    return module._Seen(true, tracked, np.ones(len(true), bool), np.tile([1.0, 0, 0, 0], (len(true), 1)), rest)


def gate_of(faces: list) -> HeadsGate:
    return HeadsGate(len(faces), module._shapes(faces), module._alignment(faces), module._rest(faces))


def test_what_is_the_same_passes_whatever_level_each_person_has():
    rng = np.random.default_rng(0)
    true = [rng.random((20, len(SIGNALS))) for _ in range(5)]
    gate = gate_of([seen(one, 0.5 * one + rng.random()) for one in true])
    assert gate.holds and np.allclose(gate.shapes.r, 1) and gate.shapes.signal.tolist() == [*SIGNALS, "found"]
    assert "5 heads through the tracker" in str(gate)


def test_what_does_not_follow_or_is_not_found_or_lies_elsewhere_does_not_pass():
    rng = np.random.default_rng(1)
    true = rng.random((200, len(SIGNALS)))
    unlike = seen(true, rng.random(true.shape))
    table = gate_of([unlike]).shapes.set_index("signal")
    assert not table.passes[[name for name in AT_LEAST if name != "found"]].any() and table.passes["found"]
    lost = dataclasses.replace(seen(true, true), found=np.arange(200) < 150)
    assert not gate_of([lost]).holds
    elsewhere = dataclasses.replace(seen(true, true), rest=np.array([high + 1 for _, high in REST.values()]))
    assert not gate_of([elsewhere]).rest.passes.any()
    still = gate_of([seen(np.zeros_like(true), true)]).shapes.set_index("signal")
    assert not still.passes["smile"], "a shape that never moves is not seen to follow"


def test_errors_of_alignment_are_those_that_were_made():
    landmarks = np.repeat(face_points((336, 336))[None], 3, 0)
    true = crop_affine(landmarks, 112)
    assert np.allclose(module._errors(true, true, landmarks), [1, 0, 0, 0], atol=1e-9)
    moved = true.copy()
    moved[:, :, 2] += (2.0, -1.0)
    assert np.allclose(module._errors(true, moved, landmarks), [1, 2, -1, 0], atol=1e-9)
    turn = np.radians(3.0)
    turned = true.copy()
    turned[:, :, :2] = 1.1 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ true[:, :, :2]
    assert np.allclose(module._errors(true, turned, landmarks)[:, [0, 3]], [1.1, 3.0])


def test_the_rest_of_a_face_is_measured_in_eye_distances():
    points = face_points((200, 200))[None]
    assert np.allclose(module._geometry(points), module._geometry(2.5 * points + 7), atol=1e-9)
    wide = dict(zip(REST, module._geometry(points)[0], strict=True))
    assert wide["mouth width"] == pytest.approx(0.8, abs=0.03) and wide["brow height"] > 0.2


def test_signals_are_means_of_their_shapes():
    weights = np.zeros((2, 52))
    weights[1, BLENDSHAPES.index("mouthSmileLeft")] = 0.8
    assert module._signals(weights)[:, list(SIGNALS).index("smile")].tolist() == [0, 0.4]


def test_without_the_head_model_there_is_one_sentence(monkeypatch):
    def missing():
        raise StavisError("there is no head model: fetch it.")

    monkeypatch.setattr(module, "require_heads", missing)
    with pytest.raises(StavisError, match="no head model"):
        heads_gate(2)


@pytest.mark.slow
def test_two_heads_go_through_the_tracker(heads_file, face_model, monkeypatch):
    monkeypatch.setenv("STAVIS_HEADS", str(heads_file))
    monkeypatch.setattr(module, "cpu_count", lambda: 1)  # workers of an earlier pool would not know where the model is
    gate = heads_gate(4, frames=18)
    table = gate.shapes.set_index("signal")
    assert gate.people == 4 and table.r["found"] > 0.8 and table.r["smile"] > 0.5
    scale = gate.alignment.set_index("measure")["mean"]["scale"]
    assert 0.85 < scale < 1.15 and np.isfinite(gate.rest["mean"]).all()
