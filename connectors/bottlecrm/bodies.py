"""Rows on their way out: frames of CRM fields as the JSON of BottleCRM's records.

A null clears. Custom fields stand in a map of their own, in which what is not named stays as it is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import polars as pl

from connectors.bottlecrm.objects import CUSTOM, CrmObject, Held
from crm_health.errors import BrokenInvariant

#: Columns of a batch that are no fields.
NAMES = frozenset({"seq", "id"})


def bodies(rows: pl.DataFrame, crm_object: CrmObject) -> list[dict[str, Any]]:
    """The JSON of each row.

    Raises:
        BrokenInvariant: a number is none, or a column has a type that no field has.
    """
    names = [name for name in rows.columns if name not in NAMES]
    for name in names:
        if rows.schema[name].is_float() and not rows[name].drop_nulls().is_finite().all():
            raise BrokenInvariant(f"A number for {name} is not finite.")
    values = rows.select(_json(name, rows.schema[name]) for name in names).to_dicts()
    return [_body(one, crm_object) for one in values]


def named_apart(names: pl.Series, keys: pl.Series, crm_object: CrmObject) -> pl.Series:
    """Names of which no two are alike: each ends in a few digits made of its record's key."""
    marks = [f" ({sha256(str(key).encode()).hexdigest()[:6]})" for key in keys]
    room = crm_object.fields[crm_object.told_apart_by].length - len(" (123456)")
    return names.fill_null(crm_object.name).str.slice(0, room) + pl.Series(marks, dtype=pl.String)


def _body(values: dict[str, Any], crm_object: CrmObject) -> dict[str, Any]:
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith(CUSTOM):
            custom[name.removeprefix(CUSTOM)] = value
        elif name in crm_object.fields and crm_object.fields[name].held is Held.RECORDS:
            body[name] = [] if value is None else [value]
        else:
            body[name] = value
    return {**body, "custom_fields": custom} if custom else body


def _json(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if dtype == pl.Date:
        return value.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    if dtype in (pl.String, pl.Boolean, pl.Null) or dtype.is_numeric():
        return value
    raise BrokenInvariant(f"{name} has a type that no field has: {dtype}.")
