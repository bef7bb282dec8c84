"""BottleCRM's refusals, sorted by what the caller must do.

Its own views answer `{"error": true, "errors": ...}`, the framework under them `{"detail": ...}`,
and what is neither comes as a page. The service's words stay out of our messages, but for names of
fields and scopes: they may repeat what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from connectors.http import Hopeless, LostAnswer, redact, retry_after_seconds
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    RateLimited,
    Rejected,
    SetupError,
    Unavailable,
)

#: Seconds of pause where the service asks for one without saying how long.
PAUSE = 10.0
#: The code of what is not there, or not for this token to see: the CRM tells no difference.
NOT_THERE = "NOT-FOUND"
#: The code of what this token, or its user, may not see; other tokens may.
FORBIDDEN = "FORBIDDEN"

_SCOPE = re.compile(r"It needs the ([a-z-]+:[a-z]+) scope", re.ASCII)
_NAME = re.compile(r"[\w-]{1,80}", re.ASCII)
#: A token that is unknown, expired or revoked leaves the request without an org.
_NO_ORG = "Organization context is required"
_NO_TOKEN = ("Invalid token", "Token revoked", "Token owner or org is inactive")
_NO_SCOPE = "This token is not scoped"


@dataclass(frozen=True)
class Fault:
    """A refusal: its status, and what can be told of it."""

    status: int
    #: Fields whose values were refused; `custom_fields.x` is told as `cf_x`.
    fields: tuple[str, ...] = ()
    detail: str = ""
    #: The module that is switched off in this org, and with it all its records.
    module: str = ""
    #: Whether the CRM itself answered, and not something in between.
    is_json: bool = True

    @property
    def code(self) -> str:
        """A short code for people and searches."""
        return NOT_THERE if self.status == 404 else f"HTTP-{self.status}"


class Refused(Rejected):
    """The CRM refused a request for its content; `fault` says why."""

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message, code=fault.code, field=", ".join(fault.fields)[:200])
        self.fault = fault


class Absent(Refused):
    """The record is not there, or this token may not see it."""


def fault_of(body: bytes, status: int) -> Fault:
    """A refusal in a body that may be no JSON at all."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Fault(status, is_json=False)
    if not isinstance(told, dict):
        return Fault(status)
    errors = told.get("errors")
    detail = told.get("detail")
    detail = detail if isinstance(detail, str) else errors if isinstance(errors, str) else ""
    module = str(told.get("module")) if told.get("code") == "module_off" else ""
    return Fault(status, tuple(_fields(errors)), redact(detail), module)


def _fields(errors: Any) -> list[str]:
    if not isinstance(errors, dict):
        return []
    custom = errors.get("custom_fields")
    inner = [f"cf_{name}" for name in custom] if isinstance(custom, dict) else []
    plain = [str(name) for name in errors if not (inner and name == "custom_fields")]
    return [name for name in (*plain, *inner) if _NAME.fullmatch(name)]


def request_error(
    fault: Fault,
    what: str,
    headers: Mapping[str, str],
    now: datetime | None,
    *,
    applied_perhaps: bool,
) -> CrmHealthError:
    """The error of our tree for a request that was answered with a failure.

    Args:
        fault: what status and body said.
        what: the kind of call, in a word, for the message.
        headers: of the answer.
        now: the service's clock.
        applied_perhaps: a failure of the server then leaves open whether it was carried out.
    """
    status = fault.status
    text = f"({what}: HTTP {status})"
    if status == 429:
        told = retry_after_seconds(headers.get("Retry-After"), now)
        return RateLimited(
            f"BottleCRM asks us to slow down {text}.",
            retry_after=PAUSE if told is None else told,
            code=fault.code,
        )
    if status >= 500 or status == 408:
        kind = LostAnswer if applied_perhaps else Unavailable
        return kind(f"BottleCRM is not available for now {text}.", code=fault.code)
    if status in (401, 403):
        return _not_allowed(fault, text, reads=not applied_perhaps)
    if status == 404 and fault.is_json and not fault.module:
        return Absent(f"BottleCRM has no such record {text}.", fault)
    if status in (404, 405):
        why = f"the module {fault.module} is switched off" if fault.module else "no such call"
        return SetupError(f"BottleCRM does not answer: {why} {text}.", code=fault.code)
    # What is too large is refused by whoever stands before the CRM, in words of its own.
    if not fault.is_json and status != 413:
        return Hopeless(f"The answer is not BottleCRM's {text}.", code="CH-NOT-JSON")
    return Refused(f"BottleCRM refused the request for its content {text}.", fault)


def _not_allowed(fault: Fault, text: str, *, reads: bool) -> CrmHealthError:
    """What the token, or its user, may not do."""
    if fault.status == 401 or fault.detail.startswith((_NO_ORG, *_NO_TOKEN)):
        return AuthError(
            f"BottleCRM does not know the token: it was revoked, it expired, or its user was "
            f"deactivated {text}.",
            code=fault.code,
        )
    if fault.detail.startswith(_NO_SCOPE):
        scope = _SCOPE.search(fault.detail)
        named = f": it needs {scope.group(1)}" if scope else ""
        return AuthError(f"BottleCRM's token lacks a scope{named} {text}.", code=FORBIDDEN)
    if not fault.is_json:
        return Hopeless(f"The answer is not BottleCRM's {text}.", code="CH-NOT-JSON")
    if reads:
        return AuthError(
            f"BottleCRM's user may not see this: its role must be ADMIN {text}.", code=FORBIDDEN
        )
    return Refused(f"BottleCRM's user may not do this {text}.", fault)


def odd(what: str) -> Unavailable:
    """The error for JSON that is not what the API answers there."""
    return Unavailable(
        f"BottleCRM's answer about {what} has not the form it should have.", code="CH-BC-FORM"
    )


def not_json(what: str, *, applied_perhaps: bool = False) -> Unavailable:
    """The error for an answer that is cut, or that something other than the API gave."""
    kind = LostAnswer if applied_perhaps else Unavailable
    return kind(
        f"The answer to {what} is not JSON: is a proxy or a maintenance page in between?",
        code="CH-NOT-JSON",
    )
