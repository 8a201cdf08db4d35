"""What is looked at in a network that is handed in, before it is run: where it is, what is wrapped around it, what it does itself."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from stavis.attention.calls import DROPOUTS, unwrapped
from stavis.errors import StavisError
from stavis.inference.adapters.families import is_from
from stavis.notes import Notes

OWN = (("mean", "std"), ("pixel_mean", "pixel_std"), ("image_mean", "image_std"), ("norm_mean", "norm_std"))
"""The names under which modules keep a normalisation of their own."""
_NEAR = 0.02


def opened(module: nn.Module, notes: Notes) -> nn.Module:
    """The network itself, without torch.compile or DataParallel around it; what was taken off, and its mode and precision, is noted.

    Raises StavisError where it lies on several devices or has no values.
    """
    if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1:
        raise StavisError("the model is spread over several devices by DataParallel: give the module in it, model.module.")
    inner = unwrapped(module)
    around = "torch.compile" if hasattr(module, "_orig_mod") else type(module).__name__
    inner, adapted = _without_peft(inner)
    name = type(inner).__name__
    if inner is not module:
        around = type(adapted).__name__ if adapted is module else around
        notes.add(f"{name} is read without the {around} around it{'' if adapted is None else '; its adapters stay'}.")
    if any(isinstance(one, DROPOUTS) and one.training and one.p > 0 for one in inner.modules()):
        notes.add(f"{name} was handed in with dropout on (training mode): it is read with dropout off, and set back after.")
    kinds = {one.dtype for one in inner.parameters() if one.is_floating_point()}
    if kinds & {torch.float16, torch.bfloat16}:
        text = " and ".join(sorted(str(one).removeprefix("torch.") for one in kinds))
        notes.add(f"{name} computes in {text}, and is read in it: its values and maps are only as exact as that.")
    return inner


def _without_peft(module: nn.Module) -> tuple[nn.Module, nn.Module | None]:
    """The network that peft has put adapters (LoRA) into, without the module of peft around it, which does nothing more; and that module,
    None where there is none."""
    if not is_from(module, "peft") or getattr(getattr(module, "active_peft_config", None), "is_prompt_learning", True):
        return module, None
    return unwrapped(module.get_base_model()), module


def check_devices(module: nn.Module, device: str) -> None:
    """Raises StavisError where a network has no values yet, or lies on several devices and is not to be moved to one."""
    name = type(module).__name__
    if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        raise StavisError(f"{name} has lazy layers without weights: run it once on a clip, and train it, before it is handed in.")
    devices = sorted({str(one.device) for one in (*module.parameters(), *module.buffers())})
    if "meta" in devices:
        raise StavisError(f"{name} holds weights without values (device meta): load its weights before it is handed in.")
    if len(devices) > 1 and device == "auto":
        raise StavisError(f"{name} is spread over {', '.join(devices)}: move it to one of them, or give device=.")


def own_normalisation(module: nn.Module) -> tuple[np.ndarray, np.ndarray, str] | None:
    """The mean and std by which a network normalises frames itself, for frames in [0,1], and where they are; None where none is found."""
    for path, each in module.named_modules():
        for names in OWN:
            mean, std = (_numbers(getattr(each, name, None)) for name in names)
            if mean is not None and std is not None and (std > 0).all():
                scale = 255.0 if mean.max() > 1.5 else 1.0
                return mean / scale, std / scale, ".".join(part for part in (path, names[0]) if part)
    return None


def check_normalisation(module: nn.Module, normalise: tuple | None, given: bool, notes: Notes) -> None:
    """Notes where a network may normalise frames that are normalised for it; given: by the user, not by what is known of its family.

    Raises StavisError where both do the same.
    """
    found = own_normalisation(module) if normalise is not None else None
    if found is None:
        return
    name, (mean, std, path) = type(module).__name__, found
    if given and all(np.allclose(one, two, atol=_NEAR) for one, two in zip(normalise, (mean, std), strict=True)):
        raise StavisError(f"{name} normalises frames itself ({path}) by the values that are given: leave out normalise= or processor=.")
    notes.add(f"{name} holds a mean and std of its own ({path}) and frames are normalised before: make sure that is not done twice.")


def _numbers(held) -> np.ndarray | None:
    """One or three numbers as an array of three; None for anything else."""
    if isinstance(held, torch.Tensor):
        held = held.detach().float().cpu().numpy() if held.numel() in (1, 3) else None
    if held is None or callable(held):
        return None
    try:
        flat = np.asarray(held, float).ravel()
    except (TypeError, ValueError):
        return None
    return np.broadcast_to(flat, 3) if flat.size in (1, 3) and np.isfinite(flat).all() else None


def why_other_values(name: str, run: Callable[[], object]) -> StavisError:
    """Why a network gives other values for the same clip when it is called again: it draws at random, or it keeps what it has seen."""
    with torch.random.fork_rng():
        before = _random_states()
        run()
        drew = any(not torch.equal(*pair) for pair in zip(before, _random_states(), strict=True))
    if drew:
        return StavisError(
            f"{name} draws at random in eval mode, such as by dropout that is left on, and gives other values for the same clip when it is "
            "called again: switch that off (F.dropout(x, p, self.training))."
        )
    return StavisError(
        f"{name} gives other values for the same clip when it is called again: it keeps state between calls; reset it in forward=."
    )


def _random_states() -> list[torch.Tensor]:
    """The states of torch's random generators, which change where a number is drawn."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]
