"""What a bench is asked to do: the data it stands on, the systems, and how each is trained in a preset."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from stavis.bench.trainers.sequence_heads import HeadConfig
from stavis.bench.trainers.single_frames import PUBLISHED, FrameConfig
from stavis.data.datasets.labels import LabelConfig
from stavis.errors import StavisError, offer
from stavis.models.published import TABLE_ROWS
from stavis.models.systems import SYSTEMS
from stavis.storage.files import content_hash, read_json
from stavis.timeline import MAX_GAP
from stavis.training.config import TrainingConfig
from stavis.training.plateau import PlateauConfig

LABELS = ("auto", "given", "raters")
"""Where the gold is from: the recordings' own labels, the raters' gold standard, or (auto) the raters' for synthetic data, else the own."""

AVEC_2019_DELAY = 2.0
"""The s by which the recogniser of AVEC 2019 moves its labels, whatever is found on dev; a delay that is given holds for it, too."""


@dataclass(frozen=True)
class SystemConfig:
    """How a system is trained: by `clips` end to end, by `frames` one at a time, or by `head` over features computed beforehand."""

    clips: TrainingConfig | None = None
    frames: FrameConfig | None = None
    head: HeadConfig | None = None
    delay: float | None = None


PLATEAU = PlateauConfig()
"""The one rule by which every system is trained until it gains no more; what its steps are fractions of is the cap of each."""
_FEWEST_CHECKS = 2

_CLIPS = TrainingConfig(steps=800, batch=24, seconds=0.96, augment=0.0, feature_noise=4.0, plateau=PLATEAU)
_SMALL = {
    "cnn": SystemConfig(frames=FrameConfig(steps=280, plateau=PLATEAU)),
    "cnn-rnn-1s": SystemConfig(head=HeadConfig(epochs=12, batch=128)),
    "cnn-rnn-4s": SystemConfig(head=HeadConfig(epochs=8, batch=128)),
    "cnn-lstm-eps": SystemConfig(head=HeadConfig(loss="epsilon", learning_rate=3e-3)),
    "lgbptop-lstm": SystemConfig(head=HeadConfig(learning_rate=3e-3)),
    "lgbptop-bilstm": SystemConfig(head=HeadConfig(learning_rate=3e-3)),
    "lgbptop-lstm-eps": SystemConfig(head=HeadConfig(loss="epsilon", learning_rate=3e-3)),
    "bovw-lstm": SystemConfig(head=HeadConfig(loss="ccc-each", optimiser="rmsprop", weight_decay=0.0), delay=AVEC_2019_DELAY),
    "lgbptop-svr": SystemConfig(),
    "bovw-svr": SystemConfig(),
}
_LONG = TrainingConfig(steps=20000, batch=8, seconds=4.0, loss="mse", save_every=500, plateau=PLATEAU)
_PAPER = {
    **{
        name: dataclasses.replace(recipe, head=recipe.head and dataclasses.replace(recipe.head, epochs=100))
        for name, recipe in _SMALL.items()
    },
    "cnn": SystemConfig(frames=PUBLISHED),
}
_LOSS = "mse+ccc"
FEWER_CHECKS = PlateauConfig(checks=16, patience=3)
"""The same rule with fewer checks: each reads all of dev, which in these short trainings would take as long as the steps."""
_HEAD = HeadConfig(epochs=24, batch=128, loss=_LOSS)
_SEQUENCES = HeadConfig(loss=_LOSS, learning_rate=3e-3)
_CONTRASTS = {
    "cnn": SystemConfig(frames=FrameConfig(steps=800, batch=64, loss=_LOSS, learning_rate=3e-4)),
    "cnn-rnn-1s": SystemConfig(head=_HEAD),
    "cnn-rnn-4s": SystemConfig(head=_HEAD),
    **{name: recipe for name, recipe in _SMALL.items() if "eps" in name or "svr" in name},
    **dict.fromkeys(("lgbptop-lstm", "lgbptop-bilstm", "bovw-lstm"), SystemConfig(head=_SEQUENCES)),
}
_WHOLE = TrainingConfig(
    steps=1000, batch=8, seconds=4.0, augment=0.0, learning_rate=1e-3, loss=_LOSS, feature_noise=0.0, entropy_weight=0.0, plateau=PLATEAU
)
"""Windows of 4 s, and nothing that one row has and another cannot have."""
RECIPES = {
    "small": {name: _SMALL.get(name, SystemConfig(clips=_CLIPS)) for name in SYSTEMS},
    "paper": {name: _PAPER.get(name, SystemConfig(clips=_LONG)) for name in SYSTEMS},
    "contrasts": {name: _CONTRASTS.get(name, SystemConfig(clips=_WHOLE)) for name in SYSTEMS},
}
"""How each system is trained in each preset; one that stands nowhere above is a network of clips, and all of these are trained alike.
`small` is meant for two cores and a data set of one's own, `contrasts` for the synthetic data of the contrasts, `paper` for a GPU."""


@dataclass(frozen=True)
class Choice:
    """What the small search on dev chose for a system: the factor on its learning rate, and the fraction of augmentation."""

    rate: float = 1.0
    augment: float = 0.0


RATES = (1.0, 1 / 3, 3.0)
AUGMENT = 0.3
"""The search, the same for every system: three learning rates, the recipe's own first, then augmentation at the best of them."""
SEARCH_SCALE = 0.25
"""The fraction of the cap on training that each trial of the search gets."""
SEARCH_GAIN = 0.05
"""The CCC on dev by which a trial has to be above the recipe as it is: less is noise where little was learned yet."""
SEARCH_SEED = 1000
"""The seed of the trials: one that no run of the bench has."""


@dataclass(frozen=True)
class BenchConfig:
    """Everything that decides what a bench finds. A folder that was begun with another plan is not gone on with.

    data: the folder; data_hash: of its files' names, sizes and labels; systems, seeds: what is trained; delay: s, or None to find it
    on development; labels: out of LABELS; fill: what stands in where no face is; split: what is scored ('' = test, else dev).
    scale: the fraction of all training steps that is done (1 = all; less is for trials). reference: the system that all others are
    contrasted with, named before anything is trained. fold, exclude, time_unit, label_scale (its
    `scale`), max_gap: as in `read_dataset`. search: whether learning rate and augmentation are searched on dev; postprocess: whether
    predictions are post-processed as the dev split wants it; whole: whether networks of clips read a recording in one window;
    caps: (system, cap on its training) where that is not the preset's.
    """

    data: str
    data_hash: str
    systems: tuple[str, ...]
    seeds: int = 3
    dimension: str = "valence"
    preset: str = "small"
    delay: float | None = None
    labels: str = "auto"
    fill: str = "interpolate"
    split: str = ""
    source: str = "auto"
    scale: float = 1.0
    device: str = "auto"
    version: str = ""
    reference: str = "sta"
    fold: int | None = None
    exclude: str | None = None
    exclude_hash: str | None = None
    time_unit: str = ""
    label_scale: tuple[float, float] | None = None
    max_gap: float | None = MAX_GAP
    search: bool = True
    postprocess: bool = True
    whole: bool = False
    caps: tuple[tuple[str, int], ...] = ()

    def __post_init__(self):
        reading = self.reading
        object.__setattr__(self, "label_scale", reading.scale)
        object.__setattr__(self, "max_gap", reading.max_gap)
        if self.preset not in RECIPES:
            raise StavisError(f"there is no preset {self.preset!r}: {offer(self.preset, RECIPES)}")
        if self.labels not in LABELS:
            raise StavisError(f"labels cannot be {self.labels!r}: {offer(self.labels, LABELS)}")
        if self.reference not in SYSTEMS:
            raise StavisError(f"there is no system {self.reference!r} to contrast with: {offer(self.reference, SYSTEMS)}")
        if not 1 <= self.seeds <= 100:
            raise StavisError(f"{self.seeds} seeds cannot be trained: give a number from 1 to 100.")
        if self.delay is not None and not 0 <= self.delay <= 10:
            raise StavisError(f"a delay of {self.delay} s is outside 0 to 10 s: give one inside, or leave it to be found.")
        if not 0 < self.scale <= 1:
            raise StavisError(f"a scale of {self.scale} cannot be: give the part of the training steps to do, above 0 and up to 1.")

    @property
    def reading(self) -> LabelConfig:
        """How label files are read."""
        return LabelConfig(self.time_unit, self.label_scale and tuple(self.label_scale), self.max_gap)

    def recipe(self, system: str, choice: Choice = Choice(), scale: float = 1.0) -> SystemConfig:
        """How a system is trained under this plan, with what the search chose; scale: a further fraction of its cap."""
        recipe, part = RECIPES[self.preset][system], self.scale * scale

        # a check reads all of dev, which takes as long as some steps: a short training has as many checks a step as a long one
        rule = FEWER_CHECKS if self.preset == "contrasts" else PLATEAU
        fewer = dataclasses.replace(rule, checks=max(_FEWEST_CHECKS, round(rule.checks * part)))

        def changed(config, cap: str):
            if config is None:
                return None
            cap_then = max(1, round(dict(self.caps).get(system, getattr(config, cap)) * part))
            rate = config.learning_rate * choice.rate
            return dataclasses.replace(config, **{cap: cap_then}, learning_rate=rate, augment=choice.augment, plateau=fewer)

        clips = changed(recipe.clips, "steps")
        if clips:
            clips = _reaching(clips, SYSTEMS[system].preset(self.preset).seconds / SYSTEMS["sta"].preset(self.preset).seconds)
        return dataclasses.replace(recipe, clips=clips, frames=changed(recipe.frames, "steps"), head=changed(recipe.head, "epochs"))

    def as_json(self) -> dict:
        """The plan as JSON values, with what `preset` stands for."""
        recipes = {name: dataclasses.asdict(self.recipe(name)) for name in self.systems}
        return json.loads(json.dumps({**dataclasses.asdict(self), "recipes": recipes}))


def _reaching(clips: TrainingConfig, times: float) -> TrainingConfig:
    """The same training over windows so many times as long, of which a step sees as many fewer: no row sees more frames than another."""
    return dataclasses.replace(clips, seconds=clips.seconds * times, batch=max(1, round(clips.batch / times)))


def read_plan(folder: str | Path) -> BenchConfig:
    """The plan that a bench's folder was begun with.

    Raises StavisError where it is none of this version.
    """
    path = Path(folder) / "plan.json"
    told = read_json(path)
    try:
        fields = {field.name: told[field.name] for field in dataclasses.fields(BenchConfig)}
        caps = tuple((name, cap) for name, cap in fields["caps"])
        return BenchConfig(**{**fields, "systems": tuple(fields["systems"]), "caps": caps})
    except (KeyError, TypeError) as error:
        raise StavisError(f"{path} is no plan of a bench of this version ({error}): choose another folder.") from error


def chosen_systems(names: str) -> tuple[str, ...]:
    """The systems of 'all' (the rows of the tables) or of names separated by commas, in the tables' order.

    Raises StavisError that lists the names where one is unknown or none is given.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if wanted == ["all"]:
        return TABLE_ROWS
    unknown = [name for name in wanted if name not in SYSTEMS]
    if unknown or not wanted:
        message = f"there is no system {unknown[0]!r}" if unknown else "no system is given"
        remedy = offer(unknown[0] if unknown else "", SYSTEMS, also="several separated by commas, or all")
        raise StavisError(f"{message}: {remedy}")
    return tuple(name for name in SYSTEMS if name in wanted)


def folder_hash(root: Path) -> str:
    """What tells one data set from another: a synthetic one's own hash, else of all files' names and sizes and the small text files."""
    described = root / "dataset.json"
    if described.is_file():
        told = read_json(described)
        if isinstance(told, dict) and told.get("hash"):
            return str(told["hash"])
    parts: list[str | bytes] = []
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")):
        size = path.stat().st_size
        parts.append(f"{path.relative_to(root).as_posix()} {size}")
        if path.suffix.lower() in (".csv", ".tsv", ".txt", ".json", ".arff") and size < 1 << 22:
            parts.append(path.read_bytes())
    return content_hash(*parts)


def hash_of(path: str | Path) -> str:
    """The sha256 of a small file.

    Raises StavisError where it cannot be read.
    """
    try:
        return content_hash(Path(path))
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): give the path of a CSV file.") from error
