"""Short texts of keys and values that survive in a field of the CRM, bound to their account.

    ch1|b=yellow|s=2026-11-22|#9f8e7d6c

A version, a value for each key that has one, and a checksum of the account's id and all that
stands before it: a damaged text, or one copied from another account, counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from crm_health.programmes.seals import checksums

#: The most characters of a text.
LONGEST = 255


def parse(
    accounts: pl.DataFrame,
    column: str,
    version: str,
    keys: Mapping[str, str],
    schema: Mapping[str, Any],
) -> pl.DataFrame:
    """Read the texts in `column`.

    Args:
        accounts: `account_id` and the texts.
        column: Where they are.
        version: What they begin with.
        keys: Name of each value to its key.
        schema: Name of each value to its type.

    Returns:
        `account_id`, `known` (false where there is no text, or a damaged one) and the values.
    """
    text = pl.col(column).str.strip_chars()
    body = accounts.select(
        "account_id",
        text.str.replace(r"\|#[0-9a-f]{8}$", "").alias("body"),
        text.str.extract(r"\|#([0-9a-f]{8})$").alias("check"),
    )
    right = _checks(body["account_id"], body["body"].fill_null(""))
    sound = (pl.col("check") == right) & pl.col("body").str.starts_with(f"{version}|")
    fields = body.with_columns(known=sound.fill_null(False)).with_columns(
        pl.when("known").then(pl.concat_str("body", pl.lit("|"))).alias("body")
    )
    return fields.select(
        "account_id",
        "known",
        *(
            _typed(pl.col("body").str.extract(rf"\|{key}=([^|]*)\|"), schema[name]).alias(name)
            for name, key in keys.items()
        ),
    )


def render(
    values: pl.DataFrame, version: str, keys: Mapping[str, str], schema: Mapping[str, Any]
) -> pl.Series:
    """The texts of `account_id` and the values; a key without a value is left out."""
    parts = []
    for name, key in keys.items():
        value = _told(pl.col(name), schema[name])
        parts.append(
            pl.when(value.is_not_null() & (value != ""))
            .then(pl.concat_str(pl.lit(f"|{key}="), value))
            .otherwise(pl.lit(""))
        )
    body = values.select(pl.concat_str([pl.lit(version), *parts])).to_series()
    checks = _checks(values["account_id"], body)
    return pl.select(pl.concat_str(body, pl.lit("|#"), checks).alias("text")).to_series()


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


def _told(value: pl.Expr, dtype: Any) -> pl.Expr:
    if dtype == pl.Date:
        return value.dt.strftime("%Y-%m-%d")
    if dtype == pl.Int64:
        return value.cast(pl.String)
    return value if dtype == pl.String else value.dt.strftime("%Y-%m-%dT%H:%MZ")


def _checks(accounts: pl.Series, texts: pl.Series) -> pl.Series:
    return checksums(pl.select(pl.concat_str(accounts, pl.lit("|"), texts)).to_series())
