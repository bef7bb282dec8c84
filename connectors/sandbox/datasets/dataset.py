"""What a data set becomes: CRM records, the instant they are true at, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


class DatasetError(Exception):
    """The data set can't be loaded; the message says which file, and why."""


class UnknownDatasetError(DatasetError):
    """The folder holds no data set that the sandbox knows."""


@dataclass(frozen=True)
class Source:
    """One table of the data: rows read, rows that became records, and which."""

    name: str
    read: int
    used: int
    became: str


@dataclass(frozen=True)
class Finding:
    """One thing that is odd in the data: in how many rows of how many, and what was done."""

    what: str
    rows: int
    of: int
    done: str


@dataclass(frozen=True)
class Dataset:
    """A data set as CRM records.

    `records` maps object names to records with Ids and stamps; `as_of` is the instant to set the
    CRM's clock to, later than every stamp; `notes` say, for a reader, what was mapped, changed or
    left out; `config` is the folder with the model that fits; `schema` declares fields that such
    an org would have had before us (see `Sandbox.load`).
    """

    records: dict[str, list[dict[str, Any]]]
    as_of: datetime
    notes: Sequence[str]
    sources: Sequence[Source]
    config: Path
    findings: Sequence[Finding] = ()
    schema: Sequence[Mapping[str, Any]] = ()
