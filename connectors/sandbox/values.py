"""What a client sends, turned into what a field holds, or refused as the service refuses it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.sandbox import ids
from connectors.sandbox.errors import WireError
from connectors.sandbox.schema import Field

_TEXT = (
    "string",
    "picklist",
    "multipicklist",
    "combobox",
    "textarea",
    "phone",
    "url",
    "email",
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_YEARS = range(1700, 4001)


def _cannot_read(kind: str, raw: object) -> WireError:
    json_kind = {str: "VALUE_STRING", bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT"}.get(
        type(raw), "VALUE_NUMBER_FLOAT" if isinstance(raw, float) else "START_OBJECT"
    )
    return WireError(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {json_kind} value {raw} or request may be "
        "missing a required field",
    )


def _text(field: Field, raw: Any) -> str | None:
    if not isinstance(raw, str):
        raise _cannot_read("string", raw)
    value = raw.strip()
    if not value:
        return None
    if field.length and len(value) > field.length:
        raise WireError(
            400,
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {value} (max length={field.length})",
            [field.name],
        )
    if field.restricted and field.type == "picklist" and value not in field.picklist:
        raise _bad_choice(field, value)
    if field.restricted and field.type == "multipicklist":
        for part in value.split(";"):
            if part not in field.picklist:
                raise _bad_choice(field, part)
    if field.type == "email" and not _EMAIL.fullmatch(value):
        raise WireError(
            400,
            "INVALID_EMAIL_ADDRESS",
            f"{field.label}: invalid email address: {value}",
            [field.name],
        )
    return value


def _bad_choice(field: Field, value: str) -> WireError:
    return WireError(
        400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        f"{field.label}: bad value for restricted picklist field: {value}",
        [field.name],
    )


def _number(field: Field, raw: Any) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise _cannot_read("double", raw)
    if isinstance(raw, str) and not _NUMBER.fullmatch(raw.strip()):
        raise _cannot_read("double", raw)
    number = Decimal(str(raw).strip())
    if not number.is_finite():
        raise _cannot_read("double", raw)
    beyond = Decimal(10) ** ((field.precision or 18) - field.scale)
    if abs(number) < beyond:  # decimal can't round what has more digits than it works with
        number = number.quantize(Decimal(1).scaleb(-field.scale), rounding=ROUND_HALF_UP)
    if abs(number) >= beyond:
        raise WireError(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {raw}",
            [field.name],
        )
    return float(number)


def _integer(field: Field, raw: Any) -> int:
    if isinstance(raw, str) and re.fullmatch(r"[+-]?\d+", raw.strip()):
        raw = int(raw)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _cannot_read("int", raw)
    if abs(raw) >= 10 ** (field.length or 9):
        raise WireError(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {raw}",
            [field.name],
        )
    return raw


def _boolean(_: Field, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    raise _cannot_read("boolean", raw)


def _in_years(field: Field, value: date) -> None:
    if value.year not in _YEARS:
        raise WireError(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: invalid date: {value}",
            [field.name],
        )


def _date(field: Field, raw: Any) -> date:
    if isinstance(raw, datetime):
        value = raw.astimezone(UTC).date()
    elif isinstance(raw, date):
        value = raw
    else:
        try:
            value = date.fromisoformat(raw[:10] if len(raw) == 10 or len(raw) > 15 else "")
        except (TypeError, ValueError):
            raise _cannot_read("date", raw) from None
    _in_years(field, value)
    return value


def _datetime(field: Field, raw: Any) -> datetime:
    if isinstance(raw, datetime):
        value = raw
    else:
        try:
            value = datetime.fromisoformat(raw if len(raw) > 10 else "a day is no instant")
        except (TypeError, ValueError):
            raise _cannot_read("datetime", raw) from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    value = value.astimezone(UTC)
    if value.microsecond:
        value = value.replace(microsecond=0)
    _in_years(field, value.date())
    return value


def _reference(field: Field, raw: Any) -> str:
    if not isinstance(raw, str):
        raise _cannot_read("string", raw)
    if not ids.valid(raw):
        raise WireError(
            400,
            "MALFORMED_ID",
            f"{field.label}: id value of incorrect type: {raw}",
            [field.name],
        )
    return ids.canonical(raw)


_READERS: dict[str, Callable[[Field, Any], Any]] = {
    **dict.fromkeys(_TEXT, _text),
    **dict.fromkeys(("double", "currency", "percent"), _number),
    "int": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
    "id": _reference,
}


def read(field: Field, raw: Any) -> Any:
    """The value a field holds for what was sent.

    Args:
        field: decides the type, the length, the range and the allowed choices.
        raw: a JSON value, or a date or datetime when the caller is Python.

    Raises:
        WireError: 400, with the service's code for that kind of mistake.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip() and field.type != "boolean"):
        if field.type == "boolean":
            raise WireError(
                400,
                "INVALID_TYPE_ON_FIELD_IN_RECORD",
                f"{field.label}: value not of required type: ",
                [field.name],
            )
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        raise _cannot_read("double", raw)
    return _READERS[field.type](field, raw)
