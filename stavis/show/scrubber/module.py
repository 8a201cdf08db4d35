"""The text of the browser's side: the ES modules under `src/` and its folders as one, one style sheet, and the policy that allows them.

`src/boot.js` is where it begins. A module stands after all that it imports; its import lines and the word `export` are left out,
which needs no tool at build time because no two modules define the same name (a test holds it). The text is constant: a page that
holds it can forbid every other script by a content-security policy with its hash.
"""

import base64
import hashlib
import posixpath
import re
from importlib.resources import files

ENTRY = "boot.js"

_SOURCE = files(__name__.rpartition(".")[0]).joinpath("src")
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.{1,2}/[\w./]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\b)", re.MULTILINE)


def ordered_modules(entry: str = ENTRY) -> dict[str, str]:
    """The text of each module that `entry` needs, by its path under `src/`, every module after those that it imports."""
    done: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ImportError(f"the scrubber's modules import each other in a circle: {' -> '.join((*importers, name))}")
        if name in done:
            return
        text = _SOURCE.joinpath(name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            add(posixpath.normpath(posixpath.join(posixpath.dirname(name), needed)), (*importers, name))
        done[name] = text

    add(entry, ())
    return done


def _bundled(text: str) -> str:
    return _EXPORT.sub("", _IMPORT.sub("", text)).strip()


MODULE = "\n".join(map(_bundled, ordered_modules().values())) + "\n"
STYLE = _SOURCE.joinpath("scrubber.css").read_text(encoding="utf-8")


def script_hash(text: str) -> str:
    """The source expression of a content-security policy that allows exactly this inline script: 'sha256-…' in single quotes."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(*scripts: str, beside: bool = False) -> str:
    """A content-security policy under which nothing but these inline scripts runs and nothing is fetched.

    beside: style sheets of the page's own origin may be linked, which hold the pieces of a long clip; they cannot fetch anything.
    """
    own = " 'self'" if beside else ""
    return (
        f"default-src 'none'; script-src {' '.join(script_hash(text) for text in scripts)}; "
        f"img-src data: blob:; media-src blob:; style-src 'unsafe-inline'{own}; base-uri 'none'; form-action 'none'"
    )
