"""The scrubber's ES modules: each says what it imports, and joined they are one text in which every name is there once."""

import posixpath
import re
from importlib.resources import files
from pathlib import Path

import pytest

from stavis.show.scrubber.module import MODULE, ordered_modules

SOURCE = Path(str(files("stavis.show.scrubber").joinpath("src")))
MODULES = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.js")}
IMPORT = re.compile(r'^import \{ ([^}]*) \} from "(\.{1,2}/[\w./]+)";$', re.MULTILINE)
DEFINITION = re.compile(r"^(export )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def imports_of(name: str) -> list[tuple[str, str]]:
    """The names that a module imports together, and the module they come from."""
    return [(names, posixpath.normpath(posixpath.join(posixpath.dirname(name), path))) for names, path in IMPORT.findall(MODULES[name])]


def defined(text: str) -> dict[str, bool]:
    """The names that a module defines at its top, and whether it exports them."""
    return {name: bool(exported) for exported, name in DEFINITION.findall(text)}


def test_every_module_is_part_of_the_text_and_stands_after_what_it_imports():
    order = list(ordered_modules())
    assert set(order) == set(MODULES)
    for name in MODULES:
        assert all(order.index(needed) < order.index(name) for _, needed in imports_of(name))


def test_no_two_modules_define_the_same_name():
    names = [name for text in MODULES.values() for name in defined(text)]
    assert len(names) == len(set(names)) > 50


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_it_uses_and_nothing_else(name):
    text = MODULES[name]
    imported = {one.strip(): source for names, source in imports_of(name) for one in names.split(",")}
    for one, source in imported.items():
        assert defined(MODULES[source]).get(one), f"{source} exports no {one}"
    body = re.sub(r"//.*", "", IMPORT.sub("", text))
    exported = {one: source for source, other in MODULES.items() if source != name for one, out in defined(other).items() if out}
    called = {one for one in exported if re.search(rf"(?<![\w.$'\"-]){one}(?=\()|\bnew {one}\b", body)}
    assert called - set(imported) - set(defined(text)) == set()
    assert [one for one in imported if not re.search(rf"\b{one}\b", body)] == []


def test_the_text_is_one_script_that_imports_nothing():
    assert not re.search(r"^import\b", MODULE, re.MULTILINE)
    assert re.findall(r"^export .*", MODULE, re.MULTILINE) == ["export default { render };"]


def letters_of(keys: str) -> set[str]:
    """The keys of a line of the list behind "?"."""
    if "…" in keys:
        first, last = keys.split(" … ")
        return {str(k) for k in range(int(first), int(last) + 1)}
    return {"Ctrl " + key[5:] for key in keys.split(", ")} if "Ctrl" in keys else set(keys.split())


def test_no_key_is_used_twice():
    listed = [
        letters_of(keys)
        for name, table in (("controls.js", "KEYS"), ("tiers/coding.js", "TIER_KEYS"))
        for keys in re.findall(r'^  \["([^"]+)", "', re.search(rf"const {table} = \[\n(.*?)^\];", MODULES[name], re.S | re.M)[1], re.M)
    ]
    assert len(listed) > 15
    every = [key for keys in listed for key in keys]
    assert len(every) == len(set(every)), sorted(every)
    handled = re.search(r"const LETTERS = \{\n(.*?)^\};", MODULES["events.js"], re.S | re.M)[1]
    letters = re.findall(r'^  "?(\S+?)"?: ', handled, re.M)
    coded = re.findall(r'key === "(\w)"\)', MODULES["tiers/coding.js"])
    assert len(letters) == len(set(letters)) and {"s", "d", "t"} == set(coded) and not set(coded) & set(letters)
    shown = {key.lower().replace("−", "-") for key in every} | {"=", "escape"}
    assert {key.lower() for key in (*letters, *coded)} <= shown
