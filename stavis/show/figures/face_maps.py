"""Maps on the canonical face: as plotly figures, and as drawings (SVG) that need no script and suit a light and a dark page."""

import base64
import html
from collections.abc import Mapping

import cv2
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from stavis.groups.canonical import GRID, canonical_face
from stavis.regions import FACE
from stavis.show.figures.colours import PALETTES, lookup
from stavis.show.figures.figure import Figure
from stavis.show.figures.over_time import colour_bar, escaped, template

MAGMA, DIVERGING = "magma", "diverging"
SIDES = "the person's right is on the left, as in the image"
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.14, 0.86, 0.12, 0.96  # of the canonical square: what is shown of it
_PIXELS = 6  # of a cell in a drawing, so that it is smooth


def scale_of(images: Mapping[str, np.ndarray], *, signed: bool = False) -> tuple[float, float]:
    """One scale for several maps: from 0 to their highest density, or around 0 for differences."""
    known = np.concatenate([image[np.isfinite(image)] for image in images.values()])
    top = max(float(np.abs(known).max(initial=0.0)), 1e-6)
    return (-top, top) if signed else (0.0, max(top, 1.0))


def face_map_figure(
    images: Mapping[str, np.ndarray], *, signed: bool = False, contours: Mapping[str, np.ndarray] | None = None
) -> go.Figure:
    """Maps (GRID,GRID) side by side on one scale, each under its name; contours: cells (GRID,GRID) bool to outline, by name."""
    low, high = scale_of(images, signed=signed)
    names = list(images)
    figure = make_subplots(1, len(names), figure=Figure(), subplot_titles=[escaped(name) for name in names], horizontal_spacing=0.03)
    colours = [[k / 255, "rgb({},{},{})".format(*colour)] for k, colour in enumerate(lookup(DIVERGING if signed else MAGMA))]
    middles = (np.arange(GRID) + 0.5) / GRID
    regions = _region_names()
    unit = "difference of densities" if signed else "density (1 = an even spread)"
    for k, name in enumerate(names, 1):
        heat = go.Heatmap(
            z=np.round(images[name], 4), x=middles, y=middles, zmin=low, zmax=high, colorscale=colours, customdata=regions,
            showscale=k == len(names), colorbar=colour_bar(unit), hovertemplate="%{customdata}: %{z:.2f}<extra></extra>", hoverongaps=False,
        )  # fmt: skip
        figure.add_trace(heat, 1, k)
        for line in canonical_face().lines():
            look = {"color": "#22262B" if signed else "#FFFFFF", "width": 1}
            figure.add_trace(go.Scatter(x=line[:, 0], y=line[:, 1], mode="lines", line=look, showlegend=False, hoverinfo="skip"), 1, k)
        for x, y in _edges((contours or {}).get(name)):
            look = {"color": "#000000", "width": 2.4}
            figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=look, showlegend=False, hoverinfo="skip"), 1, k)
    for k in range(1, len(names) + 1):
        figure.update_xaxes(range=[_LEFT, _RIGHT], visible=False, constrain="domain", row=1, col=k)
        figure.update_yaxes(
            range=[_BOTTOM, _TOP], visible=False, scaleanchor="x" + (str(k) if k > 1 else ""), constrain="domain", row=1, col=k
        )
    figure.update_layout(template=template(), height=380, hovermode="closest", margin={"l": 12, "r": 18, "t": 46, "b": 16})
    return figure


def face_map_svg(
    image: np.ndarray, scale: tuple[float, float], *, name: str, signed: bool = False, contour: np.ndarray | None = None
) -> str:
    """One map (GRID,GRID) as an SVG element with a text for readers who do not see it; a region says its density under the mouse."""
    colours = lookup(DIVERGING if signed else MAGMA)
    picture = _coloured(image, scale, colours)
    line = "#22262b" if signed else "#ffffff"
    outlines = "".join(f'<path d="{_path(points)}"/>' for points in canonical_face().lines())
    marks = "".join(f"M{100 * x[0]:.2f} {100 * y[0]:.2f}L{100 * x[1]:.2f} {100 * y[1]:.2f}" for x, y in _edges(contour))
    halo = "#ffffff" if signed else "#000000"
    text = f"{name}: {describe(image, signed)}"
    return (
        f'<svg class="face-map" viewBox="{100 * _LEFT:g} {100 * _TOP:g} {100 * (_RIGHT - _LEFT):g} {100 * (_BOTTOM - _TOP):g}" role="img" '
        f'aria-label="{html.escape(text)}"><image x="0" y="0" width="100" height="100" preserveAspectRatio="none" href="{picture}"/>'
        f'<g fill="none" stroke="{halo}" stroke-opacity=".35" stroke-width=".9">{outlines}</g>'
        f'<g fill="none" stroke="{line}" stroke-width=".42">{outlines}</g>'
        f'<path d="{marks}" fill="none" stroke="#ffffff" stroke-width="1.5" stroke-linecap="square"/>'
        f'<path d="{marks}" fill="none" stroke="#000000" stroke-width=".75" stroke-linecap="square"/>'
        f"{_tooltips(image, signed)}</svg>"
    )


def scale_svg(scale: tuple[float, float], *, signed: bool = False) -> str:
    """The colour bar of drawings, with its numbers in the page's own text colour."""
    stops = PALETTES[DIVERGING if signed else MAGMA]
    steps = "".join(f'<stop offset="{k / (len(stops) - 1):.3f}" stop-color="rgb({r},{g},{b})"/>' for k, (r, g, b) in enumerate(stops))
    low, high = scale
    ticks = [(low, f"{low:.2g}"), (0.0, "0")] if signed else [(low, f"{low:.2g}"), (1.0, "1")]
    ticks = [*ticks, (high, f"{high:.2g}")] if signed or high > 1.6 else ticks
    ticks = ticks[1:] if not signed and high > 8 else ticks  # 0 and 1 would stand on each other
    places = [(4 + 192 * (value - low) / (high - low), text.replace("-", "−")) for value, text in ticks]
    anchors = ["start" if x < 20 else "end" if x > 180 else "middle" for x, _ in places]
    marks = "".join(f'<text x="{x:.1f}" y="24" text-anchor="{a}">{text}</text>' for (x, text), a in zip(places, anchors, strict=True))
    name = f"scale-{'signed' if signed else 'density'}"
    unit = "difference of densities" if signed else "density: share over area"
    return (
        f'<svg class="face-scale" viewBox="0 0 200 40" role="img" aria-label="{unit}, from {low:.2g} to {high:.2g}">'
        f'<defs><linearGradient id="{name}">{steps}</linearGradient></defs><rect x="4" y="2" width="192" height="10" fill="url(#{name})"/>'
        f'<g fill="currentColor" font-size="9">{marks}<text x="100" y="37" text-anchor="middle">{unit}</text></g></svg>'
    )


def describe(image: np.ndarray, signed: bool = False) -> str:
    """Where a map is highest, in words: its regions in order of their mean (or, of a difference, of its size)."""
    values = _by_region(image)
    order = sorted(values, key=lambda name: -abs(values[name]) if signed else -values[name])[:3]
    text = ", ".join(
        f"{FACE.label(name)} {values[name]:+.2f}".replace("-", "−") if signed else f"{FACE.label(name)} {values[name]:.1f}"
        for name in order
    )
    return text if signed else f"{text} (density)"


def _by_region(image: np.ndarray) -> dict[str, float]:
    """The mean of a map over each region of the canonical face that it knows."""
    face = canonical_face()
    values, found = image[face.mask], {}
    for index, name in enumerate(FACE.names):
        inside = values[(face.regions == index) & np.isfinite(values)]
        if len(inside):
            found[name] = float(inside.mean())
    return found


def _region_names() -> np.ndarray:
    face = canonical_face()
    names = np.full(face.mask.shape, "", object)
    names[face.mask] = [FACE.label(FACE.names[index]) for index in face.regions]
    return names


def _tooltips(image: np.ndarray, signed: bool) -> str:
    """An unseen shape over each region, whose title the browser shows under the mouse."""
    face, values, out = canonical_face(), _by_region(image), []
    for index, name in enumerate(FACE.names):
        if name not in values:
            continue
        cells = np.zeros(face.mask.shape, bool)
        cells[face.mask] = face.regions == index
        size = 100 / GRID
        runs = "".join(
            f"M{size * a:.2f} {size * row:.2f}H{size * b:.2f}V{size * (row + 1):.2f}H{size * a:.2f}Z"
            for row in range(GRID)
            for a, b in _runs(cells[row])
        )
        text = (
            f"{FACE.label(name)}: {values[name]:+.2f}".replace("-", "−")
            if signed
            else f"{FACE.label(name)}: {values[name]:.2f} (1 = an even spread)"
        )
        out.append(f'<path d="{runs}" fill="#000" fill-opacity="0" pointer-events="all"><title>{html.escape(text)}</title></path>')
    return "".join(out)


def _runs(row: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _coloured(image: np.ndarray, scale: tuple[float, float], colours: np.ndarray) -> str:
    """A map as a PNG in a data address, clear outside the face; its outline is smooth."""
    side = GRID * _PIXELS
    known = np.isfinite(image)
    filled = np.where(known, image, 0).astype(np.float32)
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), 1.0)
    spread = np.where(known, filled, cv2.GaussianBlur(filled, (0, 0), 1.0) / np.maximum(weight, 1e-6))
    smooth = cv2.resize(spread.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    low, high = scale
    index = np.clip(255 * (smooth - low) / max(high - low, 1e-9), 0, 255).round().astype(np.uint8)
    outline = np.zeros((side, side), np.uint8)
    cv2.fillPoly(outline, [np.rint(canonical_face().lines()[0] * side).astype(np.int32)], 255, lineType=cv2.LINE_AA)
    seen = cv2.resize(cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)), (side, side), interpolation=cv2.INTER_NEAREST)
    unseen_inside = canonical_face().mask & ~known
    if unseen_inside.any():
        seen = cv2.resize(known.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    pixels = np.dstack([colours[index][..., ::-1], outline * (seen > 0)])
    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()


def _path(points: np.ndarray) -> str:
    return "M" + "L".join(f"{100 * x:.2f} {100 * y:.2f}" for x, y in points)


def _edges(cells: np.ndarray | None) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The border of a set of cells (GRID,GRID): lines as (x0,x1), (y0,y1) in widths of the crop."""
    if cells is None or not np.any(cells):
        return []
    around = np.pad(np.asarray(cells, bool), 1)
    found = [((c / GRID, c / GRID), (r / GRID, (r + 1) / GRID)) for r, c in np.argwhere(around[1:-1, 1:] != around[1:-1, :-1])]
    found += [((c / GRID, (c + 1) / GRID), (r / GRID, r / GRID)) for r, c in np.argwhere(around[1:, 1:-1] != around[:-1, 1:-1])]
    return found
