"""The shell: parses, calls, prints. Machine-readable output goes to stdout, progress and errors to stderr."""

import json as json_text
import os
import sys
import traceback
import warnings
from pathlib import Path
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

Out = Annotated[Path, typer.Option("--out", help="The folder to write to.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]


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


@app.command()
def demo(
    out: Out = Path("stavis-demo"),
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps, instead of the demo's own number.")] = None,
    recordings: Annotated[int | None, typer.Option(min=8, help="Recordings to draw, instead of the demo's own number.")] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The embedded default, end to end: draw, train, evaluate, explain, one HTML page.

    Example: stavis demo --out my-demo
    """
    done = stavis.demo(out, **stavis.demo_options(steps, recordings), device=device, quiet=quiet)
    figures = done.summary
    if json:
        typer.echo(json_text.dumps(figures))
        return
    typer.echo(f"CCC on unseen people        {_figure(figures, 'ccc')}")
    typer.echo(f"mouth share follows mouth cue, r = {_figure(figures, 'mouth_cue_correlation')}")
    typer.echo(f"density on the carrying region   {_figure(figures, 'cue_density')}  (1 = chance)")
    typer.echo(f"{figures['seconds']:.0f} s on {figures['device']}")
    typer.echo(f"report: {done.report}")


@app.command()
def synth(
    root: Annotated[Path, typer.Argument(help="The folder to write; new or empty.")],
    scenario: Annotated[
        list[str] | None, typer.Option(help="mouth, eyes, switching, motion, occlusion, distractor; may be repeated.")
    ] = None,
    recordings: Annotated[int, typer.Option(help="How many recordings.")] = 12,
    seconds: Annotated[float, typer.Option(help="Length of each in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed draws the same pixels.")] = 0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "128x128",
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 25.0,
    quiet: Quiet = False,
) -> None:
    """Draw talking faces with known truth: videos, raters, labels, splits.

    Example: stavis synth faces --scenario switching --recordings 40 --seconds 10 --seed 1
    """
    spec = stavis.SyntheticSpec(
        scenarios=tuple(scenario or ["switching"]), recordings=recordings, seconds=seconds, seed=seed, size=_size(size), fps=fps
    )
    typer.echo(stavis.synth(root, spec, quiet=quiet))


@app.command()
def train(
    out: Out,
    data: Annotated[Path | None, typer.Option(help="A folder of videos and labels; the embedded data if left out.")] = None,
    system: Annotated[str, typer.Option(help="The system to train (stavis systems).")] = "sta",
    preset: Annotated[str, typer.Option(help="small or paper.")] = "small",
    steps: Annotated[int, typer.Option(help="Training steps.")] = 1600,
    batch: Annotated[int, typer.Option(help="Windows a step.")] = 8,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate of the one-cycle schedule.")] = 3e-3,
    loss: Annotated[str, typer.Option(help="mse, ccc, mse+ccc or epsilon.")] = "mse+ccc",
    patience: Annotated[int | None, typer.Option(help="Stop after so many validations without a better CCC.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights and windows.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on as if never stopped.")] = False,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a system; the run's folder then serves as RUN everywhere.

    Example: stavis train --data faces --out runs/first
    """
    plan = stavis.Plan(steps=steps, batch=batch, learning_rate=learning_rate, loss=loss, patience=patience, seed=seed, precision=precision)
    done = stavis.train(out, data, system=system, preset=preset, plan=plan, device=device, resume=resume, quiet=quiet)
    if done.interrupted:
        typer.echo(f"stopped at step {done.step}: {done.run} is usable, and goes on with --resume.", err=True)
        raise typer.Exit(130)
    typer.echo(f"{done.run}: best development CCC {done.best_ccc:.3f} after {done.step} steps, {done.seconds:.0f} s")


@app.command()
def evaluate(
    run: Annotated[str, typer.Argument(help="A run's folder, or sta-synthetic.")],
    data: Annotated[Path | None, typer.Option(help="A folder of videos and labels; the embedded data if left out.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    out: Annotated[Path | None, typer.Option("--out", help="Write metrics.json, predictions.csv and report.html here.")] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a run on recordings, under both protocols, with intervals over recordings.

    Example: stavis evaluate runs/first --data faces --split test --out results
    """
    done = stavis.evaluate(run, data, split=split, out=out, device=device, quiet=quiet)
    if json:
        typer.echo(json_text.dumps(done.evaluation.as_json()))
        return
    for protocol, metrics in done.evaluation.scores.items():
        for metric, by_dimension in metrics.items():
            for dimension, score in by_dimension.items():
                typer.echo(f"{protocol:14} {metric:5} {dimension:10} {score.value:6.3f}  [{score.low:.3f}, {score.high:.3f}]")
    counts = done.evaluation.counts
    typer.echo(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()))


@app.command()
def explain(
    run: Annotated[str, typer.Argument(help="A run's folder or sta-synthetic; or the video, for the shipped network.")],
    video: Annotated[Path | None, typer.Argument(help="The video file.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write to; the video's name if left out.")] = None,
    methods: Annotated[str, typer.Option(help="Attributions beside the attention, separated by commas.")] = "saliency,integrated-gradients",
    source: Annotated[str, typer.Option(help="How crops are made: auto, face, centre, truth.")] = "auto",
    face: Annotated[str, typer.Option(help="Which face: largest, a number, or X,Y for the nearest to that pixel.")] = "largest",
    overlay: Annotated[bool, typer.Option(help="Write overlay.mp4, the attention on the source video.")] = True,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Where a network looks in a video, and what moved its answer: one HTML page, tables, maps.

    Example: stavis explain sta-synthetic my_video.mp4 --out explained
    """
    if video is None:
        run, video = "sta-synthetic", Path(run)
    names = stavis.method_names(methods)
    page = stavis.explain(
        run,
        video,
        out or Path(f"{video.stem}-explained"),
        methods=names,
        source=source,
        face=_face(face),
        overlay=overlay,
        device=device,
        quiet=quiet,
    )
    typer.echo(json_text.dumps(page.summary) if json else f"report: {page.report}")


@app.command()
def verdict(
    run: Annotated[str | None, typer.Argument(help="A run's folder or sta-synthetic.")] = None,
    data: Annotated[Path | None, typer.Option(help="A folder of videos; the embedded data if left out.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    clips: Annotated[int, typer.Option(min=1, help="How many recordings to judge on, one clip of each.")] = 12,
    out: Annotated[Path | None, typer.Option("--out", help="Write verdict.json, verdict.html and agreement.csv here.")] = None,
    known_answers: Annotated[bool, typer.Option("--known-answers", help="Judge networks whose answers are known, instead.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds a network, with --known-answers.")] = 3,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Does the attention explain the prediction? Needed, sufficient, unique, agreeing: four answers with their numbers.

    Example: stavis verdict sta-synthetic --out judged
    """
    if known_answers:
        table = stavis.known_answer_table(seeds)
        typer.echo(table.to_json(orient="records") if json else table.drop(columns="expected").to_string(index=False))
        raise typer.Exit(0 if table.right.all() else 1)
    if run is None:
        raise stavis.StavisError("stavis verdict needs a RUN to judge: give a run's folder or sta-synthetic, or --known-answers.")
    done = stavis.verdict(run, data, split=split, clips=clips, out=out, device=device, quiet=quiet)
    if json:
        typer.echo(json_text.dumps(done.verdict.to_json()))
        return
    for answer in done.verdict.answers:
        typer.echo(f"{answer.question:10} {answer.answer:9} {answer.sentence}")
    for note in done.verdict.notes:
        typer.echo(f"note: {note}")


@app.command()
def transfer(
    run: Annotated[str, typer.Argument(help="A run's folder or sta-synthetic.")],
    clips: Annotated[Path, typer.Argument(help="A folder of clips of real faces.")],
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """How a network does on real clips: where it looks, whether its valence follows the smile, failures included.

    Example: stavis transfer sta-synthetic my_clips
    """
    table = stavis.transfer(run, clips, device=device, quiet=quiet)
    typer.echo(table.to_json(orient="records") if json else table.round(3).to_string(index=False))


@app.command()
def track(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    out: Out,
    face: Annotated[str, typer.Option(help="Which face: largest, a number, or X,Y for the nearest to that pixel.")] = "largest",
    backend: Annotated[str, typer.Option(help="auto, litert or opencv.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Follow the faces of a video: a table, landmarks, a preview with the regions drawn.

    Example: stavis track my_video.mp4 --out tracked
    """
    done = stavis.track(video, out, choose=_face(face), backend=backend, quiet=quiet)
    if json:
        typer.echo((done.folder / "track.json").read_text(encoding="utf-8").strip())
        return
    typer.echo(f"{done.frames_with_face} of {done.frames} frames show a face, {done.faces} in all; {done.realtime_factor:.1f} x real time")
    typer.echo(f"track: {done.folder}")


@app.command("fetch-models")
def fetch_models() -> None:
    """Fetch the face landmark model ahead of time, and say from where.

    Example: stavis fetch-models
    """
    found = stavis.fetch_face_model()
    typer.echo(f"{found.path} (from {found.source})")


@app.command()
def cache(action: Annotated[str, typer.Argument(help="list or clear.")] = "list") -> None:
    """List or clear the crops that were made of videos.

    Example: stavis cache list
    """
    if action not in ("list", "clear"):
        raise stavis.StavisError(f"stavis cache cannot {action!r}: say list or clear.")
    table = stavis.cache_list() if action == "list" else stavis.cache_clear()
    typer.echo(table.to_string(index=False) if len(table) else "the cache is empty")


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="A checkpoint that prints its figures, such as sta-synthetic.")],
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a checkpoint's printed figures again on its own data; exit code 1 where one differs.

    Example: stavis verify sta-synthetic
    """
    done = stavis.verify(run, device=device, quiet=quiet)
    typer.echo(done.table.to_json(orient="records") if json else done.table.to_string(index=False))
    raise typer.Exit(0 if done.holds else 1)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Argument(help="The folder of the checkpoint.")],
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Make the shipped checkpoint again: draw, train, measure, describe (the better part of an hour on two cores).

    Example: stavis pretrain sta-synthetic
    """
    typer.echo(stavis.pretrain(out, device=device, quiet=quiet))


@app.command()
def lab() -> None:
    """Open JupyterLab on copies of the notebooks, in this folder, on this machine only.

    Example: stavis lab
    """
    notebooks = stavis.copy_notebooks(Path("stavis-notebooks"))
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", str(notebooks)])


_said: set[str] = set()


def main() -> None:
    """Run the shell: bad input is one sentence on stderr and exit code 2; Ctrl-C is 130."""
    _said.clear()
    warnings.showwarning = _say_warning
    debug = "--debug" in sys.argv  # wherever it stands
    try:
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
    elif hasattr(error, "format_message"):  # the shell's own: an unknown option, a missing argument
        typer.echo(f"stavis: {error.format_message()} (stavis --help tells more)", err=True)
    elif isinstance(error, MemoryError):
        typer.echo("stavis: the memory of this machine is not enough for this input: cut the video or close other programs.", err=True)
    else:
        where = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        typer.echo(f"stavis: something failed that should not ({where}): run again with --debug and report it.", err=True)


def _say_warning(message, category, filename, lineno, file=None, line=None) -> None:
    sentence = " ".join(str(message).split())
    if issubclass(category, stavis.StavisWarning) and sentence not in _said:
        _said.add(sentence)  # a video may be read twice: its damage is told once
        typer.echo(f"stavis: warning: {sentence}", err=True)


def _figure(figures: dict, name: str) -> str:
    value, low, high = (figures.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    return "undefined" if value is None else f"{value:.3f}" if low is None else f"{value:.3f}  [{low:.3f}, {high:.3f}]"


def _face(text: str) -> str | int | tuple[float, float]:
    if text == "largest":
        return text
    try:
        parts = [float(part) for part in text.split(",")]
        return (parts[0], parts[1]) if len(parts) == 2 else int(text)
    except ValueError:
        raise stavis.StavisError(f"--face is {text!r}, expected largest, a number such as 0, or X,Y such as 320,180.") from None


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise stavis.StavisError(f"--size is {text!r}, expected WIDTHxHEIGHT such as 128x128.") from None
    return width, height


if __name__ == "__main__":
    main()
