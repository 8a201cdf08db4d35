"""What a method says of itself to a user who has to choose: its name, its price and what is known against it."""

from collections.abc import Callable


def described(label: str, cost: str, caution: str = "", *, attention: bool = False) -> Callable:
    """Give a method its `label`, `cost` (in runs or gradients of the network), `caution`, and whether it needs an attention module."""

    def mark(method: Callable) -> Callable:
        method.label, method.cost, method.caution, method.needs_attention = label, cost, caution, attention
        return method

    return mark
