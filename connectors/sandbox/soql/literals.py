"""Literals against fields: the type checks the service does before it runs a filter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.errors import WireError
from connectors.sandbox.ids import canonical, valid
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.dates import span
from connectors.sandbox.soql.scope import Context, Get

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_IDS = frozenset({"id", "reference"})


@dataclass(frozen=True, slots=True)
class Operand:
    """The left side of a comparison: a field, or in HAVING an aggregate."""

    name: str
    type: str
    pos: int
    get: Get
    case_sensitive: bool = False
    indexed: bool = False

    @property
    def kind(self) -> str:
        """One of text, id, number, boolean, date, datetime."""
        if self.type in _NUMBERS:
            return "number"
        if self.type in _IDS:
            return "id"
        return self.type if self.type in ("boolean", "date", "datetime") else "text"


@dataclass(frozen=True, slots=True)
class Between:
    """A span of instants or days, end not included: what a relative date becomes."""

    start: dt.date
    end: dt.date


def coerce(context: Context, operand: Operand, value: ast.Value) -> Any:
    """The literal as the operand's type.

    Returns:
        None, bool, number, date, UTC datetime, :class:`Between`, an 18-character id, or text:
        folded to lower case unless the field minds case. Empty text is None, as in the store.

    Raises:
        WireError: INVALID_FIELD for a literal of another type, INVALID_QUERY_FILTER_OPERATOR for
            a malformed id.
    """
    if isinstance(value, ast.Literal) and value.value is None:
        return None
    kind = operand.kind
    if kind in ("text", "id"):
        if not isinstance(value, ast.Text):
            raise _mismatch(context, operand)
        return _id(context, value) if kind == "id" else _text(operand, value)
    if isinstance(value, ast.Text):
        raise _mismatch(context, operand)
    if isinstance(value, ast.DateRange):
        if kind not in ("date", "datetime"):
            raise _mismatch(context, operand)
        return _between(context, kind, value)
    if _kind_of(value.value) != kind:
        raise _mismatch(context, operand)
    return value.value


def _text(operand: Operand, value: ast.Text) -> str | None:
    return (value.value if operand.case_sensitive else value.value.lower()) or None


def _id(context: Context, value: ast.Text) -> str | None:
    if not value.value:
        return None
    if not valid(value.value):
        message = f"invalid ID field: {value.value}"
        raise problems.at(context.text, value.pos, "INVALID_QUERY_FILTER_OPERATOR", message)
    return canonical(value.value)


def _between(context: Context, kind: str, value: ast.DateRange) -> Between:
    try:
        days = span(value.name, value.n, context.today())
    except (OverflowError, ValueError):
        message = f"{value.name}:{value.n} is out of range"
        raise problems.malformed(context.text, value.pos, message) from None
    if kind == "date":
        return Between(days.start, days.end)
    zone, midnight = context.zone(), dt.time()
    end = dt.datetime.combine(days.end, midnight, zone).astimezone(dt.UTC)
    if days.to_now:
        end = context.records.clock.now() + dt.timedelta(seconds=1)
    return Between(dt.datetime.combine(days.start, midnight, zone).astimezone(dt.UTC), end)


def _kind_of(value: object) -> str:
    # bool is an int and datetime a date to Python: the narrower type is asked first.
    for type_, kind in (
        (bool, "boolean"),
        (int | float, "number"),
        (dt.datetime, "datetime"),
        (dt.date, "date"),
    ):
        if isinstance(value, type_):
            return kind
    return "text"


def _mismatch(context: Context, operand: Operand) -> WireError:
    kind = operand.kind
    if kind in ("text", "id"):
        name, quotes = "string", "should be enclosed in quotes"
    else:
        name = "dateTime" if kind == "datetime" else operand.type
        quotes = "should not be enclosed in quotes"
    message = f"value of filter criterion for field '{operand.name}' must be of type {name} and "
    return problems.at(context.text, operand.pos, "INVALID_FIELD", message + quotes)
