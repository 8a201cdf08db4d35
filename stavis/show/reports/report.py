"""Reports: one HTML file that stays interactive with no network and no kernel, under a policy that allows no script but ours.

Everything given as text is escaped. Scripts are constant, so the policy names them by their hashes; data stand in inert blocks.
"""

import base64
import html
import json
import tempfile
import webbrowser
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from stavis.inference.finding import Finding
from stavis.printable import html_text, unbroken
from stavis.show.figures.figure import CONFIG, DARK
from stavis.show.figures.static import WIDTH, static_png
from stavis.show.reports.finding_card import finding_block
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.module import MODULE, STYLE, policy
from stavis.show.scrubber.page import buffer_blocks, data_block, json_block, mount, write_page
from stavis.show.scrubber.pieces import piece_list
from stavis.show.tables import HELD, Limits, html_table, readable

_HERE = files(__package__)
_PLACE = "\x00scrubber {}\x00"  # control characters are escaped in all that is given as text
_ENVIRONMENT = Environment(autoescape=True, trim_blocks=False, keep_trailing_newline=True)
_ENVIRONMENT.filters["unbroken"] = unbroken
PAGE = _ENVIRONMENT.from_string(_HERE.joinpath("report.html.jinja").read_text(encoding="utf-8"))


def csp(*, figures: bool = True, beside: bool = False) -> str:
    """The content-security policy of every report: our module, and plotly's text where a page has figures; nothing is
    fetched. beside: but for the pieces of long clips in the folder beside the page."""
    return policy(*([MODULE, plotly_text()] if figures else [MODULE]), beside=beside)


@cache
def plotly_text() -> str:
    """plotly.js as it goes into a page: one text, whose hash the policy names."""
    return get_plotlyjs()


@cache
def plotly_block() -> str:
    """plotly.js squeezed in an inert block (1.9 MB in place of 4.7); the module unpacks it and adds it as an inline script."""
    return data_block("plotly", plotly_text().encode())


class HtmlReport:
    """A report made of parts in reading order: shown inline in a notebook, saved as one file, opened in a browser.

    provenance maps what was used (package, checkpoint hash, data, crop, seeds, command ...) to text or nested text; it ends the report.
    """

    def __init__(self, title: str, *, provenance: dict, subtitle: str = "", language: str = "en"):
        self.title, self.subtitle, self.language = title, subtitle, language
        self.provenance = dict(provenance)
        self._parts: list[str] = []
        self._scrubbers: list[Scrubber] = []
        self._figures = 0

    def add_text(self, heading: str, paragraphs: str | list[str]) -> "HtmlReport":
        """Plain paragraphs under a heading ('' = none)."""
        paragraphs = [paragraphs] if isinstance(paragraphs, str) else paragraphs
        return self._section(heading, "".join(f"<p>{html_text(text)}</p>" for text in paragraphs))

    def add_finding(
        self, finding: Finding, images: Mapping[int, np.ndarray] | None = None, shown: tuple[float, float] = (0.0, -1.0)
    ) -> "HtmlReport":
        """What was found: its sentences, and its moments, which move the page's scrubber; see `finding_block`."""
        self._parts.append(finding_block(finding, images or {}, shown))
        return self

    def add_figure(self, heading: str, figure: go.Figure, caption: str = "") -> "HtmlReport":
        """A plotly figure; plotly.js is put into the page once, and only when there is a figure."""
        self._figures += 1
        return self._section(heading, figure_block(figure, caption or heading), caption)

    def add_still(self, heading: str, figure: go.Figure, caption: str = "") -> "HtmlReport":
        """An image of a figure for paper and for where scripts are off; elsewhere the scrubber shows the same."""
        before = len(self._parts)
        self._section(heading, _still(figure, caption or heading), caption)
        self._parts[before:] = [part.replace("<section>", '<section class="still-only">', 1) for part in self._parts[before:]]
        return self

    def add_table(
        self, heading: str, table: pd.DataFrame, caption: str = "", *, limits: Limits | None = None, folded: pd.DataFrame | None = None
    ) -> "HtmlReport":
        """A table: titles in plain words, its index is left out when it only counts, numbers are set to the right.

        limits: by column, what its numbers are held against: they are shown with as many digits as tell them from it. folded: a longer
        table that opens below it.
        """
        shown = readable(table, limits)
        inside = table_block(shown, caption or heading, shown.attrs[HELD])
        if folded is not None:
            inside += f"<details><summary>All numbers</summary>{table_block(readable(folded), f'{heading}, all numbers')}</details>"
        return self._section(heading, inside, caption)

    def add_scrubber(self, heading: str, scrubber: Scrubber, caption: str = "") -> "HtmlReport":
        """A scrubber; buffers that several scrubbers share stand in the page once."""
        self._scrubbers.append(scrubber)
        return self._section(heading, _PLACE.format(len(self._scrubbers) - 1), caption)

    def add_notice(self, text: str) -> "HtmlReport":
        """Something a reader must know to read the rest rightly."""
        self._parts.append(f'<p class="notice" role="note">{html_text(text)}</p>')
        return self

    def add_warning(self, text: str) -> "HtmlReport":
        """Something that went wrong or is doubtful: damage in the video, frames without a face."""
        self._parts.append(f'<p class="warning" role="note"><strong>Warning:</strong> {html_text(text)}</p>')
        return self

    def add_notes(self, notes: Iterable[str]) -> "HtmlReport":
        """What a reader must know beside the numbers: one box, a line a note; nothing where there is none."""
        lines = [f"<li>{html_text(note)}</li>" for note in notes]
        if lines:
            self._parts.append(f'<div class="warning" role="note"><strong>What to know</strong><ul>{"".join(lines)}</ul></div>')
        return self

    def add_html(self, heading: str, trusted_html: str) -> "HtmlReport":
        """HTML of the caller's own making, as it is. Never pass on text that came from a file or a user; scripts in it do not run."""
        return self._section(heading, trusted_html)

    def html(self, folder: str = "") -> str:
        """The whole page; `folder` holds the pieces of its long clips where they stand beside it."""
        held = {name: content for one in self._scrubbers for name, content in buffer_blocks(one, not folder).items()}
        blocks = [data_block(name, content) for name, content in held.items()]
        if self._figures:
            blocks.append(plotly_block())
        return PAGE.render(
            title=self.title,
            headline=True,
            subtitle=self.subtitle,
            language=self.language,
            policy=csp(figures=bool(self._figures), beside=bool(folder)),
            page_style=Markup(_HERE.joinpath("report.css").read_text(encoding="utf-8")),
            scrubber_style=Markup(STYLE),
            scrubbers=bool(self._scrubbers),
            alive=bool(self._scrubbers or self._figures),
            parts=[Markup(self._mounted(part, folder)) for part in self._parts],
            provenance=_flat(self.provenance),
            blocks=[Markup(block) for block in blocks],
            module=Markup(MODULE),
        )

    @property
    def in_pieces(self) -> bool:
        """Whether it shows a clip that is long enough to be in pieces."""
        return any(piece_list(one.clip) for one in self._scrubbers)

    def _mounted(self, part: str, folder: str) -> str:
        for number, scrubber in enumerate(self._scrubbers):
            place = _PLACE.format(number)
            part = part.replace(place, mount(scrubber, folder)) if place in part else part
        return part

    def save(self, path: str | Path, pieces: str = "inside") -> Path:
        """Writes the page, whole or not at all; returns the path.

        pieces: where the images and maps of long clips stand: "inside" the page, "beside" it in the folder PAGE_files, or "auto": beside
        where they are more than 48 MB.

        Raises StavisError where it cannot be written.
        """
        return write_page(path, self._scrubbers, pieces, self.html)

    def open(self) -> Path:
        """Saves the page to a temporary file and opens it in the browser; returns its path."""
        path = self.save(Path(tempfile.mkdtemp(prefix="stavis-")) / "report.html")
        webbrowser.open(path.as_uri())
        return path

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(self.html())}" '
            'style="width:100%;height:80vh;border:1px solid #d3d8de;border-radius:6px"></iframe>'
            f"<p>Report: {html_text(self.title)}</p>"
        )

    def _section(self, heading: str, inside: str, caption: str = "") -> "HtmlReport":
        title = f"<h2>{html_text(heading)}</h2>" if heading else ""
        below = f'<p class="caption">{html_text(caption)}</p>' if caption else ""
        self._parts.append(f"<section>{title}{inside}{below}</section>")
        return self


def figure_block(figure: go.Figure, text: str) -> str:
    """The place of a plotly figure in a page: its numbers in an inert block, and an image of it for paper and where scripts are off."""
    spec = json.loads(figure.to_json())
    height = int(figure.layout.height or 360)
    spec.get("layout", {}).pop("width", None)
    held = {"data": spec.get("data", []), "layout": spec.get("layout", {}), "config": CONFIG, "dark": DARK}
    return (
        f'<div class="figure" data-stavis-figure role="group" aria-label="{html.escape(text or "figure")}" style="min-height:{height}px">'
        f'<script type="application/json">{json_block(held)}</script>'
        f'<div class="stavis-plot"></div>{_still(figure, text)}</div>'
    )


def _still(figure: go.Figure, text: str) -> str:
    image = static_png(figure)
    if not image:
        return '<p class="still">This figure needs scripts, and they are off.</p>'
    data = base64.b64encode(image).decode()
    return f'<img class="still" alt="{html.escape(text or "figure")}" width="{WIDTH}" src="data:image/png;base64,{data}">'


def table_block(table: pd.DataFrame, text: str, limits: Limits | None = None) -> str:
    """A DataFrame as an HTML table that scrolls sideways where it is wide; see `html_table`."""
    label = html.escape(text or "table")
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{html_table(table, limits)}</div>'


def _flat(value: dict, before: str = "") -> list[tuple[str, str]]:
    """Nested provenance as rows: names joined by ' · '."""
    rows = []
    for name, one in value.items():
        if isinstance(one, dict):
            rows += _flat(one, f"{before}{name} · ")
        else:
            rows.append((f"{before}{name}", ", ".join(map(str, one)) if isinstance(one, list | tuple) else str(one)))
    return rows
