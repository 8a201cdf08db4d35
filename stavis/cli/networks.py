"""Commands that train a network, evaluate it and inspect it."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

import stavis
from stavis import jobs
from stavis.cli import checks
from stavis.cli.app import JUDGE, LOOK, TRAIN, app
from stavis.cli.options import (
    Context,
    CropSource,
    Data,
    Device,
    Exclude,
    Fold,
    Json,
    MaxGap,
    Mirror,
    Mode,
    Out,
    Pieces,
    Quiet,
    Regions,
    Scale,
    Sound,
    Stream,
    TimeUnit,
    face_from,
    finite,
    metric_text,
    scale_from,
)
from stavis.models.shipped import DEFAULT


@app.command(rich_help_panel=LOOK)
def demo(
    out: Out = Path("stavis-demo"),
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps, instead of the demo's own number.")] = None,
    recordings: Annotated[int | None, typer.Option(min=8, help="Recordings to generate, instead of the demo's own number.")] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """All of it on generated data: generate, train, evaluate, explain, one HTML page.

    Example: stavis demo --out my-demo
    """
    checks.given(device=device, out=out)
    checks.begin(f"generating, training, evaluating and explaining into {out}: minutes on two cores", quiet)
    done = jobs.demo(out, **jobs.demo_options(steps, recordings), device=device, quiet=quiet)
    metrics = done.summary
    if json:
        typer.echo(json_text.dumps(metrics))
        return
    typer.echo(f"CCC on unseen people        {metric_text(metrics, 'ccc')}")
    typer.echo(f"mouth share follows mouth cue, r = {metric_text(metrics, 'mouth_cue_correlation')}")
    typer.echo(f"density on the informative region {metric_text(metrics, 'cue_density')}  (1 = an even spread)")
    typer.echo(done.evaluation.evaluation.intervals)
    typer.echo(done.evaluation.alignment)
    typer.echo(done.tracked_text)
    typer.echo(f"{metrics['seconds']:.0f} s on {metrics['device']}")
    typer.echo(f"report: {done.report}")


@app.command(rich_help_panel=TRAIN)
def train(
    out: Out,
    data: Data = None,
    system: Annotated[str | None, typer.Option(help="The system to train (stavis systems); sta if left out.")] = None,
    preset: Annotated[str | None, typer.Option(help="small or paper; small if left out.")] = None,
    init_from: Annotated[str | None, typer.Option(help="Fine-tune from the weights of this run or of sta-synthetic.")] = None,
    start: Annotated[str | None, typer.Option("--start", hidden=True, help="The earlier name of --init-from.")] = None,
    steps: Annotated[int, typer.Option(help="Training steps.")] = 1600,
    batch: Annotated[int, typer.Option(help="Windows per step.")] = 8,
    learning_rate: Annotated[float, typer.Option(callback=finite, help="Highest learning rate of the one-cycle schedule.")] = 3e-3,
    loss: Annotated[str, typer.Option(help="mse, ccc, mse+ccc or epsilon.")] = "mse+ccc",
    patience: Annotated[int | None, typer.Option(help="Stop after this many validations without a better CCC.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights and windows.")] = 0,
    delay: Annotated[float, typer.Option(help="By how many seconds the raters lag; predictions are shifted by the same delay.")] = 0.0,
    fold: Fold = None,
    exclude: Exclude = None,
    time_unit: TimeUnit = "",
    scale: Scale = "",
    max_gap: MaxGap = 3.0,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="GPUs (or CPU processes) of each machine that share a batch.")] = 1,
    num_nodes: Annotated[int, typer.Option("--num-nodes", min=1, help="Machines; the command runs on each, as Lightning's DDP wants.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a system; the run's folder then serves as RUN everywhere.

    Example: stavis train --data faces --out runs/first

    Example: stavis train --data faces --init-from sta-synthetic --learning-rate 1e-3 --out runs/tuned
    """
    checks.given(system=system or "sta", preset=preset or "small", loss=loss, precision=precision, device=device)
    checks.given(data=data, exclude=exclude, out=out, **({"network": init_from or start} if init_from or start else {}))
    checks.begin(f"training {system or 'sta'} on {data or 'the embedded data'} into {out}", quiet)
    training = stavis.TrainingConfig(
        steps=steps, batch=batch, learning_rate=learning_rate, loss=loss, patience=patience, seed=seed, precision=precision
    )
    options = {"delay": delay, "fold": fold, "exclude": exclude, "devices": devices, "num_nodes": num_nodes}
    options |= {"time_unit": time_unit, "scale": scale_from(scale), "max_gap": max_gap}
    messages: list[str] = []
    options["report"] = messages.append if quiet else lambda sentence: typer.echo(sentence, err=True)
    options |= {"system": system, "preset": preset, "init_from": init_from or start}
    done = jobs.train(out, data, training=training, device=device, resume=resume, quiet=quiet, **options)
    if done.rank:
        return  # the first process says how it ended
    for sentence in messages:  # what is used of the data is printed in any case
        typer.echo(sentence)
    if done.interrupted:
        typer.echo(f"stopped at step {done.step}: {done.run} is usable, and goes on with --resume.", err=True)
        raise typer.Exit(130)
    typer.echo(f"{done.run}: best development CCC {done.best_ccc:.3f} after {done.step} steps, {done.seconds:.0f} s")


@app.command(rich_help_panel=JUDGE)
def evaluate(
    run: Annotated[str, typer.Argument(help="A run's folder, sta-synthetic or hf:owner/name.")],
    data: Data = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    fill: Annotated[str, typer.Option(help="Frames without a face: read, interpolate, zero or drop.")] = "read",
    fold: Fold = None,
    exclude: Exclude = None,
    time_unit: TimeUnit = "",
    scale: Scale = "",
    max_gap: MaxGap = 3.0,
    source: CropSource = "auto",
    mirror: Mirror = False,
    mode: Mode = "window",
    out: Annotated[Path | None, typer.Option("--out", help="Write metrics.json, predictions.csv and report.html here.")] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a run on recordings, under both protocols, with intervals over recordings.

    Example: stavis evaluate runs/first --data faces --split test --out results
    """
    reading = {"time_unit": time_unit, "scale": scale_from(scale), "max_gap": max_gap, "source": source, "mirror": mirror, "mode": mode}
    checks.given(network=run, fill=fill, source=source, mode=mode, exclude=exclude, out=out, device=device)
    checks.data(data, split)
    checks.begin(f"evaluating {run} on the {split} split of {data or 'the embedded data'}", quiet)
    done = jobs.evaluate(run, data, split=split, out=out, fill=fill, fold=fold, exclude=exclude, device=device, quiet=quiet, **reading)
    if json:
        typer.echo(json_text.dumps(done.evaluation.as_json()))
        return
    for sentence in done.finding.sentences:
        typer.echo(sentence)
    for protocol, metrics in done.evaluation.scores.items():
        for metric, by_dimension in metrics.items():
            for dimension, score in by_dimension.items():
                typer.echo(f"{protocol:14} {metric:5} {dimension:10} {score.value:6.3f}  {score.ends()}".rstrip())
    typer.echo(done.evaluation.intervals)
    typer.echo(done.alignment)
    counts = done.evaluation.counts
    typer.echo(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()))


@app.command(rich_help_panel=LOOK)
def explain(
    run: Annotated[str, typer.Argument(help="A run's folder, sta, sta-synthetic, hf:owner/name or package.module:function; or the video.")],
    video: Annotated[Path | None, typer.Argument(help="The video file.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write to; the video's name if left out.")] = None,
    methods: Annotated[str, typer.Option(help="Attributions beside the attention, separated by commas.")] = "saliency,exact-deeplift",
    target: Annotated[str | None, typer.Option(help="The output to explain: name or number; else the first or likeliest.")] = None,
    source: CropSource = "auto",
    face: Annotated[str, typer.Option(help="Which face: largest, a number, or X,Y for the face at that pixel.")] = "largest",
    stream: Stream = None,
    regions: Regions = "",
    attention_layers: Annotated[
        bool, typer.Option("--attention-layers", help="Also the attention of each layer of a transformer, to choose in the page.")
    ] = False,
    heads: Annotated[int | None, typer.Option(help="The layer (from 0; -1: the last) whose heads are shown one by one, too.")] = None,
    mirror: Mirror = False,
    mode: Mode = "window",
    overlay: Annotated[bool, typer.Option(help="Write overlay.mp4, the attention on the source video.")] = True,
    pieces: Pieces = "auto",
    sound: Sound = True,
    context: Context = True,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Where a network looks in a video, and what moved its prediction: one HTML page, tables, maps.

    Example: stavis explain sta-synthetic my_video.mp4 --out explained

    Example: stavis explain my_package.my_module:make_network my_video.mp4 --target smile
    """
    if video is None:
        run, video = DEFAULT, Path(run)
    names = checks.methods(methods)
    out = out or Path(f"{video.stem}-explained")
    checks.given(network=run, video=video, source=source, regions=regions, mode=mode, device=device, out=out, pieces=pieces)
    reading = {"source": source, "face": face_from(face), "stream": stream, "mirror": mirror, "mode": mode, "device": device}
    checks.begin(f"explaining {video.name} with {run} into {out}", quiet)
    explanation = jobs.explain(
        run,
        video,
        out,
        methods=names,
        target=int(target) if target is not None and target.isdigit() else target,
        regions=regions,
        attention_layers=attention_layers,
        heads=heads,
        pieces=pieces,
        sound=sound,
        context=context,
        overlay=overlay,
        quiet=quiet,
        **reading,
    )
    if json:
        typer.echo(json_text.dumps(explanation.summary.to_json()))
        return
    for sentence in explanation.finding.sentences:
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}")


@app.command(rich_help_panel=LOOK)
def profile(
    run: Annotated[str, typer.Argument(help="A run's folder, sta, sta-synthetic, hf:owner/name or package.module:function; or the video.")],
    video: Annotated[Path | None, typer.Argument(help="The video file.")] = None,
    methods: Annotated[str, typer.Option(help="Attributions beside the attention, separated by commas.")] = "saliency,exact-deeplift",
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What explaining a video costs: CPU and wall seconds of every stage, with an empty cache.

    Example: stavis profile my_video.mp4
    """
    if video is None:
        run, video = DEFAULT, Path(run)
    names = checks.methods(methods)
    checks.given(network=run, video=video, device=device)
    checks.begin(f"explaining {video.name} with {run}, nothing taken from the cache", quiet)
    found = jobs.profile(run, video, methods=names, device=device, quiet=quiet)
    typer.echo(found.table.to_json(orient="records") if json else str(found))


@app.command(rich_help_panel=LOOK)
def compare(
    first: Annotated[str, typer.Argument(help="A run's folder, sta, sta-synthetic, hf:owner/name or package.module:function.")],
    second: Annotated[str, typer.Argument(help="Another network; or a video, to compare two recordings.")],
    video: Annotated[Path, typer.Argument(help="The video file; of two recordings the second.")],
    out: Annotated[Path | None, typer.Option("--out", help="The page to write; the video's name if left out.")] = None,
    view: Annotated[str, typer.Option(help="choose, a map at a time; 'side by side', wipe or difference.")] = "choose",
    offset: Annotated[float, typer.Option(callback=finite, help="Of two recordings: seconds added to the times of the second.")] = 0.0,
    source: CropSource = "auto",
    face: Annotated[str, typer.Option(help="Which face: largest, a number, or X,Y for the face at that pixel.")] = "largest",
    stream: Stream = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Two networks on one video: both maps and their difference, both predictions, how far the maps agree, on one page.

    With one network and two videos: both recordings side by side on one clock.

    Example: stavis compare runs/first sta-synthetic my_video.mp4 --out both.html

    Example: stavis compare sta before.mp4 after.mp4
    """
    checks.network(first)
    checks.given(view=view, source=source, device=device)
    options = {"source": source, "face": face_from(face), "device": device}
    if checks.is_video(second):
        videos = checks.video(Path(second)), checks.video(video)
        return _compare_recordings(first, videos, stream, out, view, json, quiet, offset=offset, **options)
    checks.given(network=second, video=video)
    if offset:
        raise stavis.StavisError("--offset shifts the second of two recordings, and here two networks read one: leave it out.")
    checks.begin(f"comparing {first} and {second} on {video.name}", quiet)
    both = jobs.compare([first, second], jobs.of_stream(video, stream), quiet=quiet, **options)
    page = both.save(_page(out) or Path(f"{video.stem}-compared.html"), view)
    if json:
        typer.echo(json_text.dumps(both.summary))
        return
    for name, value in (both.summary["agreement"] or {}).items():
        typer.echo(f"{name:20} {'undefined' if value is None else f'{value:.3f}'}")
    typer.echo(f"page: {page}")


def _page(out: Path | None) -> Path | None:
    """The page that was asked for, which ends in .html."""
    return out if out is None or out.suffix else out.with_suffix(".html")


def _compare_recordings(
    run: str, videos: tuple[Path, Path], stream: int | None, out: Path | None, view: str, json: bool, quiet: bool, **options
) -> None:
    """Two recordings read by one network, on one page."""
    if view in ("wipe", "difference"):
        raise stavis.StavisError(f"two recordings do not have the same frames, so there is no {view}: leave --view out.")
    names = [one.stem for one in videos]
    checks.begin(f"comparing {videos[0].name} and {videos[1].name}, read by {run}", quiet)
    both = jobs.compare_recordings(run, [jobs.of_stream(one, stream) for one in videos], quiet=quiet, **options)
    page = both.save(_page(out) or Path(f"{names[0]}-{names[1]}-compared.html"))
    if json:
        typer.echo(json_text.dumps(both.summary))
        return
    for name, means in both.summary["mean_predictions"].items():
        for key, value in means.items():
            typer.echo(f"mean {key}, {name}: {'undefined' if value is None else f'{value:.3f}'}")
    typer.echo(f"page: {page}")
