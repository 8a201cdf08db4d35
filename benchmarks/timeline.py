"""How fast the scrubber's timeline zooms: scripted turns of the wheel in a page of many frames, in ms."""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

from stavis.regions import REGIONS
from stavis.show.scrubber import Scrubber
from stavis.types import AttentionMaps, Clip, Prediction

LENGTHS = (472, 30_000)
LIMIT = 33.0
"""The longest that a turn of the wheel should take in the median, in ms."""
TURNS = """async () => {
  const canvas = document.querySelector(".stv-overview");
  const box = canvas.getBoundingClientRect();
  const next = () => new Promise((done) => requestAnimationFrame(done));
  const at = { bubbles: true, cancelable: true, clientX: box.x + 0.4 * box.width, clientY: box.y + 10 };
  const found = { script: [], frame: [] };
  for (let k = 0; k < 8; k++) await next();
  for (let k = 0; k < 80; k++) {
    const before = await next();
    const started = performance.now();
    canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: k % 40 < 20 ? -120 : 120 }));
    found.script.push(performance.now() - started);
    found.frame.push((await next()) - before);
  }
  return found;
}"""


def scrubber_of(count: int) -> Scrubber:
    """A clip of so many small frames at 25 frames/s, with attention that wanders over parts of a face, two values and four signals."""
    rng = np.random.default_rng(0)
    times = np.arange(count) / 25
    side, grid = 48, 8
    frames = np.broadcast_to(rng.integers(0, 256, (1, side, side, 3), dtype=np.uint8), (count, side, side, 3))
    owner = rng.integers(0, len(REGIONS), (grid, grid)).repeat(side // grid, 0).repeat(side // grid, 1)
    masks = np.stack([owner == k for k in range(len(REGIONS))])
    regions = np.broadcast_to(masks[None], (count, *masks.shape))
    valid = (np.arange(count) % 997) > 20
    walk = np.cumsum(rng.normal(0, 0.05, (count, 6)), 0)
    weights = rng.gamma(0.4, size=(count, grid, grid)).astype(np.float32)
    maps = AttentionMaps(weights / weights.sum((1, 2), keepdims=True), times)
    clip = Clip(frames, times, None, (), regions, valid, tuple("" if one else "no face" for one in valid), recording=f"{count} frames")
    names = ("smile", "frown", "blink", "brow_up")
    signals = pd.DataFrame({"time": times, **{name: np.sin(walk[:, 2 + k]) for k, name in enumerate(names)}})
    return Scrubber.from_clip(clip, {"attention": maps}, Prediction(times, np.sin(walk[:, :2]), ("valence", "arousal")), curves=signals)


def measure(page, path: Path) -> dict[str, list[float]]:
    """The ms of each turn: `script`, what the page's script takes; `frame`, from one image on the screen to the next."""
    page.goto(path.as_uri())
    page.wait_for_selector("[data-stavis=scrubber][data-drawn]", timeout=120_000)
    page.wait_for_timeout(1500)
    return page.evaluate(TURNS)


def main(chromium: str = "/usr/bin/chromium") -> None:
    """Print a line a page: frames, median and 95th percentile of script and frame."""
    print(f"{'frames':>8}{'script median':>15}{'p95':>8}{'frame median':>15}{'p95':>8}   ms, 80 turns; at most {LIMIT:g} in the median")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for count in LENGTHS:
            found = measure(page, scrubber_of(count).save(Path(folder) / f"{count}.html"))
            columns = [f"{statistics.median(one):15.1f}{np.percentile(one, 95):8.1f}" for one in found.values()]
            print(f"{count:8}{''.join(columns)}")
        browser.close()


if __name__ == "__main__":
    main()
