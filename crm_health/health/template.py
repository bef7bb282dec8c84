"""Texts with fields, `{licence_use:percent} of the seats are in use`, as expressions.

| field              | gives                                                              |
| ------------------ | ------------------------------------------------------------------ |
| `{name:percent}`   | a ratio, rounded to 5: `30 %`                                      |
| `{name:number}`    | at most one decimal                                                |
| `{name:number day}`| the same and what it counts: `1 day`, `2 days`                     |
| `{name:money}`     | two digits: `120k`                                                 |
| `{name:date}`      | `4 Jan 2027`; days since (or `days_to_*`) as the date they mean    |
| `{name:text}`      | as it is                                                           |
| `{name}`           | by its kind                                                        |

What is missing reads "unknown", a missing date "none on record": write `last use: {x:date}`, not
`last used on {x:date}`, where it may be missing. Days since are dates only: a count of days would
be another text every day, and a write of every account.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import polars as pl

from crm_health.config.model import Model
from crm_health.entities import ENTITIES, Kind
from crm_health.health.aggregate import aggregates
from crm_health.health.evaluate import names_in
from crm_health.health.words import (
    MISSING,
    MISSING_DATE,
    date_text,
    money_text,
    number_text,
    percent_text,
)

_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+)(?:(?<=:number) ([a-z]+))?)?\}")
_FORMATS = ("percent", "number", "money", "date", "text")
_BY_KIND = {
    Kind.NUMBER: "number",
    Kind.DATE: "date",
    Kind.INSTANT: "date",
}


class TemplateError(ValueError):
    """A text has a field that can't be filled."""


def days_since(model: Model) -> frozenset[str]:
    """Names ending in `_days` whose value is a distance, which time alone changes.

    `active_days` may be a count instead: it is told by what its fact takes.
    """
    found = {"age_days"}
    for entity in ENTITIES.values():
        for column in entity.columns:
            if column.kind in (Kind.DATE, Kind.INSTANT):
                found.add(f"{column.name.removesuffix('_at')}_days")
    for name, fact in model.facts.items():
        distance = aggregates(fact.take) & {"min", "max"} and _plain(fact.take) in found
        if name.endswith("_days") and distance:
            found.add(name)
    for name, text in model.derived.items():
        if name.endswith("_days") and names_in(text) & found:
            found.add(name)
    return frozenset(found)


def _plain(take: str) -> str:
    inner = re.fullmatch(r"\s*\w+\s*\(\s*(\w+)\s*\)\s*", take)
    return inner.group(1) if inner else ""


def compile_template(
    text: str,
    available: Mapping[str, Kind] | Collection[str],
    *,
    since: Collection[str] = frozenset(),
    time_zone: str = "UTC",
) -> pl.Expr:
    """The text as an expression over a frame that has `day` (date) and what the fields name.

    Args:
        text: Template.
        available: The names that may be used, with their kinds where they are known.
        since: Names that are days since, so allowed as dates only; `days_since` gives them.
        time_zone: Of the dates of instants.

    Raises:
        TemplateError: An unknown name or format, a stray brace, or a count of days.
    """
    pieces: list[pl.Expr] = []
    end = 0
    for field in _FIELD.finditer(text):
        pieces.append(pl.lit(_literal(text[end : field.start()])))
        name, style = field.group(1), field.group(2)
        if name not in available:
            raise TemplateError(f"there is no {name!r} to show")
        kind = available[name] if isinstance(available, Mapping) else None
        style = style or (_BY_KIND.get(kind, "text") if kind else "text")
        shown = _rendered(name, style, kind, since, time_zone)
        pieces.append(_counting(shown, field.group(3)) if field.group(3) else shown)
        end = field.end()
    pieces.append(pl.lit(_literal(text[end:])))
    return pl.concat_str(pieces)


def fields(text: str) -> list[str]:
    """The names that a text shows, each once, in order."""
    return list(dict.fromkeys(found[1] for found in _FIELD.finditer(text)))


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise TemplateError(f"not a field: {text.strip()!r}; write {{name:number}}")
    return text


def _rendered(
    name: str, style: str, kind: Kind | None, since: Collection[str], time_zone: str
) -> pl.Expr:
    if style not in _FORMATS:
        raise TemplateError(f"{name}: no format {style!r}; there are {', '.join(_FORMATS)}")
    ahead = name.startswith("days_to_")
    if style != "date" and (name in since or ahead):
        raise TemplateError(f"{name} changes every day; write {{{name}:date}}")
    if style in ("percent", "number", "money") and kind not in (None, Kind.NUMBER):
        raise TemplateError(f"{name} is no number")
    value = pl.col(name)
    if style == "date":
        shown = _date(name, kind, since, time_zone)
    elif style == "text":
        shown = (
            number_text(value.cast(pl.Float64)) if kind is Kind.NUMBER else value.cast(pl.String)
        )
    else:
        form = {"percent": percent_text, "number": number_text, "money": money_text}[style]
        shown = form(value.cast(pl.Float64))
    return shown.fill_null(MISSING_DATE if style == "date" else MISSING)


def _counting(figure: pl.Expr, noun: str) -> pl.Expr:
    """A figure and what it counts: several unless it is one."""
    plural = pl.when(figure == "1").then(pl.lit(noun)).otherwise(pl.lit(f"{noun}s"))
    return pl.format("{} {}", figure, plural)


def _date(name: str, kind: Kind | None, since: Collection[str], time_zone: str) -> pl.Expr:
    value = pl.col(name)
    ahead = name.startswith("days_to_")
    if name in since or ahead or name.endswith("_days"):
        days = pl.duration(days=value.cast(pl.Float64).clip(-3_000_000, 700_000))
        return date_text(pl.col("day") + days if ahead else pl.col("day") - days)
    if kind in (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN):
        raise TemplateError(f"{name} is no date")
    if kind is Kind.INSTANT:
        return date_text(value.dt.convert_time_zone(time_zone).dt.date())
    return date_text(value.cast(pl.Date))
