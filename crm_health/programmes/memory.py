"""The account's memory: one short text in the CRM with all that must survive a lost database.

    ch1|b=yellow|s=2026-11-22|f=green|p=red|a=2026-11-23T05:30Z|n=1|o=e:80:2026-11-22|
    x=sev1_past_sla|t=licence_use|e=1f2e|c=0a1b2c3d...|#9f8e7d6c

(one line; a key without a value is left out)

    b s f   the steady band, since when, and the band before it
    p a n   the pending band, the last reading that asked for it, how many readings did
    o       override: f (the override fields) or e (an edit of the score), value, first seen
    x       rules that already held when the account was first synced: no tasks for those;
            `*` where there is no room for their names: all that wait on a first sync
    t e     the top driver (see `token`) and a checksum of the evidence, as last written
    c       four hex digits for each output, in the order of `SEALED`, as last written
    #       checksum of the account's id and all that stands before it: a damaged memory, or
            one copied from another account, counts as none
"""

from __future__ import annotations

import zlib
from typing import Any

import polars as pl

from crm_health.entities import shown
from crm_health.programmes.seals import checksums, seal

VERSION = "ch1"
LONGEST = 255
#: Outputs whose edit by a person we notice, in the order of their seals. Only ever append: with
#: another order every memory out there would look as if people had edited all our fields.
SEALED: tuple[str, ...] = (
    "band",
    "band_since",
    "coverage",
    "evidence",
    "last_12_weeks",
    "open_escalations",
    "score",
    "score_computed",
    "trend",
    "why",
)
#: Hex digits of one seal.
DIGITS = 4
#: All rules, where their names have no room.
ANY_RULE = "*"
#: What goes next, in turn. Names of 32 characters never need it, and longer ones are refused
#: where they are configured; but a field that the CRM refuses would hold up all the others.
_SPARE = ("before", "pending_count", "pending_at", "pending", "top")
#: Longest name that is kept as it is.
_NAME = 20

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
    right = _checks(body["account_id"], body["body"].fill_null(""))
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
    """Memories as text of at most `LONGEST` characters, from the columns of `parse`.

    `known` is not needed. Where names of a company's own are too long to fit, the standing
    rules become `ANY_RULE`, then the pending band is forgotten.
    """
    text = _rendered(memories)
    steps = [pl.lit(ANY_RULE).alias("standing")]
    steps += [pl.lit(None, SCHEMA[name]).alias(name) for name in (*_SPARE, "band")]
    for step in steps:
        long = text.str.len_chars() > LONGEST
        if not long.any():
            break
        name = step.meta.output_name()
        # Nothing is put where nothing was.
        less = pl.when(pl.lit(long) & pl.col(name).is_not_null()).then(step).otherwise(name)
        memories = memories.with_columns(less.alias(name))
        text = _rendered(memories)
    return text


def _rendered(memories: pl.DataFrame) -> pl.Series:
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
    checks = _checks(memories["account_id"], body)
    return pl.select(pl.concat_str(body, pl.lit("|#"), checks).alias("memory")).to_series()


def token(names: pl.Series) -> pl.Series:
    """Names as the memory keeps them: long ones as their beginning and a checksum."""
    found = {
        name: name if len(name) <= _NAME else f"{name[: _NAME - 9]}~{zlib.crc32(name.encode()):08x}"
        for name in names.drop_nulls().unique()
    }
    return names.replace_strict(found, default=None, return_dtype=pl.String)


def stands(standing: pl.Expr, rule: pl.Expr) -> pl.Expr:
    """Whether a memory's `standing` holds a rule."""
    comma = pl.lit(",")
    listed = pl.concat_str(comma, standing.fill_null(""), comma)
    named = listed.str.contains(pl.concat_str(comma, rule, comma), literal=True)
    return named | (standing == ANY_RULE).fill_null(False)


def _checks(accounts: pl.Series, texts: pl.Series) -> pl.Series:
    return checksums(pl.select(pl.concat_str(accounts, pl.lit("|"), texts)).to_series())


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
    each = [seal(whole, [prefix + name], DIGITS) for name in SEALED]
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
    if memories["seals"].null_count() == memories.height:
        # A first sync: there is nothing to compare with.
        return pl.DataFrame(
            {name: pl.repeat(False, accounts.height, eager=True) for name in SEALED}
        )
    now = seals(accounts, prefix=shown(""))
    frame = pl.DataFrame({"now": now, "then": memories["seals"]})
    columns = []
    for place, name in enumerate(SEALED):
        start = place * DIGITS
        differs = pl.col("now").str.slice(start, DIGITS) != pl.col("then").str.slice(start, DIGITS)
        # A memory of an earlier version may know fewer outputs.
        long_enough = pl.col("then").str.len_chars() >= start + DIGITS
        columns.append((differs & long_enough).fill_null(False).alias(name))
    return frame.select(columns)


def seal_of(memories: pl.DataFrame, output: str) -> pl.Series:
    """The seal that an output had when we last wrote it."""
    start = SEALED.index(output) * DIGITS
    return memories["seals"].str.slice(start, DIGITS)


def output_seal(frame: pl.DataFrame, column: str) -> pl.Series:
    """The seal a column would have as an output."""
    return seal(frame, [column], DIGITS)
