"""Every code and every class of the client library has a meaning for the caller."""

from __future__ import annotations

import ast
import inspect
import json
import os
from pathlib import Path

import pytest
import simple_salesforce.exceptions

import connectors.salesforce
from connectors.salesforce.client import login_error
from connectors.salesforce.errors import (
    CODES,
    SDK,
    Fault,
    SessionExpired,
    faults_in,
    faults_of_body,
    request_error,
    rule_for,
)
from connectors.salesforce.receipts import is_duplicate
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

CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[3] / "shared" / "contract")
)


def test_every_class_of_the_library_is_mapped() -> None:
    """A new one in a later release fails here, not in a customer's run."""
    classes = {
        name
        for name, member in inspect.getmembers(simple_salesforce.exceptions, inspect.isclass)
        if issubclass(member, Exception)
    }
    assert set(SDK) == classes
    assert all(issubclass(kind, CrmHealthError) for kind in SDK.values())


def test_the_library_is_imported_in_one_place() -> None:
    """Everything else speaks of our own errors and answers."""
    folder = Path(connectors.salesforce.__file__).parent
    found = {"simple_salesforce": set[str](), "requests": set[str]()}
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                found.get(name.split(".")[0], set()).add(file.name)
    assert found == {"simple_salesforce": {"client.py"}, "requests": {"transport.py"}}


def test_every_code_is_one_of_the_service() -> None:
    """No code of the table is a spelling of our own."""
    file = CONTRACT / "salesforce" / "api-enums.json"
    if not file.exists():
        pytest.skip("no recorded contract: set CRM_HEALTH_CONTRACT")
    known = file.read_text(encoding="utf-8")
    assert json.loads(known)
    assert [code for code in CODES if f'"{code}"' not in known] == []


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "MALFORMED_QUERY", "", Rejected),
        (400, "INVALID_FIELD", "", SetupError),
        (400, "INVALID_TYPE", "", SetupError),
        (401, "INVALID_SESSION_ID", "", SessionExpired),
        (401, "", "", SessionExpired),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QuotaExhausted),
        (
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            RateLimited,
        ),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", RateLimited),
        (403, "INSUFFICIENT_ACCESS", "", AuthError),
        (403, "API_DISABLED_FOR_ORG", "", AuthError),
        (403, "", "", AuthError),
        (404, "NOT_FOUND", "", SetupError),
        (406, "", "", Unavailable),
        (410, "", "", SetupError),
        (420, "", "", RateLimited),
        (429, "REQUEST_LIMIT_EXCEEDED", "", RateLimited),
        (500, "UNKNOWN_EXCEPTION", "", Unavailable),
        (500, "", "", Unavailable),
        (503, "SERVER_UNAVAILABLE", "", Unavailable),
        (504, "", "", Unavailable),
        (300, "", "", SetupError),
        (418, "BRAND_NEW_CODE", "", Rejected),
    ],
)
def test_requests_become_errors_of_our_tree(
    status: int, code: str, message: str, kind: type[CrmHealthError]
) -> None:
    """By code first, then by status; the service's words decide only for two codes."""
    faults = [Fault(code, message)] if code else []
    assert type(request_error(status, faults, what="query")) is kind


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        ("UNABLE_TO_LOCK_ROW", "", Outcome.RETRY),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trig: UNABLE_TO_LOCK_ROW", Outcome.RETRY),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trig: null pointer", Outcome.REJECTED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", Outcome.REJECTED),
        ("DUPLICATES_DETECTED", "", Outcome.REJECTED),
        ("ENTITY_IS_DELETED", "", Outcome.GONE),
        ("INVALID_CROSS_REFERENCE_KEY", "", Outcome.REJECTED),
        ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "", Outcome.RETRY),
        ("PROCESSING_HALTED", "", Outcome.RETRY),
        ("BRAND_NEW_CODE", "", Outcome.REJECTED),
    ],
)
def test_rows_become_outcomes(code: str, message: str, outcome: Outcome) -> None:
    """A code nobody knows is a refusal, never a success."""
    assert rule_for(Fault(code, message)).row is outcome


def test_messages_name_fields_but_quote_nothing_else() -> None:
    """The service's text may hold a person's data or the token."""
    column = Fault("INVALID_FIELD", "No such column 'Score__c' on sobject of type Account")
    assert "Account.Score__c" in request_error(400, [column], what="query").message
    personal = Fault("MALFORMED_QUERY", "unexpected jane@acme.example Bearer abc.def")
    shown = request_error(400, [personal], what="query").message
    assert "jane" not in shown
    assert "abc" not in shown


def test_errors_are_found_in_every_shape() -> None:
    """A list, a single object, a row's errors, an OAuth answer, and bodies that are none."""
    assert faults_of_body(b'[{"errorCode":"A","message":"m","fields":["F"]}]') == [
        Fault("A", "m", ("F",))
    ]
    assert faults_in([{"statusCode": "B", "message": None}]) == [Fault("B")]
    assert faults_of_body(b'{"error":"invalid_grant"}') == [Fault("invalid_grant")]
    for body in (b"<html>", b"", b"null", b"[1]", b"{}", b'"text"'):
        assert faults_of_body(body) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_grant", AuthError),
        ("invalid_client", AuthError),
        ("sf:INVALID_LOGIN", AuthError),
        (None, AuthError),
        ("temporarily_unavailable", Unavailable),
        (503, Unavailable),
        (200, Unavailable),
        (403, AuthError),
    ],
)
def test_logins_fail_with_a_reason(code: object, kind: type[CrmHealthError]) -> None:
    """A refusal ends the run; a page instead of an answer may pass."""
    assert type(login_error(code)) is kind


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ("duplicate value found: Health_Key__c duplicates value on record with id: a015g", True),
        ("duplicate value found: health_key__c duplicates value on record with id: a015g", True),
        ("duplicate value found: <unknown> duplicates value on record with id: <unknown>", True),
        ("Doppelter Wert", True),
        ("duplicate value found: Serial__c duplicates value on record with id: a015g", False),
    ],
)
def test_a_clash_of_our_key_is_told_from_another(message: str, ours: bool) -> None:
    """A message that names no field, or is worded in another language, is about our key."""
    fault = Fault("DUPLICATE_VALUE", message)
    assert is_duplicate(fault, "Health_Key__c") is ours
