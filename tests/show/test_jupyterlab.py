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

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = "[data-stavis=scrubber]"
NEXT_PICTURE = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
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
    nbformat.write(explore_notebook(), notebooks / "explore.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "STAVIS_CACHE")
    folders = {name: str(base / name) for name in names} | {"PYTHONPATH": str(CHECKOUT)}
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


def explore_notebook():
    """The user's own notebook on a few drawn recordings; nothing else in it is changed."""
    notebook = nbformat.read(CHECKOUT / "notebooks" / "explore.ipynb", as_version=4)
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source += "\nrecordings = 8"
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def run_all(page):
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).first.click()
    page.wait_for_selector(f"{ROOT}[data-drawn]", timeout=180_000)


def drag_over(page):
    """Drags the frame's slider from end to end in 60 moves: (frames it stood at, frames drawn, messages with the kernel meanwhile)."""
    page.evaluate("""() => {
      window.stood = []; window.drawn = [];
      document.addEventListener("input", (e) => { if (e.target.matches(".stv-slider")) stood.push(Number(e.target.value)); }, true);
      document.addEventListener("stavis:drawn", (e) => drawn.push(e.detail.frame));
    }""")
    slider = page.get_by_role("slider", name="Frame").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    page.wait_for_timeout(1500)
    assert page.messages, "the kernel's socket was not seen"
    page.messages.clear()
    page.evaluate("stood.length = drawn.length = 0")
    for k in range(1, 61):
        page.mouse.move(box["x"] + 8 + (box["width"] - 16) * k / 60, y)
        page.wait_for_timeout(20)
        page.evaluate(NEXT_PICTURE)  # a busy machine takes longer; no move is merged into the next
    stood, drawn = page.evaluate("[stood, drawn]")
    messages = len(page.messages)
    page.mouse.up()
    return stood, drawn, messages


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


def test_dragging_says_nothing_to_the_kernel_and_reopening_shows_a_poster(browser, lab):
    page = open_notebook(browser, lab, "look.ipynb")
    run_all(page)
    page.get_by_text("heard []").wait_for(timeout=30_000)
    assert page.locator("[data-stavis-poster]").evaluate_all("nodes => nodes.map(n => n.hidden)") == [True]
    stood, drawn, messages = drag_over(page)
    print(f"JupyterLab: {len(drawn)} of 60 drawn, {messages} kernel messages while dragging")
    assert (len(drawn), messages) == (60, 0) and drawn == stood
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    for key in ("x", "a", "m", "ArrowLeft"):
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


def test_the_explore_notebook_runs_drags_and_explains_a_moment_beside_the_player(browser, lab, axe):
    page = open_notebook(browser, lab, "explore.ipynb")
    run_all(page)
    page.get_by_text("set `out` to write the page").last.wait_for(timeout=180_000)
    page.get_by_text("| Idle").first.wait_for(timeout=60_000)
    figures = page.locator(".jp-RenderedPlotly")
    page.wait_for_function("document.querySelectorAll('.jp-RenderedPlotly .main-svg').length > 0", timeout=60_000)
    images = figures.locator("img.plot-img").evaluate_all("all => all.filter((one) => one.src && one.style.display !== 'none').length")
    assert figures.count() > 0 and images == 0, "a figure is drawn at once, with no image in its place"
    stood, drawn, messages = drag_over(page)
    print(f"explorer in JupyterLab: {len(drawn)} drawn, {messages} kernel messages while dragging")
    assert messages == 0 and drawn == stood
    frames = int(page.get_by_role("slider", name="Frame").first.get_attribute("max")) + 1
    assert len(drawn) >= 0.9 * frames > 10  # several moves fall on one frame, and the first is there already

    maps = page.locator(f"{ROOT} select").first
    before = maps.locator("option").all_inner_texts()
    page.get_by_role("button", name="Explain the shown moment").click()
    page.wait_for_function(
        "([root, count]) => document.querySelector(root + ' select').options.length > count", arg=[ROOT, len(before)], timeout=60_000
    )
    stood, drawn, _ = drag_over(page)
    assert drawn == stood and len(drawn) >= 0.9 * frames

    page.evaluate(axe)
    page.evaluate("document.querySelector('[data-stavis=scrubber]').closest('.jp-OutputArea').setAttribute('data-audit', '')")
    found = page.evaluate("axe.run('[data-audit]').then(r => r.violations)")
    serious = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in ("serious", "critical")]
    assert not serious
    page.close()
