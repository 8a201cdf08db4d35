"""Laws of working ahead: the same items in the same order, few of them ahead, and no thread that outlives its use."""

import threading
import time

import pytest

from stavis.data import ahead as module
from stavis.data.ahead import ahead


@pytest.fixture(params=[1, 4])
def cores(request, monkeypatch):
    monkeypatch.setattr(module, "cpu_count", lambda: request.param)
    return request.param


@pytest.fixture(autouse=True)
def nothing_left():
    """After each test no thread of this kind lives on."""
    yield
    assert not [one for one in threading.enumerate() if one.name == "stavis ahead"]


def counted(made: list, stop: int = 1000):
    """Numbers, each noted when it is made; "closed" at the end."""
    try:
        for number in range(stop):
            made.append(number)
            yield number
    finally:
        made.append("closed")


def test_all_items_come_in_their_order(cores):
    made = []
    assert list(ahead(counted(made))) == list(range(1000)) and made[-1] == "closed"
    assert list(ahead([])) == []


def test_items_are_made_by_another_thread_only_where_there_is_another_core(cores):
    def thread():
        yield threading.current_thread()

    assert (next(iter(ahead(thread()))) is threading.main_thread()) == (cores == 1)


def test_no_more_than_was_asked_for_are_made_ahead(cores):
    made, items = [], None
    items = ahead(counted(made), most=3)
    assert next(items) == 0
    time.sleep(0.3)
    assert len(made) == (1 if cores == 1 else 5)  # one given out, three that wait, one that finds no room
    items.close()
    assert made[-1] == "closed"


def test_what_fails_is_raised_in_its_turn(cores):
    def broken():
        yield 1
        yield 2
        raise ZeroDivisionError("the third")

    items = ahead(broken())
    assert (next(items), next(items)) == (1, 2)
    with pytest.raises(ZeroDivisionError, match="the third"):
        next(items)
    assert list(items) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_who_stops_early_stops_both(cores, error):
    made = []
    with pytest.raises(error):
        for number in ahead(counted(made)):
            if number == 2:
                raise error
    assert made[-1] == "closed" and len(made) < 12
