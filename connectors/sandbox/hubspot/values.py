"""What a client sends for a property, checked and turned into the text that is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.definitions import Property
from connectors.sandbox.hubspot.errors import Problem
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.service import PORTAL_ID

_MAX_TEXT = 65_536
_WHOLE = re.compile(r"-?\d{1,18}")
_STAGES = ("dealstage", "hs_pipeline_stage")
_PIPELINES = ("pipeline", "hs_pipeline")
_DAY_MILLIS = 86_400_000


class ValueProblemError(Exception):
    """A value that can't be stored."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_all(
    portal: Portal, kind: Kind, sent: Mapping[str, Any]
) -> tuple[dict[str, str], list[Problem]]:
    """The texts to store, and what is wrong with the others.

    Args:
        portal: its definitions, owners and pipelines.
        kind: the object type.
        sent: property name -> a JSON scalar; null and "" both clear.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, raw in sent.items():
        found = portal.definitions.find(kind.type_id, name)
        try:
            if found is None:
                raise _refuse(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            if found.read_only:
                raise _refuse(
                    name,
                    "READ_ONLY_VALUE",
                    f'"{name}" is a read only property; its value cannot be set',
                )
            values[name] = read(portal, kind, found, raw)
        except ValueProblemError as error:
            problems.append(error.problem)
    return values, problems


def read(portal: Portal, kind: Kind, found: Property, raw: Any) -> str:
    """The text to store for one value. Raises ValueProblemError."""
    if raw is None or raw == "":
        return ""
    if isinstance(raw, bool):
        raw = "true" if raw else "false"
    if not isinstance(raw, str | int | float):
        raise _refuse(found.name, "INVALID_STRING", f"{raw!r} is no value of a property")
    text = str(raw)
    if found.external:
        return _external(portal, kind, found, text)
    if found.type == "enumeration":
        return _choices(found, text)
    if found.type == "bool":
        return _truth(found, text)
    if found.type == "number":
        return _number(found, text)
    if found.type == "datetime":
        return _instant(kind, found, text)
    if found.type == "date":
        return _day(kind, found, text)
    if len(text) > _MAX_TEXT:
        raise _refuse(found.name, "TOO_LONG", f"{found.name} is longer than {_MAX_TEXT} characters")
    return text.lower() if found.name == "email" and kind.key == "email" else text


def _refuse(name: str, code: str, message: str, *, named: bool = True) -> ValueProblemError:
    return ValueProblemError(Problem(name, code, message, named))


def _external(portal: Portal, kind: Kind, found: Property, text: str) -> str:
    """An owner, a pipeline or a stage must be there; of other lists the sandbox knows nothing."""
    if found.referenced == "OWNER":
        known = text in portal.owner_ids()
    elif found.name in _PIPELINES and portal.service.pipelines.of(kind.type_id):
        known = portal.service.pipelines.find(kind.type_id, text) is not None
    elif found.name in _STAGES and portal.service.pipelines.of(kind.type_id):
        known = portal.service.pipelines.stage(kind.type_id, text) is not None
    else:
        known = True
    if known:
        return text
    allowed = ""
    if found.name in _STAGES:
        ids = [s.id for p in portal.service.pipelines.of(kind.type_id) for s in p.stages]
        allowed = f"[{', '.join(ids)}]"
    raise _not_an_option(found.name, text, allowed)


def _choices(found: Property, text: str) -> str:
    asked = [c.strip() for c in text.split(";") if c.strip()] if found.many else [text]
    unknown = [c for c in asked if c not in found.values]
    if unknown:
        allowed = f"[{', '.join(o.value for o in found.options)}]"
        raise _not_an_option(found.name, unknown[0], allowed)
    return ";".join(asked)


def _not_an_option(name: str, value: str, allowed: str) -> ValueProblemError:
    message = f"{value} was not one of the allowed options"
    return _refuse(name, "INVALID_OPTION", f"{message}: {allowed}" if allowed else message)


def _truth(found: Property, text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise _not_an_option(found.name, text, "[true, false]")
    return text.lower()


def _number(found: Property, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or "_" in text:
        raise _refuse(found.name, "INVALID_NUMBER", f"{text} was not a valid number.")
    return text.strip() if "e" not in text.lower() else format(number, "f")


def _instant(kind: Kind, found: Property, text: str) -> str:
    if _WHOLE.fullmatch(text):
        try:
            return stamps.text(stamps.of_millis(int(text)))
        except (ValueError, OverflowError, OSError):
            raise _not_a_long(kind, found, text) from None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_long(kind, found, text) from None
    return stamps.text(stamps.cut(instant if instant.tzinfo else stamps.as_utc(instant)))


def _day(kind: Kind, found: Property, text: str) -> str:
    if _WHOLE.fullmatch(text):
        if int(text) % _DAY_MILLIS:
            message = f"{text} is at {int(text) % _DAY_MILLIS} ms after midnight UTC"
            raise _refuse(found.name, "INVALID_DATE", f"{message}: not a date")
        try:
            return stamps.of_millis(int(text)).date().isoformat()
        except (ValueError, OverflowError, OSError):
            raise _not_a_long(kind, found, text) from None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise _not_a_long(kind, found, text) from None


def _not_a_long(kind: Kind, found: Property, text: str) -> ValueProblemError:
    message = f"{text} was not a valid long. Portal {PORTAL_ID}, object type {kind.type_id}"
    return _refuse(found.name, "INVALID_LONG", message, named=False)
