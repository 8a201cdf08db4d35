"""What a reader sees over a column: titles in plain words, where the keys in files are names of programs."""

from collections.abc import Hashable

_TITLES = {
    "p_holm": "p (Holm)",
    "jsd": "divergence (bits)",
    "spearman": "rank correlation",
    "top_iou": "shared top",
    "cc": "correlation",
    "image_left": "image left",
    "less_sta": "minus STA",
    "less": "minus STA",
}
_ENDS = {"_low": "from", "_high": "to"}


def column_title(key: Hashable) -> Hashable:
    """The title of a column: `p_holm` is "p (Holm)", `share_low` "share from", `image_left_high` "image left to"; what is no text stays."""
    if not isinstance(key, str):
        return key
    for end, word in _ENDS.items():
        if key.endswith(end) and len(key) > len(end):
            return f"{column_title(key.removesuffix(end))} {word}"
    return _TITLES.get(key) or key.replace("_", " ")
