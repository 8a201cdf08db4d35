"""Commands that judge a network, measure it again, or make a shipped one."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

import stavis
from stavis import jobs
from stavis.cli import checks
from stavis.cli.app import JUDGE, TRAIN, app
from stavis.cli.options import (
    Device,
    Json,
    MaxGap,
    Mirror,
    Quiet,
    Scale,
    TimeUnit,
    scale_from,
)


@app.command(rich_help_panel=JUDGE)
def verdict(
    run: Annotated[str | None, typer.Argument(help="A run's folder, sta-synthetic or hf:owner/name.")] = None,
    data: Annotated[Path | None, typer.Option(help="A folder of videos; the embedded data if left out.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    clips: Annotated[int, typer.Option(min=1, help="How many recordings to judge on, one clip of each.")] = 12,
    time_unit: TimeUnit = "",
    scale: Scale = "",
    max_gap: MaxGap = 3.0,
    target: Annotated[str | None, typer.Option(help="The output to judge: name or number; else the first or likeliest.")] = None,
    renderer: Annotated[
        str | None,
        typer.Option(
            help="Who renders the faces: flat, heads or both; as the network was trained if left out. --known-answers: flat, heads."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write verdict.json, verdict.html and agreement.csv here.")] = None,
    known_answers: Annotated[
        bool,
        typer.Option(
            "--known-answers", help="Judge networks whose answers are known: the five, video transformers, a sample of the grammar."
        ),
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per network, with --known-answers.")] = 3,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Does the attention explain the prediction? Necessary, sufficient, non-replaceable, agreeing: four answers with their numbers.

    Example: stavis verdict sta-synthetic --out judged

    Example: stavis verdict sta-heads --renderer heads
    """
    if renderer is not None:
        checks.given(renderer=renderer)
    labels = {"time_unit": time_unit, "scale": scale_from(scale), "max_gap": max_gap}
    if known_answers:
        given = {
            "RUN": run is not None,
            "--data": data is not None,
            "--split": split != "test",
            "--clips": clips != 12,
            "--out": out is not None,
        }
        given |= {"--target": target is not None, "--time-unit": time_unit != "", "--scale": scale != "", "--max-gap": max_gap != 3.0}
        given |= {"--device": device != "auto"}
        _judge_known([name for name, there in given.items() if there], seeds, renderer, json, quiet)
    if run is None:
        raise stavis.StavisError("stavis verdict needs a RUN to judge: give a run's folder or sta-synthetic, or --known-answers.")
    checks.unused(["--seeds"] if seeds != 3 else [], "is of --known-answers", "give that, too")
    checks.given(network=run, out=out, device=device)
    checks.data(data, split)
    checks.begin(f"judging the attention of {run} on {clips} recordings of {data or 'the embedded data'}", quiet)
    dimension = int(target) if target is not None and target.isdigit() else target
    chosen = {"split": split, "clips": clips, "dimension": dimension, "renderer": renderer}
    done = jobs.verdict(run, data, **chosen, **labels, out=out, device=device, quiet=quiet)
    if json:
        typer.echo(json_text.dumps(done.to_json()))
        return
    _say(done)


def _say(done) -> None:
    for sentence in done.finding.sentences:
        typer.echo(sentence)
    for answer in done.verdict.answers:
        typer.echo(f"{answer.question:10} {answer.answer:9} {answer.sentence}")
    if done.renderer:
        typer.echo(f"judged on {done.shown}")
    for note in (*done.unlike, *done.verdict.notes):
        typer.echo(f"{'warning' if note in done.verdict.warnings else 'note'}: {note}")


def _judge_known(unused: list[str], seeds: int, renderer: str | None, json: bool, quiet: bool) -> None:
    checks.unused(unused, "is not for --known-answers", "judge one network without that")
    checks.begin("judging the networks whose answers are known: minutes", quiet)
    table = jobs.known_answers(seeds, renderer=renderer, quiet=quiet)
    typer.echo(table.to_json(orient="records") if json else table.drop(columns="expected").to_string(index=False))
    raise typer.Exit(0 if table.right.all() else 1)


@app.command(rich_help_panel=JUDGE)
def transfer(
    run: Annotated[str, typer.Argument(help="A run's folder, sta-synthetic or hf:owner/name.")],
    clips: Annotated[Path, typer.Argument(help="A folder of clips of real faces.")],
    covered: Annotated[Path | None, typer.Option(help="A CSV of recording,start,stop (s): when a hand covers the mouth.")] = None,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Compare with a small network trained on real faces (fetched once, 93 kB).")
    ] = False,
    invariance: Annotated[
        bool, typer.Option("--invariance", help="How much valence changes under mirror, shift, zoom, gamma and JPEG; ten more readings.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write the 24 frames of the worst disagreements to this .png; it shows faces.")] = None,
    mirror: Mirror = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """How a network performs on real clips: where it looks, whether its valence follows the smile, failures included.

    Example: stavis transfer sta-synthetic my_clips

    Example: stavis transfer sta-synthetic my_clips --second-opinion --invariance --sheet worst.png
    """
    checks.given(network=run, clips=clips, file=covered, device=device)
    checks.begin(f"reading the clips of {clips} with {run}", quiet)
    measures = {"covered": covered, "second_opinion": second_opinion, "invariance": invariance, "sheet": sheet}
    table = jobs.transfer(run, clips, **measures, device=device, mirror=mirror, quiet=quiet)
    if sheet is not None:
        typer.echo(f"{sheet} shows faces: keep and share it as you would the clips.", err=True)
    typer.echo(table.to_json(orient="records") if json else table.round(3).to_string(index=False))


@app.command(rich_help_panel=TRAIN)
def pretrain(
    out: Annotated[Path, typer.Argument(help="The folder of the checkpoint.")],
    preset: Annotated[str | None, typer.Option(help="sta-synthetic or sta-heads; the folder's name if left out.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on where a run with the same settings stopped.")] = True,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Make a shipped checkpoint again: generate, train, evaluate, describe (hours on two cores). A killed run goes on where it was.

    Example: stavis pretrain sta-heads
    """
    checks.choice("--preset", preset or checks.SHIPPED[0], checks.SHIPPED)
    checks.given(out=out, device=device)
    checks.begin(f"making {preset or out.name} again into {out}: hours on two cores", quiet)
    typer.echo(jobs.pretrain(out, preset=preset, resume=resume, device=device, quiet=quiet))


@app.command(rich_help_panel=JUDGE)
def verify(
    run: Annotated[str, typer.Argument(help="A checkpoint with reported metrics, such as sta-synthetic.")],
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a checkpoint's reported metrics again on its own data; exit code 1 where one differs beyond its tolerance.

    Example: stavis verify sta-synthetic
    """
    checks.given(network=run, device=device)
    checks.begin(f"measuring the reported metrics of {run} again", quiet)
    done = jobs.verify(run, device=device, quiet=quiet)
    typer.echo(done.table.to_json(orient="records") if json else f"{done.table.to_string(index=False)}\n{done.summary}")
    if json and done.unchecked:
        typer.echo(done.unchecked, err=True)
    raise typer.Exit(0 if done.holds else 1)
