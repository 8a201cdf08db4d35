"""What is set of a training run."""

from dataclasses import dataclass, field
from math import inf

from stavis.errors import StavisError, offer
from stavis.training.augment import Jitter
from stavis.training.losses import LOSSES
from stavis.training.plateau import PlateauConfig

PRECISIONS = ("auto", "32-true", "bf16-mixed")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: the number of steps, the batches, the loss, the augmentation and what shapes the attention.

    Parameters
    ----------
    steps : int
        Training steps, one batch each.
    batch : int
        Windows per step.
    seconds : float
        Length of a training window in seconds.
    learning_rate : float
        Highest learning rate of the one-cycle schedule of AdamW.
    weight_decay : float
        Decoupled weight decay of all parameters but biases and normalisation.
    loss : str
        ``"mse"``, ``"ccc"`` (1 − CCC), ``"mse+ccc"`` or ``"epsilon"`` (ε-insensitive).
    clip_gradient : float
        Largest norm of the gradient.
    entropy_weight : float
        Weight of the attention's entropy (in [0,1]) in the loss. It grows to this value over the first half of the steps and makes
        the attention choose between locations; nothing tells it which to choose.
    feature_noise : float
        Noise on the attended features, in root mean squares of the features. It grows over the first half of the steps and falls
        to a quarter over the last; it makes the network attend to what it reads.
    consistency : float
        Weight of the squared difference between the predictions of two views of a window in the loss. Above 0 a batch is made of pairs:
        the same window changed twice by `jitter`, once mirrored. It teaches that mirroring, shift, zoom and light leave the value as it
        is, at the cost of half as many windows per step.
    epoch : int
        Steps between two validations on the development recordings.
    patience : int or None
        Stop after so many validations without a better CCC; None never stops early.
    plateau : PlateauConfig or None
        Train until the development CCC gains no more (see `stavis.training.plateau`), with `steps` as the cap; `epoch` and `patience`
        are then of no effect. None: all steps, with a one-cycle schedule of the learning rate.
    augment : float
        Fraction in [0,1] of `jitter` that is applied.
    jitter : Jitter
        Largest changes of light, colour, alignment and sharpness.
    seed : int
        Seed of the initial weights and of the windows.
    precision : str
        ``"auto"``, ``"32-true"`` or ``"bf16-mixed"``.
    workers : int
        Processes that load windows; 0 loads them in this one.
    save_every : int
        Steps between two resume points.

    Raises
    ------
    StavisError
        A number out of range, pairs (`consistency`) with an odd batch, or an unknown loss or precision.

    Examples
    --------
    >>> import stavis
    >>> training = stavis.TrainingConfig(steps=200, batch=4, loss="ccc")
    >>> training.steps, training.loss
    (200, 'ccc')
    """

    steps: int = 1600
    batch: int = 8
    seconds: float = 2.56
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    loss: str = "mse+ccc"
    clip_gradient: float = 1.0
    entropy_weight: float = 0.05
    feature_noise: float = 30.0
    consistency: float = 0.0
    epoch: int = 200
    patience: int | None = None
    plateau: PlateauConfig | None = None
    augment: float = 0.5
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0
    precision: str = "auto"
    workers: int = 0
    save_every: int = 50

    def __post_init__(self):
        for name in ("steps", "batch", "epoch", "save_every", "patience"):
            value = getattr(self, name)
            if not (value is None and name == "patience") and not value >= 1:
                raise StavisError(f"{name} is {value}: it must be at least 1.")
        for name in ("seconds", "learning_rate", "clip_gradient"):
            if not 0 < getattr(self, name) < inf:
                raise StavisError(f"{name} is {getattr(self, name)}: give a number above 0.")
        for name in ("weight_decay", "entropy_weight", "feature_noise", "consistency", "workers", "seed"):
            if not 0 <= getattr(self, name) < inf:
                raise StavisError(f"{name} is {getattr(self, name)}: it must be at least 0.")
        if not 0 <= self.augment <= 1:
            raise StavisError(f"augment is {self.augment}: give a fraction from 0 to 1.")
        if self.precision not in PRECISIONS:
            raise StavisError(f"there is no precision {self.precision!r}: {offer(self.precision, PRECISIONS)}")
        if self.consistency < 0 or (self.consistency and self.batch % 2):
            raise StavisError(
                f"consistency is {self.consistency:g} with a batch of {self.batch}: it must be at least 0, and pairs need an even batch."
            )
        if self.loss not in LOSSES:
            raise StavisError(f"there is no loss {self.loss!r}: {offer(self.loss, LOSSES)}")
