"""The benchmark of first lines starts every command of the shell, rightly and with a mistake, and reads what comes first."""

from typer.main import get_command

from benchmarks.startup import COMMANDS, OTHERS, first_line, starts
from stavis.cli import app

NOT_STARTED = {"lab", "fetch-models"}
"""The one opens a server, the other asks the network."""


def test_every_command_is_started_rightly_and_with_a_mistake():
    assert set(COMMANDS) | NOT_STARTED == {name for name, one in get_command(app).commands.items() if not one.hidden}
    assert all(good != wrong for good, wrong in COMMANDS.values())
    assert len(starts()) == len(OTHERS) + 2 * len(COMMANDS), "no two are called alike"


def test_the_first_line_is_that_of_either_stream_and_the_rest_is_not_waited_for(tmp_path):
    code = "import sys, time; print('first', file=sys.stderr, flush=True); print('second'); time.sleep(600)"
    found = first_line(["-c", code], tmp_path)
    assert found.line == "first" and 0 < found.seconds < 600
