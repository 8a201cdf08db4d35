"""What training lowers: mean squared error, 1 − CCC and the ε-insensitive loss. All take (B,T,D) and a mask (B,T)."""

from collections.abc import Callable

import torch

from stavis.errors import StavisError

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def mse(predicted: torch.Tensor, gold: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the frames that count."""
    _check_alike(predicted, gold)
    return _mean((predicted - gold) ** 2, mask)


def epsilon_insensitive(predicted: torch.Tensor, gold: torch.Tensor, mask: torch.Tensor, epsilon: float = 0.1) -> torch.Tensor:
    """Mean absolute error beyond a tube of half width epsilon (the AV+EC 2015 entries' "ε-loss")."""
    _check_alike(predicted, gold)
    return _mean(((predicted - gold).abs() - epsilon).clamp(min=0), mask)


def one_minus_ccc(predicted: torch.Tensor, gold: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 − CCC (Lin 1989) over all frames of the batch that count, mean over dimensions; in [0,2]."""
    _check_alike(predicted, gold)
    predicted, gold = predicted[mask], gold[mask]  # N,D
    shift = predicted.mean(0) - gold.mean(0)
    covariance = ((predicted - predicted.mean(0)) * (gold - gold.mean(0))).mean(0)
    spread = predicted.var(0, correction=0) + gold.var(0, correction=0) + shift**2
    return (1 - 2 * covariance / (spread + 1e-8)).mean()


def mse_and_ccc(predicted: torch.Tensor, gold: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error plus 1 − CCC: the first fixes the scale early, the second what is measured in the end."""
    return mse(predicted, gold, mask) + one_minus_ccc(predicted, gold, mask)


def inconsistency(predicted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared difference between the predictions (2N,T,D) of the views 2i and 2i+1 of the same window, over the frames that count."""
    first, second = predicted[0::2], predicted[1::2]
    return mse(first, second, mask[0::2])


LOSSES: dict[str, Loss] = {"mse": mse, "ccc": one_minus_ccc, "mse+ccc": mse_and_ccc, "epsilon": epsilon_insensitive}


def _check_alike(predicted: torch.Tensor, gold: torch.Tensor) -> None:
    # torch would broadcast one dimension over the labels of several
    if predicted.shape != gold.shape:
        raise StavisError(f"predictions {tuple(predicted.shape)} and labels {tuple(gold.shape)} differ: give both the same dimensions.")


def _mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return values[mask].mean()
