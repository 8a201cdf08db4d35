"""Whether 3D heads look to the tracker as they are: shapes, alignment and faces at rest, of 200 heads (STAVIS_HEADS_PEOPLE: how many)."""

import os

from stavis.evaluation.heads_gate import heads_gate
from stavis.progress import bar


def main() -> None:
    """Print the gate's tables, and whether it holds."""
    with bar("heads through the tracker") as progress:
        gate = heads_gate(int(os.environ.get("STAVIS_HEADS_PEOPLE", "200")), progress=progress)
    print(gate)
    print("\nthe gate holds" if gate.holds else "\nthe gate does not hold")
