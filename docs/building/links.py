"""Every link inside the built site leads to a file that is there, and to a place in it that is there; nothing is loaded from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.errors import ExtensionError

LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
"""What a browser loads by itself, and where its address stands."""
NAVIGATION = {"search", "genindex", "next", "prev", "index", "canonical"}


class Page(HTMLParser):
    """The addresses and the anchors of one page."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.loads, self.anchors = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        """Keep what leads somewhere."""
        known = dict(attrs)
        self.anchors |= {known[key] for key in ("id", "name") if known.get(key)}
        if tag == "a" and known.get("href"):
            self.links.add(known["href"])
        elif known.get(LOADS.get(tag, "")) and not (tag == "link" and known.get("rel") in NAVIGATION):
            self.loads.add(known[LOADS[tag]])


def broken(root: Path) -> list[str]:
    """What leads nowhere in the HTML pages under a folder, and what a page would load from another server, each in one sentence."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(root.resolve()).as_posix()
        found += [f"{name} loads {url} from another server" for url in page.loads if urlsplit(url).scheme in ("http", "https")]
        for url in sorted(page.links | page.loads):
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or name.startswith("live/"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name} links to {url}, which is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name} links to {url}: there is no such place in the page")
    return found


def check(app, exception) -> None:
    """Stop the build where a link is broken."""
    if exception is None and app.builder.name == "html" and (found := broken(Path(app.outdir))):
        raise ExtensionError(f"{len(found)} broken links: " + "; ".join(found[:20]))


def setup(app) -> dict:
    """Sphinx calls this."""
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
