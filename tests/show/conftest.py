"""The browser that the tests of stavis.show share, and ways to open a page in it without any network."""

import base64
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.module import MODULE, STYLE

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# goToFrame(i) moves the slider and waits until that frame is drawn.
GO_TO_FRAME = """window.goToFrame = (frame) => new Promise((done) => {
  const hear = (event) => {
    if (event.detail.frame !== frame) return;
    document.removeEventListener("stavis:drawn", hear);
    done();
  };
  document.addEventListener("stavis:drawn", hear);
  const slider = document.querySelector(".stv-slider");
  slider.value = frame;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
});"""


@pytest.fixture(scope="session")
def browser(chromium):
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, "--js-flags=--expose-gc"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser):
    """open_page(path, **context options) → a page, offline, with lists `requests` and `errors` of what must not happen, and goToFrame(i)
    in its scripts."""
    contexts = []

    def opened(path: Path | None = None, **options):
        context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1000}, accept_downloads=True, **options)
        contexts.append(context)
        context.add_init_script(GO_TO_FRAME)
        page = context.new_page()
        page.requests, page.errors = [], []
        page.on("request", lambda r: page.requests.append(r.url) if not r.url.startswith(("file:", "data:", "blob:", "about:")) else None)
        page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: page.errors.append(str(e)))
        if path is not None:
            page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


HARNESS = """async ({ module, style, state, buffers }) => {
  const { render } = (await import("data:text/javascript;base64," + module)).default;
  document.head.insertAdjacentHTML("beforeend", `<style>${style}</style>`);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.drawn = [];
  document.addEventListener("stavis:drawn", (event) => window.drawn.push(event.detail));
  window.host = (text) => {
    const values = { ...structuredClone(state), ...Object.fromEntries(Object.entries(text).map(([k, v]) => [k, bytes(v)])) };
    const heard = {};
    const host = { values, sent: [], saves: 0, element: document.createElement("div") };
    host.model = {
      get: (key) => values[key],
      set: (key, value) => { values[key] = value; host.sent.push([key, value]); },
      save_changes: () => host.saves++,
      on: (event, call) => (heard[event] = heard[event] || new Set()).add(call),
      off: (event, call) => heard[event] && heard[event].delete(call),
    };
    host.listeners = () => Object.values(heard).reduce((sum, calls) => sum + calls.size, 0);
    host.fromPython = (key, value) => { values[key] = value; for (const call of heard["change:" + key] || []) call(); };
    document.body.append(host.element);
    const stop = render({ model: host.model, el: host.element });
    host.close = () => { stop(); host.element.remove(); };
    return host;
  };
  window.buffers = buffers;
  window.one = window.host(buffers);
}"""


@pytest.fixture
def live(open_page):
    """live(scrubber, wait=True) → a page in which the module runs over a model that records what it is told (window.one)."""

    def shown(scrubber: Scrubber, **options):
        page = open_page(**options)
        page.set_content("<!doctype html><html lang='en'><body style='background:#fff'></body></html>")
        encoded = {name: base64.b64encode(content).decode() for name, content in scrubber.buffers().items()}
        script = base64.b64encode(MODULE.encode()).decode()
        page.evaluate(HARNESS, {"module": script, "style": STYLE, "state": scrubber.state(), "buffers": encoded})
        page.wait_for_selector("[data-stavis=scrubber][data-drawn]")
        return page

    return shown


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """axe-core's text from the npm registry; the test is skipped where it cannot be had."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(["npm", "pack", "axe-core", "--silent"], cwd=folder, check=True, capture_output=True, timeout=60)
        subprocess.run(["tar", "xzf", *[p.name for p in folder.glob("*.tgz")]], cwd=folder, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("axe-core cannot be had from the npm registry here")
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")
