"""The scrubber in a running JupyterLab: no message to the kernel while dragging, keys that stay, a poster for who reopens it untrusted."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from stavis.synthetic.spec import SyntheticSpec
from stavis.synthetic.writer import write_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = "[data-stavis=scrubber]"
CHECKOUT = Path(__file__).resolve().parents[2]
CODE = f"""import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of, prediction_of
clip = clip_of(200, 128)
scrubber = Scrubber.from_clip(clip, maps_of(clip), prediction_of(clip))
heard = []
scrubber.observe(lambda change: heard.append(change.new), "frame")
scrubber"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of our own: (address of its root, folder of its notebooks)."""
    base = tmp_path_factory.mktemp("lab")
    notebooks = base / "notebooks"
    notebooks.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE), nbformat.v4.new_code_cell("print('heard', heard)")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, notebooks / "look.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {name: str(base / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--IdentityProvider.token=t", "--LabApp.news_url=None", f"--ServerApp.root_dir={notebooks}"]
    log = (base / "log").open("w")
    server = subprocess.Popen(command, env={**os.environ, **folders}, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        else:
            pytest.skip(f"JupyterLab did not start: {(base / 'log').read_text()[-400:]}")
        yield f"http://127.0.0.1:{port}/lab/tree", notebooks
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        log.close()


def open_notebook(browser, lab, name):
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.messages = []

    def count(socket):
        if "/api/kernels/" in socket.url:
            socket.on("framesent", lambda _: page.messages.append(">"))
            socket.on("framereceived", lambda _: page.messages.append("<"))

    page.on("websocket", count)
    page.goto(f"{lab[0]}/{name}?token=t&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.get_by_text("| Idle").first.wait_for(timeout=60_000)
    return page


def run_all(page):
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).first.click()
    page.wait_for_selector(f"{ROOT}[data-drawn]", timeout=120_000)


def drag(page) -> tuple[int, int]:
    """Drags the slider from end to end in 60 moves: how many frames were drawn, how many messages the kernel got and sent."""
    page.evaluate("window.drawn = []; document.addEventListener('stavis:drawn', (e) => drawn.push(e.detail.frame))")
    slider = page.get_by_role("slider", name="Frame").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    page.wait_for_timeout(1500)
    assert page.messages, "the kernel's socket was not seen"
    page.messages.clear()
    page.evaluate("drawn.length = 0")
    for k in range(1, 61):
        page.mouse.move(box["x"] + 8 + (box["width"] - 16) * k / 60, y)
        page.wait_for_timeout(20)
    counted = page.evaluate("drawn.length"), len(page.messages)
    page.mouse.up()
    return counted


def test_dragging_says_nothing_to_the_kernel_and_reopening_shows_a_poster(browser, lab):
    page = open_notebook(browser, lab, "look.ipynb")
    run_all(page)
    page.get_by_text("heard []").wait_for(timeout=30_000)
    assert page.locator("[data-stavis-poster]").evaluate_all("nodes => nodes.map(n => n.hidden)") == [True]
    drawn, messages = drag(page)
    print(f"JupyterLab: {drawn} of 60 drawn, {messages} kernel messages while dragging")
    assert (drawn, messages) == (60, 0)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    for key in ("x", "m", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.locator(ROOT).get_attribute("data-drawn") == "198"
    page.wait_for_timeout(500)
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2500)
    page.close()

    # The same notebook as someone gets it by mail: another file, which nobody has signed.
    saved = nbformat.read(lab[1] / "look.ipynb", as_version=4)
    assert saved.cells[0].outputs
    saved.cells[0].source += "\n# mailed"
    nbformat.write(saved, lab[1] / "mailed.ipynb")
    page = open_notebook(browser, lab, "mailed.ipynb")
    poster = page.locator(".jp-OutputArea img[alt^='frame 1, valence']").first
    poster.wait_for(timeout=30_000)
    assert poster.bounding_box()["width"] > 100
    assert "object at 0x" not in page.locator(".jp-Notebook").inner_text()
    page.screenshot(path=os.environ.get("STAVIS_SHOT", str(lab[1] / "shot.png")))
    page.close()


@pytest.fixture(scope="module")
def exploring(lab, tmp_path_factory, tiny_run):
    """The explore notebook in the lab, about a drawn recording of 200 frames; its name."""
    spec = SyntheticSpec(recordings=3, seconds=16.0, fps=12.5, size=(64, 64), shares=(0.34, 0.33, 0.33), seed=3)
    data = write_dataset(tmp_path_factory.mktemp("drawn") / "faces", spec)
    notebook = nbformat.read(CHECKOUT / "notebooks" / "explore.ipynb", as_version=4)
    given = {"run": str(tiny_run), "data": str(data), "device": "cpu", "marks": str(data.parent / "marks")}
    lines = ["import sys", f"sys.path.insert(0, {str(CHECKOUT)!r})", *(f"{name} = {value!r}" for name, value in given.items())]
    notebook.cells.insert(2, nbformat.v4.new_code_cell("\n".join(lines)))
    nbformat.write(notebook, lab[1] / "explore.ipynb")
    return "explore.ipynb"


def test_the_explorer_computes_beside_a_player_that_needs_no_kernel(browser, lab, exploring, axe):
    page = open_notebook(browser, lab, exploring)
    run_all(page)
    page.locator(".jp-OutputArea-output", has_text="to write the page").wait_for(state="attached", timeout=180_000)
    page.wait_for_selector(".stv select[name=map] option[value=Saliency]", state="attached", timeout=120_000)
    page.wait_for_timeout(1500)
    drawn, messages = drag(page)
    print(f"explore.ipynb: {drawn} of 60 drawn, {messages} kernel messages while dragging")
    assert (drawn, messages) == (60, 0)
    frame = page.locator(ROOT).get_attribute("data-drawn")

    page.get_by_label("Grad-CAM").first.check()
    page.wait_for_selector(".stv select[name=map] option[value='Grad-CAM']", state="attached", timeout=120_000)
    page.get_by_role("button", name="Explain the shown moment").click()
    page.wait_for_selector(".stv select[name=map] option[value^='Saliency at ']", state="attached", timeout=120_000)
    assert page.locator(ROOT).get_attribute("data-drawn") == frame
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("e")
    page.get_by_text("Marks are kept in").wait_for(timeout=30_000)
    assert page.locator("[data-stavis-explorer]").first.is_hidden()

    page.evaluate(axe)
    for name in ("Attributions", "Curves", "Marks and files"):
        tab = page.get_by_role("button", name=name, exact=True)
        if tab.get_attribute("aria-expanded") != "true":
            tab.click()
        found = page.evaluate("axe.run('.stvx').then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html)]))")
        assert [one for one in found if one[1] in ("serious", "critical")] == [], name
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2500)
    page.screenshot(path=os.environ.get("STAVIS_SHOT_EXPLORER", str(lab[1] / "explorer.png")))
    page.close()
    saved = (lab[1] / exploring).read_text(encoding="utf-8")
    assert 'alt=\\"frame 1, valence' in saved and "data-stavis-explorer" in saved and "object at 0x" not in saved
