"""The parameters of a notebook: which it has, of which type each is, and what a given text or value becomes."""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from stavis.errors import StavisError, nearest
from stavis.printable import ShortRepr

Scalar = bool | int | float | str | None

UNKNOWN = object()
"""The default of a parameter whose value is no literal."""
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "text (in quotes)"}
_INT = re.compile(r"[-+]?\d{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LEADING_ZERO = re.compile(r"[-+]?0\d")
_MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


class Plain(str):
    """A value as it was typed, in the shell or unquoted in a spec: the parameter's own type decides what it is."""


@dataclass(frozen=True, repr=False)
class Parameter(ShortRepr):
    """A parameter of a notebook.

    default: UNKNOWN where it is no literal; value_type: None where none is known; choices: the values that its annotation names;
    optional: whether it may be None.
    """

    default: object = UNKNOWN
    value_type: type | None = None
    choices: tuple[Scalar, ...] = ()
    optional: bool = False

    def value(self, given: Scalar) -> Scalar:
        """What the given value is for this parameter.

        Raises ValueError that says what was expected where it does not fit.
        """
        if self.choices:
            return self._choice(given)
        if isinstance(given, Plain):
            return self._typed(str(given))
        if given is None or self.value_type is None:
            return given
        if self.value_type is float and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        if type(given) is not self.value_type:
            raise ValueError(_EXPECTED[self.value_type])
        return given

    def _choice(self, given: Scalar) -> Scalar:
        typed = isinstance(given, Plain)
        same = [one for one in self.choices if (str(one) == given if typed else type(one) is type(given) and one == given)]
        if given is None and self.optional:
            return None
        if not same:
            raise ValueError(f"one of {', '.join(map(repr, self.choices))}")
        return same[0]

    def _typed(self, text: str) -> Scalar:
        if self.value_type is str:
            return text
        if self.optional and text.lower() in ("none", "null", "~", ""):
            return None
        if self.value_type is None:
            return _guessed(text)
        if self.value_type is bool and text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        if self.value_type is int and _INT.fullmatch(text):
            return int(text)
        if self.value_type is float and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        raise ValueError(_EXPECTED[self.value_type])


def _guessed(text: str) -> Scalar:
    """What a text is where nothing is known of the parameter: a plain number, true, false, null, else the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() in ("null", "none"):
        return None
    if _LEADING_ZERO.match(text):
        return text
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else text


def parameters_of(node: NotebookNode, inspected: Mapping[str, Mapping]) -> dict[str, Parameter]:
    """The parameters in the cell tagged `parameters`, read from its syntax tree, in order.

    inspected: what papermill finds, taken where the cell is no Python. Comments and magics do not count.
    """
    cell = next((cell for cell in node.cells if "parameters" in cell.metadata.get("tags", [])), None)
    if cell is None:
        return {}
    try:
        if node.metadata.get("kernelspec", {}).get("language", "python").lower() not in ("python", ""):
            raise ValueError("another language")
        tree = ast.parse(_MAGIC.sub("", cell.source))
    except (SyntaxError, ValueError):
        return {name: _of_default(_literal_text(found["default"])) for name, found in inspected.items()}
    found: dict[str, Parameter] = {}
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            default = UNKNOWN if statement.value is None else _literal(statement.value)
            found[statement.target.id] = _annotated(statement.annotation, default)
        elif isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            found |= {name: _of_default(_literal(statement.value)) for name in names}
    return found


def _of_default(default: object) -> Parameter:
    return Parameter(default, type(default) if type(default) in _EXPECTED else None)


def _annotated(annotation: ast.expr, default: object) -> Parameter:
    """The parameter that an annotation describes; where it says nothing that is known, the default decides."""
    try:
        while isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
    except (SyntaxError, ValueError):
        return _of_default(default)
    members = _members(annotation)
    optional = default is None or any(_name(one) == "None" for one in members)
    known = [one for one in members if _name(one) != "None"]
    choices: list[Scalar] = []
    for one in known:
        if not (isinstance(one, ast.Subscript) and _name(one.value) == "Literal"):
            break
        values = one.slice.elts if isinstance(one.slice, ast.Tuple) else [one.slice]
        choices += [_literal(value) for value in values]
    else:
        if choices and UNKNOWN not in choices:
            return Parameter(default, choices=tuple(one for one in choices if one is not None), optional=optional or None in choices)
    types = {"bool": bool, "int": int, "float": float, "str": str}
    if len(known) == 1 and _name(known[0]) in types:
        return Parameter(default, types[_name(known[0])], optional=optional)
    return Parameter(default, _of_default(default).value_type, optional=optional)


def _members(annotation: ast.expr) -> list[ast.expr]:
    """The types of `A | B`, Union[A, B] and Optional[A], each on its own."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return [*_members(annotation.left), *_members(annotation.right)]
    if isinstance(annotation, ast.Subscript) and _name(annotation.value) in ("Union", "Optional"):
        inside = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        nothing = [ast.Constant(None)] if _name(annotation.value) == "Optional" else []
        return [member for one in inside for member in _members(one)] + nothing
    return [annotation]


def _name(node: ast.expr) -> str:
    """The last part of a dotted name, 'None' for None, '' for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and node.value is None:
        return "None"
    return node.id if isinstance(node, ast.Name) else ""


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _literal_text(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def checked(parameters: Mapping[str, Parameter], name: str, given: Scalar, where: str) -> Scalar:
    """The given value as the parameter called `name` of the notebook `where` wants it.

    Raises StavisError where there is no such parameter or the value does not fit its type.
    """
    if name not in parameters:
        known = ", ".join(parameters) or "none: tag a cell `parameters`"
        near = nearest(name, parameters)
        raise StavisError(
            f"{where} has no parameter {name!r} (it has {known}): {f'did you mean {near}?' if near else 'choose one of these.'}"
        )
    try:
        return parameters[name].value(given)
    except ValueError as error:
        shown = str(given) if isinstance(given, Plain) and _FLOAT.fullmatch(given) else repr(given)
        raise StavisError(f"parameter {name!r} of {where} is {shown[:200]}, expected {error}.") from None
