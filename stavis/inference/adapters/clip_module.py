"""Any network as attributions and readings need it: frames (B,T,3,S,S) in [0,1] -> (B,T,D), whatever it takes and gives itself."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise

import torch
from torch import nn

from stavis.errors import StavisError
from stavis.notes import Notes

Forward = Callable[[nn.Module, torch.Tensor], object]


class Core(nn.Module):
    """The network behind its normalisation: frames (N,F,3,S,S) in [0,1] to whatever it gives."""

    def __init__(self, model: nn.Module, forward: Forward | None = None, normalise: tuple | None = None):
        super().__init__()
        self.model = model
        self.forward_of_user = forward
        mean, std = normalise or ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        self.mean, self.std = tuple(float(one) for one in mean), tuple(float(one) for one in std)

    def forward(self, frames: torch.Tensor):
        dtype = next((one.dtype for one in self.model.parameters() if one.is_floating_point()), frames.dtype)
        mean, std = (frames.new_tensor(one).view(1, 1, 3, 1, 1) for one in (self.mean, self.std))
        frames = ((frames - mean) / std).to(dtype)
        return self.model(frames) if self.forward_of_user is None else self.forward_of_user(self.model, frames)


class ClipModule(nn.Module):
    """A network that keeps time: frames (B,T,3,S,S) in [0,1] -> (B,T,D), classes as logits.

    A network of fixed clips gets its own number of frames: a shorter clip ends with copies of its last frame, a longer one is cut into
    several. One value for a clip is given to each of its frames, a coarser time is spread over them. `notes` say what was done.
    each_frame: what it gives as (B,T), (B,1,T) or (B,D,T) are values of each frame, not T outputs of a clip.
    """

    def __init__(self, core: Core, frames: int | None = None, heads: Sequence[str] = (), each_frame: bool = False):
        super().__init__()
        self.core = core
        self.clip_frames = frames
        self.heads = tuple(heads)
        self.each_frame = each_frame
        self.dimensions: tuple[str, ...] = ()
        self._notes = Notes()
        self._widths: dict[str, int] = {}

    @property
    def named(self) -> tuple[str, ...]:
        """A name for each value of the last run, where the heads of a dictionary or tuple have names; () where they have none."""
        if "" in self._widths:
            return ()
        return tuple(name if width == 1 else f"{name} {i}" for name, width in self._widths.items() for i in range(width))

    @property
    def class_heads(self) -> tuple[slice, ...]:
        """Which outputs are the classes of one head: all of a network with one head; of several, those of each head that has more than
        one value."""
        ends = list(accumulate(self._widths.values(), initial=0))
        several = len(self._widths) > 1
        return tuple(slice(a, b) for a, b in pairwise(ends) if not several or b - a > 1)

    @property
    def all_classes(self) -> bool:
        """Whether every output belongs to a head of classes."""
        return len(self.class_heads) == len(self._widths)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the outputs so far, in sentences."""
        return tuple(self._notes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        batch, time = frames.shape[:2]
        clips = in_clips(frames, self.clip_frames)
        values = self._joined(self.core(clips), clips.shape[0], clips.shape[1])
        if self.dimensions and values.shape[2] != len(self.dimensions):
            raise StavisError(
                f"the network gives {values.shape[2]} outputs for {batch} clips of {time} frames, and {len(self.dimensions)} "
                f"({', '.join(self.dimensions[:6])}) before: its outputs must not depend on their number; give forward= that sees to it."
            )
        return values.reshape(batch, -1, values.shape[2])[:, :time].float()

    def _joined(self, output, count: int, frames: int) -> torch.Tensor:
        heads = tensors_of(output, self.heads, self._notes)
        values = {name: as_values(one, count, frames, self._notes, self.each_frame) for name, one in heads.items()}
        self._widths = {name: one.shape[2] for name, one in values.items()}
        return torch.cat(list(values.values()), 2)


def in_clips(frames: torch.Tensor, length: int | None) -> torch.Tensor:
    """Frames (B,T,...) as clips (B*k,length,...), the last of each filled up with its last frame; as they are where no length is set."""
    if length is None or frames.shape[1] == length:
        return frames
    missing = -frames.shape[1] % length
    if missing:
        frames = torch.cat([frames, frames[:, -1:].expand(-1, missing, *frames.shape[2:])], 1)
    return frames.reshape(-1, length, *frames.shape[2:])


def tensors_of(output, wanted: Sequence[str], notes: Notes) -> dict[str, torch.Tensor]:
    """The outputs by name: of a dictionary those that are wanted, or logits, or all; of a tuple as many as are wanted, or the first.

    Raises StavisError where there is none.
    """
    if isinstance(output, torch.Tensor):
        return {"": output}
    if isinstance(output, Mapping):
        found = {str(name): one for name, one in output.items() if isinstance(one, torch.Tensor) and one.ndim <= 3}
        chosen = [name for name in wanted if name in found]
        if chosen and len(chosen) == len(wanted):
            return {name: found[name] for name in chosen}
        for name in ("logits", "pooler_output", "image_embeds"):
            if name in found:
                return {"": found[name]}
        if found:
            return found
    elif isinstance(output, tuple | list):
        tensors = [one for one in output if isinstance(one, torch.Tensor) and one.ndim <= 3]
        if tensors and len(tensors) == len(wanted):
            return dict(zip(wanted, tensors, strict=True))
        if tensors:
            if len(tensors) > 1:
                notes.add(f"The network gives {len(tensors)} tensors: the first is read; take another with forward=.")
            return {"": tensors[0]}
    raise StavisError(f"the network gives a {type(output).__name__} without a tensor of values: say which is meant with forward=.")


def as_values(output: torch.Tensor, count: int, frames: int, notes: Notes, each_frame: bool = False) -> torch.Tensor:
    """One output for `count` clips of `frames` frames as (count,frames,D); each_frame: see ClipModule.

    Raises StavisError where its shape is that of nothing known.
    """
    if output.is_complex():
        raise StavisError("the network gives complex numbers: say in forward= which part of them is meant, such as .abs().")
    output = output.reshape(1) if output.ndim == 0 else output
    shape = tuple(output.shape)
    if each_frame and output.numel() == count * frames:
        return output.reshape(count, frames, 1)
    if each_frame and output.ndim == 3 and (shape[0], shape[2]) == (count, frames):
        return output.transpose(1, 2)
    if output.ndim == 3 and shape[0] == count and shape[1] == frames:
        return output
    if output.ndim == 3 and shape[0] == count and 0 < shape[1] < frames:
        notes.add(f"The network gives {shape[1]} values for {frames} frames: each is shown for the frames it stands for.")
        index = torch.arange(frames, device=output.device) * shape[1] // frames
        return output[:, index]
    if output.ndim <= 2 and frames > 1 and shape[:1] == (count * frames,):
        return output.reshape(count, frames, -1)
    if output.ndim <= 2 and shape[:1] == (count,):
        if frames > 1:
            notes.add(f"The network gives one value for a clip of {frames} frames: it is shown for all of them.")
        return output.reshape(count, 1, -1).expand(-1, frames, -1)
    raise StavisError(
        f"the network gives {shape} for {count} clips of {frames} frames: give (B,T,D), (B,D), (B*T,D) or fewer steps (B,t,D), "
        "with forward= where it gives something else."
    )
