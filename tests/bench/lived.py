"""What is there once the programmes have run for two years: memories, and our own closed records.

Open ones are not made here: the first sync of a measured book makes them as it makes any.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from polars import col

from crm_health.entities import POLARS, Kind
from crm_health.programmes import memory
from tests.bench.rows import PAGE, identified, person, pick

#: Closed records of an account, by entity.
EACH = {"task": 3.0, "episode": 3.0, "escalation": 0.1}
_RULES = ("went_silent", "renewal_unready", "seats_full")
_ESCALATED = "key_person_left"
#: Longer ago than any cool-down.
_AGO, _TOOK = 200, 20


def pages(
    entity: str, shape: dict[str, Kind], accounts: int, now: datetime
) -> Iterator[pl.DataFrame]:
    """All rows of an entity, in pages; arguments as in `rows.pages`."""
    count = round(EACH[entity] * accounts)
    for start in range(0, count, PAGE):
        numbers = pl.int_range(start, min(start + PAGE, count), eager=True).alias("n")
        frame = numbers.to_frame().with_columns(a=col("n") % accounts)
        made = _made(entity, pl.lit(now), accounts)
        yield frame.select(
            identified(entity, col("n")).alias("id"),
            *(
                made.get(name, pl.lit(None)).cast(POLARS[kind]).alias(name)
                for name, kind in {"account_id": Kind.TEXT, **shape}.items()
            ),
        )


def memories(ids: pl.Series) -> pl.DataFrame:
    """`id`, `shown_memory`: accounts that were synced before, with nothing that stood then."""
    empty = (pl.lit(None, kind).alias(n) for n, kind in memory.SCHEMA.items() if n != "account_id")
    # One without anything in it is none.
    frame = ids.to_frame("account_id").with_columns(empty).with_columns(pl.lit("-").alias("top"))
    return pl.DataFrame({"id": ids, "shown_memory": memory.render(frame)})


def _made(entity: str, now: pl.Expr, accounts: int) -> dict[str, pl.Expr]:
    account = identified("account", col("a"))
    day = (now - pl.duration(days=_AGO + pick(400, 5))).dt.date()
    over = day + pl.duration(days=_TOOK)
    if entity == "escalation":
        at = day.cast(pl.Datetime("ms", "UTC"))
        return {
            "account_id": account,
            "key": pl.format("ch1:{}:{}:1", account, pl.lit(_ESCALATED)),
            "reason": pl.lit("Champion or sponsor left"),
            "severity": pl.lit("S2"),
            "department": pl.lit("Customer Success"),
            "owner_id": person(col("a"), accounts),
            "status": pl.lit("Resolved"),
            "source": pl.lit("rule"),
            "is_open": pl.lit(value=False),
            "opened_at": day,
            "acknowledged_at": at + pl.duration(days=1),
            "due_at": at + pl.duration(days=5),
            "resolved_at": at + pl.duration(days=4),
            "cleared_at": over,
            "log": pl.format(
                "Customer Success {} 09:10 > closed {} 16:20",
                day.dt.strftime("%Y-%m-%d"),
                (day + pl.duration(days=4)).dt.strftime("%Y-%m-%d"),
            ),
        }
    rule = (col("n") // accounts).replace_strict(dict(enumerate(_RULES)), return_dtype=pl.String)
    key = pl.format("ch1:{}:{}:1", account, rule)
    if entity == "episode":
        return {"account_id": account, "key": key, "opened_at": day, "cleared_at": over}
    return {
        "account_id": account,
        "key": pl.concat_str(key, pl.lit("#0a1b2c3d")),
        "subject": pl.format("Acme {}: something to do, and done", col("a")),
        "body": pl.lit("1a2b3c4d"),
        "owner_id": person(col("a"), accounts),
        "due_at": over,
        "status": pl.lit("Completed"),
        "is_open": pl.lit(value=False),
    }
