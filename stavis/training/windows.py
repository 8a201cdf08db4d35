"""Random training windows of a fixed length from crops, with their labels and augmentation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.timeline import stride_of
from stavis.training.augment import Jitter, jittered, scaled


class Window(NamedTuple):
    """A training sample, which a loader stacks as it is: frames (T,3,H,W) of the crops' type, uint8 or float32 in [0,1]; labels (T,D)
    float32 in [-1,1], 0 where there is none; mask (T,) bool, True where a face and all labels are there."""

    frames: torch.Tensor
    labels: torch.Tensor
    mask: torch.Tensor


class RandomWindows(Dataset):
    """Windows of `frames` frames drawn at random from labelled crops, each a function of (seed, position) alone.

    Item i of epoch e is drawn from `default_rng((seed, e * samples_per_epoch + i))`: whichever worker draws it and whatever was
    drawn before, it is the same, so training that goes on in mid-epoch gets the batches it would have got. i may go beyond the
    epoch: a sampler of running positions needs no epoch at all.

    All windows with at least half of their frames usable (a face and labels there) are as likely. Recordings shorter than a window
    are filled up with their last frame, masked. `flip` mirrors half of the windows left to right; `rate` in frames/s takes
    every n-th frame of faster crops, beginning with any (None: every frame); `jitter` changes pixels (None: not at all), and with
    `ramp` = (from, to) it grows from nothing at sample `from` to its full strength at sample `to`. With `pairs` the samples 2i and 2i+1
    are two views of one window, each with a jitter of its own, and `flip` mirrors one of the two.

    Raises StavisError where no window is usable, or the crops differ in size or dimensions.
    """

    def __init__(
        self,
        crops: Sequence[Crops],
        frames: int,
        samples_per_epoch: int,
        seed: int,
        flip: bool = True,
        jitter: Jitter | None = Jitter(),
        rate: float | None = None,
        ramp: tuple[int, int] | None = None,
        pairs: bool = False,
    ):
        if frames < 1 or samples_per_epoch < 1:
            raise StavisError(f"windows of {frames} frames, {samples_per_epoch} an epoch: both must be at least 1.")
        self.crops = list(crops)
        self.frames, self.samples_per_epoch, self.seed = int(frames), int(samples_per_epoch), int(seed)
        self.flip, self.jitter, self.ramp, self.pairs, self.epoch = flip, jitter, ramp, pairs, 0
        self.dimensions = _common(self.crops, lambda one: one.dimensions, "dimensions")
        _common(self.crops, lambda one: one.frames.shape[1:], "size")
        self._labels = [one.labels.astype(np.float32) for one in self.crops]
        self._usable = [one.valid & np.isfinite(labels).all(1) for one, labels in zip(self.crops, self._labels, strict=True)]
        self._strides = [stride_of(one.times, rate) for one in self.crops]
        self._starts = [_usable_starts(usable, self.frames, n) for usable, n in zip(self._usable, self._strides, strict=True)]
        self._ends = np.cumsum([len(starts) for starts in self._starts])
        if self._ends[-1] == 0:
            raise StavisError(
                f"no window of {self.frames} frames has a face and labels in half of it, in any of {len(self.crops)} recordings: "
                "take shorter windows or other recordings."
            )
        self.notes: tuple[str, ...] = ()
        if empty := [one.recording for one, starts in zip(self.crops, self._starts, strict=True) if not len(starts)]:
            shown = ", ".join(empty[:6]) + (f" and {len(empty) - 6} more" if len(empty) > 6 else "")
            without = f"without one window of {self.frames} frames that has a face and labels in half of it"
            self.notes = (f"recordings {without} are not trained on: {shown}.",)

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch's samples. Workers of a loader that outlive epochs do not hear of it: give them running positions."""
        self.epoch = int(epoch)

    def __len__(self) -> int:
        return self.samples_per_epoch

    def _jitter_at(self, position: int) -> Jitter:
        return self.jitter if self.ramp is None else scaled(self.jitter, _part_of(position, self.ramp))

    def __getitem__(self, index: int) -> Window:
        if index < 0:
            raise IndexError(index)
        position = self.epoch * self.samples_per_epoch + int(index)
        view = position % 2 if self.pairs else 0
        rng = np.random.default_rng((self.seed, position - view))
        choice = int(rng.integers(self._ends[-1]))
        which = int(np.searchsorted(self._ends, choice, "right"))
        start = int(self._starts[which][choice - (self._ends[which - 1] if which else 0)])
        stride = self._strides[which]
        where = start + stride * np.arange(self.frames)
        last = len(self.crops[which].frames) - 1
        if where[-1] <= last:
            where = slice(start, int(where[-1]) + 1, stride)
            images, inside = np.array(self.crops[which].frames[where]), np.ones(self.frames, bool)
        else:
            inside, where = where <= last, np.minimum(where, last)
            images = np.array(self.crops[which].frames[where])
        mirrored = self.flip and (rng.random() < 0.5) != bool(view)
        if mirrored:
            images = images[:, :, ::-1]
        if view:
            rng = np.random.default_rng((self.seed, position, view))
        if self.jitter is not None:
            images = jittered(np.ascontiguousarray(images), self._jitter_at(position), rng)
        labels, mask = self._labels[which][where], self._usable[which][where] & inside
        return Window(
            torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
            torch.from_numpy(np.where(mask[:, None], labels, np.float32(0))),
            torch.from_numpy(mask.copy()),
        )


def _part_of(position: int, ramp: tuple[int, int]) -> float:
    return float(np.clip((position - ramp[0]) / max(ramp[1] - ramp[0], 1), 0, 1))


def _usable_starts(usable: np.ndarray, frames: int, stride: int = 1) -> np.ndarray:
    """Where windows of every stride-th frame may begin: those with at least half of their frames usable."""
    span = (frames - 1) * stride + 1
    if len(usable) <= span:
        return np.arange(1 if 2 * usable[::stride].sum() >= frames else 0)
    counts = sum(usable[k * stride : len(usable) - span + 1 + k * stride].astype(int) for k in range(frames))
    return np.flatnonzero(2 * counts >= frames)


def _common(crops: list, of, what: str):
    if not crops:
        raise StavisError("there is no recording to draw windows from: give at least one with labels.")
    first = of(crops[0])
    for one in crops:
        if one.labels is None:
            raise StavisError(f"recording {one.recording} has no labels: training needs them; give a CSV file of its name.")
        if of(one) != first:
            raise StavisError(f"recording {one.recording} has {what} {of(one)}, {crops[0].recording} has {first}: make them alike.")
    return first
