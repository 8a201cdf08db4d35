"""What a person looks like: the shape of the face and its colours, hair, age, beard, glasses, make-up, hat and clothes.

Nothing here depends on the valence. Lengths are in units of the distance between the eyes' centres (about 63 mm), x to the right and
y down, with the origin midway between the eyes.
"""

from dataclasses import dataclass

import numpy as np

_SKINS = np.array(
    [
        (250, 218, 200), (244, 205, 180), (236, 192, 165), (226, 176, 144), (212, 160, 124), (194, 140, 104),
        (170, 116, 82), (144, 94, 64), (116, 74, 50), (100, 66, 48), (80, 55, 44),
    ],
    np.float32,
)  # fmt: skip
_HAIRS = np.array(
    [(22, 18, 18), (40, 28, 22), (66, 44, 30), (98, 66, 42), (130, 88, 50), (178, 140, 88), (212, 180, 128), (120, 52, 30),
     (130, 128, 126), (205, 203, 200)],
    np.float32,
)  # fmt: skip
_IRISES = np.array([(60, 36, 20), (84, 52, 28), (110, 78, 40), (96, 104, 66), (92, 122, 140), (110, 130, 150), (40, 26, 18)], np.float32)
HAIRCUTS = ("bald", "shaved", "short", "parted", "fringe", "long", "curly", "afro", "receding", "bun")
HATS = ("none", "beanie", "cap", "brim", "headscarf", "band")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GLASSES = ("none", "round", "square", "half")
COLLARS = ("round", "v", "shirt", "turtleneck", "hood")
_USUAL = {
    "half_width": (1.06, 1.22),
    "chin": (1.72, 1.96),
    "forehead": (0.98, 1.2),
    "jaw": (0.52, 0.92),
    "eye_width": (0.42, 0.52),
    "eye_height": (0.14, 0.2),
    "eye_tilt": (-0.03, 0.045),
    "eye_depth": (0.0, 1.0),
    "brow_height": (0.33, 0.42),
    "brow_thickness": (0.05, 0.115),
    "brow_arch": (0.0, 0.07),
    "brow_tilt": (-0.03, 0.05),
    "brow_density": (0.45, 0.95),
    "nose_length": (0.64, 0.78),
    "nose_width": (0.46, 0.68),
    "nose_bridge": (0.0, 1.0),
    "mouth_height": (1.03, 1.16),
    "mouth_width": (0.72, 0.9),
    "upper_lip": (0.055, 0.12),
    "lower_lip": (0.085, 0.15),
    "resting_corner": (-0.016, 0.016),
}
_WIDE = {
    "chin": (0.62, 0.92),  # below the mouth
    "eye_height": (0.085, 0.19),
    "brow_height": (0.24, 0.39),
    "brow_thickness": (0.045, 0.12),
    "brow_tilt": (-0.08, 0.05),
    "brow_density": (0.3, 0.95),
    "nose_length": (0.34, 0.46),  # above the mouth
    "mouth_height": (0.99, 1.2),
    "mouth_width": (0.64, 0.9),
    "upper_lip": (0.035, 0.12),
    "lower_lip": (0.06, 0.15),
    "resting_corner": (-0.008, 0.078),
}
"""Drawn up after the landmarks of eight real people at rest: their brows are lower than in `_USUAL`, their eyes narrower, and the
corners of their mouths lie below the middle of the lips."""
_MANNER = {
    "lifts_brows": 1.0,
    "frown": 1.0,
    "frown_reach": (0.06, 0.11),
    "smiles": (0.26, 0.17),
    "jaw_corner": 0.05,
    "jaw_middle": 0.02,
    "stretches": 0.2,
    "bares_teeth": 0.04,
    "hanging_lids": None,
    "turns": 0.06,
    "tilts": 0.04,
    "brow_wander": 0.012,
    "eye_white": 0.94,
    "curve": 1.9,
    "parts_lips": (0.17, 0.35),
    "teeth_drop": None,
    "squint": (0.2, 0.0),
    "resting_folds": (0.0, 0.0, 0.0, 0.0),
    "eye_shade": 0.0,
    "resting_jaw": 0.0,
    "presses": 0.0,
    "blink_pause": 2.8,
    "hand_odds": 0.0,
    "hand_strays": 0.0,
}


@dataclass(frozen=True)
class Identity:
    """One synthetic person. Lengths in eye distances, colours (3,) RGB in [0,255], amounts in [0,1] unless said otherwise."""

    # the shape of the face
    half_width: float
    chin: float
    forehead: float
    jaw: float  # exponent of the lower outline: small = square
    eye_width: float
    eye_height: float
    eye_tilt: float
    eye_depth: float
    crease: float  # height of the fold above the lid, 0 = none
    brow_height: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    brow_density: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    resting_corner: float  # the corners' height at rest, small against the cue
    # how this person moves
    shows_teeth: float
    pouts: float
    fold: float  # how soon folds show
    speaks: float
    lifts_brows: float  # in [0,1] when glad; the others smile with lids and cheeks alone
    frown: float  # how far of frown_reach the brows are lowered
    frown_reach: tuple[float, float]  # of the whole brow, and what its inner end goes further
    smiles: tuple[float, float]  # by which part a smile widens the mouth, and how far it lifts the corners
    jaw_corner: float  # how far the corners of the mouth go down with an open jaw
    jaw_middle: float  # and the middle of the lips
    stretches: float  # how far speech draws the lips wide, as rounding below 0
    bares_teeth: float  # how far the upper lip rises with an open jaw
    hanging_lids: float | None  # in [0,1], for episodes, whatever the valence
    turns: float  # standard deviation of the head's yaw at rest, and of its pitch, in radians
    tilts: float
    brow_wander: float  # a movement of the brows that says nothing
    curve: float  # how the line between the lips bends towards its corners: 1 = like a V, large = at the corners alone
    parts_lips: tuple[float, float]  # how far a smile opens them, and which part of it the upper lip goes
    teeth_drop: float | None  # how far the upper teeth reach below the resting lips; None = as far as the lips part
    squint: tuple[float, float]  # how far a smile of the mouth raises the lower lids, and lowers the upper ones
    resting_folds: tuple[float, float, float, float]  # how dark: beside mouth, below its corners, between brows, under lip
    resting_jaw: float  # how far the mouth stands open without a word
    presses: float  # how thin speech presses the lips where it shuts them, as in b, m and p
    blink_pause: float  # s from one blink to the next, beyond the shortest pause
    hand_odds: float  # how often a hand hides the mouth without a choice among all things
    hand_strays: float  # how far below or beside the mouth such a hand may lie: then it hides chin and lower lip above all
    asymmetry: float
    # colours
    skin: np.ndarray
    lips: np.ndarray
    lip_contrast: float
    hair: np.ndarray
    brow: np.ndarray
    iris: np.ndarray
    teeth: np.ndarray
    socket: tuple[float, float]  # how dark the hollow above the eye is, and the one beside the nose
    eye_white: float  # its light
    eye_shade: float  # how much light the brow keeps from the whole eye
    blush: float
    freckles: float
    age: float
    # additions
    haircut: str
    hat: str
    hat_colour: np.ndarray
    beard: str
    beard_colour: np.ndarray
    beard_density: float
    moustache_droop: float  # how the ends hang or rise, in eye distances: it must not be read as a smile
    moustache_width: float
    glasses: str
    glasses_colour: np.ndarray
    eyeliner: float
    eyeshadow: np.ndarray | None
    earrings: bool
    ears: float


def sample_identity(rng: np.random.Generator, diverse: bool = False) -> Identity:
    """Draw a person; every human skin tone is as likely as any other.

    diverse: people differ as widely as real ones, in what their faces look like at rest above all.
    """
    shape = _sample_shape(rng, diverse)
    masculine = rng.random()  # only makes beards and make-up go together in a usual way
    age = rng.beta(1.3, 1.8)
    tone = rng.uniform(0, len(_SKINS) - 1)
    low = int(tone)
    skin = _SKINS[low] + (_SKINS[min(low + 1, len(_SKINS) - 1)] - _SKINS[low]) * (tone - low)
    skin = np.clip(skin * rng.normal(1, 0.025, 3), 20, 255).astype(np.float32)
    hair = _HAIRS[rng.integers(8 if age < 0.55 else len(_HAIRS)) if tone < 6 else rng.integers(3 if age < 0.55 else 4)]
    if age > 0.7 and rng.random() < 0.6:
        hair = _HAIRS[rng.choice([8, 9])]
    if rng.random() < 0.04:
        hair = rng.uniform(30, 230, 3)
    hair = np.clip(hair * rng.normal(1, 0.08) + rng.normal(0, 4, 3), 6, 245).astype(np.float32)
    beard = str(rng.choice(BEARDS, p=(0.36, 0.22, 0.16, 0.12, 0.14))) if masculine > 0.5 else "none"
    made_up = masculine < 0.5 and rng.random() < 0.5
    natural = skin * np.array((0.86, 0.62, 0.6)) + np.array((14, 4, 6))
    lips = np.clip(natural * rng.normal(1, 0.06, 3), 15, 240)
    if made_up and rng.random() < 0.7:
        stick = np.array(((176, 22, 42), (206, 70, 96), (140, 30, 70), (196, 96, 88), (120, 20, 30), (222, 110, 130)))
        mix = rng.uniform(0.35, 0.9)
        lips = lips * (1 - mix) + stick[rng.integers(len(stick))] * mix
    haircut = str(rng.choice(HAIRCUTS, p=_haircut_odds(masculine, age)))
    return Identity(
        **shape,
        shows_teeth=float(rng.uniform(0.15, 1) if rng.random() < 0.8 else 0.0),
        pouts=float(rng.random()),
        fold=float(np.clip(0.25 + 0.75 * age + rng.normal(0, 0.15), 0.1, 1.1)),
        speaks=float(rng.uniform(0, 1) if rng.random() < 0.8 else 0.0),
        **_sample_behaviour(rng, shape, diverse),
        asymmetry=float(rng.normal(0, 0.06)),
        skin=skin,
        lips=lips.astype(np.float32),
        lip_contrast=float(rng.uniform(0.3 if diverse else 0.55, 1.0)),
        hair=hair,
        brow=np.clip(hair * rng.uniform(0.5, 0.85) if hair.mean() > 60 else hair * 0.9 + 6, 8, 190).astype(np.float32),
        iris=(_IRISES[rng.integers(len(_IRISES))] if tone < 5 else _IRISES[rng.choice([0, 1, 6])]) * rng.uniform(0.8, 1.15),
        teeth=np.array((238, 232, 218), np.float32) * rng.uniform(0.84, 1.02),
        blush=float(rng.uniform(0, 1)),
        freckles=float(rng.uniform(0.3, 1) if rng.random() < 0.2 else 0),
        age=float(age),
        haircut=haircut,
        hat=str(rng.choice(HATS, p=(0.78, 0.06, 0.05, 0.04, 0.04, 0.03))),
        hat_colour=rng.uniform(15, 235, 3).astype(np.float32),
        beard=beard,
        beard_colour=np.clip(hair * rng.uniform(0.7, 1.1), 8, 230).astype(np.float32),
        beard_density=float(rng.uniform(0.45, 0.95)),
        moustache_droop=float(rng.uniform(-0.10, 0.18)),
        moustache_width=float(rng.uniform(0.7, 1.35)),
        glasses=str(rng.choice(GLASSES, p=(0.72, 0.1, 0.12, 0.06))),
        glasses_colour=(rng.uniform(5, 60, 3) if rng.random() < 0.7 else rng.uniform(60, 200, 3)).astype(np.float32),
        eyeliner=float(rng.uniform(0.4, 1) if made_up else rng.uniform(0, 0.25)),
        eyeshadow=rng.uniform(40, 170, 3).astype(np.float32) if made_up and rng.random() < 0.4 else None,
        earrings=bool(masculine < 0.5 and rng.random() < 0.3),
        ears=float(rng.uniform(0.7, 1.15)),
    )


def _sample_shape(rng: np.random.Generator, diverse: bool) -> dict[str, float]:
    """The lengths of a face around human means."""
    ranges = {**_USUAL, **(_WIDE if diverse else {})}
    shape = {name: float(rng.uniform(*bounds)) for name, bounds in ranges.items()}
    if diverse:
        shape["chin"] += shape["mouth_height"]
        shape["nose_length"] = shape["mouth_height"] - shape["nose_length"]
    shape["crease"] = float(rng.uniform(0.035, 0.08)) if rng.random() < 0.8 else 0.0
    return shape


def _sample_behaviour(rng: np.random.Generator, shape: dict[str, float], diverse: bool) -> dict:
    """How a person moves and what the light does to the eyes: the same for all, unless they differ as widely as real people."""
    depth = shape["eye_depth"]
    if not diverse:
        return _MANNER | {"socket": (0.16 * depth, 0.1 * depth)}
    lifts, lowers, drops = (float(rng.uniform(*bounds)) for bounds in ((0.25, 1), (0.6, 1), (0.05, 0.2)))
    return {
        "lifts_brows": lifts,
        "frown": lowers * shape["brow_height"] / 0.32,  # low brows have less way to go
        "frown_reach": (0.05, 0.1),
        "jaw_corner": drops,
        "jaw_middle": 0.5 * drops,
        "hanging_lids": float(rng.uniform(0.4, 0.95) if rng.random() < 0.5 else 0.0),
        "turns": 0.09,
        "tilts": 0.1,
        "brow_wander": 0.018,
        "socket": (0.3 * depth**2, 0.2 * depth**2),
        "eye_white": 0.94 - 0.34 * depth,
        "curve": float(rng.uniform(1.3, 2.8)),
        "parts_lips": (float(rng.uniform(0.12, 0.5)), float(rng.uniform(0.2, 0.6))),
        "teeth_drop": float(rng.uniform(-0.04, 0.09)),
        "squint": (float(rng.uniform(0.2, 0.9)), float(rng.uniform(0, 0.35))),
        "resting_folds": tuple(float(v) for v in rng.uniform(0, (0.22, 0.18, 0.24, 0.2)) * (rng.random(4) < 0.6)),
        "eye_shade": float(rng.uniform(0.1, 0.6) if rng.random() < 0.5 else 0.0),
        "resting_jaw": float(rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0),
        "smiles": (float(rng.uniform(0.26, 0.5)), float(rng.uniform(0.1, 0.19))),
        "stretches": float(rng.uniform(0.05, 0.35)),
        "bares_teeth": float(rng.uniform(0.02, 0.12)),
        "presses": float(rng.uniform(0.1, 0.6)),
        "blink_pause": float(rng.uniform(0.8, 2.8)),
        "hand_odds": 0.5,
        "hand_strays": 0.6,
    }


def _haircut_odds(masculine: float, age: float) -> np.ndarray:
    odds = (
        np.array((1, 1.5, 4, 3, 1.5, 1.5, 1.5, 0.8, 2 * age, 0.3))
        if masculine > 0.5
        else np.array((0.1, 0.2, 1, 2, 2.5, 4.5, 2, 0.8, 0, 2))
    )
    return odds / odds.sum()
