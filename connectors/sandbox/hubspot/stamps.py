"""Instants as the service writes them: UTC, milliseconds, none where they are zero."""

from __future__ import annotations

from datetime import UTC, datetime


def text(instant: datetime) -> str:
    """`2022-02-17T19:13:11.178Z`, or `2022-05-03T09:15:00Z` on a whole second."""
    whole = instant.microsecond < 1000
    return f"{instant.isoformat(timespec='seconds' if whole else 'milliseconds')[:-6]}Z"


def cut(instant: datetime) -> datetime:
    """An instant in UTC without its microseconds."""
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def read(value: str) -> datetime:
    """The instant of a text that `text` made. Raises ValueError for any other."""
    return cut(datetime.fromisoformat(value))


def millis(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return round(instant.timestamp() * 1000)


def of_millis(value: int) -> datetime:
    """The instant of so many milliseconds since 1970. Raises ValueError, OverflowError."""
    seconds, rest = divmod(value, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def as_utc(instant: datetime) -> datetime:
    """A naive instant taken for UTC."""
    return instant.replace(tzinfo=UTC)
