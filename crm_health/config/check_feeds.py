"""Does a feed make sense: its columns, and values of the kind that each column has."""

from __future__ import annotations

import re
from math import inf

from crm_health.config.checker import Checker
from crm_health.config.columns import columns_for, row_columns
from crm_health.config.mapping import Feed, Scalar, Source
from crm_health.config.problems import nearest
from crm_health.config.yaml import Path
from crm_health.entities import ENTITIES, RANGES, Kind

#: CRM names go into queries, so they are names and nothing else.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
#: Ids of a CRM's users and queues.
ID = re.compile(r"[A-Za-z0-9]{1,36}")


def is_id(text: str, length: int | None) -> bool:
    """Whether a text can be an id of the CRM, of the mapping's `id_length` where it has one."""
    return bool(ID.fullmatch(text)) and length in (None, len(text))


def id_hint(length: int | None) -> str:
    """How long an id must be, where the mapping says so."""
    return f"ids here have {length} characters" if length else ""


#: Dots follow lookups and associations.
PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(\.[A-Za-z][A-Za-z0-9_]{0,79}){0,4}")
_PRIORITIES = ("p1", "p2", "p3", "p4")
#: What a value list may give; dates come from the CRM only.
_VALUE_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: (bool,),
}


def check_feed(check: Checker, path: Path, entity: str, feed: Feed) -> None:
    """Check one feed of an entity that exists."""
    if not NAME.fullmatch(feed.object):
        check.add((*path, "object"), "is not the name of a CRM object")
    for column, source in feed.columns.items():
        _core(check, (*path, "columns", column), entity, column, source)
    offered = columns_for(entity)
    for column, source in feed.extra.items():
        here = (*path, "extra", column)
        if column in offered:
            check.add(here, f"{entity} has this column already", "choose another name")
        if source.type is None:
            check.add(here, "needs a `type`", "text, number, boolean, date or instant")
        _source(check, here, source, source.type or Kind.TEXT)
    if feed.keep is not None:
        _keep(check, (*path, "keep"), entity, feed, feed.keep)
    if entity not in ("account", "user") and not {"account_id", "contact_id"} & set(feed.columns):
        check.add((*path, "columns"), "without account_id or contact_id no row reaches an account")
    _hours(check, (*path, "sla_hours"), entity, feed.sla_hours or {})


def _keep(check: Checker, path: Path, entity: str, feed: Feed, text: str) -> None:
    own = {name: source.type or Kind.TEXT for name, source in feed.extra.items()}
    sources = feed.columns | feed.extra
    usable = {n: k for n, k in row_columns(entity, own).items() if n in {"id", *sources}}
    check.expression(path, text, usable, expect=Kind.BOOLEAN)


def _core(check: Checker, path: Path, entity: str, column: str, source: Source) -> None:
    kind = ENTITIES[entity].kind(column)
    if kind is None:
        known = [c.name for c in ENTITIES[entity].columns]
        listed = f"it has {', '.join(known)}; columns of your own go under `extra`"
        hint = nearest(column, known) or listed
        check.add(path, f"{entity} has no such column", hint)
        return
    if source.type not in (None, kind):
        check.add((*path, "type"), f"{column} is a {kind}: leave `type` away")
    _source(check, path, source, kind)
    low, high = RANGES.get((entity, column), (-inf, inf))
    for steps, value in _given(source).items():
        if isinstance(value, int | float) and not low <= value <= high:
            check.add(
                (*path, *steps), f"{value:g} is out of range: {column} is {low:g} to {high:g}"
            )


def _hours(check: Checker, path: Path, entity: str, hours: dict[str, float]) -> None:
    if hours and entity != "case":
        check.add(path, "is for cases only")
    for priority, value in hours.items():
        if priority not in _PRIORITIES:
            check.add((*path, priority), f"must be one of {', '.join(_PRIORITIES)}")
        if value <= 0:
            check.add((*path, priority), "must be more than 0 hours")


def _source(check: Checker, path: Path, source: Source, kind: Kind) -> None:
    if (source.field is None) == (source.constant is None):
        check.add(path, "needs either `field` or `constant`")
    for crm_path in source.paths:
        if not PATH.fullmatch(crm_path):
            check.add((*path, "field"), f"{crm_path[:80]!r} is not the name of a CRM field")
    if source.promote is not None and source.values is None:
        check.add((*path, "promote"), "needs `values` beside it")
    for steps, value in _given(source).items():
        right_type = isinstance(value, _VALUE_TYPES.get(kind, ()))
        # To Python true is a number as well.
        if not right_type or isinstance(value, bool) != (kind is Kind.BOOLEAN):
            hint = "quote it" if kind is Kind.TEXT else ""
            check.add((*path, *steps), f"{value!r} is no {kind}", hint)
    if source.words is not None and kind is not Kind.TEXT:
        check.add((*path, "words"), f"gives a text, but a {kind} is needed here")
    if kind is not Kind.NUMBER and (source.times is not None or source.plus is not None):
        check.add(path, "`times` and `plus` are for numbers")


def _given(source: Source) -> dict[Path, Scalar]:
    """Every value of ours that the source can give, and where it stands."""
    given: dict[Path, Scalar] = {("values", k): v for k, v in (source.values or {}).items()}
    given |= {("starts_with", k): v for k, v in (source.starts_with or {}).items()}
    if source.promote is not None:
        given |= {("promote", "values", k): v for k, v in source.promote.values.items()}
    if source.otherwise is not None:
        given[("otherwise",)] = source.otherwise
    if source.constant is not None:
        given[("constant",)] = source.constant
    return given
