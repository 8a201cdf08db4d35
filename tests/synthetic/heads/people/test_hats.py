"""Hats lie on the head, above the eyes, at each person's own height and tilt; who wears none is what they were."""

import numpy as np
import pytest

from stavis.synthetic.heads.people.hats import HATS, sample_hat
from stavis.synthetic.heads.people.look import sample_look
from stavis.synthetic.heads.people.person import sample_head
from stavis.synthetic.heads.scene.mesh import head_mesh
from stavis.synthetic.streams import stream

pytestmark = pytest.mark.heads


def hatted(model, seed: int):
    return sample_head(np.random.default_rng(seed), model, cut="hat")


def test_one_person_in_twenty_of_other_haircuts_wears_a_hat_and_each_kind_occurs():
    hats = []
    for seed in range(500):
        look = sample_look(np.random.default_rng(seed))
        hat = sample_hat(np.random.default_rng([seed, 1]), look)
        assert hat is not None or look.cut != "hat"
        assert hat is None or look.cut not in ("afro", "bun")
        if hat:
            hats.append(hat)
    assert 0.06 < len(hats) / 500 < 0.2
    assert {hat.style for hat in hats} == set(HATS)
    assert np.std([hat.gap for hat in hats]) > 0.5 and np.std([hat.tilt for hat in hats]) > 0.05


@pytest.mark.parametrize("seed", range(6))
def test_a_hat_encloses_the_skull_above_its_rim(seed, head_model):
    person, mesh = hatted(head_model, seed), head_mesh(head_model)
    hat = person.points[mesh.hat_points].reshape(15, 37, 3)
    crown = hat[4:]
    assert np.allclose(hat[:, 0], hat[:, -1], atol=1e-4)
    rim, middle = crown[0], crown[0].mean(0)
    up = np.linalg.svd(rim - middle)[2][2]
    up *= np.sign(up[1])
    skull = person.points[np.isin(mesh.kinds, (0, 1))] - middle
    above = skull[skull @ up > 1.0]
    cloth = crown.reshape(-1, 3) - middle
    towards = cloth / np.linalg.norm(cloth, axis=1, keepdims=True)
    nearest = np.argmax(above @ towards.T / np.linalg.norm(above, axis=1, keepdims=True), 1)
    room = np.linalg.norm(cloth[nearest], axis=1) - np.linalg.norm(above, axis=1)
    assert (room > -0.15).mean() > 0.98 and np.median(room) < 4.5
    brows = person.points[mesh.landmarks[17:27]]
    assert rim[np.argmax(rim[:, 2]), 1] > brows[:, 1].max()


def test_a_brim_shades_the_brow_below_it(head_model):
    """Seen from above, the brim of a cap lies before the brows."""
    mesh = head_mesh(head_model)
    capped = next(person for person in (hatted(head_model, seed) for seed in range(40)) if person.hat.style == "cap")
    brim = capped.points[mesh.hat_points].reshape(15, 37, 3)[0]
    brows = capped.points[mesh.landmarks[17:27]]
    assert brim[:, 2].max() > brows[:, 2].max() + 3 and brim[np.argmax(brim[:, 2]), 1] > brows[:, 1].mean() - 0.5
    assert set(capped.triangles[capped.parts == 4].ravel()) >= set(range(mesh.hat_points.start, mesh.hat_points.stop))


def test_who_wears_no_hat_is_the_same_person_whatever_the_hat_stream_says(head_model, monkeypatch):
    seed = next(k for k in range(50) if sample_head(np.random.default_rng(k), head_model).hat is None)
    bare = sample_head(np.random.default_rng(seed), head_model)
    monkeypatch.setattr("stavis.synthetic.heads.people.hats.HAT_RATE", 1.0)
    again = sample_head(np.random.default_rng(seed), head_model)
    assert again.hat is not None
    assert np.array_equal(bare.paint.texture, again.paint.texture) and np.array_equal(bare.landmarks, again.landmarks)
    mesh = head_mesh(head_model)
    others = np.r_[0 : mesh.hat_points.start]
    assert np.array_equal(bare.colours[others], again.colours[others])


def test_a_stream_depends_on_the_seed_and_the_name_and_leaves_its_source_alone():
    first, second = np.random.default_rng([1, 2]), np.random.default_rng([1, 2])
    second.random(10)
    assert stream(first, "a").random() == stream(second, "a").random()
    assert len({stream(first, "a").random(), stream(first, "b").random(), stream(first, "a", 1).random(), first.random()}) == 4
    assert stream(np.random.default_rng([1, 3]), "a").random() != stream(second, "a").random()
    assert stream(stream(second, "a"), "b").random() != stream(second, "b").random()
    third = np.random.default_rng([1, 2])
    stream(third, "a")
    assert third.random() == np.random.default_rng([1, 2]).random()
