"""What there is: the systems of the tables as plain values."""

from stavis.models.published import systems as list_systems

__all__ = ["list_systems"]
