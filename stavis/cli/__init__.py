"""The shell: parses, calls, prints. Machine-readable output goes to stdout, progress and errors to stderr."""

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

import stavis
from stavis.cli import bench, datasets, groups, judging, networks, recordings, reports  # noqa: F401  (they hang their commands on the app)
from stavis.cli.app import app
from stavis.errors import nearest


def main() -> None:
    """Run the shell: bad input is one sentence on stderr and exit code 2; Ctrl-C is 130."""
    debug = "--debug" in sys.argv  # wherever it stands
    try:
        with _notes_on_stderr():
            sys.exit(app([word for word in sys.argv[1:] if word != "--debug"], standalone_mode=False))
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("stopped.", err=True)
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        _say_error(error)
        sys.exit(getattr(error, "exit_code", 2))


def _say_error(error: Exception) -> None:
    if isinstance(error, stavis.StavisError):
        typer.echo(f"stavis: {' '.join(str(error).split())}", err=True)
    elif type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
    elif getattr(error, "option_name", ""):  # an unknown option
        context = getattr(error, "ctx", None)
        known = [name for one in context.command.params if not getattr(one, "hidden", False) for name in one.opts] if context else []
        near = nearest(error.option_name, [name for name in (*known, "--help") if name.startswith("--")])
        remedy = f"did you mean {near}?" if near else f"{context.command_path if context else 'stavis'} --help lists them."
        typer.echo(f"stavis: there is no option {error.option_name}: {remedy}", err=True)
    elif hasattr(error, "format_message"):  # the shell's own: an unknown option, a missing argument
        typer.echo(f"stavis: {error.format_message()} (stavis --help tells more)", err=True)
    elif isinstance(error, MemoryError):
        typer.echo("stavis: the memory of this machine is not enough for this input: cut the video or close other programs.", err=True)
    else:
        where = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        typer.echo(f"stavis: something failed that should not ({where}): run again with --debug and report it.", err=True)


@contextmanager
def _notes_on_stderr() -> Iterator[None]:
    """Inside, each note of stavis is one line on stderr, once however often it comes up; warnings of libraries are not shown."""
    shown: set[str] = set()

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        sentence = " ".join(str(message).split())
        if issubclass(category, stavis.StavisWarning) and sentence not in shown:
            shown.add(sentence)  # a video may be read twice
            typer.echo(f"stavis: warning: {sentence}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
