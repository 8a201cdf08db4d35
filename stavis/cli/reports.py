"""The command that makes batches of reports."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

import stavis
from stavis import batch
from stavis.cli import checks
from stavis.cli.app import BATCH, app
from stavis.cli.options import Json, Quiet, finite

SHOWN = 20  # failures that are printed; the index has them all


@app.command(rich_help_panel=BATCH)
def report(
    spec: Annotated[str | None, typer.Argument(help="A spec (.yaml), a notebook (.ipynb), or the name of a shipped one.")] = None,
    over: Annotated[list[str] | None, typer.Option(help="Pattern of recordings, in quotes; may be repeated.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", "--parameter", help="NAME=VALUE for the notebook; may be repeated.")] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", help="The folder to write to; out/NAME beside the spec (reports/out/NAME here for a shipped one) if left out."
        ),
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler; processes of this machine if left out.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many processes, instead of what cores and memory allow.")] = None,
    timeout: Annotated[float | None, typer.Option(callback=finite, help="Seconds that a report may take.")] = None,
    publish: Annotated[str | None, typer.Option(help="Copy what is done to s3://, gs://, abs:// ... with papermill.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--force", help="Do what is missing or failed; or everything again.")] = True,
    afresh: Annotated[bool, typer.Option("--afresh", hidden=True, help="The earlier name of --force.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan; run nothing.")] = False,
    print_csp: Annotated[bool, typer.Option("--print-csp", help="Print the pages' content-security policy, for a web server.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a notebook over many recordings and settings: one offline page each, one index, one table; exit code 1 where one failed.

    Example: stavis report demo

    Example: stavis report explore --over 'videos/*.mp4' -p methods=saliency --out explored
    """
    if print_csp:
        typer.echo(batch.pages_csp())
        return
    if spec is None:
        raise stavis.StavisError("stavis report needs a spec or a notebook: give demo, or explore --over 'videos/*.mp4'.")
    options = {
        "out": out,
        "over": over or (),
        "parameters": _pairs(parameter or []),
        "timeout": timeout,
        "publish": publish,
        "quiet": quiet,
    }
    checks.notebook(spec)
    checks.begin(f"planning the reports of {spec}", quiet)
    plan = stavis.plan_study(spec, **options)
    if dry_run:
        table = plan.table()
        typer.echo(table.to_json(orient="records") if json else table.to_string(index=False))
        typer.echo(f"{len(table)} reports of {plan.job.name} into {plan.job.out}; nothing was run.", err=True)
        return
    done = stavis.run_study(plan, scheduler=scheduler, workers=workers, force=afresh or not resume, quiet=quiet)
    _say(done, json)
    raise typer.Exit(130 if done.interrupted else 1 if done.counts.failed else 0)


def _say(done, json: bool) -> None:
    counts = done.counts
    for name, reason in counts.failures[:SHOWN]:
        typer.echo(f"failed: {' '.join(name.split())}: {reason}", err=True)
    if len(counts.failures) > SHOWN:
        typer.echo(f"... and {len(counts.failures) - SHOWN} more: see {done.index}", err=True)
    if done.interrupted:
        typer.echo("stopped: start again to go on; what is done stays done.", err=True)
    if json:
        facts = {"done": counts.done, "failed": counts.failed, "missing": counts.missing, "made": done.made, "index": str(done.index)}
        typer.echo(json_text.dumps({**facts, "seconds": round(done.seconds, 1)}))
        return
    missing = f", {counts.missing} missing" if counts.missing else ""
    typer.echo(f"{counts.done} done, {counts.failed} failed{missing}; {done.made} made now in {done.seconds:.0f} s")
    typer.echo(f"index: {Path(done.index)}")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in texts]
    wrong = next((name for name, sign, _ in pairs if not sign or not name), None)
    if wrong is not None:
        raise stavis.StavisError(f"-p {wrong!r} is no NAME=VALUE: write it like -p methods=saliency.")
    return {name: value for name, _, value in pairs}
