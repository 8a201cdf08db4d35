"""Of a network whose maps are no weights that could be replaced, the verdict asks what can be asked and says what cannot."""

import warnings

import stavis
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset
from tests.attention.test_inside import LAYOUT, Block


def test_what_cannot_be_asked_is_said_and_the_rest_is_asked(tmp_path):
    spec = SyntheticConfig(recordings=9, seconds=1.0, fps=6.25, size=(64, 64), shares=(0.2, 0.2, 0.6), seed=3)
    data = write_dataset(tmp_path / "faces", spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"attention": "encoder.layers.*.self_attn", "layout": LAYOUT, "outputs": ("valence",), "maps": "rollout"}
        net = stavis.load(Block(), size=32, rate=6.25, seconds=0.6, device="cpu", **options)
        found = net.verdict(data, clips=5, quiet=True)
    kept = {one.question: one for one in found.verdict.answers}
    for question in ("needed", "unique"):
        assert kept[question].answer == "undecided" and kept[question].sentence.startswith("Not askable. The maps (rollout)")
    for question in ("sufficient", "agrees"):
        assert "Not askable" not in kept[question].sentence and kept[question].effect == kept[question].effect
    assert any("maps='raw'" in note for note in found.verdict.notes) and len(found.verdict.between)
    assert "Not askable" in found.card().data and len(found.table("localisation"))
    found.save(tmp_path / "out")
    assert (tmp_path / "out" / "verdict.html").stat().st_size > 1000
