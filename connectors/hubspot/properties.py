"""Rows on their way out: frames of CRM fields as the properties of HubSpot's records.

Every value is text. An empty text clears a property; nothing else does.
"""

from __future__ import annotations

import polars as pl

from crm_health.errors import BrokenInvariant

#: Pseudo properties that stand for the one record of that type a record hangs on.
LINK = "associations."
#: Shown as HTML: our plain texts keep their lines, and what looks like a tag stays text.
_HTML = frozenset({"hs_task_body"})
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\n", "<br>"))
#: Columns of a batch that are no properties.
_NAMES = frozenset({"seq", "id"})


def links_in(rows: pl.DataFrame) -> dict[str, str]:
    """Columns that are associations, and the object type that each leads to."""
    return {name: name.removeprefix(LINK) for name in rows.columns if name.startswith(LINK)}


def properties(rows: pl.DataFrame) -> list[dict[str, str]]:
    """The properties of each row, as they are sent.

    Raises:
        BrokenInvariant: a number is none, or a column has a type that no property has.
    """
    names = [n for n in rows.columns if n not in _NAMES and not n.startswith(LINK)]
    for name in names:
        if rows.schema[name].is_float() and not rows[name].drop_nulls().is_finite().all():
            raise BrokenInvariant(f"A number for {name} is not finite.")
    texts = rows.select(_text(name, rows.schema[name]).fill_null("") for name in names)
    return texts.to_dicts()


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if name in _HTML and dtype == pl.String:
        for plain, html in _ESCAPES:
            value = value.str.replace_all(plain, html, literal=True)
        return value
    if dtype == pl.String or dtype.is_integer() or dtype == pl.Null:
        return value.cast(pl.String)
    if dtype == pl.Boolean:
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false")).alias(name)
    if dtype == pl.Date:
        return value.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    if dtype.is_float():
        # 72.0 would come back as 72 and look like another value.
        whole = value.cast(pl.Int64, strict=False)
        return pl.when(whole == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    raise BrokenInvariant(f"{name} has a type that no property has: {dtype}.")
