"""Makes docs/images/scrubber.gif: a synthetic face scrubbed in its report, as a reader would. Needs chromium: python docs/pictures.py."""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import stavis

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
OUT = Path(__file__).parent / "images" / "scrubber.gif"
WIDTH = 600  # pixels of the picture
SPEC = stavis.SyntheticConfig(scenarios=("switching",), recordings=1, seconds=8.0, fps=12.5, seed=77, size=(256, 256))


def main() -> None:
    """Draw a face, explain it with the shipped network, scrub the page and keep every third frame."""
    with tempfile.TemporaryDirectory() as scratch:
        data = stavis.synth(Path(scratch) / "faces", SPEC, quiet=True)
        shown = stavis.read_dataset(data)[0]
        page = stavis.load("sta-synthetic").explain(shown, methods=()).save(Path(scratch) / "out")
        frames = _scrubbed(page.resolve())
    OUT.parent.mkdir(parents=True, exist_ok=True)
    height = round(frames[0].height * WIDTH / frames[0].width)
    small = [frame.resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(64, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(OUT, save_all=True, append_images=small[1:], duration=240, loop=0, optimize=True)


def _scrubbed(report: Path) -> list[Image.Image]:
    pictures = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 900, "height": 640})
        page.goto(report.as_uri())
        root = page.locator("[data-stavis=scrubber]").first
        root.locator("[data-drawn]").or_(root).first.wait_for()
        slider = page.get_by_role("slider", name="Frame").first
        slider.focus()
        for _ in range(33):
            pictures.append(Image.open(io.BytesIO(root.screenshot())).convert("RGB"))
            for _ in range(3):
                slider.press("ArrowRight")
        browser.close()
    return pictures


if __name__ == "__main__":
    main()
