"""Dates become distances: whole days since, in the organisation's time zone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from crm_health.entities import CONTINUOUS, ENTITIES, POLARS, Entity, Kind
from crm_health.health.evaluate import finite


def local_day(as_of: datetime, tz: str) -> date:
    """The date of an aware instant in a time zone."""
    return as_of.astimezone(ZoneInfo(tz)).date()


def days_name(column: str) -> str:
    """`renewal_at` gives `renewal_days`, `customer_since` gives `customer_since_days`."""
    return f"{column.removesuffix('_at')}_days"


def days_sources(entity: Entity, dates: list[str]) -> dict[str, str]:
    """Distance column to the date column it is counted from."""
    found = {days_name(column): column for column in dates}
    if entity.main_date is not None:
        found["age_days"] = entity.main_date
    return found


def date_columns(frame: pl.DataFrame) -> list[str]:
    """The columns of dates and instants, without `as_of` and without what the CRM shows."""
    return [
        name
        for name, kind in frame.schema.items()
        if (kind == pl.Date or isinstance(kind, pl.Datetime))
        and name != "as_of"
        and not name.startswith("shown_")
    ]


def as_local_date(frame: pl.DataFrame, column: str, tz: str) -> pl.Expr:
    """A date or instant column as a date in the time zone."""
    if isinstance(frame.schema[column], pl.Datetime):
        return pl.col(column).dt.convert_time_zone(tz).dt.date()
    return pl.col(column)


def complete(
    frame: pl.DataFrame, entity: Entity, read: Collection[str] | None = None
) -> pl.DataFrame:
    """Add the entity's columns that the frame lacks, all missing; non-finite numbers too.

    With `read` only columns of these names are added.
    """
    # A column without any value may come without a type as well.
    known = {name for name, dtype in frame.schema.items() if dtype != pl.Null}
    lacking = [
        c for c in entity.columns if c.name not in known and (read is None or c.name in read)
    ]
    added = frame.with_columns(pl.lit(None, dtype=POLARS[c.kind]).alias(c.name) for c in lacking)
    role = "contact_role"
    if role not in added.columns and ("contact_id" in added.columns or role in (read or ())):
        added = added.with_columns(pl.lit(None, dtype=POLARS[Kind.TEXT]).alias(role))
    return finite(added)


def with_days(
    frame: pl.DataFrame,
    entity: Entity | str,
    as_of: datetime,
    tz: str,
    newest: date | None = None,
    read: Collection[str] | None = None,
) -> pl.DataFrame:
    """Add `*_days` for every date column, `age_days`, `as_of`, and `window_days` where it is due.

    Days are whole calendar days in `tz` as Float64, negative when ahead, missing where the
    date is. `as_of` is an instant (UTC, milliseconds). `newest` is the newest main date in the
    whole source: `window_days` counts from it, or from today where it is not known. With `read`
    only what these names rest on is added.
    """
    kind = ENTITIES[entity] if isinstance(entity, str) else entity
    if read is not None:
        known = days_sources(
            kind, [c.name for c in kind.columns if c.kind in (Kind.DATE, Kind.INSTANT)]
        )
        read = {*read, *(known[name] for name in read if name in known)}
    frame = complete(frame, kind, read)
    today = local_day(as_of, tz)
    day = pl.lit(today)
    since = days_sources(kind, date_columns(frame))
    window = {}
    used = read is None or "window_days" in read
    if used and kind.name in CONTINUOUS and kind.main_date is not None:
        loaded = pl.lit(min(newest, today) if newest is not None else today)
        main = as_local_date(frame, kind.main_date, tz)
        window["window_days"] = (loaded - main).dt.total_days().cast(pl.Float64)
    return frame.with_columns(
        *(
            (day - as_local_date(frame, column, tz)).dt.total_days().cast(pl.Float64).alias(name)
            for name, column in since.items()
            if read is None or name in read
        ),
        pl.lit(as_of).cast(POLARS[Kind.INSTANT]).alias("as_of"),
        **window,
    )
