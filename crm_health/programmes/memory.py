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
from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from crm_health.entities import shown
from crm_health.programmes import keyed
from crm_health.programmes.keyed import LONGEST
from crm_health.programmes.seals import canonical, checksums, seal

VERSION = "ch1"
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
    return keyed.parse(accounts, "shown_memory", VERSION, _KEYS, SCHEMA)


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
    return keyed.render(memories, VERSION, _KEYS, SCHEMA).alias("memory")


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


def seals(frame: pl.DataFrame, prefix: str = "", outputs: Sequence[str] = SEALED) -> pl.Series:
    """The seals of outputs, in order, as one text a row.

    Args:
        frame: One column an output, named `<prefix><output>`; a missing column counts as empty.
        prefix: Before the outputs' names.
        outputs: Which ones.
    """
    whole = frame.with_columns(
        pl.lit(None, pl.String).alias(prefix + name)
        for name in outputs
        if prefix + name not in frame.columns
    )
    texts = whole.select(canonical(prefix + name, whole.schema[prefix + name]) for name in outputs)
    each = pl.DataFrame({text.name: checksums(text, DIGITS) for text in texts})
    return each.select(pl.concat_str(pl.all()).alias("seals")).to_series()


def edited(
    accounts: pl.DataFrame,
    memories: pl.DataFrame,
    outputs: Sequence[str] = SEALED,
    only: Collection[str] | None = None,
) -> pl.DataFrame:
    """Which outputs a person changed since we wrote them.

    Args:
        accounts: `account_id` and the `shown_*` columns.
        memories: As `parse` gives them, in the same order.
        outputs: Those that the memories' seals are of, in their order.
        only: Those to look at; None: all.

    Returns:
        One boolean column an output; all false where there is no memory to compare with.
    """
    asked = [name for name in outputs if only is None or name in only]
    if memories["seals"].null_count() == memories.height:
        # A first sync: there is nothing to compare with.
        return pl.DataFrame({name: pl.repeat(False, accounts.height, eager=True) for name in asked})
    now = seals(accounts, shown(""), asked)
    frame = pl.DataFrame({"now": now, "then": memories["seals"]})
    columns = []
    for place, name in enumerate(asked):
        start = outputs.index(name) * DIGITS
        sealed = pl.col("then").str.slice(start, DIGITS)
        differs = pl.col("now").str.slice(place * DIGITS, DIGITS) != sealed
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
