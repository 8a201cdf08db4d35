"""Copies of what is done in a place that papermill writes to: s3://, gs://, adl://, abs://, hdfs:// with papermill's own extras."""

import dataclasses
import logging
import warnings
from pathlib import Path

from papermill import iorw
from papermill.exceptions import PapermillException
from papermill.iorw import LocalHandler, papermill_io

from stavis.batch.record import NOTEBOOK, PAGE, read_report
from stavis.errors import StavisError
from stavis.logs import quiet_loggers

_CLIENTS = {"s3": "S3", "adl": "ADL", "abs": "AzureBlobStore", "gs": "GCSFileSystem", "hdfs": "HadoopFileSystem"}
EXTENSIONS = [".ipynb", ".html", ".json", ".csv"]


def check_place(place: str) -> None:
    """Look whether papermill has a writer for the place.

    Raises StavisError where it has none, or the writer's library is not installed.
    """
    handler = papermill_io.get_handler(place)
    if "://" not in place or isinstance(handler, LocalHandler) or place.startswith(("http://", "https://")):
        raise StavisError(
            f"publish is {place!r}, which papermill cannot write to: give s3://, gs://, adl://, abs:// or hdfs://, or use out."
        )
    client = getattr(iorw, _CLIENTS.get(place.split("://")[0], ""), object)
    if not isinstance(client, type):  # papermill puts a function there that tells what to install
        try:
            client()
        except PapermillException as error:
            raise StavisError(f"publish to {place} needs more of papermill: {' '.join(str(error).split())}") from error


def publish(place: str, folder: Path) -> None:
    """Write a report's notebook and page below a place, and note in its record that they are there.

    Raises StavisError where the place refuses; the report itself stays done.
    """
    for name in (NOTEBOOK, PAGE):
        publish_file(place, folder / name, f"{folder.name}/{name}")
    dataclasses.replace(read_report(folder), published=place).write(folder)


def publish_file(place: str, path: Path, name: str) -> None:
    """Write one file below a place, through papermill.

    Raises StavisError where that fails.
    """
    try:
        with warnings.catch_warnings(), quiet_loggers("papermill", level=logging.CRITICAL):
            warnings.simplefilter("ignore")
            papermill_io.write(path.read_text(encoding="utf-8"), f"{place}/{name}", extensions=EXTENSIONS)
    except Exception as error:  # each store raises errors of its own library
        message = " ".join(str(error).split())[:200]
        raise StavisError(
            f"{place}/{name} could not be written ({type(error).__name__}: {message}): look at the place and its rights."
        ) from error
