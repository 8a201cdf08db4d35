"""An executed notebook as one page that stays alive with no network and no kernel, in the look and under the policy of a report."""

import re
from importlib.resources import files
from pathlib import Path

import nbformat
import plotly.graph_objects as go
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbformat import ValidationError
from pygments.formatters import HtmlFormatter

from stavis.errors import StavisError
from stavis.show.reports.report import PAGE, csp, figure_block, plotly_block
from stavis.show.scrubber.module import MODULE, STYLE
from stavis.storage.files import write_text

PLOTLY, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
NETWORK_TRAITS = ("require_js_url", "mathjax_url", "mermaid_js_url", "jquery_url", "jupyter_widgets_base_url", "widget_renderer_url")
_FOLDED = """{%- extends 'classic/base.html.j2' -%}
{% block input_group -%}
<details class="input"><summary>{{ "Parameters" if "injected-parameters" in cell.metadata.get("tags", []) else "Code" }}</summary>
{% block input %}{{ super() }}{% endblock input %}
</details>
{% endblock input_group %}"""  # who reads a report reads its results; the code is one click away
_OF_PAPERMILL = {"papermill-error-cell-tag"}
"""Tags of the cells that papermill adds to a notebook that failed: the page says it in one sentence of ours."""
_LIVE_SCRIPT = re.compile(r"<script(?![^>]*\btype=[\"'](?:application/json|text/plain)[\"'])[^>]*>.*?</script\s*>", re.I | re.S)
_BLOCK = re.compile(r'<script\b[^>]*\bdata-stavis-block="([^"]+)"[^>]*>[^<]*</script>')


def export_notebook(
    executed: str | Path, path: str | Path, *, title: str = "", provenance: dict | None = None, problem: str = "", index: str = ""
) -> Path:
    """Writes an executed notebook as an offline page: scrubbers and figures stay alive, other widgets show their text; returns the path.

    title by default the notebook's first heading, else its file's name. problem: why it failed, in one sentence, which the page begins
    with. index: the address of the page that lists this one, relative to it.

    Raises StavisError where the notebook cannot be read.
    """
    executed = Path(executed)
    try:
        notebook = nbformat.read(executed, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise StavisError(f"{executed} cannot be read as a notebook ({type(error).__name__}): give an executed .ipynb file.") from error
    title = title or _heading(notebook) or executed.stem
    return write_text(path, notebook_html(notebook, title=title, provenance=provenance, problem=problem, index=index))


def notebook_html(
    notebook: nbformat.NotebookNode, *, title: str, provenance: dict | None = None, problem: str = "", index: str = ""
) -> str:
    """The page of an executed notebook; see export_notebook. A title other than the notebook's first heading takes its place."""
    notebook.cells = [cell for cell in notebook.cells if not _OF_PAPERMILL & set(cell.metadata.get("tags", []))]
    heading = _heading(notebook)
    headline = title != heading
    if headline and heading:
        first = next(cell for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# "))
        first.source = first.source.partition("\n")[2].strip()
    figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            figures += sum(PLOTLY in output.get("data", {}) for output in cell.outputs)
            cell.outputs = [kept for output in cell.outputs if (kept := _without_kernel(output)) is not None]
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(raw_template=_FOLDED, embed_images=True, **dict.fromkeys(NETWORK_TRAITS, ""))
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
        parts=[*_first(problem, index), Markup(body)],
        provenance=list((provenance or {}).items()),
        blocks=[Markup(block) for block in [*blocks, *([plotly_block()] if figures else [])]],
        module=Markup(MODULE),
    )


def _without_kernel(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output as it can be shown without a kernel; None where nothing of it can."""
    data = output.get("data")
    if data is None:
        return output
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


def _first(problem: str, index: str) -> list[Markup]:
    """What stands before the notebook: the way back to the index, and why it failed."""
    back = Markup('<nav><a href="{}">All reports</a></nav>').format(index)
    failed = Markup('<p class="warning" role="alert"><strong>Failed:</strong> {}</p>').format(problem)
    return [*([back] if index else []), *([failed] if problem else [])]


def _gathered(body: str) -> tuple[str, list[str]]:
    """The page's body without its data blocks, and each block once."""
    blocks = {match[1]: match[0] for match in _BLOCK.finditer(body)}
    return _BLOCK.sub("", body), list(blocks.values())


def _heading(notebook: nbformat.NotebookNode) -> str:
    text = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# ")), "")
    return text.splitlines()[0][2:].strip() if text else ""
