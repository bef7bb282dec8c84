"""Every SOQL statement is built here: names are checked, values are quoted, no more gets in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from crm_health.errors import BrokenInvariant, ConfigError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
#: Longest text literal the service takes.
LITERAL_MAX = 4000


def object_name(text: str) -> str:
    """The text, if it can be the name of an object.

    Raises:
        ConfigError: it can't: the mapping is wrong.
    """
    if not _NAME.fullmatch(text):
        raise ConfigError(f"{text[:80]!r} is not the name of a Salesforce object.")
    return text


def field_path(text: str) -> str:
    """The text, if it can be a field, or one reached through at most five lookups.

    Raises:
        ConfigError: it can't: the mapping is wrong.
    """
    parts = text.split(".")
    if len(parts) > 6 or not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(f"{text[:80]!r} is not the name of a Salesforce field.")
    return text


def is_id(text: str) -> bool:
    """Whether the text has the form of a record id."""
    return bool(_ID.fullmatch(text))


def record_id(text: str) -> str:
    """A quoted record id.

    Raises:
        BrokenInvariant: not an id; only ids that the service gave may come here.
    """
    if not is_id(text):
        raise BrokenInvariant("A text that is no Salesforce id was about to enter a query.")
    return f"'{text}'"


def literal(value: str) -> str:
    """A quoted text.

    Raises:
        BrokenInvariant: longer than the service takes, or with a NUL in it.
    """
    if len(value) > LITERAL_MAX or "\x00" in value:
        raise BrokenInvariant("A text that can't be quoted was about to enter a query.")
    return f"'{value.translate(_ESCAPES)}'"


def literals(values: Iterable[str]) -> str:
    """A list for IN, quoted."""
    return f"({', '.join(literal(value) for value in values)})"


def instant(value: datetime) -> str:
    """An instant, unquoted, in UTC; milliseconds only where there are any."""
    if value.tzinfo is None:
        raise BrokenInvariant("An instant without a time zone was about to enter a query.")
    utc = value.astimezone(UTC)
    text = f"{utc.year:04d}{utc:-%m-%dT%H:%M:%S}"
    millis = utc.microsecond // 1000
    return f"{text}.{millis:03d}Z" if millis else f"{text}Z"


def select(
    fields: Sequence[str],
    source: str,
    where: Sequence[str] = (),
    order: Sequence[str] = (),
) -> str:
    """A SELECT; `where` and `order` are made by the functions of this module."""
    text = f"SELECT {', '.join(field_path(f) for f in fields)} FROM {object_name(source)}"
    if where:
        text += " WHERE " + " AND ".join(where)
    if order:
        text += " ORDER BY " + ", ".join(field_path(f) for f in order)
    return text


def since(stamp_field: str, start: datetime) -> str:
    """Rows stamped at or after `start`."""
    return f"{field_path(stamp_field)} >= {instant(start)}"


def after(stamp_field: str, stamp: datetime, last_id: str) -> str:
    """Rows that follow a position in the order (stamp, Id), ties on the stamp included."""
    name, at = field_path(stamp_field), instant(stamp)
    return f"(({name} = {at} AND Id > {record_id(last_id)}) OR {name} > {at})"


def after_id(last_id: str) -> str:
    """Rows that follow an id in the order of Id."""
    return f"Id > {record_id(last_id)}"


def live() -> str:
    """Rows that are not in the recycle bin."""
    return "IsDeleted = false"


def among(field: str, values: Iterable[str]) -> str:
    """Rows whose field is one of the texts."""
    return f"{field_path(field)} IN {literals(values)}"
