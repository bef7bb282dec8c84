"""Frames of the same accounts side by side, and their rows as JSON text."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl


def of_accounts(frame: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """The rows of these accounts, in this order; `frame` has each account at most once.

    The steps keep the order of the accounts, so as a rule nothing has to be joined: a join
    copies every column of a wide frame.
    """
    if ids.equals(frame.get_column("account_id")):
        return frame
    rows = ids.alias("account_id").to_frame()
    return rows.join(frame, on="account_id", how="left", maintain_order="left")


def json_members(frame: pl.DataFrame) -> pl.Series:
    """Each row as the members of a JSON object, without its braces."""
    return frame.select(_members(frame.columns)).to_series()


def json_known(frame: pl.DataFrame, names: Iterable[str]) -> pl.Series:
    """As `json_members` of the columns named, but what is missing is left out; no nested ones."""
    nulls = {name: frame.get_column(name).null_count() for name in names}
    members = [_members(name for name, lacking in nulls.items() if not lacking)]
    for name, lacking in nulls.items():
        value, dtype = pl.col(name), frame.schema[name]
        if lacking in (0, frame.height):
            continue
        if dtype.is_numeric() or dtype == pl.Boolean:
            key = pl.when(value.is_not_null()).then(pl.lit(f',"{name}":'))
            members += [key, value.cast(pl.String)]
        elif dtype == pl.Date:
            members.append(value.dt.strftime(f',"{name}":"%Y-%m-%d"'))
        else:
            text = pl.concat_str(pl.lit(","), _members([name]))
            members.append(pl.when(value.is_not_null()).then(text))
    text = pl.concat_str(members, ignore_nulls=True).str.strip_prefix(",")
    return frame.select("account_id", text.alias("json")).get_column("json")


def _members(names: Iterable[str]) -> pl.Expr:
    columns = list(names)
    if not columns:
        return pl.lit("")
    return pl.struct(columns).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
