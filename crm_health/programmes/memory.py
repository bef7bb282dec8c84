"""The account's memory: one short text in the CRM with all that must survive a lost database.

    ch1|b=yellow|s=2026-11-22|f=green|p=red|a=2026-11-23T05:30Z|n=1|o=e:80:2026-11-22|
    x=sev1_past_sla|t=licence_use|e=1f2e|c=0a1b2c3d...|#9f8e7d6c

(one line; a key without a value is left out)

    b s f   the steady band, since when, and the band before it
    p a n   the pending band, the last reading that asked for it, how many readings did
    o       override: f (the override fields) or e (an edit of the score), value, first seen
    x       rules that already held when the account was first synced: no tasks for those
    t e     the top driver and a checksum of the evidence, as last written
    c       four hex digits for each output, in the order of `SEALED`, as last written
    #       checksum of all that stands before it: a damaged memory counts as none
"""

from __future__ import annotations

import zlib
from typing import Any

import polars as pl

from crm_health.entities import ACCOUNT_OUTPUTS, shown
from crm_health.programmes.seals import seal

VERSION = "ch1"
LONGEST = 255
#: Outputs whose edit by a person we notice, in the order of their seals.
SEALED: tuple[str, ...] = tuple(sorted(set(ACCOUNT_OUTPUTS) - {"memory"}))
_DIGITS = 4

#: Column to key, for the plain ones.
_KEYS: dict[str, str] = {
    "band": "b",
    "since": "s",
    "before": "f",
    "pending": "p",
    "pending_at": "a",
    "pending_count": "n",
    "override": "o",
    "standing": "x",
    "top": "t",
    "evidence": "e",
    "seals": "c",
}

SCHEMA: dict[str, Any] = {
    "account_id": pl.String,
    "known": pl.Boolean,
    "band": pl.String,
    "since": pl.Date,
    "before": pl.String,
    "pending": pl.String,
    "pending_at": pl.Datetime("ms", "UTC"),
    "pending_count": pl.Int64,
    "override": pl.String,
    "standing": pl.String,
    "top": pl.String,
    "evidence": pl.String,
    "seals": pl.String,
}


def parse(accounts: pl.DataFrame) -> pl.DataFrame:
    """Read the memories.

    Args:
        accounts: `account_id`, `shown_memory`.

    Returns:
        Columns of `SCHEMA`; `known` is false where there is no memory, or a damaged one.
    """
    text = pl.col("shown_memory").str.strip_chars()
    body = accounts.select(
        "account_id",
        text.str.replace(r"\|#[0-9a-f]{8}$", "").alias("body"),
        text.str.extract(r"\|#([0-9a-f]{8})$").alias("check"),
    )
    right = pl.Series("right", [None if t is None else _check(t) for t in body["body"]], pl.String)
    sound = (pl.col("check") == right) & pl.col("body").str.starts_with(f"{VERSION}|")
    fields = body.with_columns(known=sound.fill_null(False)).with_columns(
        pl.when("known").then(pl.concat_str("body", pl.lit("|"))).alias("body")
    )
    return fields.select(
        "account_id",
        "known",
        *(
            _typed(pl.col("body").str.extract(rf"\|{key}=([^|]*)\|"), SCHEMA[name]).alias(name)
            for name, key in _KEYS.items()
        ),
    )


def _typed(text: pl.Expr, dtype: Any) -> pl.Expr:
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if dtype == pl.Int64:
        return text.cast(pl.Int64, strict=False)
    if dtype == pl.String:
        return text
    return (
        text.str.to_datetime("%Y-%m-%dT%H:%MZ", strict=False, time_unit="ms")
        .dt.replace_time_zone("UTC")
        .cast(dtype)
    )


def render(memories: pl.DataFrame) -> pl.Series:
    """Memories as text, from the columns of `parse` (without `known`)."""
    parts = []
    for name, key in _KEYS.items():
        value = pl.col(name)
        if SCHEMA[name] == pl.Date:
            value = value.dt.strftime("%Y-%m-%d")
        elif name == "pending_at":
            value = value.dt.strftime("%Y-%m-%dT%H:%MZ")
        elif SCHEMA[name] == pl.Int64:
            value = value.cast(pl.String)
        parts.append(
            pl.when(value.is_not_null() & (value != ""))
            .then(pl.concat_str(pl.lit(f"|{key}="), value))
            .otherwise(pl.lit(""))
        )
    body = memories.select(pl.concat_str([pl.lit(VERSION), *parts])).to_series()
    return pl.Series("memory", [f"{text}|#{_check(text)}" for text in body], pl.String)


def _check(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def seals(frame: pl.DataFrame, prefix: str = "") -> pl.Series:
    """The seals of all outputs, in order, as one text a row.

    Args:
        frame: One column an output, named `<prefix><output>`; a missing column counts as empty.
    """
    whole = frame.with_columns(
        pl.lit(None, pl.String).alias(prefix + name)
        for name in SEALED
        if prefix + name not in frame.columns
    )
    each = [seal(whole, [prefix + name], _DIGITS) for name in SEALED]
    return pl.DataFrame({f"s{i}": s for i, s in enumerate(each)}).select(
        pl.concat_str(pl.all()).alias("seals")
    )["seals"]


def edited(accounts: pl.DataFrame, memories: pl.DataFrame) -> pl.DataFrame:
    """Which outputs a person changed since we wrote them.

    Args:
        accounts: `account_id` and the `shown_*` columns.
        memories: As `parse` gives them, in the same order.

    Returns:
        One boolean column an output; all false where there is no memory to compare with.
    """
    now = seals(accounts, prefix=shown(""))
    frame = pl.DataFrame({"now": now, "then": memories["seals"]})
    columns = []
    for place, name in enumerate(SEALED):
        start = place * _DIGITS
        differs = pl.col("now").str.slice(start, _DIGITS) != pl.col("then").str.slice(
            start, _DIGITS
        )
        # A memory of an earlier version may know fewer outputs.
        long_enough = pl.col("then").str.len_chars() >= start + _DIGITS
        columns.append((differs & long_enough).fill_null(False).alias(name))
    return frame.select(columns)


def seal_of(memories: pl.DataFrame, output: str) -> pl.Series:
    """The seal that an output had when we last wrote it."""
    start = SEALED.index(output) * _DIGITS
    return memories["seals"].str.slice(start, _DIGITS)


def output_seal(frame: pl.DataFrame, column: str) -> pl.Series:
    """The seal a column would have as an output."""
    return seal(frame, [column], _DIGITS)
