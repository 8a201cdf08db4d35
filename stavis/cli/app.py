"""The shell's app: its name, its version, and what each command is hung on."""

from typing import Annotated

import typer

import stavis

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="See, and judge, the attention of a video network on faces.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(stavis.package_version())
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass
