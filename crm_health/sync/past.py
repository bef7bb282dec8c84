"""What became of customers, as the mirror knows it, beside the readings that were kept of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from crm_health.health import backtest
from crm_health.health.backtest import Past, Receipt
from crm_health.store import Scope, Store, text_hash

#: Of those who stayed so many are looked at, always the same: more would make no narrower interval.
STAYED = 5_000
#: Readings that are looked for in one go.
_AT_ONCE = 500


def outcomes(store: Store) -> pl.DataFrame:
    """Who left, and when: account_id, left_on, of each the first.

    An account's `churned_at`, and the day a renewal was lost.
    """
    known = store.mirror.entities()
    found = [pl.DataFrame(schema={"account_id": pl.String, "left_on": pl.Date})]
    if "churned_at" in known.get("account", {}):
        accounts = store.mirror.load("account", ["churned_at"], Scope.all())
        found.append(
            accounts.select(pl.col("id").alias("account_id"), pl.col("churned_at").alias("left_on"))
        )
    deal = ["kind", "is_open", "is_won", "close_at"]
    if set(deal) <= known.get("opportunity", {}).keys():
        deals = store.mirror.load("opportunity", deal, Scope.all())
        lost = (pl.col("kind") == "renewal") & ~pl.col("is_open") & ~pl.col("is_won")
        found.append(deals.filter(lost).select("account_id", pl.col("close_at").alias("left_on")))
    return (
        pl.concat(found)
        .drop_nulls()
        .group_by("account_id")
        .agg(pl.col("left_on").min())
        .sort("account_id")
    )


def judge(store: Store, today: date, horizon: timedelta, bands: list[str]) -> Past:
    """Test every measure on the past.

    Args:
        store: The open database.
        today: The day of the last full assessment.
        horizon: How long after a reading somebody who leaves counts.
        bands: From worst to best.
    """
    gone = outcomes(store).filter(pl.col("left_on") <= today)
    left_on = dict(gone.iter_rows())
    stayed, stands_for = _stayed(store, gone["account_id"], today)
    ids = pl.concat([gone["account_id"], stayed])
    days = backtest.landmarks(today - timedelta(days=5 * 365), today, horizon)
    frames = [pl.DataFrame(schema=backtest.SEEN)]
    banded: list[tuple[str | None, bool, float]] = []
    used, judged = list[date](), set[str]()
    for day in days:
        rows: list[dict[str, Any]] = []
        for receipt in _newest(store, ids, day):
            account = receipt["account"]
            leaves = left_on.get(account)
            if leaves is not None and leaves <= day:
                continue
            left = leaves is not None and leaves <= day + horizon
            rows += backtest.seen(receipt, day, left=left)
            banded.append((receipt.get("band"), left, 1.0 if leaves else stands_for))
            if left:
                judged.add(account)
        if rows:
            used.append(day)
            frames.append(pl.DataFrame(rows, schema=backtest.SEEN))
    found = Past(horizon, gone.height, len(judged), used)
    if not found.enough:
        return found
    seen = pl.concat(frames)
    marks = backtest.low_marks(seen)
    who = gone.filter(pl.col("account_id").is_in(list(judged)))
    ahead = [
        backtest.leads(receipts, left_on[account], marks)
        for account, receipts in _by_account(store, who)
    ]
    return replace(
        found,
        tests=backtest.tested(seen, ahead),
        caught=backtest.bands_caught(banded, bands),
    )


def _stayed(store: Store, gone: pl.Series, today: date) -> tuple[pl.Series, float]:
    """Some of those who are customers still, always the same, and how many each stands for.

    Whoever is neither known to have left nor scored any more is on neither side.
    """
    scored = store.history.series(today - backtest.SLACK, Scope.all())["account_id"].unique()
    others = scored.filter(~scored.is_in(gone.implode())).alias("account_id")
    order = text_hash(others).alias("order")
    ordered = others.to_frame().with_columns(order).sort("order", "account_id")["account_id"]
    return ordered.head(STAYED), max(1.0, len(ordered) / STAYED)


def _newest(store: Store, ids: pl.Series, day: date) -> Iterator[Receipt]:
    """Of each account the newest reading of a landmark's days."""
    for start in range(0, len(ids), _AT_ONCE):
        some = ids.slice(start, _AT_ONCE)
        yield from store.history.last_receipts(some, day - backtest.SLACK, day)


def _by_account(store: Store, who: pl.DataFrame) -> Iterator[tuple[str, list[Receipt]]]:
    """All readings of the year before each left."""
    for part in who.sort("account_id").iter_slices(_AT_ONCE):
        first, last = part["left_on"].min(), part["left_on"].max()
        if not isinstance(first, date) or not isinstance(last, date):
            continue
        found = store.history.receipts(part["account_id"], first - backtest.LOOK_BACK, last)
        for account, receipts in itertools.groupby(found, key=lambda receipt: receipt["account"]):
            yield account, list(receipts)
