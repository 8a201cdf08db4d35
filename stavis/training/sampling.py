"""Which windows a step of training sees: a function of the step alone, so that a resumed run sees what it would have seen."""

from collections.abc import Callable, Iterator

from torch.utils.data import Sampler


class StepSampler(Sampler[list[int]]):
    """Batches of global sample numbers: step s takes s*batch ... s*batch+batch−1. `step` tells the step to go on from.

    One epoch is `steps` steps; its length is given whole even where a resumed run starts in its middle. `part` tells which part of
    each batch is wanted, (number, of how many), where several processes share it.
    """

    def __init__(self, batch: int, steps: int, step: Callable[[], int], part: Callable[[], tuple[int, int]] = lambda: (0, 1)):
        self.batch = batch
        self.part = part
        self.steps = steps
        self.step = step

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        start = self.step()
        end = (start // self.steps + 1) * self.steps
        number, parts = self.part()
        for step in range(start, end):
            whole = range(step * self.batch, (step + 1) * self.batch)
            yield list(whole[number * self.batch // parts : (number + 1) * self.batch // parts])
