"""Which accounts' rows to load."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.store.hashing import BUCKETS


@dataclass(frozen=True)
class Scope:
    """All accounts, those of some buckets, or those with the given ids."""

    #: First and last bucket, both included.
    bucket_range: tuple[int, int] | None = None
    ids: pl.Series | None = None

    @classmethod
    def all(cls) -> Scope:
        """Every row, those that reach no account included."""
        return cls()

    @classmethod
    def buckets(cls, numbers: range) -> Scope:
        """The accounts of an unbroken range of buckets."""
        if numbers.step != 1 or not numbers or numbers.start < 0 or numbers.stop > BUCKETS:
            raise ValueError(f"not a range of buckets: {numbers}")
        return cls(bucket_range=(numbers.start, numbers.stop - 1))

    @classmethod
    def accounts(cls, ids: pl.Series) -> Scope:
        """The accounts with these ids."""
        return cls(ids=ids.cast(pl.String))
