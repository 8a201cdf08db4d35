"""Live pages: the directive `live` embeds one as a lazy frame; scrubbers that a lesson shows become one, too.

The pages of the gallery are made by `building.pages` in a process of its own while Sphinx reads; nothing of them is committed.
"""

import base64
import html
import os
import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from stavis.show.scrubber.module import MODULE, STYLE, policy

FOLDER = "live"
_HOST = re.compile(r'<div data-stavis-poster="[^"]*">')
_POSTER = re.compile(r'<img alt="([^"]*)" src="data:image/jpeg;base64,([^"]*)"')


def frame(docname: str, name: str, title: str, height: int) -> str:
    """The HTML of a live page in a document: its poster until it is loaded, and a link to it alone."""
    up = "../" * docname.count("/")
    page, poster = f"{up}{FOLDER}/{name}.html", f"{up}{FOLDER}/{name}.jpg"
    title = html.escape(title, quote=True)
    caption, title = re.sub("`([^`]+)`", r"<code>\1</code>", title), title.replace("`", "")
    return (
        f'<figure class="live"><iframe src="{page}" title="{title}" loading="lazy" height="{height}" '
        f"style=\"background-image:url('{poster}')\"></iframe>"
        f'<noscript><img src="{poster}" alt="{title}"></noscript>'
        f'<figcaption>{caption} <a href="{page}">Open it alone</a>.</figcaption></figure>'
    )


class Live(SphinxDirective):
    """`live` NAME: the page NAME of `building.pages`, the directive's content as its caption."""

    required_arguments = 1
    has_content = True
    option_spec = {"height": directives.positive_int}  # noqa: RUF012 (Sphinx's own)

    def run(self) -> list[nodes.Node]:
        """One raw node."""
        text = frame(self.env.docname, self.arguments[0], " ".join(self.content), self.options.get("height", 640))
        return [nodes.raw("", text, format="html")]


def start(app) -> None:
    """Begin to make the pages, in a second process."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(app.confdir)
    path = os.pathsep.join([str(root), str(root.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "building.pages", str(folder)]
    app.live_pages = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})


def finish(app, exception) -> None:
    """Wait for the pages; an error there is an error of the build."""
    if exception is not None:
        app.live_pages.terminate()
    if app.live_pages.wait() and exception is None:
        raise ExtensionError("the live pages could not be made: see the messages above.")


def revive(app, doctree) -> None:
    """Turn the scrubbers that a lesson shows into live pages of their own, embedded where they stood."""
    docname = app.env.docname
    _drop_widgets(doctree)
    for number, node in enumerate([node for node in doctree.findall(nodes.raw) if _HOST.search(node.astext())], 1):
        fragment, name = node.astext(), f"{docname.replace('/', '-')}-{number}"
        text, image = _POSTER.search(fragment).groups()
        write(Path(app.outdir) / FOLDER, name, fragment, base64.b64decode(image), html.unescape(text))
        node.replace_self(
            nodes.raw("", frame(docname, name, "The scrubber of the cell above, as it is in JupyterLab.", 640), format="html")
        )


def _drop_widgets(doctree) -> None:
    """Leave out what a scrubber shows beside its saved output: the widget, which needs a kernel, or a line of text in its place."""
    bundles = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "mime_bundle"]
    for node in bundles:
        if any(child.get("mime_type") == "application/vnd.jupyter.widget-view+json" for child in node):
            node.parent.remove(node)


def write(folder: Path, name: str, fragment: str, poster: bytes, title: str) -> None:
    """A scrubber's saved output as a page under its own policy, and its poster."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jpg").write_bytes(poster)
    (folder / f"{name}.html").write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy(MODULE))}"><title>{html.escape(title)}</title>\n'
        "<style>body{margin:1rem auto;max-width:88rem;padding:0 1rem;background:#fff}</style>\n"
        f"<style data-stavis-style>{STYLE}</style></head><body><main>\n{fragment}\n</main>\n"
        f'<script type="module" data-stavis-module>{MODULE}</script></body></html>\n',
        encoding="utf-8",
    )


def setup(app) -> dict:
    """Sphinx calls this."""
    app.add_directive("live", Live)
    app.connect("builder-inited", start)
    app.connect("doctree-read", revive)
    app.connect("build-finished", finish, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
