"""HubSpot's refusals, sorted by what the caller must do.

Every field of an error body may be absent, and its words may change without notice: the category,
the policy and the status count. The service's own words stay out of our messages, but for names of
scopes, properties and object types: they may hold personal data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from connectors.http import LostAnswer, redact, retry_after_seconds
from connectors.hubspot.settings import PREFIX
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    SetupError,
    Unavailable,
)

#: Seconds of pause where the service asks for one without saying how long.
BURST_PAUSE, SECOND_PAUSE, LOCK_PAUSE = 10.0, 1.0, 2.0
#: The account moves to another data centre, which takes hours.
MOVING_PAUSE = 3_600.0
#: Seconds from which on a pause is told to people.
LONG_PAUSE = 60.0
NO_PROPERTY = "PROPERTY_DOESNT_EXIST"

#: What an HTTP status means where the body does not say more.
STATUSES: dict[int, type[CrmHealthError]] = {
    400: Rejected,
    401: AuthError,
    403: AuthError,
    404: SetupError,
    405: SetupError,
    408: Unavailable,
    409: Rejected,
    410: SetupError,
    413: Rejected,
    414: Rejected,
    415: Rejected,
    423: RateLimited,
    429: RateLimited,
    477: RateLimited,
    501: SetupError,
}
#: The exceptions of hubspot-api-client by class name: a test compares the keys with the classes
#: that the library has.
SDK: dict[str, type[CrmHealthError]] = {
    "OpenApiException": Unavailable,
    "ApiTypeError": SetupError,
    "ApiValueError": SetupError,
    "ApiAttributeError": Unavailable,
    "ApiKeyError": Unavailable,
    "ApiException": Unavailable,
    "NotFoundException": SetupError,
    "UnauthorizedException": AuthError,
    "ForbiddenException": AuthError,
    "ServiceException": Unavailable,
}

_MEANING: dict[type[CrmHealthError], str] = {
    AuthError: "refused the token: it was revoked or mistyped, or its user may not do this",
    RateLimited: "asks us to slow down",
    SetupError: "lacks something that was asked for: run `crm-health setup`",
    Unavailable: "is not available for now",
    Rejected: "refused the request for its content",
}
_SCOPE = re.compile(r"[\w.-]{1,120}", re.ASCII)
_NAME = re.compile(r"\w{1,120}", re.ASCII)
_OBJECT = re.compile(r"Unable to infer object type from: ([\w-]{1,80})", re.ASCII)
_INVALID = re.compile(r'"error"\s*:\s*"([A-Z_]{1,80})"\s*,\s*"name"\s*:\s*"(\w{1,120})"', re.ASCII)


@dataclass(frozen=True)
class Fault:
    """A refusal as HubSpot words it: of a request, or one of the `errors` of a batch."""

    status: int = 0
    category: str = ""
    sub_category: str = ""
    policy: str = ""
    message: str = ""
    #: Name to values, such as `objectWriteTraceId`, `ids`, `existingId`.
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What is wrong with single values: (code, property).
    values: tuple[tuple[str, str], ...] = ()
    scopes: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """A short code for people and searches."""
        for code, _ in self.values:
            return redact(code, 80)
        return redact(self.policy or self.category or f"HTTP-{self.status}", 80)

    @property
    def fields(self) -> tuple[str, ...]:
        """Properties whose values were refused."""
        return tuple(dict.fromkeys(name for _, name in self.values if name))

    @property
    def unknown_properties(self) -> tuple[str, ...]:
        """Properties that the account does not have."""
        return tuple(dict.fromkeys(name for code, name in self.values if code == NO_PROPERTY))


class Refused(Rejected):
    """HubSpot refused a request for its content; `fault` says why."""

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message, code=fault.code, field=", ".join(fault.fields)[:200])
        self.fault = fault


def fault_in(parsed: object, status: int = 0) -> Fault:
    """A refusal in a parsed body, or in one of its `errors`; whatever is odd is left out."""
    body: Mapping[str, Any] = parsed if isinstance(parsed, dict) else {}
    message = _text(body.get("message"))
    context = _context(body.get("context"))
    listed = body.get("errors")
    errors = [e for e in (listed if isinstance(listed, list) else ()) if isinstance(e, dict)]
    values = []
    scopes = [*context.get("requiredGranularScopes", ()), *context.get("requiredScopes", ())]
    for error in errors:
        told = _context(error.get("context"))
        names = told.get("propertyName", ()) or told.get("name", ())
        scopes += told.get("requiredGranularScopes", ())
        if error.get("code"):
            name = next((n for n in names if _NAME.fullmatch(n)), "")
            values.append((_text(error["code"]), name))
    # Numbers and dates that do not parse are told in the message only.
    values += [pair for pair in _INVALID.findall(message) if pair not in values]
    return Fault(
        status=status,
        category=_text(body.get("category")),
        sub_category=_text(body.get("subCategory")),
        policy=_text(body.get("policyName")),
        message=message,
        context=context,
        values=tuple(values),
        scopes=tuple(dict.fromkeys(s for s in scopes if _SCOPE.fullmatch(s))),
    )


def fault_of_body(body: bytes, status: int) -> Fault:
    """A refusal in a body that may not be JSON at all."""
    try:
        return fault_in(orjson.loads(body), status)
    except orjson.JSONDecodeError:
        return Fault(status)


def request_error(
    fault: Fault,
    *,
    what: str,
    retry_after: str | None = None,
    now: datetime | None = None,
    applied_perhaps: bool = False,
    until: datetime | None = None,
) -> CrmHealthError:
    """The error of our tree for a request that HubSpot answered with a failure.

    Args:
        fault: what status and body said.
        what: the kind of call, in a word, for the message.
        retry_after: the header, as it came.
        now: the service's clock.
        applied_perhaps: a failure of the server then leaves open whether it was carried out.
        until: when the account's day ends, where that is known.
    """
    status = fault.status
    default = Unavailable if status >= 500 else Rejected
    kind = STATUSES.get(status, default)
    if fault.category == "MISSING_SCOPES":
        kind = AuthError
    if status == 400 and (fault.unknown_properties or _OBJECT.search(fault.message)):
        kind = SetupError
    said = f" {fault.code}" if fault.code != f"HTTP-{status}" else ""
    text = f"HubSpot {_MEANING[kind]} ({what}: HTTP {status}{said})."
    if kind is RateLimited:
        return _limited(fault, text, retry_after_seconds(retry_after, now), until)
    if kind is Rejected:
        return Refused(text, fault)
    if kind is AuthError and fault.scopes:
        text = (
            f"HubSpot's token lacks a scope: add {', '.join(fault.scopes)} "
            "to the service key or private app."
        )
    elif status == 401:
        text = f"{text.removesuffix('.')}: set a good one as {PREFIX}TOKEN."
    if kind is SetupError:
        return SetupError(_named(fault) or text, code=fault.code)
    if kind is Unavailable and applied_perhaps:
        return LostAnswer(text, code=fault.code)
    return kind(text, code=fault.code)


def _limited(
    fault: Fault, text: str, told: float | None, until: datetime | None
) -> QuotaExhausted | RateLimited:
    if fault.policy == "DAILY" or "daily limit" in fault.message.lower():
        return QuotaExhausted(
            "HubSpot has no API calls left for this account today; they come back at midnight, "
            "account time.",
            until=until,
            code="DAILY",
        )
    if fault.status == 477:
        pause = MOVING_PAUSE if told is None else told
        return RateLimited(
            "HubSpot is moving this account to another data centre: try again in "
            f"{_for_people(pause)}.",
            retry_after=pause,
            code="HTTP-477",
        )
    if told is not None and told > LONG_PAUSE:
        # Nobody waits for that long: whoever reads this must come back.
        text = f"{text.removesuffix('.')}: try again in {_for_people(told)}."
    if fault.status == 423:
        return RateLimited(text, retry_after=max(LOCK_PAUSE, told or 0.0), code=fault.code)
    if told is None:
        secondly = fault.category == "RATE_LIMITS" or fault.policy == "SECONDLY"
        secondly = secondly or "your secondly limit" in fault.message
        told = SECOND_PAUSE if secondly else BURST_PAUSE
    return RateLimited(text, retry_after=told, code=fault.code)


def _for_people(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{round(minutes / 60)} hours" if minutes >= 120 else f"{minutes} minutes"


def _named(fault: Fault) -> str:
    if fault.unknown_properties:
        names = ", ".join(fault.unknown_properties[:10])
        return (
            f"HubSpot has no property {names}, or the token may not see it: run "
            "`crm-health setup`, or correct the mapping."
        )
    missing = _OBJECT.search(fault.message)
    if missing:
        return f"HubSpot has no object {missing.group(1)}: correct the mapping."
    return ""


def not_json(what: str, *, applied_perhaps: bool = False) -> Unavailable:
    """The error for an answer that is cut, or that something other than the API gave."""
    kind = LostAnswer if applied_perhaps else Unavailable
    return kind(
        f"The answer to {what} is not JSON: is a proxy or a maintenance page in between?",
        code="CH-NOT-JSON",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _context(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        return {}
    return {
        str(name): tuple(str(one) for one in (held if isinstance(held, list) else [held]))
        for name, held in value.items()
    }
