"""The rows of the paper's two tables, and two more, as plain values: names, what each reads, and what was published of it.

The published metrics (valence, video only, development sets of RECOLA in AV+EC 2015 and of SEWA in AV+EC'17) stand beside measured
ones; nothing is tuned by them. Nothing here imports torch: the networks and their configs are in stavis.models.systems.

References
----------
Lee, Kim, Kim, Sohn: Spatiotemporal attention based deep neural networks for emotion recognition. ICASSP 2018.
"""

from dataclasses import dataclass, field

SETS = ("recola", "avec2017")
"""The two sets of published metrics: RECOLA (AV+EC 2015) and SEWA (AV+EC'17)."""


@dataclass(frozen=True)
class SystemRow:
    """One row: its name here and in the paper, its size, what it reads, and its published metrics.

    parameters: how many numbers training sets in the network of the preset "small". reads: 'frames', or the descriptors 'lgbptop' or
    'bags'. needs: the system whose trained network it is built on ('' for none). table: where the row stands in the paper ('' where it
    does not). published: rmse, cc, ccc by set, None where not published. ablation: of `sta`, not a row of the tables.
    """

    name: str
    row: str
    parameters: int
    reads: str = "frames"
    needs: str = ""
    table: str = ""
    published: dict[str, dict[str, float | None]] = field(default_factory=dict)
    ablation: bool = False


def _metrics(recola: str = "", avec2017: str = "") -> dict[str, dict[str, float | None]]:
    """Published metrics from text such as '.117 .358 .273' (rmse, cc, ccc; - where none)."""
    found = {}
    for name, text in zip(SETS, (recola, avec2017), strict=True):
        if text:
            values = [None if word == "-" else float(word) for word in text.split()]
            found[name] = dict(zip(("rmse", "cc", "ccc"), values, strict=True))
    return found


_RECOLA, _AVEC, _BOTH = "RECOLA", "AV+EC'17", "RECOLA, AV+EC'17"

_LISTED = (
    SystemRow("lgbptop-svr", "Baseline (AV+EC 2015)", 169, "lgbptop", "", _RECOLA, _metrics(".117 .358 .273")),
    SystemRow("cnn", "CNN; 2D-CNN", 1333849, "frames", "", _BOTH, _metrics(".113 .426 .326", ".114 .564 .528")),
    SystemRow("cnn-rnn-1s", "CNN + RNN (~1 s)", 1414550, "frames", "cnn", _RECOLA, _metrics(".111 .501 .474")),
    SystemRow("cnn-rnn-4s", "CNN + RNN (~4 s)", 1414550, "frames", "cnn", _BOTH, _metrics(".108 .544 .506", ".104 .616 .588")),
    SystemRow("lgbptop-lstm", "LGBP-TOP + LSTM", 59969, "lgbptop", "", _RECOLA, _metrics(".114 .430 .354")),
    SystemRow("lgbptop-bilstm", "LGBP-TOP + Bi-Dir. LSTM", 139873, "lgbptop", "", _RECOLA, _metrics(".105 .501 .346")),
    SystemRow("lgbptop-lstm-eps", "LGBP-TOP + LSTM + ε-loss", 59969, "lgbptop", "", _RECOLA, _metrics(".121 .488 .463")),
    SystemRow("cnn-lstm-eps", "CNN + LSTM + ε-loss", 1427610, "frames", "cnn", _RECOLA, _metrics(".116 .561 .538")),
    SystemRow("bovw-svr", "Baseline (AVEC 2017)", 101, "bags", "", _AVEC, _metrics("", "- - .400")),
    SystemRow("bovw-lstm", "Recogniser of AVEC 2019 (not in the paper)", 55073, "bags"),
    SystemRow("cnn3d", "3D-CNN", 300401, "frames", "", f"{_RECOLA} (ablation)", _metrics(".104 .510 .493")),
    SystemRow("sta", "3D-CNN + STA (~4 s)", 477786, "frames", "", _BOTH, _metrics(".102 .572 .546", ".099 .638 .612")),
    SystemRow("sta-2d", "STA without memory (2D attention)", 362442, ablation=True),
    SystemRow("sta-uniform", "STA with uniform attention", 477786, ablation=True),
    SystemRow("sta-sigmoid", "STA with sigmoid in place of softmax", 477786, ablation=True),
    SystemRow("sta-residual", "STA with residual attention 1 + A", 477786, ablation=True),
    SystemRow("sta-deep", "STA with two ConvLSTM layers at each size", 570138, ablation=True),
    SystemRow("sta-long", "STA with a longer memory (~8 s)", 477786, ablation=True),
)

ROWS = {row.name: row for row in _LISTED}
"""All rows by name, in the order of the tables, the ablations after them."""
TABLE_ROWS = tuple(name for name, row in ROWS.items() if not row.ablation)
"""The rows of the tables by name."""


def systems() -> list[dict]:
    """Every system that can be trained: the rows of the tables in their order, then the ablations of STA.

    Returns
    -------
    list of dict
        `name`, `row` (its name in the paper), `table` (where it stands there), `published` (rmse, cc, ccc by data set) and `parameters`
        of its small preset.

    Examples
    --------
    >>> [one["name"] for one in stavis.systems()][10:13]
    ['cnn3d', 'sta', 'sta-2d']
    """
    return [
        {"name": one.name, "row": one.row, "table": one.table, "published": one.published, "parameters": one.parameters}
        for one in ROWS.values()
    ]
