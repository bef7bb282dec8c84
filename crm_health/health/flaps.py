"""Bands that do not stay: accounts whose band changed more than once in a span of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from crm_health.health.moves import Move, moves

Receipt = Mapping[str, Any]


@dataclass(frozen=True)
class Turn:
    """One change of an account's band."""

    day: date
    before: str
    after: str
    #: Scores of the reading before, and of the day.
    score_before: int | None
    score: int | None
    #: The part that moved the score most since the reading before, None where it stood still.
    by: Move | None
    #: What else changed in between: `cap <name>`, `override`, `configuration`, `evidence`.
    beside: tuple[str, ...]


def unsteady(series: pl.DataFrame, first: date, more_than: int = 1) -> pl.DataFrame:
    """The accounts whose band changed more often than that since `first`.

    Args:
        series: account_id, day, band: by account and day, with readings before `first` to tell
            what each account came from.
        first: The first day on which a change counts.
        more_than: How many changes are no flapping.

    Returns:
        account_id, changes; most changes first.
    """
    before = pl.col("band").shift(1).over("account_id")
    known = series.filter(pl.col("band").is_not_null()).sort("account_id", "day")
    return (
        known.with_columns(before.alias("before"))
        .filter((pl.col("band") != pl.col("before")) & (pl.col("day") >= first))
        .group_by("account_id")
        .agg(pl.len().cast(pl.Int64).alias("changes"))
        .filter(pl.col("changes") > more_than)
        .sort("changes", "account_id", descending=[True, False])
    )


def turns(receipts: Iterable[Receipt], first: date) -> list[Turn]:
    """The changes of one account's band since `first`, with their reasons.

    Args:
        receipts: Of the account, by `day`.
        first: The first day on which a change counts.
    """
    found: list[Turn] = []
    before: Receipt | None = None
    for now in receipts:
        if now.get("band") is None:
            continue
        if before is not None and now["band"] != before["band"] and now["day"] >= first:
            strongest = next(iter(moves(now, before)), None)
            found.append(
                Turn(now["day"], before["band"], now["band"], before["score"], now["score"],
                     strongest, _beside(now, before))
            )  # fmt: skip
        before = now
    return found


def _beside(now: Receipt, before: Receipt) -> tuple[str, ...]:
    found = []
    if now.get("capped") != before.get("capped"):
        name = now.get("capped")
        found.append(f"cap {name}" if name else f"no longer cap {before['capped']}")
    if now.get("override") != before.get("override"):
        found.append("override")
    if now.get("digest") != before.get("digest"):
        found.append("configuration")
    gone = {*(now.get("missing") or ()), *(now.get("stale") or ())}
    if gone != {*(before.get("missing") or ()), *(before.get("stale") or ())}:
        found.append("evidence")
    return tuple(found)
