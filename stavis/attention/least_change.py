"""Attention weights whose mean over rows is a given map and that differ from a network's own as little as that allows.

Rows are those of heads and queries. The solution (least Kullback-Leibler divergence at the given marginals) is the own weights times one
factor per cell and one per row, found by scaling in turn (iterative proportional fitting). A network's own map changes nothing; where one
row makes the map, the row becomes the map.

References
----------
Deming, Stephan: On a least squares adjustment of a sampled frequency table when the expected marginal totals are known. 1940.
"""

import torch

STEPS, CLOSE = 200, 1e-7


def with_mean(rows: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Rows (...,R,P), 0 or more, scaled so that their sum over R is proportional to `maps` (...,P) and each row's own sum stays.

    Gradients flow into `maps` (those of the last step; the factors before it count as constants), none into `rows`.
    """
    rows = rows.detach()
    mass = rows.sum(-1, keepdim=True)
    if rows.shape[-2] == 1:
        return maps.unsqueeze(-2) * mass
    own = rows.double()
    own = own + 1e-12 * own.sum((-2, -1), keepdim=True) / (own.shape[-2] * own.shape[-1])  # so that a cell without weight can get some
    total = mass.double()
    wanted = maps.unsqueeze(-2).double() * total.sum(-2, keepdim=True)
    target, scale = wanted.detach(), torch.ones_like(total)
    for _ in range(STEPS):
        cells = target / (own * scale).sum(-2, keepdim=True).clamp_min(1e-300)
        sums = (own * cells).sum(-1, keepdim=True)
        after = torch.where(sums > 0, total / sums.clamp_min(1e-300), torch.zeros_like(sums))
        done = bool(((after - scale).abs() <= CLOSE * after.abs()).all())
        scale = after
        if done:
            break
    last = own * (wanted / (own * scale).sum(-2, keepdim=True).clamp_min(1e-300))
    return (last * (total / last.sum(-1, keepdim=True).clamp_min(1e-300))).to(rows)
