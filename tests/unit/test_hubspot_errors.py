"""HubSpot's refusals become errors of our tree, whatever they lack."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hubspot.crm.objects import exceptions as sdk

from connectors.hubspot.errors import SDK, Fault, Refused, fault_in, fault_of_body, request_error
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    SetupError,
    Unavailable,
)
from tests.unit.hubspot_help import shape

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def error(status: int, body: Any, retry_after: str | None = None) -> CrmHealthError:
    """The error for an answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    fault = fault_of_body(raw, status)
    return request_error(fault, what="read", retry_after=retry_after, now=NOW)


def test_every_class_of_the_library_is_known() -> None:
    """The table has exactly the exceptions that hubspot-api-client has."""
    classes = {
        name for name, one in inspect.getmembers(sdk, inspect.isclass) if issubclass(one, Exception)
    }
    assert set(SDK) == classes


@pytest.mark.parametrize(
    ("where", "status", "kind"),
    [
        ("any non-search endpoint, burst", 429, RateLimited),
        ("daily quota", 429, QuotaExhausted),
        ("search endpoints", 429, RateLimited),
        ("batch/update or batch/upsert, same id twice", 400, Refused),
        ("batch/update with unknown property", 400, SetupError),
        ("single write, bad number/date", 400, Refused),
        ("batch/create without trace ids", 409, Refused),
        ("GET object by missing id", 404, SetupError),
        ("missing scope", 403, AuthError),
        ("bad or missing token", 401, AuthError),
        ("search/list on unknown object type", 400, SetupError),
    ],
)
def test_recorded_refusals(where: str, status: int, kind: type[CrmHealthError]) -> None:
    """Each recorded shape becomes the error that tells the caller what to do."""
    body = shape(where, status)["body"]
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    assert type(error(status, raw)) is kind


def test_the_waits_of_three_429s_differ() -> None:
    """The burst is waited out whole, a second for searches, and the day ends the run."""
    burst = error(429, shape("any non-search endpoint, burst", 429)["body"])
    search = error(429, shape("search endpoints", 429)["body"])
    assert isinstance(burst, RateLimited)
    assert isinstance(search, RateLimited)
    assert (burst.retry_after, search.retry_after) == (10.0, 1.0)
    assert not isinstance(error(429, shape("daily quota", 429)["body"]), RateLimited)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 10.0),
        ("-5", 10.0),
        ("soon", 10.0),
        ("3", 3.0),
        ("86400", 86_400.0),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_in_all_its_forms(header: str | None, seconds: float) -> None:
    """A usable header counts; without one the whole window is waited out."""
    made = error(429, {"policyName": "TEN_SECONDLY_ROLLING"}, header)
    assert isinstance(made, RateLimited)
    assert made.retry_after == seconds


def test_a_long_wait_is_told_to_people() -> None:
    """A run ends rather than wait for it, so whoever reads the message must know how long."""
    told = [error(429, {}, header).message for header in ("5", "600", "86400")]
    assert [text.partition("again in ")[2] for text in told] == ["", "10 minutes.", "24 hours."]


def test_a_lock_is_waited_out_for_two_seconds() -> None:
    """423 asks for two seconds at least."""
    for header, seconds in ((None, 2.0), ("1", 2.0), ("7", 7.0)):
        made = error(423, {"message": "locked"}, header)
        assert isinstance(made, RateLimited)
        assert made.retry_after == seconds


def test_an_account_on_the_move_tells_when() -> None:
    """477 says in words how long it takes, with or without a header."""
    made = error(477, {"message": "Migration in progress"}, "7200")
    assert isinstance(made, RateLimited)
    assert "2 hours" in made.message
    assert isinstance(error(477, b""), RateLimited)


def test_a_missing_scope_is_named() -> None:
    """The scopes stand in the message, and nothing else of the body."""
    body = {
        "category": "MISSING_SCOPES",
        "message": "zoe@customer.example lacks it",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read", "<b>"]}}],
    }
    made = error(403, body)
    assert isinstance(made, AuthError)
    assert "crm.objects.deals.read" in made.message
    assert "zoe" not in made.message
    assert "<b>" not in made.message


def test_an_unknown_property_is_named() -> None:
    """A property that the account lacks is a matter for setup, and named."""
    body = shape("batch/update with unknown property", 400)["body"]
    assert "property x" in error(400, body).message


def test_a_bad_value_names_its_property() -> None:
    """A number that does not parse is told in the message only; its property is found there."""
    made = error(400, shape("single write, bad number/date", 400)["body"])
    assert isinstance(made, Refused)
    assert (made.code, made.field) == ("INVALID_LONG", "hs_meeting_start_time")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 524])
def test_a_page_of_the_edge_is_unavailable(status: int) -> None:
    """HTML instead of JSON changes nothing."""
    assert type(error(status, b"<html>\xff</html>")) is Unavailable


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        7,
        {"errors": 7, "context": [], "category": 5},
        {"errors": [None, {"code": 5, "context": {"propertyName": "x"}}]},
        {"message": {"a": 1}, "errors": {"a": 1}},
    ],
)
def test_odd_bodies_are_survived(body: Any) -> None:
    """Every field of an error body is optional, and may be of another type."""
    assert isinstance(error(400, body), Rejected)
    assert isinstance(fault_in(body), Fault)
