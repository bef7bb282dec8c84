"""CRM values to entity columns: one place for every CRM, so that a value means the same in all.

What can't be used is treated as missing, counted and named (object, id, path, problem); the row
and the rest of the run go on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_health.businesstime import Calendar
from crm_health.config.mapping import Scalar, Source
from crm_health.connector import Page
from crm_health.entities import POLARS, RANGES, Kind
from crm_health.sync.streams import KEYED, ResolvedFeed

#: Texts that are longer are cut: no column of the One View needs more.
LONGEST = 4000
#: Dates outside are typing errors or sentinels (year 1, year 9999), not facts.
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2200, 1, 1)

QUARANTINE: dict[str, type[pl.DataType]] = {
    "object": pl.String,
    "id": pl.String,
    "path": pl.String,
    "problem": pl.String,
}


@dataclass(frozen=True)
class Normalized:
    """What one page means for one feed."""

    rows: pl.DataFrame
    #: Ids whose row is not, or no longer, of this entity.
    removed: pl.Series
    problems: pl.DataFrame


def normalize(page: Page, feed: ResolvedFeed, calendar: Calendar) -> Normalized:
    """Map one page to one feed's entity columns."""
    live = page.rows.filter(~pl.col("deleted"))
    gone = page.rows.filter(pl.col("deleted"))["id"]
    everybody = live["id"]
    key = feed.columns.get("key")
    if feed.keep == KEYED and key is not None and key.otherwise is None:
        given = _raw(key, live)
        # Few of an object's records are ours: the others need no translation to be told apart.
        live = live if given is None else live.filter(given.is_not_null())
    # Of an object that feeds several entities each reports its own paths.
    paths = {path for source in feed.columns.values() for path in source.paths}
    bad = page.bad.filter(pl.col("path").is_in(sorted(paths)))
    problems = [bad.with_columns(pl.lit(feed.object).alias("object"))]
    columns = [live["id"]]
    for column, source in feed.columns.items():
        kind = feed.kinds[column]
        if live.is_empty():
            # Most pages of a quiet day: not worth the dozens of steps below.
            columns.append(pl.Series(column, [], POLARS[kind]))
            continue
        raw = _raw(source, live)
        value = _cast(_translated(source, raw, live), kind, calendar.time_zone)
        within = RANGES.get((feed.entity, column))
        sane = _sane(_scaled(source, value), kind, within).rename(column)
        columns.append(sane)
        problems += _problems(feed.object, source, live, raw, value, sane, within)
    rows = pl.DataFrame(columns)
    if feed.entity == "account":
        rows = rows.with_columns(pl.col("id").alias("account_id"))
    elif feed.entity != "user" and "account_id" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.String).alias("account_id"))
    rows = _sla(rows, feed, calendar)
    if feed.keep is not None:
        # What the org lacks is empty, so that a condition can say what that means.
        empty = [pl.lit(None, POLARS[kind]).alias(n) for n, kind in feed.absent.items()]
        kept = rows.with_columns(empty).with_columns(
            pl.sql_expr(feed.keep).fill_null(False).alias("_keep")
        )
        rows = rows.filter(kept["_keep"])
    if feed.entity not in ("account", "user"):
        rows, lost = _with_account(rows)
        problems.append(lost.with_columns(pl.lit(feed.object).alias("object")))
    removed = pl.concat([gone, everybody.filter(~everybody.is_in(rows["id"].implode()))])
    named = pl.concat([p.select(list(QUARANTINE)) for p in problems])
    return Normalized(rows, removed, named)


def _problems(
    crm_object: str,
    source: Source,
    live: pl.DataFrame,
    raw: pl.Expr | None,
    value: pl.Series,
    sane: pl.Series,
    within: tuple[float, float] | None,
) -> list[pl.DataFrame]:
    """The rows whose value could not be used whole, by name."""
    if raw is None:
        return []
    given = live.select(raw.alias("raw"))["raw"]
    failed = {}
    # A text without any of the words looked for is no mistake.
    if source.words is None:
        lost = given.is_not_null() & sane.is_null()
        if within is not None:
            failed["not from {:g} to {:g}".format(*within)] = lost & value.is_not_null()
            lost = lost & value.is_null()
        failed["value not usable"] = lost
    if value.dtype == pl.String:
        failed["text cut"] = (value.str.len_chars() > LONGEST).fill_null(False)
    found = []
    for problem, hit in failed.items():
        if hit.any():
            named = {"path": source.paths[0], "problem": problem, "object": crm_object}
            bad = live.filter(hit).select("id")
            found.append(bad.with_columns(pl.lit(v).alias(k) for k, v in named.items()))
    return found


def _raw(source: Source, frame: pl.DataFrame) -> pl.Expr | None:
    """The first of the source's paths that is not empty."""
    if not source.paths:
        return None
    if len(source.paths) == 1:
        return _blank_is_null(pl.col(source.paths[0]), frame.schema[source.paths[0]])
    whole = [_blank_is_null(pl.col(path), frame.schema[path]) for path in source.paths]
    if len({frame.schema[path] for path in source.paths}) > 1:
        whole = [expr.cast(pl.String) for expr in whole]
    return pl.coalesce(whole)


def _blank_is_null(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return expr
    return pl.when(expr.str.strip_chars() != "").then(expr)


def _translated(source: Source, raw: pl.Expr | None, live: pl.DataFrame) -> pl.Series:
    """The CRM's values in our words, or the constant."""
    if raw is None:
        return pl.repeat(source.constant, live.height, eager=True)
    given = live.select(raw.alias("raw"))
    if source.translates:
        given = _as_text(given["raw"]).to_frame()
    return given.select(_words(source).alias("value"))["value"]


def _words(source: Source) -> pl.Expr:
    raw = pl.col("raw")
    if not source.translates:
        if source.otherwise is not None:
            return pl.coalesce(raw, pl.lit(source.otherwise))
        return raw
    text = raw.str.strip_chars().str.to_lowercase()
    chain: list[tuple[pl.Expr, Scalar]] = []
    for theirs, mine in (source.values or {}).items():
        chain.append((text == theirs.strip().lower(), mine))
    for start, mine in (source.starts_with or {}).items():
        chain.append((text.str.starts_with(start.strip().lower()), mine))
    for word_value, words in (source.words or {}).items():
        pattern = "|".join(rf"\b{re.escape(word.lower())}\b" for word in words)
        chain.append((text.str.contains(pattern), word_value))
    expr = pl.lit(source.otherwise)
    for condition, mine in reversed(chain):
        expr = pl.when(condition.fill_null(False)).then(pl.lit(mine)).otherwise(expr)
    return expr


def _cast(series: pl.Series, kind: Kind, time_zone: str) -> pl.Series:
    if kind is Kind.TEXT:
        return _as_text(series)
    if kind is Kind.NUMBER:
        plain = series.str.strip_chars() if series.dtype == pl.String else series
        return plain.cast(pl.Float64, strict=False)
    if kind is Kind.BOOLEAN:
        return _as_boolean(series)
    if kind is Kind.DATE:
        return _as_date(series, time_zone)
    return _as_instant(series, time_zone)


def _as_text(series: pl.Series) -> pl.Series:
    if series.dtype != pl.Float64:
        return series.cast(pl.String)
    # 3.0 is "3" to people and in value lists.
    whole = series.cast(pl.Int64, strict=False)
    text = pl.when(whole == series).then(whole.cast(pl.String)).otherwise(series.cast(pl.String))
    return pl.select(text).to_series().rename(series.name)


def _as_boolean(series: pl.Series) -> pl.Series:
    if series.dtype != pl.String:
        return series.cast(pl.Boolean, strict=False)
    low = series.str.strip_chars().str.to_lowercase()
    yes, no = low.is_in(["true", "1", "yes"]), low.is_in(["false", "0", "no"])
    return pl.select(pl.when(yes).then(True).when(no).then(False)).to_series().rename(series.name)


def _as_date(series: pl.Series, time_zone: str) -> pl.Series:
    if isinstance(series.dtype, pl.Datetime):
        return series.dt.convert_time_zone(time_zone).dt.date()
    if series.dtype == pl.String:
        return series.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return series.cast(pl.Date, strict=False)


def _as_instant(series: pl.Series, time_zone: str) -> pl.Series:
    if series.dtype == pl.String:
        # What comes through a lookup is text: describe tells no type for it.
        zoned = series.str.strip_chars().str.replace("Z$", "+0000")
        return zoned.str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="ms", time_zone="UTC"
        )
    if series.dtype != pl.Date:
        return series.cast(POLARS[Kind.INSTANT], strict=False)
    # A day without a clock counts from its first minute in the org's own zone.
    return (
        series.cast(pl.Datetime("ms"))
        .dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )


def _sane(series: pl.Series, kind: Kind, within: tuple[float, float] | None) -> pl.Series:
    """Null for what no fact could use, or what is out of range; long texts cut."""
    value = pl.col("value")
    if kind is Kind.NUMBER:
        usable = value.is_finite() if within is None else value.is_between(*within)
        value = pl.when(usable).then(value)
    elif kind is Kind.DATE:
        value = pl.when(value.is_between(FIRST_DAY, LAST_DAY)).then(value)
    elif kind is Kind.INSTANT:
        value = pl.when(value.dt.date().is_between(FIRST_DAY, LAST_DAY)).then(value)
    elif kind is Kind.TEXT:
        value = value.str.slice(0, LONGEST)
    return pl.DataFrame({"value": series}).select(value)["value"]


def _scaled(source: Source, series: pl.Series) -> pl.Series:
    """Numbers by the source's `times` and `plus`."""
    if source.times is not None:
        series = series * source.times
    if source.plus is not None:
        series = series + source.plus
    return series


def _sla(rows: pl.DataFrame, feed: ResolvedFeed, calendar: Calendar) -> pl.DataFrame:
    """Cases without an SLA date get one from their priority, in business hours after opening."""
    if not feed.sla_hours or not {"opened_at", "priority"} <= set(rows.columns):
        return rows
    hours = pl.col("priority").replace_strict(
        list(feed.sla_hours), list(feed.sla_hours.values()), default=None, return_dtype=pl.Float64
    )
    computed = calendar.due(pl.col("opened_at"), hours)
    if "sla_due_at" in rows.columns:
        computed = pl.coalesce(pl.col("sla_due_at"), computed)
    return rows.with_columns(computed.cast(POLARS[Kind.INSTANT]).alias("sla_due_at"))


def _with_account(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that reach an account, by itself or through a contact, and the others by name."""
    reach = pl.col("account_id").is_not_null()
    if "contact_id" in rows.columns:
        reach = reach | pl.col("contact_id").is_not_null()
    lost = rows.filter(~reach).select(
        "id", pl.lit("account_id").alias("path"), pl.lit("no account").alias("problem")
    )
    return rows.filter(reach), lost
