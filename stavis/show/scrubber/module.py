"""The text of the browser's side: one plain ES module made of parts in a fixed order, one style sheet, and the policy that allows them.

The text is constant. A page that holds it can forbid every other script by a content-security policy with its hash.
"""

import base64
import hashlib
from importlib.resources import files

PARTS = ("data", "pictures", "overlay", "picture", "chart", "controls", "exports", "scrubber", "events", "marks", "boot")

_HERE = files(__name__.rpartition(".")[0])

MODULE = "\n".join(_HERE.joinpath(f"{part}.js").read_text(encoding="utf-8").strip() for part in PARTS) + "\n"
STYLE = _HERE.joinpath("scrubber.css").read_text(encoding="utf-8")


def script_hash(text: str) -> str:
    """The source expression of a content-security policy that allows exactly this inline script: 'sha256-…' in single quotes."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(*scripts: str) -> str:
    """A content-security policy under which nothing but these inline scripts runs and nothing is fetched."""
    return (
        f"default-src 'none'; script-src {' '.join(script_hash(text) for text in scripts)}; "
        "img-src data: blob:; media-src blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
