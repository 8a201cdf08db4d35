"""What a face is worth: valence and arousal from the weights of its shapes, by one table.

The signs follow the facial actions that valence is commonly said to go with: lip corners pulled up (AU12) and cheeks raised (AU6) raise
it; brows lowered (AU4), lip corners pulled down (AU15), the nose wrinkled (AU9), the chin raised (AU17) lower it. AU12 and AU4 are the
two that follow moment-to-moment ratings in Zhang et al. 2024 (Scientific Reports 14, 19563); the others and the pairing of shapes and
actions are after FACS (Ekman & Friesen 1978), their share in ratings is not taken from a table. The sizes are ours: chosen so that a
full smile with raised cheeks is about 1 and a full frown with lowered brows about −1.

How it relates to a recording's valence: labels are the course of valence (stavis.synthetic.scenarios), of which mouth and eyes show what
the scenario lets them show. Where both show it, uncovered, the rule gives the course back within the width of people's habits. Where
one feigns while it is covered, the rule reads the face and the label does not. Shapes that speech, gaze and blinks move are not in the
table, so that neither moves the valence; a polite smile under worried brows is worth its smile less its brows.

Arousal is given by its function alone: data sets have one dimension, valence.
"""

import numpy as np

from stavis.synthetic.behaviour.weights import mean_of

VALENCE = {
    "mouthSmile": 0.65,
    "cheekSquint": 0.35,
    "browDown": -0.5,
    "mouthFrown": -0.5,
    "noseSneer": -0.2,
    "mouthShrugLower": -0.1,
}
"""What a shape at weight 1, both sides, adds to the valence."""

AROUSAL = {"eyeWide": 0.5, "jawOpen": 0.4, "browInnerUp": 0.15, "browOuterUp": 0.15, "eyeBlink": -0.3}
"""What a shape at weight 1, both sides, adds to the arousal; what the face does at all (its speed) comes to it."""
_SPEED = 0.08
"""What a change of all shapes of VALENCE and AROUSAL by 1 a second adds to the arousal."""


def valence_of(weights: np.ndarray) -> np.ndarray:
    """The valence (T,) in [-1,1] of weights (T,52) in the order of BLENDSHAPES."""
    return np.clip(sum(worth * mean_of(weights, name) for name, worth in VALENCE.items()), -1, 1)


def arousal_of(weights: np.ndarray, fps: float) -> np.ndarray:
    """The arousal (T,) in [-1,1] of weights (T,52), fps frames/s: how far eyes and mouth are open, and how quickly the face changes."""
    opened = sum(worth * mean_of(weights, name) for name, worth in AROUSAL.items())
    moved = np.stack([mean_of(weights, name) for name in (*VALENCE, *AROUSAL)], 1)
    speed = np.abs(np.gradient(moved, axis=0)).sum(1) * fps if len(weights) > 1 else np.zeros(len(weights))
    return np.clip(opened + _SPEED * speed, -1, 1)
