"""The systems: each row of the tables (stavis.models.published) with the network and the configs that build it."""

from dataclasses import dataclass, replace

from torch import nn

from stavis.errors import StavisError, offer
from stavis.models.cnn import CNN, CNN_PRESETS, CNNConfig
from stavis.models.published import ROWS, SystemRow
from stavis.models.recurrent import CNNLSTM, CNNRNN, CNNLSTMConfig, CNNRNNConfig, DescriptorLSTM, LSTMConfig
from stavis.models.sta import CNN3D, PRESETS, STA, STAConfig
from stavis.models.svr import SVRConfig, SVRNetwork


@dataclass(frozen=True, kw_only=True)
class System(SystemRow):
    """A row of the tables that can be built: the class of its network, of its config, and its configs by preset."""

    network: type[nn.Module]
    config: type
    presets: dict

    def preset(self, name: str):
        """A config by its name.

        Raises StavisError that lists the names where there is none.
        """
        if name not in self.presets:
            raise StavisError(f"{self.name} has no preset {name!r}: {offer(name, self.presets)}")
        return self.presets[name]


def _rates(config) -> dict:
    """A config of descriptors as its presets: at 6.25 and at 25 frames/s."""
    return {"small": config(6.25), "paper": config(25.0)}


def _ablation(**changes) -> tuple:
    """STA with some settings changed, in every preset."""
    return STA, STAConfig, {name: replace(config, **changes) for name, config in PRESETS.items()}


_EPS = {"pooling": 0.64, "units": (64,)}

_BUILT = {
    "lgbptop-svr": (SVRNetwork, SVRConfig, _rates(lambda rate: SVRConfig(rate=rate))),
    "cnn": (CNN, CNNConfig, CNN_PRESETS),
    "cnn-rnn-1s": (
        CNNRNN,
        CNNRNNConfig,
        {"small": CNNRNNConfig(vision=64, rate=6.25, memory=1.0), "paper": CNNRNNConfig(memory=1.0)},
    ),
    "cnn-rnn-4s": (
        CNNRNN,
        CNNRNNConfig,
        {"small": CNNRNNConfig(vision=64, rate=6.25, memory=4.0, seconds=8.0), "paper": CNNRNNConfig(memory=4.0, seconds=8.0)},
    ),
    "lgbptop-lstm": (DescriptorLSTM, LSTMConfig, _rates(lambda rate: LSTMConfig(rate=rate, smoothing=0.3))),
    "lgbptop-bilstm": (
        DescriptorLSTM,
        LSTMConfig,
        _rates(lambda rate: LSTMConfig(rate=rate, units=(48, 48), bidirectional=True, smoothing=0.5)),
    ),
    "lgbptop-lstm-eps": (DescriptorLSTM, LSTMConfig, _rates(lambda rate: LSTMConfig(rate=rate, **_EPS))),
    "cnn-lstm-eps": (
        CNNLSTM,
        CNNLSTMConfig,
        {"small": CNNLSTMConfig(vision=64, rate=6.25, seconds=20.0, **_EPS), "paper": CNNLSTMConfig(seconds=20.0, **_EPS)},
    ),
    "bovw-svr": (SVRNetwork, SVRConfig, _rates(lambda rate: SVRConfig(inputs=100, rate=rate))),
    "bovw-lstm": (DescriptorLSTM, LSTMConfig, _rates(lambda rate: LSTMConfig(inputs=100, units=(64, 32), dropout=0.1, rate=rate))),
    "cnn3d": (CNN3D, STAConfig, PRESETS),
    "sta": (STA, STAConfig, PRESETS),
    "sta-2d": _ablation(memory="none"),
    "sta-uniform": _ablation(normalisation="uniform"),
    "sta-sigmoid": _ablation(normalisation="sigmoid"),
    "sta-residual": _ablation(residual=True),
    "sta-deep": _ablation(depth=2),
    "sta-long": _ablation(seconds=8.0),
}

CONTRASTS = {"crop_size": 64, "vision": 48}
"""The preset `contrasts`: that of `small` with smaller crops (px) at which it looks at 48 px, so that a bench of all rows fits into a night
and into 4 GB."""


def _presets(given: dict) -> dict:
    """The presets of a system with `contrasts` among them."""
    small = given["small"]
    return {**given, "contrasts": replace(small, **{name: value for name, value in CONTRASTS.items() if hasattr(small, name)})}


SYSTEMS = {
    name: System(**vars(ROWS[name]), network=network, config=config, presets=_presets(presets))
    for name, (network, config, presets) in _BUILT.items()
}
"""All systems by name, in the order of the tables."""


def system(name: str) -> System:
    """The system of that name.

    Raises StavisError that lists the names where there is none.
    """
    if name not in SYSTEMS:
        raise StavisError(f"there is no system {name!r}: {offer(name, SYSTEMS)}")
    return SYSTEMS[name]
