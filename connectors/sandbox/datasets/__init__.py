"""Real and simulated data to load as CRM records: which a folder holds, told by its files."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import helpdesk, incident, olist, ravenstack
from connectors.sandbox.datasets.dataset import (
    Dataset,
    DatasetError,
    Finding,
    Source,
    UnknownDatasetError,
)

__all__ = [
    "Dataset",
    "DatasetError",
    "Finding",
    "Loader",
    "Source",
    "UnknownDatasetError",
    "find",
    "load",
]

Loader = Callable[[Path], Dataset]

#: Data set: the files and, where a file's name says little, the columns that it is known by.
_KNOWN: dict[str, tuple[tuple[str, ...], tuple[str, ...], Loader]] = {
    "olist": (olist.FILES, (), olist.load),
    "ravenstack": (ravenstack.FILES, (), ravenstack.load),
    "helpdesk": (helpdesk.FILES, helpdesk.KNOWN_BY, helpdesk.load),
    "incident": (incident.FILES, incident.KNOWN_BY, incident.load),
}


def find(folder: Path) -> Loader | None:
    """What reads the data set in this folder; None where no known one lies there in full."""
    for files, columns, loader in _KNOWN.values():
        if all((folder / name).is_file() for name in files) and _has(folder / files[0], columns):
            return loader
    return None


def load(folder: Path) -> Dataset:
    """Read the data set in this folder.

    Raises:
        UnknownDatasetError: no known data set lies there; names the files looked for and missed.
        DatasetError: one lies there, and a file of it can't be read.
    """
    loader = find(folder)
    if loader is not None:
        try:
            return loader(folder)
        except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
            told = str(error).strip().partition("\n")[0]
            raise DatasetError(f"The data in {folder} cannot be read: {told}") from error
    if not folder.is_dir():
        raise UnknownDatasetError(f"No data: {folder} is not a folder.")
    lines = [f"No data set that the sandbox knows lies in {folder}. It looked for:"]
    for name, (files, columns, _) in _KNOWN.items():
        missing = [f for f in files if not (folder / f).is_file()]
        lacks = f"not there: {', '.join(missing)}" if missing else f"columns {', '.join(columns)}"
        lines.append(f"  {name}: {', '.join(files)} ({lacks})")
    raise UnknownDatasetError("\n".join(lines))


def _has(path: Path, columns: tuple[str, ...]) -> bool:
    """Whether the file's header names these columns."""
    if not columns:
        return True
    try:
        header = pl.read_csv(path, n_rows=0, infer_schema=False).columns
    except (pl.exceptions.PolarsError, OSError):
        return False
    return set(columns) <= set(header)
