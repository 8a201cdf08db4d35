"""What there is: the systems of the tables as plain values."""

from stavis.models.systems import SYSTEMS


def list_systems() -> list[dict]:
    """Every system in the tables' order: name, row, table, published figures by data set, parameters of its small preset."""
    return [
        {"name": one.name, "row": one.row, "table": one.table, "published": one.published, "parameters": one.parameters()}
        for one in SYSTEMS.values()
    ]
