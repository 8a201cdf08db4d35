"""Cups that are drunk from, with the hand that holds them."""

from dataclasses import replace

import numpy as np

from stavis.synthetic.heads.people.look import Look, linear
from stavis.synthetic.heads.scene.hands import grip
from stavis.synthetic.heads.scene.kernels import CUP
from stavis.synthetic.heads.scene.solids import Solid, joined, revolved


def held_cup(rng: np.random.Generator, look: Look) -> Solid:
    """A cup whose rim lies at the origin, the lips, tilted as one drinks."""
    top, tall = rng.uniform(3.4, 4.2), rng.uniform(8.0, 11.0)
    bottom = top * rng.choice((rng.uniform(0.68, 0.8), rng.uniform(0.92, 1.0)))
    heights = np.linspace(-tall, 0, 12)
    wall = np.column_stack([bottom + (top - bottom) * (heights / tall + 1), heights])
    inside = [(top - 0.15, 0.12), (top - 0.35, -0.2), (top - 0.5, -2.0), (0.01, -2.2)]
    cup = revolved(np.concatenate([[(0.01, -tall), (bottom * 0.97, -tall)], wall, inside]), CUP, 28)
    colour = np.ones((len(wall) + 6, 1)) * linear(rng.uniform(25, 240, 3) if rng.random() < 0.5 else rng.uniform(150, 245) * np.ones(3))
    if rng.random() < 0.6:
        first = rng.integers(3, 9)
        colour[first : first + rng.integers(1, 6)] = linear(rng.uniform(15, 240, 3))
    if rng.random() < 0.3:  # a lid
        colour[-6:] = linear(rng.uniform(15, 235) * np.ones(3))
    colour[-2:] = linear(np.array((60, 35, 20)) * rng.uniform(0.5, 2.5))
    cup = replace(cup, colours=np.repeat(colour, 28, 0))
    held = joined([cup, *grip(rng, look, (top + bottom) / 2, -0.62 * tall - rng.uniform(1.0, 2.0))])
    tilt = rng.uniform(0.2, 0.5)
    cos, sin = np.cos(tilt), np.sin(tilt)
    rotation = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    return held.moved(rotation, -rotation @ np.array((0, 0.2, -top)) + (0, -0.3, 0.2))
