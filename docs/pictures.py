"""Makes the images under docs/images: `python docs/pictures.py`, or one of them: `python docs/pictures.py regions`.

scrubber.gif: a 3D head scrubbed in its report, as a reader would (needs chromium). regions.png: the regions of a face on synthetic
faces of both kinds. paper.png: the figure of paper.md. maps.png, controls.png: maps in numbers and what they are compared with, for the
concepts. badges: what README.md begins with. All but the badges show a 3D head, whose model `stavis fetch-models --heads` gets: it is that
of ICT-FaceKit (University of Southern California, MIT licence), which is said where the images stand.
"""

import io
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

import stavis
from stavis.data.faces.alignment import apply_affine, crop_affine, cut
from stavis.data.faces.regions import rasterise_index
from stavis.regions import FACE, REGIONS
from stavis.show.figures.colours import groups_of
from stavis.synthetic.recording import render
from stavis.trust import nulls
from stavis.types import AttentionMaps

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
IMAGES = Path(__file__).parent / "images"
WIDTH, COLOURS = 560, 64  # of the moving image
SPEC = stavis.SyntheticConfig(renderer="heads", scenarios=("switching",), recordings=1, seconds=8.0, fps=12.5, seed=86, size=(256, 256))
NETWORK = "sta-heads"


def main() -> None:
    """Make those that are named, or all."""
    made = {"scrubber": scrubber, "regions": regions, "paper": paper, "maps": maps, "controls": controls, "badges": badges}
    for name in sys.argv[1:] or made:
        made[name]()


def regions(size: int = 320) -> None:
    """A flat face and a 3D head with each region in its colour, their names beside them."""
    shown = []
    for renderer in ("flat", "heads"):
        spec = stavis.SyntheticConfig(renderer=renderer, scenarios=("motion",), recordings=1, seconds=4.0, seed=11, size=(384, 384))
        recording = render(spec, 0)
        points = recording.truth.landmarks[:1].astype(float)
        affine = crop_affine(points, size)
        image = cut(next(recording.frames([0])), affine[0], size)
        shown.append(_coloured(image, rasterise_index(apply_affine(affine, points), size)[0]))
    legend = Image.new("RGB", (200, size), "white")
    draw, font = ImageDraw.Draw(legend), ImageFont.load_default(15)
    for row, group in enumerate(groups_of(FACE)[:-1]):
        top = 14 + 27 * row
        draw.rectangle((16, top, 34, top + 18), fill=group.dark if group.key != "rest" else "white", outline="#5D646D")
        draw.text((44, top), group.key, fill="#1C1F23", font=font)
    IMAGES.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([*shown, np.asarray(legend)], 1)).save(IMAGES / "regions.png", optimize=True)


def _coloured(image: np.ndarray, index: np.ndarray) -> np.ndarray:
    dark = {group.key: group.dark for group in groups_of(FACE)} | {"rest": "#FFFFFF"}
    colours = np.array([[int(dark[name][k : k + 2], 16) for k in (1, 3, 5)] for name in REGIONS], float)
    mixed = np.where((index == REGIONS.index("outside"))[..., None], image, 0.5 * image + 0.5 * colours[index])
    edge = np.zeros(index.shape, bool)
    edge[1:] |= index[1:] != index[:-1]
    edge[:, 1:] |= index[:, 1:] != index[:, :-1]
    mixed[edge] = 255
    return mixed.astype(np.uint8)


def paper() -> None:
    """The attention at key moments of a synthetic recording, and the share of each region over its time, for a page's width."""
    with tempfile.TemporaryDirectory() as scratch:
        data = stavis.synth(Path(scratch) / "faces", SPEC, quiet=True)
        x = stavis.load(NETWORK, device="cpu").explain(stavis.read_dataset(data)[0], methods=())
        shown = []
        for kind in ("moments", "shares"):
            path = Path(scratch) / f"{kind}.png"
            x.figure(kind, width="page").save(path)
            shown.append(Image.open(path).convert("RGB"))
    width = max(image.width for image in shown)
    page = Image.new("RGB", (width, sum(image.height for image in shown)), "white")
    top = 0
    for image in shown:
        page.paste(image, ((width - image.width) // 2, top))
        top += image.height
    page.save(IMAGES / "paper.png", optimize=True, dpi=(300, 300))


def maps() -> None:
    """Four maps on one frame, with the share of the mouth, its density and the entropy of each."""
    clip, attention = explained_frame()
    height, width = attention.weights.shape[1:]
    rows, columns = np.mgrid[:height, :width]
    mouth = clip.regions[0, REGIONS.index("mouth")]
    inside = mouth[(rows * len(mouth) // height), (columns * len(mouth) // width)]
    y, x = np.argwhere(inside).mean(0)
    shown = {
        "uniform": nulls.uniform((1, height, width)),
        NETWORK: attention.weights,
        "the mouth alone": (inside / inside.sum())[None],
        "one cell": ((rows == round(y)) & (columns == round(x)))[None].astype(float),
    }
    titles = []
    for name, weights in shown.items():
        found = AttentionMaps(weights, attention.times)
        share, density = (values[0, REGIONS.index("mouth")] for values in (clip.share(found), clip.density(found)))
        titles.append(f"{name}\nmouth: share {share:.2f}, density {density:.1f}\nentropy {abs(found.entropy()[0]):.2f}")
    _panels(clip, list(shown.values()), titles, "maps")


def controls() -> None:
    """The attention on one frame and four maps that know nothing of the network."""
    clip, attention = explained_frame()
    weights = attention.weights
    shown = {
        "attention": weights,
        "random, as smooth": nulls.smooth_random(weights, seed=3),
        "middle of the crop": nulls.centre(weights.shape),
        "edges of the image": nulls.edges(clip, weights.shape[1:]),
        "cells permuted": nulls.permuted(weights, seed=3),
    }
    _panels(clip, list(shown.values()), list(shown), "controls")


def explained_frame() -> tuple[stavis.Clip, AttentionMaps]:
    """A frame of a 3D head, as a clip of one, and where the network that was trained on heads looks in it."""
    with tempfile.TemporaryDirectory() as scratch:
        data = stavis.synth(Path(scratch) / "faces", SPEC, quiet=True)
        x = stavis.load(NETWORK, device="cpu").explain(stavis.read_dataset(data)[0], methods=())
        frame = 34  # the eyes are pixelated
        maps = AttentionMaps(x.attention.weights[frame : frame + 1], x.attention.times[frame : frame + 1])
        return x.clip[frame : frame + 1], maps


def _panels(clip: stavis.Clip, weights: list[np.ndarray], titles: list[str], name: str) -> None:
    figure = Figure(figsize=(2.1 * len(weights), 2.75), dpi=150)
    for place, (one, title) in enumerate(zip(weights, titles, strict=True), 1):
        axes = figure.add_subplot(1, len(weights), place)
        axes.imshow(clip.frames[0].mean(-1), cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0))
        top = max(one.max(), 1.5 * one.mean())
        axes.imshow(one[0], cmap="inferno", vmin=0, vmax=top, alpha=0.8 * np.sqrt(one[0] / top), extent=(0, 1, 1, 0))
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    figure.tight_layout()
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"{name}.png", bbox_inches="tight")


def badges() -> None:
    """Licence and versions of Python as the project says them: files of this repository, which ask no service."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]
    (IMAGES / "badges").mkdir(parents=True, exist_ok=True)
    for name, label, value in (("license", "licence", project["license"]), ("python", "Python", " | ".join(versions))):
        left, right = (round(7.2 * len(text)) + 14 for text in (label, value))
        texts = "".join(
            f'<text x="{x}" y="14" textLength="{w - 12}" text-anchor="middle">{text}</text>'
            for x, w, text in ((left / 2, left, label), (left + right / 2, right, value))
        )
        (IMAGES / "badges" / f"{name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{label}: {value}">'
            f'<rect width="{left + right}" height="20" rx="3" fill="#1f5f8b"/><rect width="{left}" height="20" rx="3" fill="#444b54"/>'
            f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n',
            encoding="utf-8",
        )


def scrubber() -> None:
    """Render a head, explain it with the network that was trained on heads, scrub the page and keep every fourth frame."""
    with tempfile.TemporaryDirectory() as scratch:
        data = stavis.synth(Path(scratch) / "faces", SPEC, quiet=True)
        shown = stavis.read_dataset(data)[0]
        page = stavis.load(NETWORK, device="cpu").explain(shown, methods=()).save(Path(scratch) / "out")
        frames = _scrubbed(page.resolve())
    IMAGES.mkdir(parents=True, exist_ok=True)
    height = round(frames[0].height * WIDTH / frames[0].width)
    small = [frame.resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(COLOURS, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(IMAGES / "scrubber.gif", save_all=True, append_images=small[1:], duration=320, loop=0, optimize=True)


def _scrubbed(report: Path) -> list[Image.Image]:
    pictures = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 900, "height": 1300})
        page.goto(report.as_uri())
        root = page.locator("[data-stavis=scrubber]").first
        root.locator("[data-drawn]").or_(root).first.wait_for()
        slider = page.get_by_role("slider", name="Frame").first
        slider.focus()
        height = round(page.locator(".stv-legend").first.bounding_box()["y"] - root.bounding_box()["y"])  # down to the curves
        for _ in range(25):
            whole = Image.open(io.BytesIO(root.screenshot())).convert("RGB")
            pictures.append(whole.crop((0, 0, whole.width, height)))
            for _ in range(4):
                slider.press("ArrowRight")
        browser.close()
    return pictures


if __name__ == "__main__":
    main()
