"""The index page of a study: one row per report, sortable and searchable in any browser with no network."""

import base64
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup, escape

from stavis.batch.plan import StudyPlan
from stavis.batch.record import THUMBNAIL, Report
from stavis.batch.status import report_status
from stavis.printable import number_text, percent, unbroken
from stavis.regions import FACE
from stavis.show.figures.colours import GROUPS
from stavis.show.reports.report import plotly_text
from stavis.show.scrubber.module import MODULE, policy
from stavis.storage.files import atomic_file

_HERE = files(__package__)
SCRIPT = _HERE.joinpath("index.js").read_text(encoding="utf-8")
_ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["unbroken"] = unbroken
PAGE = _ENVIRONMENT.from_string(_HERE.joinpath("index.html.jinja").read_text(encoding="utf-8"))
MOST_PICTURES = 5000  # beyond, a page with all thumbnails in it would be too large to open
_WIDTH, _HEIGHT = 132, 48
_SHARES, _CURVE = (1, 29), (32, 47)
"""From where to where of the height the shares lie, and the curve below them."""
SHOWN = tuple(group for group in GROUPS if not group.faint)
"""The regions of a sparkline: those of every chart of a face, in their colours."""
_MARKS = {"yes": ("✓", "yes"), "no": ("✗", "no"), "undecided": ("?", "undecided"), "forced": ("=", "forced by the architecture")}
"""By answer of a verdict: its sign, and what that stands for."""
_UNKNOWN = "–"


def write_index(plan: StudyPlan, failures: dict[str, str], out: Path, finished: bool) -> None:
    """Write index.html, row by row, whole or not at all.

    Raises StavisError where it cannot be written.
    """
    figures: dict[str, None] = {}
    counts = {"done": 0, "failed": 0, "missing": 0}
    notices: dict[str, None] = {}
    shown = {"shares": False, "verdict": False, "picture": False, "curve": False}
    for one in report_status(plan, failures):
        counts[one.state] += 1
        figures |= dict.fromkeys(one.figures)
        notices |= dict.fromkeys(one.notices)
        shown["shares"] |= bool(one.shares)
        shown["curve"] |= bool(one.curve)
        shown["verdict"] |= bool(one.verdict)
        shown["picture"] = shown["picture"] or (len(plan.reports) <= MOST_PICTURES and (plan.job.out / one.id / THUMBNAIL).is_file())
    page = PAGE.stream(
        title=plan.spec.title or f"{plan.notebook.path.stem}: {len(plan.reports)} reports",
        policy=policy(SCRIPT),
        style=Markup(_HERE.joinpath("index.css").read_text(encoding="utf-8") + _region_style()),
        regions=SHOWN,
        means=_means,
        folder=_folder,
        script=Markup(SCRIPT),
        counts=counts,
        total=len(plan.reports),
        finished=finished,
        written=time.strftime("%Y-%m-%d %H:%M"),
        notebook=plan.notebook.path.name,
        version=plan.job.version,
        varied=list(plan.spec.vary),
        recordings=plan.spec.recordings is not None,
        figures=list(figures)[:8],
        notices=list(notices)[:8],
        shown=shown,
        rows=_rows(plan, failures, shown["picture"]),
        sparkline=_sparkline,
        number=_number,
        value=_value,
        marks=_MARKS,
        unknown=_UNKNOWN,
    )
    with atomic_file(out / "index.html") as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as stream:
        page.enable_buffering(200)
        page.dump(stream)


def _rows(plan: StudyPlan, failures: dict[str, str], pictures: bool) -> Iterator[tuple[Report, str]]:
    """Each report with its thumbnail as a data address."""
    for one in report_status(plan, failures):
        path = plan.job.out / one.id / THUMBNAIL
        small = pictures and one.page and path.is_file() and path.stat().st_size < 20_000
        yield one, f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}" if small else ""


def _number(value: float) -> str:
    """A metric with three decimals, a large or whole one without."""
    whole = abs(value) >= 1000 or value == int(value)
    return (f"{value:.3g}" if whole else f"{value + 0.0:.3f}").replace("-", "−")


def _value(value: object) -> str:
    """A varied parameter: a number with the minus sign of every other number, a text as it is."""
    return str(value).replace("-", "−") if isinstance(value, int | float) else str(value)


def _sparkline(shares: dict[str, list[int]], curve: dict[str, list[int]]) -> Markup:
    """The shares over time as lines, from 0 at the bottom to all at the top, and below them the predicted value from -1 to 1; words for
    those who do not see them."""
    words = ", ".join(f"{FACE.label(name)} {percent(mean / 100)}" for name, mean in _means(shares))
    lines = [_line(f"region-{name}", values, 0, 100, *_SHARES) for name, values in shares.items()]
    for name, values in list(curve.items())[:1]:
        words += f"; {name} {number_text(sum(values) / len(values) / 100)}".replace("-", "−")
        middle = sum(_CURVE) / 2
        lines += [f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{middle}" y2="{middle}"/>', _line("curve", values, -100, 100, *_CURVE)]
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" preserveAspectRatio="none"'
    words = unbroken(words)
    return Markup(f'<svg role="img" aria-label="{escape(words)}" {box}><title>{escape(words)}</title>{"".join(lines)}</svg>')


def _line(name: str, values: list[int], low: float, high: float, top: float, bottom: float) -> str:
    step = _WIDTH / max(len(values) - 1, 1)
    heights = (bottom - (min(max(value, low), high) - low) * (bottom - top) / (high - low) for value in values)
    points = " ".join(f"{number * step:.0f},{height:.1f}" for number, height in enumerate(heights))
    return f'<polyline class="{escape(name)}" points="{points}"/>'


def _means(shares: dict[str, list[int]]) -> list[tuple[str, float]]:
    """The mean share of each region that has a colour here."""
    keys = {group.key for group in SHOWN}
    return [(name, round(sum(values) / len(values), 1)) for name, values in shares.items() if values and name in keys]


def _folder(one: Report) -> str:
    """The name of the folder in which a recording lies: often its condition or its person."""
    return Path(one.video).parent.name if one.video else ""


def _region_style() -> str:
    """The one colour and dash of each region, on white and on black."""
    rules = []
    for group in SHOWN:
        dash = f"; stroke-dasharray: {' '.join(map(str, group.dash))}" if group.dash else ""
        look = (f".key .region-{group.key}", f"polyline.region-{group.key}")
        rules.append(f"{look[0]} {{ border-bottom-color: {group.colour}; }} {look[1]} {{ stroke: {group.colour}{dash}; }}")
        dark = f"{look[0]} {{ border-bottom-color: {group.dark}; }} {look[1]} {{ stroke: {group.dark}; }}"
        rules.append(f"@media (prefers-color-scheme: dark) {{ {dark} }}")
    return "\n".join(rules)


def pages_csp() -> str:
    """The one content-security policy under which every report and the index work: constant scripts by their hashes, nothing fetched."""
    return policy(MODULE, plotly_text(), SCRIPT)
