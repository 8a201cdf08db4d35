"""Batches for the training steps, made while the step before runs; how long steps wait for them is counted."""

import time
from collections.abc import Iterator
from contextlib import closing

from torch.utils.data import DataLoader

from stavis.data.ahead import ahead

BATCHES = 2
"""Batches that wait at most."""


class TimedLoader(DataLoader):
    """A loader whose batches are made by a thread of its own where it has no worker processes; they are the same, in the same order.

    waited: seconds for which steps have waited for a batch so far.
    """

    waited = 0.0

    def __iter__(self) -> Iterator:
        batches = super().__iter__()  # made here: it takes a number from torch's generator
        made = ahead(batches, BATCHES) if self.num_workers == 0 else (batch for batch in batches)
        return self._timed(made)

    def _timed(self, batches: Iterator) -> Iterator:
        with closing(batches):
            while True:
                started = time.perf_counter()
                batch = next(batches, None)
                self.waited += time.perf_counter() - started
                if batch is None:
                    return
                yield batch
