"""A module tried on noise: which call works, what its outputs are, and whether a clip's values depend on that clip alone."""

from dataclasses import replace

import numpy as np
import torch

from stavis.attention.calls import in_eval_mode
from stavis.attribution.target import device_of
from stavis.errors import StavisError
from stavis.inference.adapters.clip_module import ClipModule, Core, Forward
from stavis.inference.adapters.families import guessed_forward
from stavis.inference.adapters.video_network import VideoNetwork
from stavis.inference.module_checks import why_other_values
from stavis.notes import Notes

NOT_ALL = "Only a part of the attention on all tokens lies in a frame: each frame's map is divided by its sum."
AMBIGUOUS = (
    "{name} gives {count} numbers for a clip of {count} frames: they are taken for as many outputs; where they are one value a frame, give "
    "forward=lambda network, x: network(x)[..., None]."
)
MOST_BYTES = 4 << 30
"""The largest window that is tried: one that no memory holds would end the process, without a sentence."""
DARKER = 0.7
"""Of two clips of noise the second, so that a network of means tells them apart."""
_SAME = 1e-3
_SAME_IN_HALF = 2e-2


def tried(network: VideoNetwork, may_guess: bool, names: int, notes: Notes) -> tuple[VideoNetwork, np.ndarray]:
    """The network with a `forward` that works, and its values for one clip of noise; names: how many outputs are named, 0 for unknown.

    Raises StavisError where no call works, or a clip's values are not a function of the clip alone.
    """
    model, name = network.model, type(network.model).__name__
    length = network.frames or max(1, round(network.seconds * network.rate))
    shape = (2, length, 3, network.size, network.size)
    if 4 * np.prod(shape[1:], dtype=float) > MOST_BYTES:
        raise StavisError(
            f"a window of {length} frames of {network.size} px is too large for memory: give fewer frames= or seconds=, or a smaller size=."
        )
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    noise[1] *= DARKER
    noise = noise.to(device_of(model))
    wrong: Exception | None = None
    for forward in [None, guessed_forward(model)] if may_guess else [network.clip.core.forward_of_user]:
        if wrong is not None and forward is None:
            break
        trial, found = _with(network, forward), Notes()
        try:
            with in_eval_mode(model):
                trial, values = _values(trial, noise, names, found)
        except StavisError as error:  # it ran: what it gave is what cannot be read
            wrong = error
            break
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, OSError) as error:
            wrong = wrong or error
        else:
            if wrong is not None:
                notes.add(f"{name} does not take frames (B,T,3,H,W): it is given {_taken(forward)}; give forward= for another way.")
            said = (*trial.clip.notes, *trial.notes)
            notes.add(*(NOT_ALL if "of the attention" in note.lower() else note for note in said), *found)
            return replace(trial, notes=Notes()), values
    if isinstance(wrong, StavisError):
        raise wrong
    reason = (str(wrong).strip().splitlines() or [type(wrong).__name__])[0][:200]
    raise StavisError(
        f"{name} cannot run on frames {(1, *shape[1:])} ({reason}): give the size, rate, seconds or frames that it expects, or forward=."
    ) from wrong


def _with(network: VideoNetwork, forward: Forward | None, each_frame: bool = False) -> VideoNetwork:
    core = network.clip.core
    core = Core(core.model, forward, (core.mean, core.std))
    return replace(network, clip=ClipModule(core, network.clip.clip_frames, network.clip.heads, each_frame), notes=Notes())


def _values(trial: VideoNetwork, noise: torch.Tensor, names: int, notes: Notes) -> tuple[VideoNetwork, np.ndarray]:
    """Its values for the first clip of noise, read for what they are: outputs of the clip, or one value a frame."""
    name, length = type(trial.model).__name__, noise.shape[1]
    values, _ = trial.forward(noise[:1])
    other = _plain(trial, noise[1:])  # in between: a mean over calls is that of the clip while it is the only one
    again = _plain(trial, noise[:1])
    if again.shape != values.shape or _apart(again, values, max(1.0, float(np.abs(values).max()))):
        raise why_other_values(name, lambda: _plain(trial, noise[:1]))
    both = _plain(trial, noise)
    if length > 1 and length in (values.shape[2], both.shape[2]) and length != names:
        if names == 1 or values.shape[2] != both.shape[2] or _follows_time(trial, noise):
            trial = _with(trial, trial.clip.core.forward_of_user, each_frame=True)
            values, _ = trial.forward(noise[:1])
            other, both = _plain(trial, noise[1:]), _plain(trial, noise)
        elif not names:
            notes.add(AMBIGUOUS.format(name=name, count=length))
    alone = np.concatenate([values, other]) if both.shape[1:] == values.shape[1:] else values
    if alone.shape != both.shape or _apart(alone, both, float(np.abs(alone).max()) + 1e-3, _is_half(trial)):
        raise StavisError(
            f"{name} gives other values for a clip when another one is in its batch, such as by recurrence or attention over the batch "
            "(batch_first=True is missing) or batch normalisation without running statistics: correct that, or run one clip at a time, "
            "with forward=lambda network, x: torch.cat([network(one[None]) for one in x])."
        )
    return trial, values


def _plain(trial: VideoNetwork, noise: torch.Tensor) -> np.ndarray:
    """The values alone, with nobody looking at the attention."""
    return replace(trial, tokens=None).forward(noise)[0]


def _follows_time(trial: VideoNetwork, noise: torch.Tensor) -> bool:
    """Whether a clip with one frame less has one output less."""
    if trial.frames is not None:
        return False
    try:
        return _plain(trial, noise[:1, :-1]).shape[2] == noise.shape[1] - 1
    except (RuntimeError, ValueError, IndexError, TypeError, AssertionError):  # it takes no other length
        return False


def _is_half(trial: VideoNetwork) -> bool:
    return any(one.dtype in (torch.float16, torch.bfloat16) for one in trial.model.parameters())


def _apart(one: np.ndarray, two: np.ndarray, scale: float, half: bool = False) -> bool:
    return bool(np.abs(one - two).max() > (_SAME_IN_HALF if half else _SAME) * scale)


def _taken(forward: Forward | None) -> str:
    named = getattr(forward, "__name__", "")
    return "volumes (B,3,T,H,W)" if named == "colours_first" else "one frame after another (B*T,3,H,W)"
