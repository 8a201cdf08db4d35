"""The error of predictions by how low or high the gold is."""

import numpy as np
import pandas as pd


def error_by_range(predictions: dict[str, dict[int, pd.DataFrame]], edges: np.ndarray = np.linspace(-1, 1, 9)) -> pd.DataFrame:
    """How wrong each system is where the gold is low, middling or high, over all seeds.

    predictions: tables with the columns predicted and gold, by system and seed. The result has the columns system, low, high (of the
    gold), labels, rmse, bias.
    """
    rows = []
    for name, seeds in predictions.items():
        table = pd.concat(list(seeds.values())).dropna(subset=["predicted", "gold"])
        bin_of = np.clip(np.digitize(table.gold, edges) - 1, 0, len(edges) - 2)
        error = (table.predicted - table.gold).to_numpy()
        for k in range(len(edges) - 1):
            inside = error[bin_of == k]
            if len(inside):
                row = {"labels": len(inside) // len(seeds), "rmse": float(np.sqrt(np.mean(inside**2))), "bias": float(inside.mean())}
                rows.append({"system": name, "low": edges[k], "high": edges[k + 1], **row})
    return pd.DataFrame(rows, columns=["system", "low", "high", "labels", "rmse", "bias"])
