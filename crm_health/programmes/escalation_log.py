"""The department log of an escalation: who had it from when on, in a text of the record.

    Support 2026-11-03 09:10 > waiting on customer 2026-11-04 15:00 > closed 2026-11-06 09:00

Times are local to the org, to the minute. What people write between the entries is left alone
and not understood.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_health.businesstime import Calendar
from crm_health.entities import POLARS, Kind

#: Who has it while it waits, and where nobody has it any more.
CUSTOMER, CLOSED = "waiting on customer", "closed"
#: Longest log; of a longer one the oldest entries but the first are left out.
LONGEST = 2000
#: What is kept of a first entry, where there is no room for all.
_FIRST = 200
_BETWEEN = " > "
_ENTRY = r"(.*?)\s*(\d{4}-\d{2}-\d{2} \d{2}:\d{2})$"
_INSTANT = POLARS[Kind.INSTANT]

SCHEMA: dict[str, Any] = {
    "id": pl.String,
    "place": pl.UInt32,
    "holder": pl.String,
    "since": _INSTANT,
    "until": _INSTANT,
}


def entries(records: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """The logs' entries, one row each, in order.

    Args:
        records: `id`, `log`.
        calendar: whose zone the times are in.

    Returns:
        Columns of `SCHEMA`; `until` is the next entry's `since`, null for the last.
    """
    parts = (
        records.filter(pl.col("log").is_not_null())
        .select("id", pl.col("log").str.split(_BETWEEN.strip()).alias("part"))
        .explode("part", empty_as_null=True)
        .with_columns(pl.col("part").str.strip_chars().str.extract_groups(_ENTRY).alias("_g"))
    )
    local = (
        pl.col("_g")
        .struct.field("2")
        .str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="ms")
    )
    since = local.dt.replace_time_zone(
        calendar.time_zone, ambiguous="earliest", non_existent="null"
    ).dt.convert_time_zone("UTC")
    return (
        parts.select(
            "id",
            pl.col("_g").struct.field("1").str.strip_chars().alias("holder"),
            since.cast(_INSTANT).alias("since"),
        )
        .filter(pl.col("since").is_not_null() & (pl.col("holder") != ""))
        .with_columns(
            pl.int_range(pl.len(), dtype=pl.UInt32).over("id").alias("place"),
            pl.col("since").shift(-1).over("id").alias("until"),
        )
        .select(list(SCHEMA))
    )


def last(found: pl.DataFrame) -> pl.DataFrame:
    """Who has each now: `id`, `holder`, `since`, and `first_since`."""
    return found.group_by("id", maintain_order=True).agg(
        pl.col("holder").last(),
        pl.col("since").last(),
        pl.col("since").first().alias("first_since"),
    )


def held(found: pl.DataFrame, calendar: Calendar, upto: pl.Expr) -> pl.DataFrame:
    """Business hours that each holder had each: `id`, `holder`, `hours`.

    Args:
        found: As `entries` gives it.
        calendar: of the org.
        upto: until when the last holder has had it, over `found`.
    """
    end = pl.coalesce(pl.col("until"), upto)
    return (
        found.filter(pl.col("holder") != CLOSED)
        .with_columns(calendar.worked(pl.col("since"), end).alias("hours"))
        .group_by("id", "holder", maintain_order=True)
        .agg(pl.col("hours").sum())
    )


def entry(holder: pl.Expr, at: pl.Expr, calendar: Calendar) -> pl.Expr:
    """One entry as text."""
    local = at.dt.convert_time_zone(calendar.time_zone).dt.strftime("%Y-%m-%d %H:%M")
    return pl.concat_str(named(holder), pl.lit(" "), local)


def named(holder: pl.Expr) -> pl.Expr:
    """A department as the log names it: without what stands between entries."""
    return holder.str.replace_all(">", "/", literal=True).str.strip_chars()


def department(name: pl.Expr) -> pl.Expr:
    """A department as the log names it, where it is called what the log says of nobody."""
    plain = named(name)
    nobody = plain.is_in([CUSTOMER, CLOSED])
    return pl.when(nobody).then(pl.format("{} (department)", plain)).otherwise(plain)


def appended(log: pl.Expr, new: pl.Expr) -> pl.Expr:
    """A log with one more entry; the oldest but the first go where there is no room for all."""
    whole = pl.concat_str([log, new], separator=_BETWEEN, ignore_nulls=True)
    # Of a story that a person wrote there its end is kept.
    first = log.str.split(_BETWEEN).list.first().str.tail(_FIRST)
    kept = pl.concat_str([first, new], separator=_BETWEEN, ignore_nulls=True)
    room = LONGEST - kept.str.len_chars().cast(pl.Int64) - len(_BETWEEN)
    # The end of the log that fits, from the beginning of an entry on.
    tail = log.str.tail(room.clip(lower_bound=0)).str.replace(r"^.*?\s>\s", "")
    short = pl.concat_str([first, tail, new], separator=_BETWEEN, ignore_nulls=True)
    return pl.when(whole.str.len_chars() <= LONGEST).then(whole).otherwise(short)
