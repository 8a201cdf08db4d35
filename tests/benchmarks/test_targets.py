"""The benchmark names every target, says where a machine cannot tell, and its code for cards runs on the CPU."""

import json

import pytest
import torch

from benchmarks import targets
from benchmarks.targets import gpu, measure, networks
from stavis.models.convlstm import ConvLSTM

NAMES = [
    "busy_neighbour",
    "explain_realtime",
    "first_picture",
    "b1_dispatch",
    "small_peak_fraction",
    "convlstm_forward_fp32",
    "convlstm_forward_bf16",
    "convlstm_train_fp32",
    "convlstm_train_bf16",
    "video_length_slope",
    "video_memory_slope",
    "mp4_realtime",
    "crop_cache_ms",
    "loader_wait",
    "report_seconds",
    "scrubber_draw_ms",
    "demo_seconds",
    "verdict_seconds",
    "peer_sliding_windows",
    "peer_integrated_gradients",
    "peer_seeks",
    "cuda_train_peak_fraction",
    "cuda_explain",
]


def test_every_target_has_its_name_and_long_ones_are_among_them():
    assert list(targets.TARGETS) == NAMES and set(targets.LONG) < set(NAMES)


def test_results_are_json_and_a_failure_does_not_end_the_others(tmp_path, monkeypatch):
    def broken():
        raise ValueError("of this\nand that")

    monkeypatch.setattr(targets, "machine", lambda: {"cpu": "made"})
    monkeypatch.setitem(targets.TARGETS, "b1_dispatch", broken)
    monkeypatch.setitem(targets.TARGETS, "crop_cache_ms", lambda: measure.at_most("crop_cache_ms", 0.1, 0.2, "ms"))
    targets.main("--json", str(tmp_path / "found.json"), "--only", "b1_dispatch,crop_cache_ms")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["machine"] == {"cpu": "made"}
    failed, fine = found["results"]
    assert failed["holds"] is None and "ValueError: of this" in failed["detail"]
    assert fine == {"name": "crop_cache_ms", "value": 0.1, "unit": "ms", "target": "<= 0.2", "holds": True, "detail": ""}
    with pytest.raises(SystemExit):
        targets.main("--only", "nothing_of_the_sort")


def test_limits_hold_at_the_limit_only_with_what_else_is_asked():
    assert measure.at_most("a", 1.0, 1.0, "x").holds and not measure.at_most("a", 1.1, 1.0, "x").holds
    assert measure.at_least("a", 1.0, 1.0, "x").holds and not measure.at_least("a", 1.0, 1.0, "x", also=False).holds


def test_candidates_are_taken_in_turn():
    order = []
    found = measure.paired({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert "".join(order) == "ab" * 4 and set(found) == {"a", "b"}


def test_the_textbook_cell_is_the_same_network():
    torch.manual_seed(0)
    memory, clip = ConvLSTM(3, 4).double(), torch.randn(2, 5, 3, 6, 6, dtype=torch.double)
    assert torch.allclose(networks.textbook(memory, clip), memory(clip), rtol=0, atol=1e-12)


def test_the_checks_of_a_card_run_on_the_cpu_and_say_so():
    found = gpu.checks(torch.device("cpu"))
    assert found["tiny"] and "no card" in found["notes"][0]
    assert found["frames_per_second"]["train"]["eager"] > 0 and found["frames_per_second"]["read"]["eager"] > 0
    assert [one["holds"] for one in found["results"]] == [None, None]


def test_what_a_card_is_given_is_what_the_package_gives():
    frames = torch.randint(0, 256, (1, 4, 32, 32, 3), dtype=torch.uint8)
    plain, card = gpu.STA(gpu.TINY), gpu.network(gpu.TINY, torch.device("cpu"))
    card.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        expected = plain.eval()(frames.permute(0, 1, 4, 2, 3).float() / 255)
        assert torch.allclose(card.eval()(gpu.as_input(frames)), expected, atol=1e-5)


def test_a_card_that_is_too_small_gets_half_the_batch_once():
    notes, tried = [], []

    def small(batch):
        tried.append(batch)
        if batch > 4:
            raise torch.cuda.OutOfMemoryError("too small")
        return 1.0

    assert gpu.halved_once(small, 8, notes) == (1.0, 4) and tried == [8, 4] and "halved to 4" in notes[0]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        gpu.halved_once(small, 16, [])


def test_the_work_of_a_frame_is_counted_from_the_layers():
    half = gpu.work_of(gpu.TINY, 4)
    wide = gpu.work_of(gpu.STAConfig(encoder=(8, 12, 16), decoder=(12, 8), stem=(8, 12), regressor=(16, 20), crop_size=32, vision=32), 4)
    assert 3 < wide / half < 4
