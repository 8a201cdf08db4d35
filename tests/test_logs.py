import logging

import pytest

from stavis.logs import quiet_loggers


def test_loggers_are_quiet_inside_and_as_before_afterwards():
    names = ("stavis-test.one", "stavis-test.two")
    logging.getLogger(names[0]).setLevel(logging.DEBUG)
    with pytest.raises(KeyError), quiet_loggers(*names, level=logging.ERROR):
        assert [logging.getLogger(name).level for name in names] == [logging.ERROR] * 2
        raise KeyError
    assert [logging.getLogger(name).level for name in names] == [logging.DEBUG, logging.NOTSET]
