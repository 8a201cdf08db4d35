"""What a synthetic data set is asked to be: scenarios, counts, sizes, shares and the seed that fixes every pixel of it."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from stavis.errors import StavisError, offer
from stavis.storage.files import content_hash

SCENARIOS = ("mouth", "eyes", "switching", "motion", "occlusion", "distractor", "memory", "places", "cued")
"""Who carries the valence: the mouth; eyes and brows; both in turn; movement only; both while a hand passes; the mouth, with a
background that follows the valence in training only; what the face showed seconds ago; the better lit of mouth and eyes; the one of
them that an event has named."""

SPLITS = ("train", "dev", "test")
RENDERERS = ("flat", "heads", "both")
"""Who renders the people: flat faces; 3D heads, for which the head model is needed; or both, people by turns."""
LONGEST = 3600
"""The longest recording, in s: the landmarks of all frames are held at once, about 1.5 GB for an hour at 25 frames/s."""

STREAMS = {
    "identity": 1,
    "course": 2,
    "motion": 3,
    "scene": 4,
    "covers": 5,
    "raters": 6,
    "pixels": 7,
    "clothes": 8,
    "neutral": 9,
    "manner": 10,
    "alignment": 11,
}
_VERSION = 3  # raised whenever the same spec draws other pixels or tells another truth
_MOTION_VERSION = 3  # raised where only the scenario `motion` draws other pixels
_MECHANISMS_VERSION = 1  # raised where only the scenarios memory, places or cued draw otherwise
_DIVERSITY_VERSION = 8  # raised where only people who differ widely are rendered otherwise
_HEADS_VERSION = 3  # raised where only 3D heads are rendered otherwise
_MISALIGNMENT_VERSION = 1  # raised where only crops that are misaligned lie otherwise
_NEUTRAL_VERSION = 1  # raised where only people with exact neutrals behave otherwise
_ALWAYS_NEUTRAL = 2 / 3  # of the people with exact neutrals; the others have episodes of them
_FORMER_NAMES = {"wide": "diversity"}
_GOLDEN = (5**0.5 - 1) / 2  # its multiples fall evenly between 0 and 1
_ROOT = 2**0.5  # so do those of this one, whatever those of the other do


@dataclass(frozen=True)
class SyntheticConfig:
    """A set of synthetic recordings; the same config gives the same frames, labels and truth bit for bit.

    Parameters
    ----------
    scenarios : tuple of str or str
        mouth, eyes, switching, motion, occlusion, distractor, memory, places, cued; taken in turn by the recordings of each split.
    recordings : int
        How many.
    seconds : float
        Length of each in s.
    seed : int
        What everything random depends on.
    size : tuple of int
        Width and height in px, even, from 64 to 4096.
    fps : float
        Frames per second, from 1 to 120.
    recordings_per_identity : int
        How many recordings show the same person.
    shares : tuple of float
        Fractions of the people in train, dev and test; they add up to 1.
    rater_lag, rater_lag_spread : float
        Mean and standard deviation of the raters' lag in s.
    rater_noise : float
        Standard deviation of a rater's slow error, in units of valence.
    crf : tuple of int
        Lowest and highest H.264 quality factor, sampled for each recording (higher = coarser).
    diversity : float
        Fraction of the people, in [0,1], who differ as widely as real ones do; a network learns them far more slowly.
    renderer : {"flat", "heads", "both"}
        Flat faces, 3D heads (`stavis fetch-models --heads` gets their model), or both: every other person is a 3D head, in each split
        and scenario. Valence, cue and timing are the same with either.
    neutral : float
        Fraction of the people, in [0,1], whose valence and expression are exactly 0: two thirds of them throughout, the others in
        episodes. They speak and look about as everyone does.
    misalignment : float
        How wrong crops aligned by the truth lie, in [0,1]: 1 = by the tracker's errors (4 of 112 px, 8 % of the zoom, 3 degrees), which
        come and go within a second.

    Raises
    ------
    StavisError
        Where a value is out of range.

    Examples
    --------
    >>> import stavis
    >>> stavis.SyntheticConfig(scenarios="mouth", recordings=2, seconds=2.0, fps=12.5).frames
    25
    """

    scenarios: tuple[str, ...] | str = ("switching",)
    recordings: int = 12
    seconds: float = 10.0
    seed: int = 0
    size: tuple[int, int] = (128, 128)
    fps: float = 25.0
    recordings_per_identity: int = 1
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    rater_lag: float = 2.0
    rater_lag_spread: float = 0.1
    rater_noise: float = 0.08
    crf: tuple[int, int] = (16, 30)
    diversity: float = 0.0
    renderer: str = "flat"
    neutral: float = 0.0
    misalignment: float = 0.0

    def __post_init__(self):
        given = (self.scenarios,) if isinstance(self.scenarios, str) else self.scenarios
        for name in ("scenarios", "size", "shares", "crf"):
            value = given if name == "scenarios" else getattr(self, name)
            try:
                object.__setattr__(self, name, tuple(value))
            except TypeError as error:
                raise StavisError(f"synthetic spec: {name} is {value!r}, expected several values: give a tuple.") from error
        for name in self.scenarios:
            if name not in SCENARIOS:
                raise StavisError(f"synthetic spec: unknown scenario {name!r}: {offer(name, SCENARIOS)}")
        _check(len(self.scenarios) > 0, "scenarios", self.scenarios, "at least one of " + ", ".join(SCENARIOS))
        for name in ("recordings", "recordings_per_identity"):
            _check(_whole(getattr(self, name)) and getattr(self, name) > 0, name, getattr(self, name), "a whole number above 0")
        _check(_whole(self.seed) and self.seed >= 0, "seed", self.seed, "a whole number, 0 or more")
        _check(_number(self.fps) and 1 <= self.fps <= 120, "fps", self.fps, "1 to 120 frames/s")
        _check(_number(self.seconds) and 0 < self.seconds <= LONGEST, "seconds", self.seconds, f"a length above 0, {LONGEST} s at most")
        _check(self.frames >= 2, "seconds", self.seconds, f"at least two frames, {2 / self.fps:g} s")
        even = len(self.size) == 2 and all(_whole(side) and 64 <= side <= 4096 and side % 2 == 0 for side in self.size)
        _check(even, "size", self.size, "(width, height) in even numbers of pixels from 64 to 4096")
        shares = len(self.shares) == 3 and all(_number(part) and part >= 0 for part in self.shares)
        _check(shares and abs(sum(self.shares) - 1) < 1e-6, "shares", self.shares, "three parts, none negative, that add up to 1")
        for name in ("rater_lag", "rater_lag_spread", "rater_noise"):
            limit = 20 if name == "rater_lag" else 1
            _check(_number(getattr(self, name)) and 0 <= getattr(self, name) <= limit, name, getattr(self, name), f"0 to {limit}")
        crf = len(self.crf) == 2 and all(_whole(q) and 0 <= q <= 51 for q in self.crf) and self.crf[0] <= self.crf[1]
        _check(crf, "crf", self.crf, "(lowest, highest) from 0 to 51")
        for name in ("diversity", "neutral", "misalignment"):
            _check(_number(getattr(self, name)) and 0 <= getattr(self, name) <= 1, name, getattr(self, name), "a fraction from 0 to 1")
        _check(self.renderer in RENDERERS, "renderer", self.renderer, "one of " + ", ".join(RENDERERS))

    @property
    def frames(self) -> int:
        """How many frames each recording has."""
        return round(self.seconds * self.fps)

    @property
    def identities(self) -> int:
        """How many different people there are."""
        return math.ceil(self.recordings / self.recordings_per_identity)

    @classmethod
    def from_dict(cls, values: dict) -> "SyntheticConfig":
        """The config of JSON values, under the names of today or those of before (`wide` is now `diversity`).

        Raises TypeError for a name that is no setting, StavisError for a value out of range.
        """
        return cls(**{_FORMER_NAMES.get(name, name): value for name, value in values.items()})

    def as_dict(self) -> dict:
        """The spec as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    def hash(self) -> str:
        """What tells this data set from every other: sha256 (hex) of the spec and of the renderer's version."""
        settings = self.as_dict()
        for name in ("diversity", "renderer", "neutral", "misalignment"):
            del settings[name]
        if self.diversity:  # without it, the same pixels as before there were such people
            settings["wide"] = [self.diversity, _DIVERSITY_VERSION]
        if self.renderer != "flat":
            settings["renderer"] = [self.renderer, _HEADS_VERSION]
        if self.neutral:
            settings["neutral"] = [self.neutral, _NEUTRAL_VERSION]
        if self.misalignment:
            settings["misalignment"] = [self.misalignment, _MISALIGNMENT_VERSION]
        if "motion" in self.scenarios:
            settings["motion"] = _MOTION_VERSION
        if {"memory", "places", "cued"} & set(self.scenarios):
            settings["mechanisms"] = _MECHANISMS_VERSION
        return content_hash(json.dumps([_VERSION, settings], sort_keys=True))

    def identity_of(self, index: int) -> int:
        """The number of the person whom recording `index` shows."""
        return index // self.recordings_per_identity

    def split_of(self, index: int) -> str:
        """The split of recording `index`; it depends on the person alone, so that no identity is in two splits."""
        identity = self.identity_of(index)
        return _dealt(self.shares, identity)[identity]

    def scenario_of(self, index: int) -> str:
        """The scenario of recording `index`: each split goes through the scenarios in turn."""
        rank = self._rank_in_split(index) * self.recordings_per_identity + index % self.recordings_per_identity
        return self.scenarios[rank % len(self.scenarios)]

    def _rank_in_split(self, index: int) -> int:
        """How many people of the split come before the person of recording `index`."""
        identity = self.identity_of(index)
        dealt = _dealt(self.shares, identity)
        return dealt[:identity].count(dealt[identity])

    def diverse(self, index: int) -> bool:
        """Whether the person of recording `index` is one of those who differ widely."""
        return self.identity_of(index) * _GOLDEN % 1 < self.diversity

    def renderer_of(self, index: int) -> str:
        """Who renders the person of recording `index`: "flat" or "heads"; with both, by turns in every split and scenario."""
        if self.renderer != "both":
            return self.renderer
        rank = self._rank_in_split(index)
        period = len(self.scenarios) // math.gcd(len(self.scenarios), self.recordings_per_identity)  # people until scenarios come again
        turn = rank if period % 2 else rank + rank // period
        return RENDERERS[turn % 2]

    def neutral_of(self, index: int) -> str:
        """How often the person of recording `index` is exactly neutral: "always", in "episodes", or "" (only in passing)."""
        at = self.identity_of(index) * _ROOT % 1
        return "always" if at < self.neutral * _ALWAYS_NEUTRAL else "episodes" if at < self.neutral else ""

    def name_of(self, index: int) -> str:
        """What the files of recording `index` are called."""
        return f"{self.scenario_of(index)}_{index:05d}"

    def generator(self, stream: str, index: int) -> np.random.Generator:
        """The source of chance for one part (`stream`) of recording `index` (of the person, for 'identity' and 'manner')."""
        return np.random.default_rng([self.seed, STREAMS[stream], index])


def _dealt(shares: tuple[float, float, float], identity: int) -> tuple[str, ...]:
    """The splits of the identities 0, 1, 2... up to `identity` at least."""
    return _first_dealt(shares, 1 << int(identity).bit_length())


@lru_cache(maxsize=32)
def _first_dealt(shares: tuple[float, float, float], count: int) -> tuple[str, ...]:
    return tuple(islice(_deal(shares), count))


def _deal(shares: tuple[float, float, float]) -> Iterator[str]:
    """Splits of the identities 0, 1, 2...: one each of train, test and dev first, then whichever is furthest below its share."""
    counts = np.zeros(3)
    first = [k for k in (0, 2, 1) if shares[k] > 0]
    dealt = 0
    while True:
        if dealt < len(first):
            k = first[dealt]
        else:
            k = int(np.argmax(np.asarray(shares) * (dealt + 1) - counts))
        counts[k] += 1
        dealt += 1
        yield SPLITS[k]


def _check(ok: bool, name: str, value, expected: str) -> None:
    if not ok:
        raise StavisError(f"synthetic spec: {name} is {value!r}, expected {expected}.")


def _whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
