"""What is held while a network runs: by one thread at a time, as often as it likes, and in turn."""

import threading
import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.attention.turns import InTurn
from stavis.inference.reading import interruptible, read
from stavis.models.sta import STA
from tests.training.made_crops import TINY, made_crops


def in_threads(*works):
    """Runs all works at once; raises what one of them raised."""
    errors = []

    def run(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_a_thread_takes_it_again_and_gives_it_back_after_an_error():
    turn = InTurn()
    with turn, turn, pytest.raises(ValueError, match="on purpose"), turn:
        raise ValueError("on purpose")
    in_threads(lambda: turn.__enter__())  # free again


def test_who_waits_comes_before_who_has_just_run():
    turn, order, waiting = InTurn(), [], threading.Event()

    def second():
        waiting.set()
        with turn:
            order.append("second")

    def first():
        with turn:
            thread.start()
            waiting.wait()
            while not turn._turn.locked():  # it waits now
                pass
            order.append("first")
        with turn:
            order.append("first again")

    thread = threading.Thread(target=second)
    first()
    thread.join(60)
    assert order == ["first", "second", "first again"]


def test_two_threads_read_and_explain_one_network():
    torch.manual_seed(0)
    network = STA(TINY).train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = stavis.load(network, size=TINY.crop_size, rate=12.5, seconds=1.0, device="cpu", region="frame")
    crops = made_crops(1, frames=60)[0]
    alone = net.read(crops.frames, times=crops.times)
    saliency = net.explain(crops.frames, methods=("saliency",)).attributions["Saliency"].values
    found = []

    def explain():
        for _ in range(3):
            found.append(net.explain(crops.frames, methods=("saliency",)).attributions["Saliency"].values)

    def look():
        for _ in range(8):
            found.append(net.read(crops.frames, times=crops.times))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        in_threads(explain, look, look)
    assert len(found) == 19 and network.training
    for one in found:
        if isinstance(one, np.ndarray):
            assert np.abs(one - saliency).max() <= 1e-5 * np.abs(saliency).max()
        else:
            assert one.values == pytest.approx(alone.values, abs=1e-5)
            assert one.attention.weights == pytest.approx(alone.attention.weights, abs=1e-5)


def test_who_may_be_stopped_stops_only_itself():
    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    network, crops = STA(TINY).eval(), made_crops(1, frames=20)[0]
    with interruptible(network, stop):
        in_threads(lambda: read(network, crops.frames, crops.times))
        with pytest.raises(Stopped):
            read(network, crops.frames, crops.times)
