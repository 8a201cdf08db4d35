"""Commands for videos, faces and what is kept of them."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import stavis
from stavis import batch, jobs
from stavis.cli import checks
from stavis.cli.app import DATA, LOOK, app
from stavis.cli.options import Json, Out, Quiet, Stream, face_from, shortened, size_from
from stavis.lazy_names import need
from stavis.storage.eviction import kind_folder
from stavis.storage.listing import cache_entries


@app.command(rich_help_panel=DATA)
def synth(
    root: Annotated[Path, typer.Argument(help="The folder to write; new, empty, or written with the same settings.")],
    scenario: Annotated[
        list[str] | None, typer.Option(help="mouth, eyes, switching, motion, occlusion, distractor, memory, places, cued; may be repeated.")
    ] = None,
    recordings: Annotated[int, typer.Option(help="How many recordings.")] = 12,
    seconds: Annotated[float, typer.Option(help="Length of each in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pixels.")] = 0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "128x128",
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 25.0,
    diversity: Annotated[float, typer.Option(help="The fraction of people who differ as widely as real ones do.")] = 0.0,
    renderer: Annotated[str, typer.Option(help="flat, heads (3D heads; their model is needed) or both.")] = "flat",
    neutral: Annotated[float, typer.Option(help="The fraction of people who are exactly neutral, always or in episodes.")] = 0.0,
    wide: Annotated[float | None, typer.Option("--wide", hidden=True, help="The earlier name of --diversity.")] = None,
    quiet: Quiet = False,
) -> None:
    """Generate synthetic talking faces with known truth: videos, raters, labels, splits.

    Example: stavis synth faces --scenario switching --recordings 40 --seconds 10 --seed 1
    """
    given = {"recordings": recordings, "seconds": seconds, "seed": seed, "size": size_from(size), "fps": fps}
    given |= {"renderer": renderer, "neutral": neutral}
    spec = stavis.SyntheticConfig(scenarios=tuple(scenario or ["switching"]), **given, diversity=diversity if wide is None else wide)
    checks.given(renderer=renderer, out=root)
    checks.begin(f"generating {recordings} recordings of {seconds:g} s into {root}", quiet)
    typer.echo(jobs.synth(root, spec, quiet=quiet))


@app.command(rich_help_panel=LOOK)
def track(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    out: Out,
    face: Annotated[str, typer.Option(help="Which face: largest, a number, or X,Y for the face at that pixel.")] = "largest",
    stream: Stream = None,
    backend: Annotated[str, typer.Option(help="auto, litert or opencv.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Follow the faces of a video: a table, landmarks, a preview with the regions outlined.

    Example: stavis track my_video.mp4 --out tracked
    """
    checks.given(video=video, backend=backend, out=out)
    chosen = face_from(face)
    checks.begin(f"following the faces of {video.name} into {out}", quiet)
    done = jobs.track(video, out, choose=chosen, backend=backend, stream=stream, quiet=quiet)
    if json:
        typer.echo((done.folder / "track.json").read_text(encoding="utf-8").strip())
        return
    typer.echo(f"{done.frames_with_face} of {done.frames} frames show a face, {done.faces} in all; {done.realtime_factor:.1f} x real time")
    typer.echo(f"track: {done.folder}")


@app.command("fetch-models", rich_help_panel=DATA)
def fetch_models(
    heads: Annotated[bool, typer.Option("--heads", help="The model of the 3D heads (ICT-FaceKit, MIT licence), 130 MB.")] = False,
) -> None:
    """Fetch the face landmark model, or that of the 3D heads, ahead of time, and say from where.

    Example: stavis fetch-models

    Example: stavis fetch-models --heads
    """
    found = stavis.fetch_models(heads=heads)
    typer.echo(f"{found.path} (from {found.source})")


@app.command(rich_help_panel=DATA)
def cache(
    action: Annotated[str, typer.Argument(help="list or clear.")] = "list",
    kind: Annotated[
        str | None, typer.Option(help="crops, tracks, previews, readings, attributions, synthetic, models or runs; all if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """List or clear the cache: crops, tracks, readings, attributions, synthetic data, models.

    Example: stavis cache list

    Example: stavis cache clear --kind crops
    """
    if action not in ("list", "clear"):
        raise stavis.StavisError(f"stavis cache has no action {action!r}: {checks.offer(action, ('list', 'clear'))}")
    if kind is not None:
        kind_folder(kind)  # refuses one that there is not
    if json:
        table = stavis.cache_list(kind) if action == "list" else stavis.cache_clear(kind)
        typer.echo(table.to_json(orient="records", date_format="iso"))
        return
    rows = cache_entries(kind) if action == "list" else list(stavis.cache_clear(kind).itertuples())
    for row in rows:
        typer.echo(f"{row.kind:12} {shortened(row.what, 48):48} {row.megabytes:9.1f} MB  {row.last_used:%Y-%m-%d %H:%M}".rstrip())
    total = f"{len(rows)} entries, {sum(row.megabytes for row in rows):.1f} MB"
    typer.echo(f"removed: {total}" if action == "clear" else total if rows else "the cache is empty")


@app.command(rich_help_panel=LOOK, context_settings={"ignore_unknown_options": True})
def lab(
    options: Annotated[list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Options of jupyter lab, after --.")] = None,
) -> None:
    """Open JupyterLab on copies of the notebooks, in this folder, on this machine only.

    Example: stavis lab

    Example: stavis lab -- --port 9999 --no-browser
    """
    need("jupyterlab", "stavis lab")
    checks.begin("opening JupyterLab on stavis-notebooks")
    notebooks = batch.copy_notebooks(Path("stavis-notebooks"))
    here = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    os.execv(sys.executable, [*here, *(options or ()), str(notebooks)])
