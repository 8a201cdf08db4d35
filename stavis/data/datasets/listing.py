"""Which data sets can be read here, as a table; quick to load: no torch, no video library's decoder is used."""

import pandas as pd

from stavis.data.dataset_names import described
from stavis.data.datasets.registry import found_at


def datasets() -> pd.DataFrame:
    """The data sets that can be read, and where each was looked for.

    Returns
    -------
    pandas.DataFrame
        One row per data set: `name`, `title`, `licence`, `apply` (how to get it), `holds` (what its folder holds), `found` (its folder,
        or None) and `looked_for` (the folders in which it was looked for, separated by ';').

    Examples
    --------
    >>> import stavis
    >>> "recola" in list(stavis.datasets().name)
    True
    """
    return pd.DataFrame(described(found_at)).astype(object).where(lambda table: table.notna(), None)
