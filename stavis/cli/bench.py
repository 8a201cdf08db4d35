"""Commands about all systems at once: what they are, and the tables on one data set."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

import stavis
from stavis.cli import checks
from stavis.cli.app import JUDGE, TRAIN, app
from stavis.cli.options import Data, Device, Exclude, Fold, Json, MaxGap, Out, Quiet, Scale, TimeUnit, scale_from

QUICK = "This is a quick bench: it shows the way and proves nothing."


@app.command(rich_help_panel=TRAIN)
def systems(json: Json = False) -> None:
    """The systems that can be trained: the rows of the paper's tables with their published metrics.

    Example: stavis systems
    """
    listed = stavis.systems()
    if json:
        typer.echo(json_text.dumps(listed, ensure_ascii=False))
        return
    typer.echo(f"{'name':17} {'parameters':>10}  {'RECOLA RMSE/CC/CCC':20} {'AVEC 2017 RMSE/CC/CCC':22} row")
    for one in listed:
        metrics = [_metrics(one["published"].get(name)) for name in ("recola", "avec2017")]
        typer.echo(f"{one['name']:17} {one['parameters']:>10,}  {metrics[0]:20} {metrics[1]:22} {one['row']}")


@app.command(rich_help_panel=JUDGE)
def bench(
    out: Out,
    data: Data = None,
    systems: Annotated[str, typer.Option(help="Names separated by commas (stavis systems), or all.")] = "all",
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings per system; 3 with --data and 5 without, if left out.")] = None,
    dimension: Annotated[str, typer.Option(help="The emotion dimension.")] = "valence",
    preset: Annotated[str, typer.Option(help="small (two cores) or paper (a GPU, 25 frames/s).")] = "small",
    delay: Annotated[float | None, typer.Option(help="The raters' delay in s; found on the dev split if left out.")] = None,
    labels: Annotated[str, typer.Option(help="given, raters, or auto: the raters' gold for synthetic data, else given.")] = "auto",
    fill: Annotated[str, typer.Option(help="What stands in for frames without a face: interpolate, zero or drop.")] = "interpolate",
    split: Annotated[str, typer.Option(help="The split that is scored; test, or dev where there is none, if left out.")] = "",
    source: Annotated[str, typer.Option(help="How crops are made: auto, face, centre, truth.")] = "auto",
    scale: Annotated[float, typer.Option(help="The fraction of the training steps to do, for trials.")] = 1.0,
    fold: Fold = None,
    exclude: Exclude = None,
    time_unit: TimeUnit = "",
    label_scale: Scale = "",
    max_gap: MaxGap = 3.0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at a time; all cores if left out.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler; processes of this machine if left out.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without --data: ten minutes; shows the way and proves nothing.")] = False,
    page_from: Annotated[
        Path | None, typer.Option(help="Make only the page, CSV and LaTeX again, from the bench.json of a bench without --data.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train and evaluate the systems of the tables; goes on where it stopped when called again.

    With --data: every system on that data set, under the paper's protocol. Without: what each part of the architecture buys, and when:
    four named contrasts, each on synthetic data that hold one reason for it.

    Example: stavis bench --data RECOLA --out bench
    """
    checks.given(systems=systems, data=data, preset=preset, labels=labels, source=source, exclude=exclude)
    checks.choice("--fill", fill, checks.BENCH_FILLS)
    checks.given(out=out, device=device)
    begun = f"training and evaluating {systems} on {data or 'synthetic data'}" if page_from is None else f"making the page of {page_from}"
    checks.begin(f"{begun} into {out}", quiet)
    done = stavis.bench(
        out, data, systems=systems, seeds=seeds, dimension=dimension, preset=preset, delay=delay, labels=labels, fill=fill,
        split=split, source=source, scale=scale, fold=fold, exclude=exclude, time_unit=time_unit, label_scale=scale_from(label_scale),
        max_gap=max_gap, jobs=jobs, quick=quick, scheduler=scheduler, page_from=page_from,
        device=device, quiet=quiet,
    )  # fmt: skip
    if json:
        typer.echo(json_text.dumps(done.summary, ensure_ascii=False))
    else:
        _say(done)
    for failure in done.failures:
        typer.echo(f"stavis: {failure['system']}, seed {failure['seed']}: {failure['reason']}", err=True)
    if missing := done.missing:
        typer.echo(f"note: {missing}", err=True)
    raise typer.Exit(1 if done.failures or (missing and page_from is None) else 0)


def _say(done) -> None:
    if done.summary.get("kind") == "contrasts":
        typer.echo(done.scores().to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-") + "\n")
        for one in [*done.summary["contrasts"], *done.summary["longer_memory"]]:
            typer.echo(one["sentence"])
        if done.summary["quick"]:
            typer.echo(QUICK)
        typer.echo(f"\nreport: {done.folder / 'bench.html'}")
        return
    about = done.summary["provenance"]
    for split, counts in done.summary["counts"].items():
        typer.echo(f"{split:6} " + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()))
    typer.echo(f"labels: {about['label source']}; delay {about['delay']} ({about['delay from']}); scored: {about['scored on']}")
    for protocol in ("concatenated", "per_recording"):
        table = done.scores(protocol)
        if len(table):
            typer.echo(f"\n{protocol.replace('_', ' ')}")
            typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-"))
    typer.echo(f"\nreport: {done.folder / 'bench.html'}")


def _metrics(published: dict | None) -> str:
    if not published:
        return ""
    return " / ".join("-" if published[name] is None else f"{published[name]:.3f}".lstrip("0") for name in ("rmse", "cc", "ccc"))
