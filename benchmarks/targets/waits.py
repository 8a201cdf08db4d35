"""What a hand or a step waits for: the first image of the explorer, the data of a training step, a drawn frame of the scrubber."""

import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.targets.measure import Result, at_most, unknown
from benchmarks.targets.videos import child, clip_alone
from stavis.show.scrubber import Scrubber

FIRST = """
import json, os, sys, tempfile, time
os.environ["STAVIS_CACHE"] = tempfile.mkdtemp(dir=sys.argv[2])
import stavis
net = stavis.load("sta-synthetic", device="cpu")
taken = []
def shown(scrubber):
    return scrubber is not None and scrubber.frames and any(one["name"] == "attention" for one in scrubber.clip["maps"])
for _ in range(2):
    started = time.perf_counter()
    explorer = net.explore(sys.argv[1])
    while not shown(explorer.scrubber):
        if time.perf_counter() - started > 120:
            raise RuntimeError("no attention within two minutes")
        time.sleep(0.005)
    taken.append(time.perf_counter() - started)
    explorer.wait(60)
    explorer.close()
print(json.dumps(taken))
"""
LOADER = """
import json, sys
import numpy as np
import pandas as pd
import stavis
from stavis.data.crops.crops import crops_of
from stavis.data.datasets.registry import read_dataset
from stavis.training.fit import fit
crops = [crops_of(one, stavis.CropConfig()) for one in read_dataset(sys.argv[1])]
fit(crops, [], sys.argv[2] + "/run", training=stavis.TrainingConfig(steps=60, epoch=20), quiet=True)
print(json.dumps(pd.read_csv(sys.argv[2] + "/run/log.csv").data_wait.tolist()[1:]))
"""
JUMPS = """async (jumps) => {
  const slider = document.querySelector(".stv-slider"), taken = [];
  for (const jump of jumps) {
    const began = performance.now();
    const done = new Promise((resolve) => {
      const hear = (event) => { if (event.detail.frame === jump) { document.removeEventListener("stavis:drawn", hear); resolve(); } };
      document.addEventListener("stavis:drawn", hear);
    });
    slider.value = jump;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await done;
    taken.push(performance.now() - began);
  }
  return taken;
}"""


def first_picture() -> Result:
    """From the call to the first frame with attention in the explorer's state: a clip of 20 s never seen before, and seen."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            new, seen = child(FIRST, str(clip_alone(folder, (480, 270))), folder)
        except RuntimeError as error:
            return unknown("first_picture", "s", "<= 3 (1 on a clip seen before)", str(error))
    detail = (
        f"its first second, the rest follows; all of a clip seen before {seen:.2f} s (<= 1); until images and attention are in the "
        "widget's state, without the browser"
    )
    return at_most("first_picture", new, 3.0, "s", detail, also=seen <= 1.0)


def loader_wait() -> Result:
    """The fraction of a training step that waits for data, as the training run logs it: default settings, the crop cache warm."""
    with tempfile.TemporaryDirectory() as folder:
        data = clip_alone(folder, (320, 240), recordings=2, alone=False)
        waits = child(LOADER, str(data), folder)
    return at_most("loader_wait", statistics.median(waits), 0.05, "of a step", "the batch of default training; see log.csv of a run")


def scrubber_draw_ms() -> Result:
    """From a move of the slider to the drawn frame, jumps to and fro in a clip of 20 s at 112 px with one map, in Debian's chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return unknown("scrubber_draw_ms", "ms", "<= 16.7", "no chromium here")
    rng = np.random.default_rng(0)
    count = 500
    base = rng.integers(0, 256, (112 + count, 112, 3), np.uint8)
    frames, maps = np.stack([base[k : k + 112] for k in range(count)]), rng.random((count, 16, 16), np.float32)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Scrubber.from_arrays(frames, {"attention": maps}, np.arange(count) / 25).save(Path(folder) / "page.html")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(path.as_uri())
            page.wait_for_selector("[data-stavis=scrubber][data-drawn]")
            page.wait_for_timeout(2000)  # the video is unpacked
            jumps = rng.permutation(np.arange(1, count))[:200].tolist()
            taken = page.evaluate(JUMPS, jumps)
        finally:
            browser.close()
    detail = f"95 % within {np.percentile(taken, 95):.1f} ms; software drawing, 200 jumps"
    return at_most("scrubber_draw_ms", statistics.median(taken), 16.7, "ms", detail)
