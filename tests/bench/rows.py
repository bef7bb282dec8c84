"""Rows of a company of any size in entity columns, made by Polars: what every customer has.

For N accounts 2N contacts, 10N cases, 5N usage rows, 5N activities, N/2 deals, N lines of
subscription, N answers and N/80 people who look after them. Nothing is drawn at random: everything
follows from the row's number.
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
    "opportunity": 0.5, "subscription": 1.0, "survey": 1.0, "user": 1 / 80,
}  # fmt: skip
_PREFIX = {
    "account": "001", "contact": "003", "case": "500", "usage": "a0U", "activity": "00U",
    "opportunity": "006", "subscription": "02i", "survey": "a0S", "user": "005",
    "task": "00T", "episode": "a0E", "escalation": "a0X",
}  # fmt: skip
#: Entities whose rows have no account beside them.
_APART = ("account", "user")
PAGE = 50_000


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
    for start in range(0, count, PAGE):
        numbers = pl.int_range(start, min(start + PAGE, count), eager=True).alias("n")
        frame = numbers.to_frame().with_columns(a=(col("n") % accounts))
        theirs = _made(entity, pl.lit(now), accounts)
        made = {"account_id": identified("account", col("a")), **theirs}
        yield frame.select(
            identified(entity, col("n")).alias("id"),
            *(
                made.get(name, pl.lit(None)).cast(POLARS[kind]).alias(name)
                for name, kind in {"account_id": Kind.TEXT, **shape}.items()
                if name != "account_id" or entity not in _APART
            ),
        )


def identified(entity: str, number: pl.Expr) -> pl.Expr:
    """The id of a record of an entity."""
    return pl.concat_str(pl.lit(_PREFIX[entity]), number.cast(pl.String).str.zfill(15))


def person(account: pl.Expr, accounts: int) -> pl.Expr:
    """Who looks after an account."""
    return identified("user", account % max(1, round(EACH["user"] * accounts)))


def pick(below: int, salt: int) -> pl.Expr:
    """A number from nought on, other for each row, the same in each run."""
    mixed = (col("n") + salt) * 2_654_435_761 % 4_294_967_296
    return mixed // 65_536 % below


def _made(entity: str, now: pl.Expr, accounts: int) -> dict[str, pl.Expr]:
    def ago(days: pl.Expr) -> pl.Expr:
        return now - pl.duration(days=days)

    def day(days: pl.Expr) -> pl.Expr:
        return ago(days).dt.date()

    who = identified("contact", col("a") + accounts * pick(2, 9))
    if entity == "account":
        return {
            "name": pl.concat_str(pl.lit("Acme "), col("n")),
            "owner_id": person(col("a"), accounts),
            "status": pl.lit("customer"),
            "created_at": ago(60 + pick(900, 1)),
            "contract_value": 1000.0 + pick(90_000, 2),
            "renewal_at": day(60 - pick(400, 3)),
        }
    if entity == "contact":
        roles = pl.when(pick(3, 1) == 0).then(pl.lit("champion")).otherwise(pl.lit("sponsor"))
        return {
            "role": pl.when(pick(4, 4) > 0).then(roles),
            "is_active": pick(50, 2) > 0,
            "left_at": pl.when(pick(50, 2) == 0).then(day(pick(300, 3))),
        }
    if entity == "case":
        rank = pick(20, 1)
        opened = pick(400, 2)
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
            "is_open": pick(25, 3) == 0,
            "opened_at": ago(opened),
            "sla_due_at": ago(opened - 3),
        }
    if entity == "usage":
        return {
            "metric": pl.lit("active_users"),
            "value": 1.0 + pick(40, 1),
            "day": day(1 + pick(112, 2)),
        }
    if entity == "activity":
        return {
            "contact_id": who,
            "kind": pl.lit("meeting"),
            "purpose": pl.when(pick(8, 1) == 0).then(pl.lit("value_review")),
            "happened_at": day(pick(400, 2) - 10),
        }
    if entity == "opportunity":
        won = pick(3, 2) > 0
        return {
            "kind": pl.when(pick(2, 1) == 0).then(pl.lit("new")).otherwise(pl.lit("renewal")),
            "is_won": won,
            "is_open": ~won,
            "amount": 500.0 + pick(9_000, 3),
            "close_at": day(pick(500, 4)),
            "created_at": ago(pick(500, 4) + 60),
        }
    if entity == "subscription":
        return {
            "product": pl.lit("Platform seats"),
            "quantity": 20.0 + pick(30, 1),
            "annual_value": 1000.0 + pick(9_000, 2),
            "is_active": pl.lit(True),
            "is_recurring": pl.lit(True),
            "started_at": day(60 + pick(900, 3)),
        }
    if entity == "user":
        return {"is_active": pl.lit(value=True)}
    return {
        "contact_id": who,
        "kind": pl.lit("csat"),
        "points": 25.0 * pick(5, 1),
        "answered_at": day(pick(300, 2)),
    }
