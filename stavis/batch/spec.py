"""What a study is: a notebook, its parameters, the recordings, what to vary. Read from YAML that is not trusted."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stavis.batch.parameters import Plain, Scalar
from stavis.batch.shipped import shipped_specs
from stavis.errors import StavisError

LARGEST = 1 << 20  # bytes of a spec


def _scalar(value: Any) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a finite number")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError(f"is a {type(value).__name__}: give text (in quotes), a number, true, false or null")
    return value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Value = Annotated[Any, BeforeValidator(_scalar)]
Patterns = Annotated[list[str], BeforeValidator(_list), Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Recordings(_Strict):
    """Which recordings: exactly one of glob (patterns), csv (a table with the column `recording`), folder, drawn (how many faces).

    split chooses from a folder or from drawn ones. parameter: which parameter of the notebook takes the path of the video.
    """

    glob: Patterns | None = None
    csv: str | None = None
    folder: str | None = None
    drawn: int | None = Field(None, ge=8, le=100_000)
    split: str | None = None
    parameter: str = "video"

    @model_validator(mode="after")
    def _one_source(self):
        given = [name for name in ("glob", "csv", "folder", "drawn") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of glob, csv, folder, drawn (here: {', '.join(given) or 'none'})")
        if self.split is not None and given[0] in ("glob", "csv"):
            raise ValueError("split goes with folder or drawn")
        return self


def _recordings(value: Any) -> Any:
    return {"glob": value} if isinstance(value, str | list) else value


class StudyConfig(_Strict):
    """A study. Paths in it are relative to the folder of its file.

    notebook: a name that `stavis lab` shows (explore, compare, ...) or the path of an .ipynb file; out: where the reports go; timeout:
    seconds that a report may take; output_mb: how much a notebook may show; memory_gb: what one report needs, which with the cores
    decides how many run at a time; publish: a place that papermill writes to (s3://, gs://, abs:// ...) for copies of what is done.
    """

    notebook: str = Field(min_length=1)
    title: str = ""
    recordings: Annotated[Recordings | None, BeforeValidator(_recordings)] = None
    parameters: dict[str, Value] = Field(default_factory=dict)
    vary: dict[str, Annotated[list[Value], Field(min_length=1)]] = Field(default_factory=dict)
    out: str = ""
    timeout: float = Field(3600, gt=0, le=30 * 86400)
    output_mb: float = Field(64, gt=0, le=1024)
    memory_gb: float = Field(2, gt=0)
    publish: str = ""

    @model_validator(mode="after")
    def _no_doubles(self):
        for name, values in self.vary.items():
            if len({(type(value), value) for value in values}) < len(values):
                raise ValueError(f"vary.{name} names a value twice")
            if name in self.parameters:
                raise ValueError(f"{name} stands in parameters and in vary: keep one of them")
        return self


def read_config(path: str | Path) -> StudyConfig:
    """The spec in a YAML file.

    Raises StavisError with file, line and field where it is missing, too large, no YAML, has a key twice or an alias, or a field is
    unknown or of a wrong kind.
    """
    path = Path(path)
    text = _text(path)
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            value = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = "a tab: indent with spaces" if "'\\t'" in str(error.problem) else f"{error.problem or error.context}: fix it there"
        raise StavisError(f"{path}, line {line}: {message}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = "nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
        raise StavisError(f"{path} is not YAML that can be read ({message}): write it as in {shipped_specs()['demo']}.") from error
    if isinstance(value, dict):
        _as_typed(root, value)
    else:
        raise StavisError(f"{path} holds no fields: write at least `notebook: explore`.")
    return checked_config(value, str(path), _lines(root))


def checked_config(value: dict, where: str, lines: dict[tuple, int] | None = None) -> StudyConfig:
    """A spec made of plain values; `lines` tells in which line a field stands.

    Raises StavisError for the first field that is wrong.
    """
    try:
        return StudyConfig.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(part for part in first["loc"] if not str(part).startswith("function-"))
        line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), None) if lines else None
        field = ".".join(str(part) for part in place) or "the spec"
        message = {"extra_forbidden": "is no field of a spec", "missing": "is missing"}.get(
            first["type"], first["msg"].removeprefix("Value error, ")
        )
        raise StavisError(f"{where}{f', line {line}' if line else ''}: {field}: {message}: see {shipped_specs()['demo']}.") from error


def _as_typed(root: yaml.MappingNode, value: dict) -> None:
    """Put the values of parameters and vary back as they were typed, where no quotes make them text: the notebook decides their type."""

    def typed(node: yaml.Node, known: Any) -> Any:
        plain = isinstance(node, yaml.ScalarNode) and node.style is None and known is not None
        return Plain(node.value) if plain else known

    for key, fields in root.value:
        known = value.get(key.value)
        if key.value not in ("parameters", "vary") or not isinstance(fields, yaml.MappingNode) or not isinstance(known, dict):
            continue
        for name, node in fields.value:
            if name.value not in known:
                continue
            if key.value == "parameters":
                known[name.value] = typed(node, known[name.value])
            elif isinstance(node, yaml.SequenceNode):
                known[name.value] = [typed(*pair) for pair in zip(node.value, known[name.value], strict=True)]


class _Loader(yaml.SafeLoader):
    """Safe YAML 1.2 (010, 1:30 and NO are text) without aliases (a few lines of them unfold to gigabytes) and without double keys."""

    yaml_implicit_resolvers: ClassVar[dict] = {}

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"the alias *{event.anchor}: aliases are not read, write the value out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "a key that is no plain word", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", "~nN\0"),
    ("int", "[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
     "-+.0123456789"),
    ("merge", "<<", "<"),
):  # fmt: skip
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first.replace("\0", ""), ""])


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise StavisError(f"{path} is no file: give the path of a spec (.yaml) or a name: {', '.join(shipped_specs())}.")
        if path.stat().st_size > LARGEST:
            raise StavisError(f"{path} is larger than {LARGEST >> 20} MB: it is no spec; list recordings in a CSV beside it.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StavisError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        raise StavisError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}): check the path.") from error


def _lines(node: yaml.Node, before: tuple = ()) -> dict[tuple, int]:
    """In which line each field stands, by its place in the tree."""
    found = {before: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found |= _lines(value, (*before, key.value)) | {(*before, key.value): key.start_mark.line + 1}
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            found |= _lines(value, (*before, number))
    return found
