"""Texts with fields: `{licence_use:percent}`. What may stand in them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from crm_health.config.expressions import ColumnKind
from crm_health.config.problems import nearest
from crm_health.entities import Kind

#: Format to the kinds it shows. `*_days` and `days_to_*` are shown as the date they mean.
FORMATS: dict[str, frozenset[Kind]] = {
    "percent": frozenset({Kind.NUMBER}),
    "number": frozenset({Kind.NUMBER}),
    "money": frozenset({Kind.NUMBER}),
    "date": frozenset({Kind.DATE, Kind.INSTANT}),
    "text": frozenset({Kind.TEXT}),
}
#: A number may name what it counts: `{active_days:number day}` reads `1 day` and `2 days`.
FIELD = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+)(?:(?<=:number) ([a-z]+))?)?\}")


@dataclass(frozen=True)
class TextField:
    """One field of a text; `format` is None where the text gives none."""

    name: str
    format: str | None


def fields(text: str) -> list[TextField]:
    """The fields of a text, in order."""
    return [TextField(found[1], found[2]) for found in FIELD.finditer(text)]


def shown_as(form: str, text: str) -> frozenset[str]:
    """The names that any field of a text shows in a format."""
    return frozenset(field.name for field in fields(text) if field.format == form)


def mistakes(
    text: str,
    columns: Mapping[str, ColumnKind],
    plain: Iterable[str] = (),
    counts: Container[str] = (),
) -> list[tuple[str, str]]:
    """What is wrong with a text: (message, hint) each.

    Args:
        text: the template.
        columns: names that it may use, with their kinds.
        plain: fields that stand without a format, such as `account`.
        counts: names ending in `_days` that count days, and are no distance.
    """
    found: list[tuple[str, str]] = []
    for field in fields(text):
        if field.format is None and field.name in plain:
            continue
        if field.name not in columns:
            found.append((f"there is no {field.name!r} to show", nearest(field.name, columns)))
            continue
        named = field.name.endswith("_days") or field.name.startswith("days_to_")
        distance = named and field.name not in counts
        found += _misused(field, columns[field.name], distance=distance)
    if re.search(r"[{}]", FIELD.sub("", text)):
        found.append(("a brace that is no field", "a field looks like {name:format}"))
    return found


def _misused(field: TextField, kind: ColumnKind, *, distance: bool) -> list[tuple[str, str]]:
    name, form = field.name, field.format
    if form not in FORMATS:
        known = ", ".join(FORMATS)
        what = f"no format {form!r}" if form else f"{{{name}}} needs a format"
        return [(what, f"one of {known}")]
    if kind == "any":
        return []
    if distance and kind is Kind.NUMBER:
        # "12 days ago" would be another text every day, and so a write every day.
        if form == "date":
            return []
        return [("texts name dates, never day counts", f"write {{{name}:date}}")]
    if kind not in FORMATS[form]:
        return [(f"{name!r} is a {kind}, which is not shown as {form}", "")]
    return []
