"""A figure for a paper: drawn with matplotlib at its final size, so that text has the size it says; saved as PDF, SVG or PNG.

`paper_of` draws a plotly figure so; `for_paper` gives one figure or the other, and to the plotly figure a `save`.

Fonts are embedded in PDFs (TrueType, type 42) and are outlines in SVGs. The same figure is the same file: no dates, no random names.
"""

import importlib
import io
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import plotly.graph_objects as go

from stavis.errors import StavisError
from stavis.show.figures.static import axis_of, draw, legend_columns, shown_name, subplots
from stavis.show.figures.static_traces import KNOWN, PAPER
from stavis.storage.files import atomic_file

WIDTHS = {"column": 3.5, "page": 7.16}
"""Inches: one and both columns of IEEE."""
DPI = 300
FORMATS = (".pdf", ".svg", ".png")
Width = Literal["column", "page"] | float
_LARGEST = 40.0
_METADATA = {".pdf": {"CreationDate": None, "Creator": "stavis", "Producer": None}, ".svg": {"Date": None, "Creator": "stavis"}}
STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 7, "axes.labelsize": 7, "axes.titlesize": 7,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5, "figure.titlesize": 8,
    "axes.linewidth": 0.5, "xtick.major.width": 0.5, "ytick.major.width": 0.5, "xtick.major.size": 2, "ytick.major.size": 2,
    "lines.linewidth": 1.0, "grid.linewidth": 0.4, "legend.frameon": False, "legend.handlelength": 2.4, "hatch.linewidth": 0.4,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "stavis", "savefig.bbox": None,
    "axes.unicode_minus": True, "text.usetex": False, "path.simplify": True,
}  # fmt: skip


def inches(width: Width) -> float:
    """The width in inches. Raises StavisError where it is neither "column", "page" nor a number of inches."""
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    if isinstance(width, int | float) and not isinstance(width, bool) and 0.5 <= width <= _LARGEST:
        return float(width)
    known = ", ".join(f"{name} ({size:g} in)" for name, size in WIDTHS.items())
    raise StavisError(f"a figure cannot be {width!r} wide: give {known}, or inches between 0.5 and {_LARGEST:g}.")


@dataclass(frozen=True)
class PaperFigure:
    """A figure at its final size: `draw` puts it on a matplotlib figure; `aspect` is its height over its width.

    In a notebook it shows itself; `.save("f.pdf")` writes it, also as .svg or .png (300 dpi).
    """

    draw: Callable[[object], None]
    width: float
    aspect: float
    title: str = ""

    def __repr__(self) -> str:
        return f"PaperFigure({self.title or 'figure'}, {self.width:g} x {self.height:.2f} in)"

    @property
    def height(self) -> float:
        """Inches, a whole number of pixels."""
        return round(self.width * self.aspect * DPI) / DPI

    def resized(self, width: Width | None = None, height: float | None = None) -> "PaperFigure":
        """The figure drawn at another width (the text keeps its size), or with another height in inches."""
        across = self.width if width is None else inches(width)
        return replace(self, width=across, aspect=self.aspect if height is None else inches(height) / across)

    def matplotlib(self):
        """The matplotlib figure, to change it further."""
        with _styled():
            canvas = importlib.import_module("matplotlib.figure").Figure(figsize=(self.width, self.height), dpi=DPI, layout="constrained")
            importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(canvas)
            canvas.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)
            self.draw(canvas)
        return canvas

    def save(self, path: str | Path, *, width: Width | None = None, height: float | None = None, dpi: int = DPI) -> Path:
        """Write it as .pdf, .svg or .png, whole or not at all; returns the path.

        width: "column" (3.5 in), "page" (7.16 in) or inches, by default as it was made; height: inches; dpi: of PNG and of images.

        Raises StavisError where the name ends otherwise, the size is out of range, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in FORMATS:
            raise StavisError(f"{path.name} ends in none of {', '.join(FORMATS)}: choose one of these endings.")
        if not 50 <= dpi <= 2400:
            raise StavisError(f"{dpi} dots per inch cannot be printed: give 50 to 2400, such as 300.")
        data = self.resized(width, height).bytes(path.suffix.lower(), dpi)
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
        return path

    to_file = save

    def bytes(self, suffix: str = ".png", dpi: int = DPI) -> bytes:
        """What a file of this ending holds."""
        buffer = io.BytesIO()
        with _styled():
            self.matplotlib().savefig(buffer, format=suffix[1:], dpi=dpi, facecolor="white", metadata=_METADATA.get(suffix))
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self.bytes(".png", 150)


@contextmanager
def _styled():
    """matplotlib's settings while a figure is drawn, and its own again after that."""
    with importlib.import_module("matplotlib").rc_context(STYLE):
        yield


def paper_of(figure: go.Figure, width: Width = "column", *, aspect: float | None = None) -> PaperFigure:
    """The figure at the size it has on paper. aspect: height over width; by default by what it shows.

    Raises StavisError where it has no data, or data of a type that is not known here.
    """
    if not figure.data:
        raise StavisError("the figure shows nothing: there is no frame or row to draw.")
    unknown = sorted({trace.type for trace in figure.data} - set(KNOWN))
    if unknown:
        raise StavisError(f"a figure of {unknown[0]} cannot be drawn for a paper: choose one of {', '.join(KNOWN)}.")
    across = inches(width)
    aspect = _height(figure, across) / across if aspect is None else aspect
    return PaperFigure(lambda canvas: draw(canvas, figure, PAPER, titled=False), across, aspect, str(figure.layout.title.text or ""))


def _height(figure: go.Figure, across: float) -> float:
    """Inches: rows of subplots at most 1.9 high, square ones as high as wide, and the lines of the legend."""
    cells = subplots(figure)
    rows, columns = len({round(cell.up[0], 3) for cell in cells}), len({round(cell.across[0], 3) for cell in cells})
    names = {name for trace in figure.data if (name := shown_name(trace))}
    lines = -(-len(names) // legend_columns(list(names), across, PAPER)) if len(names) > 1 else 0
    if axis_of(figure, cells[0].y).scaleanchor:
        return rows * _steepness(figure, cells[0]) * across / columns + 0.13 * lines
    if figure.data[0].type == "heatmap" and figure.data[0].text is not None:
        return 0.9 * across
    return rows * min(0.62 * across / columns + 0.2 * (columns > 1), 1.9) + 0.13 * lines


def _steepness(figure: go.Figure, cell) -> float:
    """Height over width of a subplot whose axes have one scale, with the room for a title or for the names of the axes."""
    (left, right), (low, high) = (axis_of(figure, name).range or (0.0, 1.0) for name in (cell.x, cell.y))
    return 0.9 * abs(high - low) / max(abs(right - left), 1e-9)


def for_paper(figure: go.Figure, width: Width | None, paper: PaperFigure | None = None) -> go.Figure | PaperFigure:
    """With a width the figure for a paper; without one the plotly figure, whose `save(path, width=...)` writes that for a paper.

    paper: how it is drawn there, by default as `paper_of` does.
    """
    if width is not None:
        return paper.resized(width) if paper is not None and inches(width) != paper.width else paper or paper_of(figure, width)

    def save(path, *, width: Width = "column", **options):
        return (paper.resized(width) if paper is not None else paper_of(figure, width)).save(path, **options)

    object.__setattr__(figure, "save", save)  # plotly's figures refuse names that are none of theirs
    object.__setattr__(figure, "to_file", save)
    return figure
