"""What one task tells of beside the alert it was made for, as one short text of its episode.

    usage_drop:2:2026-11-03::412.5;went_silent:1:2026-11-09:2026-11-20:

An entry holds the rule, its number, when it opened, when it was over, and the number that it keeps
from the day it opened (`baseline`). The text stands on the episode that the task was made with,
so one update changes it whole; the entry of that episode itself is there only if it keeps a number.
"""

from __future__ import annotations

from typing import Any

import polars as pl

#: What the text may hold, by what CRMs take in a line.
LONGEST = 255

#: One row an entry; `base` is the key of the episode whose text it stands in.
ENTRIES: dict[str, Any] = {
    "base": pl.String,
    "rule": pl.String,
    "number": pl.Int64,
    "opened_at": pl.Date,
    "cleared_at": pl.Date,
    "baseline": pl.Float64,
}
_ENTRY = r"^([a-z][a-z0-9_]*):(\d+):([\d-]*):([\d-]*):(-?[\d.]*)$"


def parse(texts: pl.DataFrame) -> pl.DataFrame:
    """The entries of some texts; what is none, because a person wrote there, is left out.

    Args:
        texts: `base`, `told`.

    Returns:
        Columns of `ENTRIES`, in the order of the text.
    """
    groups = pl.col("entry").str.extract_groups(_ENTRY)
    listed = (
        texts.filter(pl.col("told").is_not_null())
        .select("base", pl.col("told").str.split(";").alias("entry"))
        .explode("entry", empty_as_null=False)
        .with_columns(groups.alias("part"))
    )
    part = pl.col("part").struct
    return listed.select(
        "base",
        part.field("1").alias("rule"),
        part.field("2").cast(pl.Int64, strict=False).alias("number"),
        part.field("3").str.to_date("%Y-%m-%d", strict=False).alias("opened_at"),
        part.field("4").str.to_date("%Y-%m-%d", strict=False).alias("cleared_at"),
        part.field("5").cast(pl.Float64, strict=False).alias("baseline"),
    ).filter(pl.col("rule").is_not_null() & pl.col("number").is_not_null())


def render(entries: pl.DataFrame) -> pl.DataFrame:
    """The texts again: `base`, `told`, a row a base, in the order of the entries.

    What finds no room falls away: what is over first, the oldest before the others, then the last
    of those that go on.

    Args:
        entries: Columns of `ENTRIES`.
    """
    date = "%Y-%m-%d"
    text = pl.concat_str(
        [
            pl.col("rule"),
            pl.col("number").cast(pl.String),
            pl.col("opened_at").dt.strftime(date).fill_null(""),
            pl.col("cleared_at").dt.strftime(date).fill_null(""),
            number(pl.col("baseline")),
        ],
        separator=":",
    )
    written = entries.with_columns(text.alias("entry")).with_row_index("place")
    ranked = written.sort(
        pl.col("cleared_at").is_not_null(),
        pl.col("cleared_at"),
        "place",
        descending=[False, True, False],
    ).with_columns((pl.col("entry").str.len_chars() + 1).cum_sum().over("base").alias("upto"))
    return (
        ranked.filter(pl.col("upto") - 1 <= LONGEST)
        .sort("place")
        .group_by("base", maintain_order=True)
        .agg(pl.col("entry").str.join(";").alias("told"))
    )


def number(value: pl.Expr) -> pl.Expr:
    """A number in at most six digits, as people write it."""
    rounded = pl.when(value.is_finite()).then(value).round_sig_figs(6)
    whole = rounded.cast(pl.Int64, strict=False)
    text = pl.when(whole == rounded).then(whole.cast(pl.String)).otherwise(rounded.cast(pl.String))
    plain = pl.when(~text.str.contains("e", literal=True)).then(text)
    return plain.fill_null("")
