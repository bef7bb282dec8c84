"""Rows of a company of any size in entity columns, made by Polars: what every customer has.

For N accounts 2N contacts, 10N cases, 5N usage rows, 5N activities, N/2 deals, N lines of
subscription and N answers. Nothing is drawn at random: everything follows from the row's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from polars import col

from crm_health.entities import POLARS, Kind

#: Rows of an account, by entity; fewer than one: every so-manieth account has one.
EACH = {
    "account": 1.0, "contact": 2.0, "case": 10.0, "usage": 5.0, "activity": 5.0,
    "opportunity": 0.5, "subscription": 1.0, "survey": 1.0,
}  # fmt: skip
_PREFIX = {
    "account": "001", "contact": "003", "case": "500", "usage": "a0U", "activity": "00U",
    "opportunity": "006", "subscription": "02i", "survey": "a0S",
}  # fmt: skip
_PAGE = 50_000


def pages(
    entity: str, shape: dict[str, Kind], accounts: int, now: datetime
) -> Iterator[pl.DataFrame]:
    """All rows of an entity, in pages.

    Args:
        entity: One of `EACH`.
        shape: Its columns; those that nothing here fills are empty.
        accounts: How many there are.
        now: An aware instant.
    """
    count = round(EACH[entity] * accounts)
    for start in range(0, count, _PAGE):
        numbers = pl.int_range(start, min(start + _PAGE, count), eager=True).alias("n")
        frame = numbers.to_frame().with_columns(a=(col("n") % accounts))
        made = {"account_id": _id("account", col("a")), **_made(entity, pl.lit(now), accounts)}
        yield frame.select(
            _id(entity, col("n")).alias("id"),
            *(
                made.get(name, pl.lit(None)).cast(POLARS[kind]).alias(name)
                for name, kind in {"account_id": Kind.TEXT, **shape}.items()
                if not (entity == "account" and name == "account_id")
            ),
        )


def _id(entity: str, number: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(_PREFIX[entity]), number.cast(pl.String).str.zfill(15))


def _pick(below: int, salt: int) -> pl.Expr:
    """A number from nought on, other for each row, the same in each run."""
    mixed = (col("n") + salt) * 2_654_435_761 % 4_294_967_296
    return mixed // 65_536 % below


def _made(entity: str, now: pl.Expr, accounts: int) -> dict[str, pl.Expr]:
    def ago(days: pl.Expr) -> pl.Expr:
        return now - pl.duration(days=days)

    def day(days: pl.Expr) -> pl.Expr:
        return ago(days).dt.date()

    who = _id("contact", col("a") + accounts * _pick(2, 9))
    if entity == "account":
        return {
            "name": pl.concat_str(pl.lit("Acme "), col("n")),
            "owner_id": pl.lit("005000000000000001"),
            "status": pl.lit("customer"),
            "created_at": ago(60 + _pick(900, 1)),
            "contract_value": 1000.0 + _pick(90_000, 2),
            "renewal_at": day(60 - _pick(400, 3)),
        }
    if entity == "contact":
        roles = pl.when(_pick(3, 1) == 0).then(pl.lit("champion")).otherwise(pl.lit("sponsor"))
        return {
            "role": pl.when(_pick(4, 4) > 0).then(roles),
            "is_active": _pick(50, 2) > 0,
            "left_at": pl.when(_pick(50, 2) == 0).then(day(_pick(300, 3))),
        }
    if entity == "case":
        rank = _pick(20, 1)
        opened = _pick(400, 2)
        return {
            "contact_id": who,
            "number": col("n").cast(pl.String),
            "priority": pl.when(rank == 0)
            .then(pl.lit("p1"))
            .when(rank < 4)
            .then(pl.lit("p2"))
            .when(rank < 15)
            .then(pl.lit("p3"))
            .otherwise(pl.lit("p4")),
            "is_open": _pick(25, 3) == 0,
            "opened_at": ago(opened),
            "sla_due_at": ago(opened - 3),
        }
    if entity == "usage":
        return {
            "metric": pl.lit("active_users"),
            "value": 1.0 + _pick(40, 1),
            "day": day(1 + _pick(112, 2)),
        }
    if entity == "activity":
        return {
            "contact_id": who,
            "kind": pl.lit("meeting"),
            "purpose": pl.when(_pick(8, 1) == 0).then(pl.lit("value_review")),
            "happened_at": day(_pick(400, 2) - 10),
        }
    if entity == "opportunity":
        won = _pick(3, 2) > 0
        return {
            "kind": pl.when(_pick(2, 1) == 0).then(pl.lit("new")).otherwise(pl.lit("renewal")),
            "is_won": won,
            "is_open": ~won,
            "amount": 500.0 + _pick(9_000, 3),
            "close_at": day(_pick(500, 4)),
            "created_at": ago(_pick(500, 4) + 60),
        }
    if entity == "subscription":
        return {
            "product": pl.lit("Platform seats"),
            "quantity": 20.0 + _pick(30, 1),
            "annual_value": 1000.0 + _pick(9_000, 2),
            "is_active": pl.lit(True),
            "is_recurring": pl.lit(True),
            "started_at": day(60 + _pick(900, 3)),
        }
    return {
        "contact_id": who,
        "kind": pl.lit("csat"),
        "points": 25.0 * _pick(5, 1),
        "answered_at": day(_pick(300, 2)),
    }
