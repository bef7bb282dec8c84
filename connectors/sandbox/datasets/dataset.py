"""What a data set becomes: CRM records, the instant they are true at, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


class UnknownDatasetError(LookupError):
    """The folder holds no data set that the sandbox knows."""


@dataclass(frozen=True)
class Dataset:
    """A data set as CRM records.

    `records` maps object names to records with Ids and stamps; `as_of` is the instant to set the
    CRM's clock to, later than every stamp; `notes` say, for a reader, what was mapped, changed or
    left out; `counts` give rows read and records made, by name.
    """

    records: dict[str, list[dict[str, Any]]]
    as_of: datetime
    notes: list[str]
    counts: dict[str, int]
