"""Real data sets to load as CRM records: which one a folder holds, told by its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connectors.sandbox.datasets import olist
from connectors.sandbox.datasets.dataset import Dataset, UnknownDatasetError

__all__ = ["Dataset", "Loader", "UnknownDatasetError", "find", "load"]

Loader = Callable[[Path], Dataset]

#: Data set: the files that it is known by, and what reads them.
_KNOWN: dict[str, tuple[tuple[str, ...], Loader]] = {
    "olist": (olist.FILES, olist.load),
}


def find(folder: Path) -> Loader | None:
    """What reads the data set in this folder; None where no known one lies there in full."""
    for files, loader in _KNOWN.values():
        if all((folder / name).is_file() for name in files):
            return loader
    return None


def load(folder: Path) -> Dataset:
    """Read the data set in this folder.

    Raises:
        UnknownDatasetError: no known data set lies there; names the files looked for and missed.
    """
    loader = find(folder)
    if loader is not None:
        return loader(folder)
    if not folder.is_dir():
        raise UnknownDatasetError(f"No data: {folder} is not a folder.")
    lines = [f"No data set that the sandbox knows lies in {folder}. It looked for:"]
    for name, (files, _) in _KNOWN.items():
        missing = [f for f in files if not (folder / f).is_file()]
        lines.append(f"  {name}: {', '.join(files)} (not there: {', '.join(missing)})")
    raise UnknownDatasetError("\n".join(lines))
