"""Commands for data sets and their labels."""

import json as json_text
from typing import Annotated

import typer

import stavis
from stavis import jobs
from stavis.cli import checks
from stavis.cli.app import DATA, app
from stavis.cli.options import Json, MaxGap, Quiet, Scale, TimeUnit, scale_from
from stavis.data.dataset_names import any_there, described


@app.command(rich_help_panel=DATA)
def labels(
    data: Annotated[str, typer.Argument(help="A data set's folder or name (stavis datasets).")],
    split: Annotated[str | None, typer.Option(help="train, dev or test; all if left out.")] = None,
    time_unit: TimeUnit = "",
    scale: Scale = "",
    max_gap: MaxGap = 3.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """How far raters agree, who lags behind whom, and the gold standard they give.

    Example: stavis labels faces
    """
    checks.data(data)
    checks.begin(f"reading the labels of {data}", quiet)
    report = jobs.labels(data, split, time_unit=time_unit, scale=scale_from(scale), max_gap=max_gap, quiet=quiet)
    if json:
        typer.echo(json_text.dumps(report.as_json()))
        return
    typer.echo(f"{report.labelled} of {report.recordings} recordings have labels; {report.source}")
    if len(report.raters):
        typer.echo("\nagreement is the mean CCC with the other raters; lag, in s, is against the mean of the others")
        typer.echo(report.raters.round(3).to_string(index=False))
        typer.echo("\nCCC of each pair of raters")
        typer.echo(report.matrix())
    typer.echo("\ngold standard")
    typer.echo(report.gold.drop(columns="source").round(3).to_string(index=False, na_rep="-"))
    for dimension, lag in report.lag.items():
        typer.echo(f"\nthe raters' {dimension} lags {lag:.2f} s behind the truth, which is known for synthetic recordings")


@app.command(rich_help_panel=DATA)
def datasets(json: Json = False) -> None:
    """The data sets that can be read: licence, how to apply, found or not and where it was looked for.

    Example: stavis datasets
    """
    rows = stavis.datasets().to_dict("records") if any_there() else described()  # whether one is there takes the readers to say
    if json:
        typer.echo(json_text.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:10} {row['title']}")
        typer.echo(f"{'':10} its folder holds {row['holds']}")
        typer.echo(f"{'':10} licence: {row['licence']}; apply: {row['apply']}")
        if row["looked_for"]:
            found = f"found: {row['found']}" if row["found"] else f"not found; looked for: {row['looked_for']}"
            typer.echo(f"{'':10} {found}")
