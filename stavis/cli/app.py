"""The shell's app: its name, its version, and the groups in which its commands are listed."""

from typing import Annotated

import typer
from typer.core import TyperGroup

from stavis.provenance import package_version

LOOK, TRAIN, JUDGE, DATA, BATCH = "Look", "Train", "Judge", "Data", "Batch"
"""The groups of commands, in the order in which they are listed."""


class _Grouped(TyperGroup):
    """Lists the commands under their groups, as plain text."""

    def format_commands(self, ctx, formatter) -> None:
        commands = [command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name)) and not command.hidden]
        width = formatter.width - 6 - max(len(command.name) for command in commands)
        for panel in (LOOK, TRAIN, JUDGE, DATA, BATCH):
            rows = [(command.name, command.get_short_help_str(width)) for command in commands if command.rich_help_panel == panel]
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=max(len(command.name) for command in commands))


app = typer.Typer(
    cls=_Grouped,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Inspect, and judge, the attention of a video network on faces.",
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(package_version())
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass
