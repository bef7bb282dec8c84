"""Salesforce's error codes, sorted by what the caller must do: one table for all of them.

A code arrives at two levels. For a whole request it becomes an error of our tree; for one row of
a write it becomes the outcome of a receipt. Some codes mean different things by their message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson

from connectors.http import LostAnswer, redact, retry_after_seconds
from crm_health.connector import Outcome
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    SetupError,
    Unavailable,
)


class SessionExpired(AuthError):
    """The Salesforce session has ended."""


class QueryLost(Unavailable):
    """Salesforce dropped the query: it is asked again from where it was."""


@dataclass(frozen=True)
class Rule:
    """What one code means: for a whole request, and for one row of a write."""

    request: type[CrmHealthError]
    row: Outcome
    #: Only these rows are repeated, in smaller groups: another transaction was in the way.
    lock: bool = False
    #: A customer's automation failed; one bad row may have failed its whole group.
    automation: bool = False
    #: The row was refused only because others were.
    bystander: bool = False


_PASSING = Rule(Unavailable, Outcome.RETRY)
_LOCK = Rule(Unavailable, Outcome.RETRY, lock=True)
_CONTENT = Rule(Rejected, Outcome.REJECTED)
_SCHEMA = Rule(SetupError, Outcome.REJECTED)
_RIGHTS = Rule(AuthError, Outcome.REJECTED)
_LOGIN = Rule(SessionExpired, Outcome.RETRY)
_QUOTA = Rule(QuotaExhausted, Outcome.RETRY)
_SLOW = Rule(RateLimited, Outcome.RETRY)
_QUERY = Rule(QueryLost, Outcome.RETRY)
_GONE = Rule(Rejected, Outcome.GONE)
_AUTOMATION = Rule(Rejected, Outcome.REJECTED, automation=True)
_BYSTANDER = Rule(Unavailable, Outcome.RETRY, bystander=True)

CODES: dict[str, Rule] = {
    "UNABLE_TO_LOCK_ROW": _LOCK,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": _AUTOMATION,
    "CANNOT_EXECUTE_FLOW_TRIGGER": _AUTOMATION,
    "CUSTOM_APEX_ERROR": _AUTOMATION,
    "FLOW_EXCEPTION": _AUTOMATION,
    "INVALID_SESSION_ID": _LOGIN,
    "INVALID_AUTH_HEADER": _LOGIN,
    "REQUEST_LIMIT_EXCEEDED": _QUOTA,
    "SERVER_UNAVAILABLE": _PASSING,
    "UNKNOWN_EXCEPTION": _PASSING,
    "API_CURRENTLY_DISABLED": _RIGHTS,
    "API_DISABLED_FOR_ORG": _RIGHTS,
    "TXN_SECURITY_METERING_ERROR": _RIGHTS,
    "ENTITY_IS_DELETED": _GONE,
    # Not proof of a delete: the row may only be out of this user's sight.
    "INVALID_CROSS_REFERENCE_KEY": _CONTENT,
    "MALFORMED_ID": _CONTENT,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _CONTENT,
    "FIELD_FILTER_VALIDATION_EXCEPTION": _CONTENT,
    "DUPLICATES_DETECTED": _CONTENT,
    "DUPLICATE_VALUE": _CONTENT,
    "DUPLICATE_EXTERNAL_ID": _SCHEMA,
    "STRING_TOO_LONG": _CONTENT,
    "NUMBER_OUTSIDE_VALID_RANGE": _CONTENT,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _CONTENT,
    "REQUIRED_FIELD_MISSING": _CONTENT,
    "MISSING_ARGUMENT": _CONTENT,
    "FIELD_INTEGRITY_EXCEPTION": _CONTENT,
    "INACTIVE_OWNER_OR_USER": _CONTENT,
    "JSON_PARSER_ERROR": _CONTENT,
    "MALFORMED_QUERY": _CONTENT,
    "QUERY_TOO_COMPLICATED": _CONTENT,
    "INVALID_FIELD": _SCHEMA,
    "INVALID_FIELD_FOR_INSERT_UPDATE": _SCHEMA,
    "INVALID_TYPE": _SCHEMA,
    "INVALID_TYPE_FOR_OPERATION": _SCHEMA,
    "NOT_FOUND": _SCHEMA,
    "UNSUPPORTED_API_VERSION": _SCHEMA,
    "INSUFFICIENT_ACCESS": _RIGHTS,
    "INSUFFICIENT_ACCESS_OR_READONLY": _RIGHTS,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _RIGHTS,
    "CANNOT_UPDATE_CONVERTED_LEAD": _CONTENT,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _BYSTANDER,
    "PROCESSING_HALTED": _BYSTANDER,
    "QUERY_TIMEOUT": _QUERY,
    "INVALID_QUERY_LOCATOR": _QUERY,
    "EXCEEDED_ID_LIMIT": _QUERY,
    "INVALID_REPLICATION_DATE": _QUERY,
}

#: What an HTTP status means where no known code came with it.
STATUSES: dict[int, type[CrmHealthError]] = {
    300: SetupError,
    400: Rejected,
    401: SessionExpired,
    403: AuthError,
    404: SetupError,
    405: SetupError,
    406: Unavailable,
    409: Unavailable,
    410: SetupError,
    413: Rejected,
    414: Rejected,
    415: Rejected,
    420: RateLimited,
    429: RateLimited,
    431: Rejected,
    501: SetupError,
}

#: simple-salesforce's exceptions by class name, so that this module needs no SDK: a test
#: compares the keys with the classes that the library has.
SDK: dict[str, type[CrmHealthError]] = {
    "SalesforceError": Unavailable,
    "SalesforceMoreThanOneRecord": SetupError,
    "SalesforceMalformedRequest": Rejected,
    "SalesforceExpiredSession": SessionExpired,
    "SalesforceRefusedRequest": AuthError,
    "SalesforceResourceNotFound": SetupError,
    "SalesforceAuthenticationFailed": AuthError,
    "SalesforceGeneralError": Unavailable,
    "SalesforceOperationError": Unavailable,
    "SalesforceBulkV2LoadError": Unavailable,
    "SalesforceBulkV2ExtractError": Unavailable,
}

_MEANING: dict[type[CrmHealthError], str] = {
    AuthError: "refused the request: a right of the integration user is missing",
    QuotaExhausted: "has no API calls left for this org today",
    RateLimited: "asks us to slow down",
    SetupError: "lacks something that was asked for: run `crm-health setup`",
    QueryLost: "dropped the query",
    Unavailable: "is not available for now",
    Rejected: "refused the request for its content",
    SessionExpired: "says that the session has ended",
}

_COLUMN = re.compile(r"No such column '([\w.]{1,80})' on (?:entity|sobject of type) '?(\w{1,80})")
_OBJECT = re.compile(r"sObject type '(\w{1,80})' is not supported")
_LOCKED = re.compile(
    r"UNABLE_TO_LOCK_ROW|unable to obtain exclusive access|AsyncApexExecutions|"
    r"Apex CPU time limit|ConcurrentPerOrg",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    """One error as Salesforce words it, at either level."""

    code: str
    message: str = ""
    fields: tuple[str, ...] = ()


def rule_for(fault: Fault) -> Rule:
    """The rule of a code; the codes that mean two things are told apart by message."""
    rule = CODES.get(fault.code, _CONTENT)
    if rule is _QUOTA and "concurrent" in fault.message.lower():
        return _SLOW
    if rule is _SCHEMA and fault.message.startswith("Failed to deserialize"):
        # Bulk's way to say that a value does not suit its field.
        return _CONTENT
    if rule is _AUTOMATION and _LOCKED.search(fault.message):
        return _LOCK
    return rule


def faults_in(parsed: object) -> list[Fault]:
    """Errors in a parsed body: a list at request level, `errors` of a row, or one object."""
    items = parsed if isinstance(parsed, list) else [parsed]
    found = []
    for item in items:
        if not isinstance(item, dict):
            continue
        code = item.get("errorCode") or item.get("statusCode") or item.get("error")
        if not code:
            continue
        fields = item.get("fields")
        found.append(
            Fault(
                code=str(code),
                message=str(item.get("message") or ""),
                fields=tuple(str(f) for f in fields) if isinstance(fields, list) else (),
            )
        )
    return found


def faults_of_body(body: bytes) -> list[Fault]:
    """Errors in a body that may not be JSON at all."""
    try:
        return faults_in(orjson.loads(body))
    except orjson.JSONDecodeError:
        return []


def request_error(
    status: int,
    faults: list[Fault],
    *,
    what: str,
    retry_after: str | None = None,
    now: datetime | None = None,
    applied_perhaps: bool = False,
) -> CrmHealthError:
    """The error of our tree for a request that Salesforce answered with a failure.

    The service's own words stay out, but for names of fields and objects: they may hold personal
    data or even the token.

    Args:
        status: HTTP status, of the request or of the part of a composite one.
        faults: what the body said; may be empty.
        what: the kind of call, in a word, for the message.
        retry_after: the header, as it came.
        now: the service's clock.
        applied_perhaps: a failure of the server then leaves open whether it was carried out.
    """
    fault = faults[0] if faults else Fault("")
    kind: type[CrmHealthError]
    if status in (420, 429):
        kind = RateLimited
    elif fault.code in CODES:
        kind = rule_for(fault).request
    else:
        kind = STATUSES.get(status, Unavailable if status >= 500 else Rejected)
    code = fault.code or f"HTTP-{status}"
    text = f"Salesforce {_MEANING[kind]} ({what}: HTTP {status} {redact(code, 80)})."
    if kind is RateLimited:
        return RateLimited(text, retry_after=retry_after_seconds(retry_after, now), code=code)
    if kind is SetupError:
        return SetupError(_named(fault) or text, code=code)
    if kind is Unavailable and status >= 500 and applied_perhaps:
        return LostAnswer(text, code=code)
    return kind(text, code=code)


def _named(fault: Fault) -> str:
    column = _COLUMN.search(fault.message)
    if column:
        name = f"{column.group(2)}.{column.group(1)}"
        return (
            f"Salesforce has no field {name}, or the integration user may not see it: "
            "run `crm-health setup`, or correct the mapping."
        )
    missing = _OBJECT.search(fault.message)
    if missing:
        return (
            f"Salesforce has no object {missing.group(1)}, or the integration user may not "
            "see it: run `crm-health setup`, or correct the mapping."
        )
    if fault.fields:
        return (
            f"Salesforce refused the field {redact(', '.join(fault.fields), 120)} "
            f"({fault.code}): run `crm-health setup`."
        )
    return ""


def not_json(what: str, *, applied_perhaps: bool = False) -> Unavailable:
    """The error for an answer that is cut, or that something other than the API gave."""
    kind = LostAnswer if applied_perhaps else Unavailable
    return kind(
        f"The answer to {what} is not JSON: is a proxy or a maintenance page in between?",
        code="CH-NOT-JSON",
    )
