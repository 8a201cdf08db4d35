"""The command that averages explained recordings over people and conditions."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from stavis import jobs
from stavis.cli import checks
from stavis.cli.app import LOOK, app
from stavis.cli.options import Json, Out, finite
from stavis.storage.files import read_json


@app.command(rich_help_panel=LOOK)
def group(
    table: Annotated[
        Path, typer.Argument(help="A CSV of recording,person,condition[,mirrored]; recordings are folders of stavis explain.")
    ],
    out: Out,
    map_name: Annotated[str, typer.Option("--map", help="Which map: attention, or an attribution that was explained.")] = "attention",
    events: Annotated[str | None, typer.Option(help="A CSV of recording,time,label; or peaks:smile, the peaks of a curve.")] = None,
    label: Annotated[str | None, typer.Option(help="Only events of this label.")] = None,
    before: Annotated[float, typer.Option(callback=finite, help="Seconds before each event.")] = 2.0,
    after: Annotated[float, typer.Option(callback=finite, help="Seconds after each event.")] = 4.0,
    relative: Annotated[bool, typer.Option("--relative", help="Curves less their mean before the event.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the permutations.")] = 0,
    json: Json = False,
) -> None:
    """Where a network looks on average, in which condition, and when: maps on one canonical face, differences, averages around events.

    Example: stavis group table.csv --events peaks:smile --out grouped
    """
    checks.given(file=table, out=out)
    if events is None:
        usual = {"--label": label is None, "--before": before == 2.0, "--after": after == 4.0, "--relative": not relative}
        checks.unused([option for option, left in usual.items() if not left], "is about events, and none are given", "give --events")
    checks.begin(f"averaging the recordings of {table} into {out}")
    made = jobs.group(table, seed=seed)
    options = {} if events is None else {"events": events, "label": label, "before": before, "after": after, "relative": relative}
    page = made.save(out, of=map_name, **options)
    if json:
        typer.echo(json_text.dumps(read_json(out / "group.json")))
        return
    typer.echo(f"{len(made.members)} recordings of {len(made.people)} people; {', '.join(made.conditions)}")
    for one in made.differences(map_name):
        typer.echo(one.sentence)
    typer.echo(f"report: {page}")
