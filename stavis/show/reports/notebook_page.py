"""An executed notebook as one page that stays alive with no network and no kernel, in the look and under the policy of a report."""

import html
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import nbformat
import plotly.graph_objects as go
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbformat import ValidationError
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

from stavis.errors import StavisError
from stavis.inference.finding import Finding
from stavis.printable import html_text
from stavis.show.reports.finding_card import finding_block
from stavis.show.reports.report import PAGE, csp, figure_block, plotly_block
from stavis.show.scrubber.module import MODULE, STYLE
from stavis.storage.files import write_text

PLOTLY, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
NETWORK_TRAITS = ("require_js_url", "mathjax_url", "mermaid_js_url", "jquery_url", "jupyter_widgets_base_url", "widget_renderer_url")
_FOLDED = """{%- extends 'classic/base.html.j2' -%}
{% block error -%}
<details class="input"><summary>Traceback</summary>{{ super() }}</details>
{% endblock error %}"""  # why it failed is the page's first sentence
LIVE = "live"
"""The tag of a cell that speaks to who runs the notebook (what to set, what to drag): a page leaves it out."""
FINDING = "finding"
"""The tag of a cell that shows what was found: a page that begins with it leaves it out."""
_OF_PAPERMILL = "papermill-error-cell-tag"
"""The tag of the cells that papermill adds to a notebook that failed: the page says it in one sentence of ours."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LIVE_SCRIPT = re.compile(r"<script(?![^>]*\btype=[\"'](?:application/json|text/plain)[\"'])[^>]*>.*?</script\s*>", re.I | re.S)
_BLOCK = re.compile(r'<script\b[^>]*\bdata-stavis-block="([^"]+)"[^>]*>[^<]*</script>')


def export_notebook(
    executed: str | Path,
    path: str | Path,
    *,
    title: str = "",
    provenance: dict | None = None,
    problem: str = "",
    finding: Sequence[str] = (),
    notices: Sequence[str] = (),
    index: str = "",
) -> Path:
    """Writes an executed notebook as an offline page: scrubbers and figures stay alive, other widgets show their text; returns the path.

    title by default the notebook's first heading, else its file's name. The page begins with problem (why it failed, in one sentence),
    notices (what must be read first) and finding (what was found, a sentence each); the code stands together at its end. index: the
    address of the page that lists this one, relative to it.

    Raises StavisError where the notebook cannot be read.
    """
    executed = Path(executed)
    try:
        notebook = nbformat.read(executed, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise StavisError(f"{executed} cannot be read as a notebook ({type(error).__name__}): give an executed .ipynb file.") from error
    title = title or _heading(notebook) or executed.stem
    first = _first(problem, notices, finding, index)
    return write_text(path, notebook_html(notebook, title=title, provenance=provenance, first=first, begun=bool(finding)))


def notebook_html(
    notebook: nbformat.NotebookNode, *, title: str, provenance: dict | None = None, first: Sequence[str] = (), begun: bool = False
) -> str:
    """The page of an executed notebook; see export_notebook. A title other than the notebook's first heading takes its place.

    first: HTML that stands before it; begun: whether what was found is part of that.
    """
    last = _last(notebook)
    notebook.cells = _shown_cells(notebook, {_OF_PAPERMILL, LIVE, *([FINDING] if begun else [])})
    heading = _heading(notebook)
    headline = title != heading
    if headline and heading:
        top = next(cell for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# "))
        top.source = top.source.partition("\n")[2].strip()
    figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            figures += sum(PLOTLY in output.get("data", {}) for output in cell.outputs)
            cell.outputs = [kept for output in cell.outputs if (kept := _without_kernel(output)) is not None]
    notebook.cells = _without_bare_headings([cell for cell in notebook.cells if cell.cell_type != "code" or cell.outputs])
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(raw_template=_FOLDED, embed_images=True, exclude_input=True, **dict.fromkeys(NETWORK_TRAITS, ""))
    body = _LIVE_SCRIPT.sub("", exporter.from_notebook_node(notebook)[0])
    body, blocks = _gathered(body)
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    scrubbers = "data-stavis-host" in body
    return PAGE.render(
        title=title,
        headline=headline,
        subtitle=heading,
        language="en",
        policy=csp(),
        page_style=Markup(style + HtmlFormatter(style="default").get_style_defs(".highlight")),
        scrubber_style=Markup(STYLE),
        scrubbers=scrubbers,
        alive=scrubbers or figures,
        parts=[Markup(part) for part in (*first, body, *last)],
        provenance=list((provenance or {}).items()),
        blocks=[Markup(block) for block in [*blocks, *([plotly_block()] if figures else [])]],
        module=Markup(MODULE),
    )


def _without_kernel(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output as it can be shown without a kernel; None where nothing of it can."""
    data = output.get("data")
    if data is None:
        return None if _is_message(output) else output
    if PLOTLY in data:
        figure = go.Figure({key: data[PLOTLY].get(key, {}) for key in ("data", "layout")}, skip_invalid=True)
        output["data"] = nbformat.NotebookNode({"text/html": figure_block(figure, "figure")})
        return output
    if WIDGET in data:
        # A scrubber's poster is an output of its own; of other widgets only their text is left.
        data.pop(WIDGET)
        if data.get("text/plain", "").startswith(("Scrubber(", "Explorer(")):
            return None
    for kind in ("application/javascript", "application/vnd.jupyter.widget-state+json"):
        data.pop(kind, None)
    return output if data else None


def _shown_cells(notebook: nbformat.NotebookNode, hidden: set[str]) -> list[nbformat.NotebookNode]:
    """The cells of a page: without those of a hidden tag, and without what follows a cell that failed, which did not run."""
    shown = []
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        failed = cell.cell_type == "code" and any(output.output_type == "error" for output in cell.outputs)
        if failed or not hidden & tags:
            shown.append(cell)
        if failed and "raises-exception" not in tags:
            break
    return shown


def _without_bare_headings(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """The cells without headings under which nothing stands, and without empty ones."""
    kept: list[nbformat.NotebookNode] = []
    for cell in reversed(cells):
        level = _heading_level(cell)
        bare = level and "\n" not in cell.source.strip()
        followed = kept and not 0 < _heading_level(kept[-1]) <= level
        if (followed or not bare) and (cell.cell_type == "code" or cell.source.strip()):
            kept.append(cell)
    return kept[::-1]


def _heading_level(cell: nbformat.NotebookNode) -> int:
    """The level of the heading that a cell begins with; 0 for none."""
    found = re.match(r"(#+) ", cell.source.strip()) if cell.cell_type == "markdown" else None
    return len(found[1]) if found else 0


def _is_message(output: nbformat.NotebookNode) -> bool:
    """Whether an output is what libraries say while they work: progress, waiting, warnings."""
    return output.output_type == "stream" and output.get("name") == "stderr"


def _first(problem: str, notices: Sequence[str], finding: Sequence[str], index: str) -> list[str]:
    """What stands before the notebook: the way back to the index, why it failed, what must be read first, what was found."""
    parts = [f'<nav><a href="{html.escape(index)}">All reports</a></nav>'] if index else []
    parts += [f'<p class="warning" role="alert"><strong>Failed:</strong> {html_text(problem)}</p>'] if problem else []
    parts += [f'<p class="notice" role="note">{html_text(notice)}</p>' for notice in notices]
    return [*parts, finding_block(Finding(tuple(finding)), {}, (0.0, -1.0))] if finding else parts


def _last(notebook: nbformat.NotebookNode) -> list[str]:
    """What stands behind the notebook, folded: all of its code, and what was said while it ran."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and _OF_PAPERMILL not in cell.metadata.get("tags", [])]
    code = "\n\n".join(cell.source for cell in cells if cell.source.strip())
    said = "".join(output.text for cell in cells for output in cell.outputs if _is_message(output))
    try:
        lexer = get_lexer_by_name(notebook.metadata.get("language_info", {}).get("name", "python"))
    except ClassNotFound:
        lexer = TextLexer()
    texts = {"Code of this page": highlight(code, lexer, HtmlFormatter()) if code else ""}
    texts["Messages while it ran"] = f"<pre>{html.escape(_ESCAPES.sub('', said))}</pre>" if said.strip() else ""
    return [f'<details class="input"><summary>{name}</summary>{text}</details>' for name, text in texts.items() if text]


def _gathered(body: str) -> tuple[str, list[str]]:
    """The page's body without its data blocks, and each block once."""
    blocks = {match[1]: match[0] for match in _BLOCK.finditer(body)}
    return _BLOCK.sub("", body), list(blocks.values())


def _heading(notebook: nbformat.NotebookNode) -> str:
    text = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# ")), "")
    return text.splitlines()[0][2:].strip() if text else ""
