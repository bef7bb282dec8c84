"""Which columns an expression over an entity's rows may use."""

from __future__ import annotations

from collections.abc import Mapping

from crm_health.config import mapping as mappings
from crm_health.entities import CONTINUOUS, ENTITIES, Kind

_TIMES = (Kind.DATE, Kind.INSTANT)


def columns_for(entity: str, mapping: mappings.Mapping | None = None) -> dict[str, Kind]:
    """Every name usable in an expression over `entity`, with its kind.

    Core columns, the mapping's extra ones, `*_days` of each date and instant, `age_days`,
    `window_days` where rows come in loads, `contact_role` where there is a contact, `id`,
    `account_id` and `as_of`.

    Raises:
        KeyError: there is no such entity.
    """
    found = ENTITIES[entity]
    columns: dict[str, Kind] = {"id": Kind.TEXT}
    if entity != "user":
        columns["account_id"] = Kind.TEXT
    columns |= {column.name: column.kind for column in found.columns}
    columns |= extra_columns(entity, mapping)
    columns |= {
        days_name(name): Kind.NUMBER for name, kind in list(columns.items()) if kind in _TIMES
    }
    if found.main_date is not None:
        columns["age_days"] = Kind.NUMBER
    if entity in CONTINUOUS:
        columns["window_days"] = Kind.NUMBER
    if "contact_id" in columns:
        columns["contact_role"] = Kind.TEXT
    columns["as_of"] = Kind.INSTANT
    return columns


def extra_columns(entity: str, mapping: mappings.Mapping | None) -> dict[str, Kind]:
    """The company's own columns of an entity."""
    feeds = mapping.read.get(entity, ()) if mapping is not None else ()
    return {name: source.type or Kind.TEXT for feed in feeds for name, source in feed.extra.items()}


def row_columns(entity: str, extra: Mapping[str, Kind]) -> dict[str, Kind]:
    """What a feed's `keep` may use: the columns as mapped, before days are counted."""
    core = {column.name: column.kind for column in ENTITIES[entity].columns}
    owner = {} if entity == "user" else {"account_id": Kind.TEXT}
    return {"id": Kind.TEXT} | owner | core | dict(extra)


def days_name(column: str) -> str:
    """The name of the whole days since a date: `left_at` gives `left_days`."""
    return f"{column.removesuffix('_at')}_days"
