"""Each lesson as a notebook to download: written beside its page when the site is built, linked from under its title."""

from pathlib import Path

import nbformat
from docutils import nodes

from building.lesson_cells import notebook

FOLDER = "lessons"
LINK = (
    '<p class="download"><a href="{name}.ipynb" download>Download this lesson as a notebook</a>'
    " (without outputs; it needs stavis installed).</p>"
)


def lessons(source: Path) -> list[Path]:
    """The lessons' pages: those with code that is run."""
    return [path for path in sorted((source / FOLDER).glob("*.md")) if "```{code-cell}" in path.read_text(encoding="utf-8")]


def link(app, doctree) -> None:
    """Put the link under the title of a lesson."""
    docname = app.env.docname
    if docname in {f"{FOLDER}/{path.stem}" for path in lessons(Path(app.srcdir))}:
        title = next(iter(doctree.findall(nodes.title)))
        title.parent.insert(title.parent.index(title) + 1, nodes.raw("", LINK.format(name=docname.rpartition("/")[2]), format="html"))


def write(app, exception) -> None:
    """Write the notebooks."""
    if exception is None and app.builder.name == "html":
        for path in lessons(Path(app.srcdir)):
            found = notebook(path.read_text(encoding="utf-8"), path.stem)
            nbformat.write(found, Path(app.outdir) / FOLDER / f"{path.stem}.ipynb")


def setup(app) -> dict:
    """Sphinx calls this."""
    app.connect("doctree-read", link)
    app.connect("build-finished", write, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
