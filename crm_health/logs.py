"""Structured logs: one JSON object a line on stderr, without secrets, addresses, control codes."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

#: Longest text in a log line: ids, codes and counts are short, free text has no place here.
LONGEST = 300
_HIDDEN = "[hidden]"

# A second net: nothing below should ever reach a log, and if it does it stops here.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*PRIVATE KEY-----.*?(-----END [^-]*-----|$)", re.S), _HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=!-]{6,}"), rf"\1 {_HIDDEN}"),
    (re.compile(r"\b00D[A-Za-z0-9]{12,15}!\S+"), _HIDDEN),
    (re.compile(r"\bpat-[a-z0-9]+-[\w-]{8,}"), _HIDDEN),
    (
        re.compile(
            r"(?i)\b(client_secret|refresh_token|access_token|assertion|password|security_token"
            r"|private_key)(\"?'?\s*[=:]\s*\"?'?)[^\s\"'&,}]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), _HIDDEN),
    (re.compile(r"[^\s\"'<>@,;:=]{1,64}@[^\s\"'<>@,;]{1,255}"), "[mail]"),
)
_SECRET_NAMES = re.compile(r"(?i)secret|password|token|authorization|private_key|assertion")


def redact(text: str) -> str:
    """A text without what looks like a credential or a mail address."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def printable(text: str) -> str:
    """A text that a terminal shows and does not obey: control characters are escaped."""
    return "".join(
        c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text
    )


def setup(level: str | None, stream: TextIO) -> None:
    """Send all logs of this process to a stream.

    Args:
        level: `debug`, `info`, `warning` or `error`; None logs nothing: no event is critical.
        stream: Where the lines go.
    """
    least = logging.getLevelNamesMapping()[(level or "critical").upper()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Any] = [structlog.stdlib.add_log_level, stamp, _clean]
    render = structlog.processors.JSONRenderer(serializer=_dumps)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _clean, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler] if level else [logging.NullHandler()]
    # Libraries tell of requests with their headers and bodies below this level.
    root.setLevel(max(least, logging.WARNING))


def port() -> Callable[..., None]:
    """The `log` port of a connector: event name and plain values."""
    logger = structlog.get_logger()

    def log(event: str, **values: Any) -> None:
        logger.info(event, **values)

    return log


def _clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact and shorten every value; a traceback of a library loses its text."""
    event.pop("exc_info", None)
    for name, value in list(event.items()):
        event[name] = _HIDDEN if _SECRET_NAMES.search(name) else _plain(value)
    return event


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {
            str(k): _HIDDEN if _SECRET_NAMES.search(str(k)) else _plain(v) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    text = str(value)
    # Cut first: searching a megabyte for secrets costs more than it is worth.
    return redact(text) if len(text) <= LONGEST else redact(text[: LONGEST - 1]) + "…"


def _dumps(event: Any, **_: Any) -> str:
    # ASCII: every control character, also the bidirectional ones, comes out escaped.
    return json.dumps(event, ensure_ascii=True, default=str)
