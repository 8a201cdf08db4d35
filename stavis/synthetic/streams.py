"""Sources of chance beside a given one: what is sampled from them changes nothing that the given one samples."""

from zlib import crc32

import numpy as np


def stream(rng: np.random.Generator, name: str, number: int = 0) -> np.random.Generator:
    """A generator that depends on the seed of `rng`, a name and a number alone, not on what `rng` has sampled; `rng` stays as it is."""
    seed = rng.bit_generator.seed_seq
    key = (*seed.spawn_key, crc32(name.encode()), number)
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=key))
