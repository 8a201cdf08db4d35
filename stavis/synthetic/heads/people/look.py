"""What a person of the 3D renderer looks like: colours, age, hair, beard, glasses, make-up, clothes; nothing depends on valence."""

from dataclasses import dataclass

import numpy as np

_SKINS = np.array(
    [(249, 219, 202), (238, 196, 168), (218, 166, 131), (190, 136, 100), (140, 93, 65), (104, 69, 50), (76, 52, 43)], np.float32
)
_HAIRS = np.array(
    [(20, 17, 17), (38, 28, 23), (64, 45, 32), (96, 66, 43), (128, 88, 52), (176, 138, 88), (208, 178, 128), (122, 55, 32)], np.float32
)
_GREYS = np.array([(128, 127, 124), (168, 166, 162), (206, 204, 200)], np.float32)
_IRISES = np.array([(58, 36, 20), (40, 26, 18), (84, 54, 30), (110, 80, 42), (96, 104, 66), (94, 122, 138), (112, 130, 148)], np.float32)
_STICKS = np.array([(176, 22, 42), (204, 72, 96), (140, 30, 70), (194, 98, 90), (120, 22, 32), (220, 112, 130)], np.float32)
CUTS = ("bald", "shaved", "short", "parted", "fringe", "long", "curly", "afro", "receding", "bun", "hat")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GLASSES = ("none", "round", "square", "half")
_BEARD_SHARES = (0.28, 0.2, 0.24, 0.1, 0.18)
_MALE_CUTS = (1, 1.5, 4, 3, 1.5, 1.0, 1.5, 0.8, 1.0, 0.3, 1.2)
_FEMALE_CUTS = (0.1, 0.2, 1, 2, 2.5, 4.5, 2, 0.8, 0, 2, 1.4)


@dataclass(frozen=True)
class Look:
    """Colours are (3,) RGB in [0,255]; amounts in [0,1] unless said otherwise.

    tone: place among the skins, 0 the lightest; blood: redness; spots, pores, freckles, rough: how much of each; folds (6,) at rest and
    fold_gains (6,) with expression (see plane.FOLDS); brows: (drop cm, thickness cm, arch, tilt, density, start cm, reach cm); lips: upper
    and lower height factors, softness (texels) and amount; gloss of skin and lips; height of the hair line cm, half width cm, power,
    volume cm and density of the cut; iris and pupil radius cm; the collar's height cm.
    """

    male: bool
    age: float
    tone: float
    skin: np.ndarray
    blood: float
    rough: tuple[float, float, float]
    freckles: float
    folds: np.ndarray
    fold_gains: np.ndarray
    made_up: bool
    lip_colour: np.ndarray
    lips: tuple[float, float, float, float]
    brow_colour: np.ndarray
    brows: tuple[float, ...]
    beard: str
    hair: np.ndarray
    cut: str
    hair_line: tuple[float, float, float, float, float]
    hangs: bool
    hat_colour: np.ndarray
    iris: np.ndarray
    radii: tuple[float, float]
    white: np.ndarray
    teeth: np.ndarray
    gloss: tuple[float, float, float, float]
    glasses: str
    rings: bool
    collar: float
    cloth: np.ndarray
    second_cloth: np.ndarray


def linear(colour: np.ndarray) -> np.ndarray:
    """RGB in [0,255] as light, float32."""
    return (np.asarray(colour, np.float32) / 255) ** np.float32(2.2)


def skin_colours() -> np.ndarray:
    """(7,3) the anchors along the tones of skin, as absorbances (minus the logarithm of the light)."""
    return -np.log(linear(_SKINS))


def sample_look(rng: np.random.Generator) -> Look:
    """A person; nothing of it is given."""
    male, age, tone = bool(rng.random() < 0.5), float(rng.beta(1.3, 1.8)), float(rng.uniform(0, len(_SKINS) - 1))
    low = int(tone)
    skin = _SKINS[low] + (_SKINS[min(low + 1, len(_SKINS) - 1)] - _SKINS[low]) * (tone - low)
    skin = np.clip(skin * rng.normal(1, 0.03, 3), 25, 252).astype(np.float32)
    hair = _HAIRS[rng.integers(len(_HAIRS) if tone < 3 else 3)]
    if rng.random() < (0.6 if age > 0.7 else 0.15 * age):
        hair = _GREYS[rng.integers(len(_GREYS))]
    hair = np.clip(hair * rng.normal(1, 0.08) + rng.normal(0, 4, 3), 6, 245).astype(np.float32)
    shares = np.array(_MALE_CUTS if male else _FEMALE_CUTS) * (1, 1, 1, 1, 1, 1, 1, 1, 2 * age, 1, 1)
    cut = str(rng.choice(CUTS, p=shares / shares.sum()))
    made_up = not male and rng.random() < 0.55
    iris = _IRISES[rng.integers(len(_IRISES) if tone < 2.6 else 3)] * rng.uniform(0.8, 1.2)
    cloth = rng.uniform(8, 240, 3) if rng.random() < 0.4 else rng.uniform(10, 230) * rng.normal(1, 0.08, 3)
    return Look(
        male=male,
        age=age,
        tone=tone,
        skin=skin,
        blood=float(rng.uniform(0, 1)),
        rough=(float(rng.uniform(0.01, 0.05)), float(rng.uniform(0.01, 0.035)), float(rng.uniform(0, 0.022))),
        freckles=float(rng.uniform(0.1, 0.35)) if rng.random() < 0.2 else 0.0,
        folds=(rng.uniform(0, (0.3, 0.3, 0.25, 0.25, 0.25, 0.25)) * (rng.random(6) < 0.6) * (0.4 + age)).astype(np.float32),
        fold_gains=(rng.uniform((0.15, 0.15, 0.1, 0.1, 0, 0), (0.5, 0.6, 0.4, 0.4, 0.35, 0.4)) * (0.5 + 0.7 * age)).astype(np.float32),
        made_up=made_up,
        **_lips(rng, skin, made_up),
        **_brows(rng, hair, male),
        beard=str(rng.choice(BEARDS, p=_BEARD_SHARES)) if male else "none",
        hair=hair,
        cut=cut,
        hair_line=_hair_line(rng, cut),
        hangs=cut == "long" or (cut in ("fringe", "curly", "parted") and not male and rng.random() < 0.5),
        hat_colour=rng.uniform(15, 235, 3).astype(np.float32),
        iris=np.clip(iris, 5, 255).astype(np.float32),
        radii=(float(rng.uniform(0.56, 0.66)), float(rng.uniform(0.12, 0.3))),
        white=(np.array((226, 219, 213)) * rng.uniform(0.55, 0.92)).astype(np.float32),
        teeth=np.clip(np.array((236, 226, 205)) * rng.normal(1, 0.02, 3) * rng.uniform(0.74, 1.04), 0, 255).astype(np.float32),
        gloss=_gloss(rng, skin),
        glasses=str(rng.choice(GLASSES, p=(0.72, 0.1, 0.12, 0.06))),
        rings=bool(rng.random() < (0.06 if male else 0.4)),
        collar=float(rng.uniform(-12.2, -9.6)),
        cloth=np.clip(cloth, 6, 245).astype(np.float32),
        second_cloth=np.clip(cloth * rng.uniform(0.5, 1.5), 6, 245).astype(np.float32),
    )


def _gloss(rng: np.random.Generator, skin: np.ndarray) -> tuple[float, float, float, float]:
    """Strength and exponent of the skin's gloss, strength of the lips' and of the eyes'."""
    strength = rng.uniform(0.03, 0.4) ** 1.3 * (0.35 + 0.65 * float(skin.mean()) / 210)
    return float(strength), float(rng.uniform(8, 30)), float(rng.uniform(0.05, 0.9) ** 1.2), float(rng.uniform(0.6, 3))


def _lips(rng: np.random.Generator, skin: np.ndarray, made_up: bool) -> dict:
    colour = np.clip(skin * np.array((0.86, 0.62, 0.6)) * rng.normal(1, 0.06) + np.array((14, 4, 6)), 12, 240)
    amount = rng.uniform(0.35, 1)
    if made_up and rng.random() < 0.7:
        mix = rng.uniform(0.35, 0.9)
        colour = colour * (1 - mix) + _STICKS[rng.integers(len(_STICKS))] * mix
        amount = rng.uniform(0.7, 1)
    form = (float(rng.uniform(0.6, 1.12)), float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.6, 1.8)), float(amount))
    return {"lip_colour": colour.astype(np.float32), "lips": form}


def _brows(rng: np.random.Generator, hair: np.ndarray, male: bool) -> dict:
    colour = hair * rng.uniform(0.5, 0.85) if hair.mean() > 60 else hair * 0.9 + 6
    drop, thickness = rng.uniform(-1.1, 0.2), rng.uniform(0.32, 1.0) * (1 if male else 0.78)
    form = (
        drop,
        thickness,
        rng.uniform(-0.1, 0.35),
        rng.uniform(-0.35, 0.35),
        rng.uniform(0.5, 1),
        rng.uniform(0.9, 1.5),
        rng.uniform(4.3, 5.1),
    )
    return {"brow_colour": np.clip(colour, 8, 190).astype(np.float32), "brows": tuple(float(value) for value in form)}


def _hair_line(rng: np.random.Generator, cut: str) -> tuple[float, float, float, float, float]:
    """Height of the hair line cm, half its width cm, how square it is, the hair's height over the skull cm, and its density."""
    height, half, power = rng.uniform(9.3, 11.3), rng.uniform(6.0, 7.0), rng.uniform(2.2, 4)
    volumes = {
        "bald": (0, 0), "shaved": (0.05, 0.05), "short": (0.2, 1), "parted": (0.5, 1.5), "fringe": (0.4, 1.2), "long": (0.3, 1.3),
        "curly": (0.8, 2.2), "afro": (2.2, 5), "receding": (0.1, 0.6), "bun": (0.1, 0.4), "hat": (0.5, 1.2),
    }  # fmt: skip
    volume, density = rng.uniform(*volumes[cut]), {"bald": 0.0, "shaved": rng.uniform(0.15, 0.7)}.get(cut, 1.0)
    if cut == "fringe":
        height, power = rng.uniform(6.3, 8.3), rng.uniform(3, 7)
    elif cut == "receding":
        height, half = rng.uniform(11.5, 13.5), rng.uniform(5.5, 6.5)
    elif cut == "hat":
        height, power, half = rng.uniform(7.0, 10), 3.0, 7.0
    return float(height), float(half), float(power), float(volume), float(density)
