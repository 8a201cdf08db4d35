"""The rows of the paper's two tables, and two more: what each is, what it reads, and what was published of it.

The published figures (valence, video only, development sets of RECOLA in AV+EC 2015 and of SEWA in AV+EC'17) stand beside measured
ones; nothing is tuned by them.

References
----------
Lee, Kim, Kim, Sohn: Spatiotemporal attention based deep neural networks for emotion recognition. ICASSP 2018.
"""

from dataclasses import dataclass, field

from torch import nn

from stavis.errors import StavisError
from stavis.models.cnn import CNN, CNN_PRESETS, CNNConfig
from stavis.models.recurrent import CNNLSTM, CNNRNN, CNNLSTMConfig, CNNRNNConfig, DescriptorLSTM, LSTMConfig
from stavis.models.sta import CNN3D, PRESETS, STA, STAConfig
from stavis.models.svr import SVRConfig, SVRNetwork

SETS = ("recola", "avec2017")
"""The two sets of published figures: RECOLA (AV+EC 2015) and SEWA (AV+EC'17)."""


@dataclass(frozen=True)
class System:
    """One row: its name here and in the paper, the class and configs that build it, what it reads, and its published figures.

    reads: 'frames', or the descriptors 'lgbptop' or 'bags'. needs: the system whose trained network it is built on ('' for none).
    table: where the row stands in the paper ('' where it does not). published: rmse, cc, ccc by set, None where not published.
    """

    name: str
    row: str
    network: type[nn.Module]
    config: type
    presets: dict
    reads: str = "frames"
    needs: str = ""
    table: str = ""
    published: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def preset(self, name: str):
        """A config by its name.

        Raises StavisError that lists the names where there is none.
        """
        if name not in self.presets:
            raise StavisError(f"{self.name} has no preset {name!r}: choose one of {', '.join(self.presets)}.")
        return self.presets[name]

    def parameters(self, preset: str = "small") -> int:
        """How many numbers training sets, in the network of a preset."""
        return sum(parameter.numel() for parameter in self.network(self.preset(preset)).parameters())


def _figures(recola: str = "", avec2017: str = "") -> dict[str, dict[str, float | None]]:
    """Published figures from text such as '.117 .358 .273' (rmse, cc, ccc; - where none)."""
    found = {}
    for name, text in zip(SETS, (recola, avec2017), strict=True):
        if text:
            values = [None if word == "-" else float(word) for word in text.split()]
            found[name] = dict(zip(("rmse", "cc", "ccc"), values, strict=True))
    return found


def _rates(config) -> dict:
    """A config of descriptors as its presets: at 6.25 and at 25 frames/s."""
    return {"small": config(6.25), "paper": config(25.0)}


_RECOLA, _AVEC, _BOTH = "RECOLA", "AV+EC'17", "RECOLA, AV+EC'17"
_EPS = {"pooling": 0.64, "units": (64,)}

_ROWS = (
    System(
        "lgbptop-svr", "Baseline (AV+EC 2015)", SVRNetwork, SVRConfig, _rates(lambda rate: SVRConfig(rate=rate)),
        "lgbptop", "", _RECOLA, _figures(".117 .358 .273"),
    ),
    System(
        "cnn", "CNN; 2D-CNN", CNN, CNNConfig, CNN_PRESETS,
        "frames", "", _BOTH, _figures(".113 .426 .326", ".114 .564 .528"),
    ),
    System(
        "cnn-rnn-1s", "CNN + RNN (~1 s)", CNNRNN, CNNRNNConfig,
        {"small": CNNRNNConfig(vision=64, rate=6.25, memory=1.0), "paper": CNNRNNConfig(memory=1.0)},
        "frames", "cnn", _RECOLA, _figures(".111 .501 .474"),
    ),
    System(
        "cnn-rnn-4s", "CNN + RNN (~4 s)", CNNRNN, CNNRNNConfig,
        {"small": CNNRNNConfig(vision=64, rate=6.25, memory=4.0, seconds=8.0), "paper": CNNRNNConfig(memory=4.0, seconds=8.0)},
        "frames", "cnn", _BOTH, _figures(".108 .544 .506", ".104 .616 .588"),
    ),
    System(
        "lgbptop-lstm", "LGBP-TOP + LSTM", DescriptorLSTM, LSTMConfig, _rates(lambda rate: LSTMConfig(rate=rate, smoothing=0.3)),
        "lgbptop", "", _RECOLA, _figures(".114 .430 .354"),
    ),
    System(
        "lgbptop-bilstm", "LGBP-TOP + Bi-Dir. LSTM", DescriptorLSTM, LSTMConfig,
        _rates(lambda rate: LSTMConfig(rate=rate, units=(48, 48), bidirectional=True, smoothing=0.5)),
        "lgbptop", "", _RECOLA, _figures(".105 .501 .346"),
    ),
    System(
        "lgbptop-lstm-eps", "LGBP-TOP + LSTM + ε-loss", DescriptorLSTM, LSTMConfig,
        _rates(lambda rate: LSTMConfig(rate=rate, **_EPS)), "lgbptop", "", _RECOLA, _figures(".121 .488 .463"),
    ),
    System(
        "cnn-lstm-eps", "CNN + LSTM + ε-loss", CNNLSTM, CNNLSTMConfig,
        {"small": CNNLSTMConfig(vision=64, rate=6.25, seconds=20.0, **_EPS), "paper": CNNLSTMConfig(seconds=20.0, **_EPS)},
        "frames", "cnn", _RECOLA, _figures(".116 .561 .538"),
    ),
    System(
        "bovw-svr", "Baseline (AVEC 2017)", SVRNetwork, SVRConfig, _rates(lambda rate: SVRConfig(inputs=100, rate=rate)),
        "bags", "", _AVEC, _figures("", "- - .400"),
    ),
    System(
        "bovw-lstm", "Recogniser of AVEC 2019 (not in the paper)", DescriptorLSTM, LSTMConfig,
        _rates(lambda rate: LSTMConfig(inputs=100, units=(64, 32), dropout=0.1, rate=rate)), "bags",
    ),
    System(
        "cnn3d", "3D-CNN", CNN3D, STAConfig, PRESETS,
        "frames", "", f"{_RECOLA} (ablation)", _figures(".104 .510 .493"),
    ),
    System(
        "sta", "3D-CNN + STA (~4 s)", STA, STAConfig, PRESETS,
        "frames", "", _BOTH, _figures(".102 .572 .546", ".099 .638 .612"),
    ),
)  # fmt: skip

SYSTEMS = {row.name: row for row in _ROWS}
"""All systems by name, in the order of the tables."""


def system(name: str) -> System:
    """The system of that name.

    Raises StavisError that lists the names where there is none.
    """
    if name not in SYSTEMS:
        raise StavisError(f"there is no system {name!r}: choose one of {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]
