"""Names of files as text that can be printed anywhere: bytes that are no UTF-8 are shown as backslash escapes."""

import re

_ESCAPED = re.compile("[\ud800-\udfff]")


def printable(text: object) -> str:
    r"""The text of a name or a sentence, with each byte that is no UTF-8 (a surrogate, as Python holds it) written as `\xe9`."""
    return _ESCAPED.sub(_escape, str(text))


def _escape(found: re.Match) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def printable_json(text: str) -> str:
    """JSON with such names in it as JSON that can be written as UTF-8: read again, they are what `printable` gives."""
    return _ESCAPED.sub(lambda found: "\\" + _escape(found), text)
