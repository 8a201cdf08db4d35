"""A lesson's page as the cells of a notebook: prose and code, no outputs. Links lead to other lessons' notebooks, or are plain text."""

import re

import nbformat
from nbformat.notebooknode import NotebookNode

_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_CODE = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ABOUT = "*A lesson of the documentation of stavis. It runs where stavis is installed, and writes into the folder in which it is run.*"


def notebook(text: str, stem: str) -> NotebookNode:
    """The notebook of a lesson's page; `stem`, the page's name, begins the names of its cells."""
    parts = _CODE.split(_FRONT.sub("", text))
    cells = []
    for number, part in enumerate(parts):
        made = nbformat.v4.new_code_cell if number % 2 else nbformat.v4.new_markdown_cell
        content = part.strip("\n") if number % 2 else prose(part).strip()
        if content:
            cells.append(made(content, id=f"{stem}-{number}"))
    cells.insert(1, nbformat.v4.new_markdown_cell(ABOUT, id=f"{stem}-about"))
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": _KERNEL, "language_info": {"name": "python"}})


def prose(text: str) -> str:
    """Prose whose links hold outside the site."""
    return _LINK.sub(lambda found: _linked(found[1], found[2]), text)


def _linked(text: str, url: str) -> str:
    if re.match(r"[a-z]+:", url):
        return f"[{text}]({url})"
    name, _, _ = url.partition("#")
    return f"[{text}]({name.removesuffix('.md')}.ipynb)" if re.fullmatch(r"[\w-]+\.md", name) else text
