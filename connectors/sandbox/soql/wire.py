"""Stored values to the wire's: what JSON can hold, in the service's spelling."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from connectors.sandbox.schema import Field

Convert = Callable[[Any], Any]

_FRACTIONS = frozenset({"double", "currency", "percent"})


def wire_datetime(value: dt.datetime) -> str:
    """``2024-09-09T20:41:31.000+0000``: UTC, milliseconds, no colon in the offset."""
    utc = value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)
    return utc.isoformat(timespec="milliseconds")[:-6] + "+0000"


def converter(field: Field) -> Convert | None:
    """What turns the field's stored value into the wire's; None where it goes as it is."""
    return converter_of(field.type)


def converter_of(type_: str) -> Convert | None:
    """The same, for a describe type."""
    if type_ == "datetime":
        return _datetime
    if type_ == "date":
        return _date
    if type_ in _FRACTIONS:
        return _fraction
    if type_ == "boolean":
        return bool
    return None


def wire_value(field: Field, value: Any) -> Any:
    """One stored value as JSON."""
    convert = converter(field)
    return value if convert is None else convert(value)


def _datetime(value: dt.datetime | None) -> str | None:
    return None if value is None else wire_datetime(value)


def _date(value: dt.date | None) -> str | None:
    return None if value is None else value.isoformat()


def _fraction(value: float | None) -> float | None:
    return None if value is None else float(value)
