"""Which data sets can be read here, as a table; quick to load: no torch, no video library's decoder is used."""

import pandas as pd

from stavis.data.dataset_names import looked_for
from stavis.data.datasets.registry import DATASETS, found_at


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
    rows = []
    for data_set in DATASETS.values():
        found = found_at(data_set.name) if data_set.folders else None
        rows.append(
            {
                "name": data_set.name,
                "title": data_set.title,
                "licence": data_set.licence,
                "apply": data_set.apply,
                "holds": data_set.holds,
                "found": None if found is None else str(found),
                "looked_for": "; ".join(str(path) for path in looked_for(data_set.name)),
            }
        )
    return pd.DataFrame(rows).astype(object).where(lambda table: table.notna(), None)
