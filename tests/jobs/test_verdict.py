"""What a verdict is about: the network as it was loaded, and the faces that it is judged on."""

import dataclasses
import importlib
import json
from types import SimpleNamespace

import pytest

import stavis
import stavis.synthetic.embedded as embedded
from stavis.errors import StavisError
from stavis.inference.predictor import VideoReader
from stavis.jobs.verdict import SHOWN
from stavis.synthetic.config import RENDERERS, SyntheticConfig
from tests.show.pages import verdict_result

HEADS = {"data": {"synthetic": True, "spec": {"renderer": "heads"}}}
FLAT = {"data": {"synthetic": True}}
REAL = {"data": {"name": "recola"}}


def test_a_mirrored_network_is_refused_with_the_way_out_before_the_work(tiny_run, tmp_path):
    net = stavis.load(tiny_run, device="cpu", mirror=True)
    with pytest.raises(StavisError, match=r"^tiny was loaded with mirror=True, .*: judge net\.mirrored\(False\), .*\.$"):
        net.verdict(tmp_path / "no data")
    with pytest.raises(StavisError, match="no data"):  # the way out is one: now the data are looked at
        net.mirrored(False).verdict(tmp_path / "no data", quiet=True)


@pytest.fixture
def chosen(monkeypatch):
    """`chosen(info, **options)`: who renders the embedded faces that a network with this config.json is judged on."""
    module = importlib.import_module("stavis.jobs.verdict")
    monkeypatch.setattr(module, "require_heads", lambda: None)
    monkeypatch.setattr(module, "compiled", lambda: None)

    def renderer(info: dict, **options) -> str:
        captured = []

        def first(data, split, count, quiet, renderer):
            captured.append(renderer)
            raise StavisError("this is far enough: stop.")

        monkeypatch.setattr(module, "folder_of_first", first)
        monkeypatch.setattr(
            VideoReader, "load", classmethod(lambda cls, run, device: SimpleNamespace(info=info, name="mine", mirror=False))
        )
        with pytest.raises(StavisError, match="far enough"):
            module.verdict("mine", **options)
        return captured[0]

    return renderer


def test_a_network_is_judged_on_faces_as_it_was_trained_on_unless_others_are_asked_for(chosen):
    assert [chosen(info) for info in (HEADS, FLAT, REAL, {})] == ["heads", "flat", "flat", "flat"]
    assert [chosen(info, renderer=name) for info in (HEADS, FLAT) for name in RENDERERS] == [*RENDERERS, *RENDERERS]


def test_without_the_head_model_one_sentence_says_how_to_get_it_or_do_without(monkeypatch, tmp_path):
    monkeypatch.setenv("STAVIS_HEADS", str(tmp_path / "nothing here"))
    net = stavis.load("sta-heads", device="cpu")
    with pytest.raises(StavisError, match=r"^sta-heads is judged on 3D heads, as it was trained; .*nothing here.*--renderer flat\)\.$"):
        net.verdict(quiet=True)
    with pytest.raises(StavisError, match="nothing here"):
        net.verdict(renderer="heads", quiet=True)


def test_a_renderer_that_there_is_not_or_that_the_data_make_needless_is_refused(tiny_run, drawn):
    net = stavis.load(tiny_run, device="cpu")
    with pytest.raises(StavisError, match="no renderer 'head': did you mean heads"):
        net.verdict(renderer="head")
    with pytest.raises(StavisError, match=r"renderer='flat' is for the embedded faces, and .* was given: leave one of the two out"):
        net.verdict(drawn, renderer="flat")


@pytest.mark.parametrize(
    ("info", "renderer", "said"),
    [
        (HEADS, "flat", True),
        (HEADS, "heads", False),
        (FLAT, "heads", True),
        (FLAT, "flat", False),
        (REAL, "heads", False),
        (HEADS, "", False),
    ],
)
def test_who_rendered_the_faces_is_said_and_where_the_network_knows_others(info, renderer, said):
    net = SimpleNamespace(caution="", notes=(), info=info, name="mine")
    judged = dataclasses.replace(verdict_result(), predictor=net, renderer=renderer)
    assert judged.to_json().get("renderer", "") == renderer and judged.shown == (f"6 clips of {SHOWN[renderer]}" if renderer else "6 clips")
    assert bool(judged.unlike) == said == any(note.startswith("mine was trained on") for note in judged.notes)


def test_the_page_and_the_file_say_it_too(tmp_path):
    judged = dataclasses.replace(
        verdict_result(), predictor=SimpleNamespace(caution="", notes=(), info=HEADS, name="mine"), renderer="flat"
    )
    page = judged.save(tmp_path).read_text()
    assert f"6 clips of {SHOWN['flat']}" in page and judged.unlike[0] in page
    assert json.loads((tmp_path / "verdict.json").read_text())["renderer"] == "flat"


def test_a_network_is_judged_on_3d_heads(tiny_run, heads_file, monkeypatch, tmp_path):
    monkeypatch.setenv("STAVIS_HEADS", str(heads_file))
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    tiny = SyntheticConfig(recordings=3, seconds=0.8, fps=6.25, size=(64, 64), shares=(0.4, 0.2, 0.4), seed=2)
    monkeypatch.setattr(embedded, "EMBEDDED", tiny)
    judged = stavis.load(tiny_run, device="cpu").verdict(clips=1, renderer="heads", quiet=True)
    assert judged.renderer == judged.provenance["renderer"] == "heads" and judged.shown == "1 clip of rendered 3D heads"
    assert {"mouth", "left_eye", "right_eye", "brows"} <= set(judged.table("localisation").part)
