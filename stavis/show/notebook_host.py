"""What a notebook keeps beside a live view for readers without one, and where it runs, if that place needs a word of ours.

Of an output's types JupyterLab, Colab, GitHub and nbviewer show text/html, LaTeX and PDF exports the image. VS Code needs no word: it
prefers a widget to both, and what a view does (scripts, sound in WebM, addresses of blobs) works there.
"""

import base64
import io
import sys

from PIL import Image

_COLAB = "In Colab, run “from google.colab import output; output.enable_custom_widget_manager()” in a cell, then this one again."


def widget_hint() -> str:
    """One line on what turns on the live view where this notebook runs; '' where it is on by itself.

    Colab shows widgets of other packages only where that was asked for. anywidget asks when one is shown alone, not when it is a part of
    something larger; so the line stands in the static fallback, which the live view hides as soon as it is there.
    """
    return _COLAB if "google.colab" in sys.modules else ""


def static_bundle(html: str, image: bytes | None, text: str) -> dict[str, str]:
    """What a notebook saves of a view: HTML, one image of it (JPEG bytes; None for none) as PNG, and a line of text."""
    return {"text/html": html, **({"image/png": _small_png(image)} if image else {}), "text/plain": text}


def _small_png(image: bytes) -> str:
    """The image with a palette, as PNG in base64."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").quantize(128).save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
