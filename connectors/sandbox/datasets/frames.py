"""Frames to CRM records: ids, links and stamps for whole columns at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from connectors.sandbox.ids import sf_id
from connectors.sandbox.story.rows import PREFIXES

_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")


def numbered(frame: pl.DataFrame, object_name: str) -> pl.DataFrame:
    """The frame with an `Id` a row, counting up in its order."""
    prefix = PREFIXES[object_name]
    made = [sf_id(prefix, n) for n in range(1, frame.height + 1)]
    return frame.with_columns(pl.Series("Id", made, pl.String))


def linked(frame: pl.DataFrame, column: str, to: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    """The frame with `name`: the `Id` of the row of `to` whose `key` is in `column`, else null."""
    ids = to.unique(key, keep="first", maintain_order=True)
    ids = ids.select(pl.col(key).alias(column), pl.col("Id").alias(name))
    return frame.join(ids, on=column, how="left", maintain_order="left")


def records(frame: pl.DataFrame, as_of: datetime, **fields: pl.Expr) -> list[dict[str, Any]]:
    """Records with `fields`, stamped by the frame's columns `created` and `modified`.

    Stamps are of whole seconds, as the CRM's are, and none lies after `as_of`.
    """
    now = pl.lit(as_of)
    created = pl.min_horizontal(pl.col("created"), now)
    saved = pl.max_horizontal(created, pl.min_horizontal(pl.col("modified"), now))
    stamps = [
        stamp.dt.truncate("1s").alias(name)
        for name, stamp in zip(_STAMPS, (created, saved, saved), strict=True)
    ]
    named = [expr.alias(name) for name, expr in fields.items()]
    return frame.select("Id", *named, *stamps).to_dicts()


def staff(since: datetime, as_of: datetime, name: str, zone: str) -> list[dict[str, Any]]:
    """One user who owns everything: the data sets name no customer success managers."""
    first, _, last = name.partition(" ")
    mail = f"{first}.{last}@vendor.example.com".lower()
    frame = numbered(pl.DataFrame({"created": [since], "modified": [since]}), "User")
    words = {
        "FirstName": first,
        "LastName": last,
        "Name": name,
        "Alias": (first[:4] + last[:3]).lower(),
        "Username": mail,
        "Email": mail,
        "UserType": "Standard",
        "TimeZoneSidKey": zone,
    }
    texts = {field: pl.lit(text) for field, text in words.items()}
    return records(frame, as_of, **texts, IsActive=pl.lit(value=True))
