"""What plotly says, as matplotlib wants it: text without markup, borders of cells, colours."""

import re

import numpy as np

_MARKUP = re.compile(r"<br\s*/?>|</?[a-z]+>")


def plain_text(text: str) -> str:
    """Plotly's markup as plain text; a dollar sign is no formula."""
    plain = _MARKUP.sub(" ", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return plain.replace("$", r"\$")


def cell_edges(centres: np.ndarray) -> np.ndarray:
    """The borders of cells around their centres."""
    if len(centres) < 2:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def matplotlib_colour(given: str | None, otherwise):
    """A colour as matplotlib wants it."""
    found = re.fullmatch(r"rgba?\(([^)]*)\)", given) if given else None
    if found:
        numbers = [float(number) for number in found[1].split(",")]
        return (*(number / 255 for number in numbers[:3]), *numbers[3:])
    return given or otherwise
