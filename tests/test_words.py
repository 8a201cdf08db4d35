"""What a person reads is in the field's own words: README, docs, notebooks, help, messages. Phrases that are never right are listed."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "stavis"
NEVER = {
    r"to be had": "available",
    r"mends?|mended|mend": "fix",
    r"afresh": "again, force",
    r"hangs? on": "depends on",
    r"out of all proportion": "out of range",
    r"by chance": "at random initialisation, random",
    r"(?:one|a) row a frame": "one row per frame",
    r"drawn (?:faces?|people|persons?|data set|recordings?)": "synthetic",
    r"opens? up the network": "inspects",
    r"names a valence": "predicts",
    r"(?:begun|begin|begins|began) (?:with|from) (?:the )?(?:weights|chance)": "initialised from",
    r"carrying region": "informative region",
    r"raters who never moved": "constant ratings",
    r"1 = chance|(?:times|x) (?:chance|uniform attention)|less STA": "density (1 = an even spread), minus STA",
}
"""Each phrase (a pattern of whole words) with what the field says instead."""
KEPT = {
    "stavis/synthetic/writer.py": {"stavis drawn data set"},  # the tag in every data set on disk
    "stavis/synthetic/flat/features.py": {"hangs on"},  # a moustache does hang on the lip
    "stavis/trust": {"by chance"},  # in statistics it is the word
    "stavis/cli/reports.py": {"afresh"},  # the hidden earlier name of an option
}
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "reports").glob("*.yaml"), *PACKAGE.glob("pretrained/*/README.md")]
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCES = sorted(PACKAGE.rglob("*.py"))


def wrong(text: str) -> list[str]:
    """The phrases of NEVER in a text, each with what to write."""
    flat = " ".join(text.replace("×", "x").split())
    return [
        f"{found[0]!r}: write {instead!r}" for phrase, instead in NEVER.items() for found in re.finditer(rf"(?i)\b(?:{phrase})\b", flat)
    ]


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a file: messages, labels, help, docstrings; of an f-string its constant parts together."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_list_finds_what_it_names():
    said = "it is not to be had; mend it; made afresh; it hangs on the seed; by chance; one row a frame; drawn faces; begun with chance"
    said += "; density (1 = chance); 20 times chance; 3.0 × chance; the CCC less STA"
    assert len(wrong(said)) == 12 and wrong("A mending, drawn by hand; the frame depends on it.") == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_speak_the_fields_words(path):
    assert wrong(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_speak_the_fields_words(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [found for cell in cells for found in wrong("".join(cell["source"]))] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_messages_and_docstrings_speak_the_fields_words(path):
    name = path.relative_to(ROOT).as_posix()
    kept = {phrase for place, phrases in KEPT.items() if name.startswith(place) for phrase in phrases}
    found = [one for text in texts(ast.parse(path.read_text(encoding="utf-8"))) if text not in kept for one in wrong(text)]
    assert [one for one in found if not any(f"'{phrase}'" in one for phrase in kept)] == []
