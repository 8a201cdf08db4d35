"""The systems that stavis trains, by the name that commands and checkpoints use."""

from dataclasses import dataclass

from torch import nn

from stavis.errors import StavisError
from stavis.models.sta import CNN3D, PRESETS, STA, STAConfig


@dataclass(frozen=True)
class System:
    """One row of the paper's tables: what it is called there, and the class and config that build it."""

    name: str
    row: str
    network: type[nn.Module]
    config: type
    presets: dict

    def preset(self, name: str):
        """A config by its name.

        Raises StavisError that lists the names where there is none.
        """
        if name not in self.presets:
            raise StavisError(f"{self.name} has no preset {name!r}: choose one of {', '.join(self.presets)}.")
        return self.presets[name]


SYSTEMS = {
    "sta": System("sta", "3D-CNN + STA (~4 s)", STA, STAConfig, PRESETS),
    "cnn3d": System("cnn3d", "3D-CNN", CNN3D, STAConfig, PRESETS),
}


def system(name: str) -> System:
    """The system of that name.

    Raises StavisError that lists the names where there is none.
    """
    if name not in SYSTEMS:
        raise StavisError(f"there is no system {name!r}: choose one of {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]
