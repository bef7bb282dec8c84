"""What connectors share: retries, Retry-After, redaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.http import (
    Hopeless,
    LostAnswer,
    NotSent,
    Patience,
    redact,
    retry_after_seconds,
    with_retries,
)
from crm_health.errors import AuthError, QuotaExhausted, RateLimited, Rejected, Unavailable
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def failing(*errors: Exception) -> Callable[[], str]:
    """A call that raises these in turn, then answers."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "ok"

    return call


@pytest.mark.parametrize("error", [Unavailable(), LostAnswer(), NotSent(), RateLimited()])
def test_passing_failures_are_repeated(error: Exception) -> None:
    """Up to the number of attempts, each after a jittered pause."""
    clock = FixedClock()
    assert with_retries(failing(*[error] * 4), make_ports(clock), Patience()) == "ok"
    assert len(clock.slept) == 4
    assert all(0 <= pause <= 30 for pause in clock.slept)


def test_attempts_end() -> None:
    """The last failure goes to the caller."""
    with pytest.raises(Unavailable, match="fifth"):
        with_retries(
            failing(*[Unavailable("one")] * 4, Unavailable("fifth")), make_ports(), Patience()
        )


@pytest.mark.parametrize("error", [AuthError(), QuotaExhausted(), Rejected(), Hopeless()])
def test_other_failures_are_not_repeated(error: Exception) -> None:
    """One try: repeating would not help, or would cost."""
    clock = FixedClock()
    with pytest.raises(type(error)):
        with_retries(failing(error), make_ports(clock), Patience())
    assert clock.slept == []


def test_retry_after_is_waited_for() -> None:
    """Never less than the service asked for."""
    clock = FixedClock()
    with_retries(failing(RateLimited(retry_after=44)), make_ports(clock), Patience())
    assert clock.slept[0] >= 44


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    """Asking earlier than told is worse than giving up."""
    clock = FixedClock()
    with pytest.raises(RateLimited):
        with_retries(failing(RateLimited(retry_after=1e9)), make_ports(clock), Patience())
    assert clock.slept == []


def test_total_time_binds_beside_attempts() -> None:
    """Slow failures use up the time first."""
    clock = FixedClock()

    def slow() -> str:
        clock.sleep(50)
        raise Unavailable

    with pytest.raises(Unavailable):
        with_retries(slow, make_ports(clock), Patience(attempts=100))
    assert clock.slept.count(50) <= 3


def test_retries_are_logged_without_words() -> None:
    """Code and number only."""
    log = Log()
    with_retries(failing(Unavailable("Acme is down", code="C")), make_ports(log=log), Patience())
    assert "Acme" not in repr(log.events)
    assert log.events[0][1]["code"] == "C"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("-1", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("٣٠", None),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_or_ignored(value: str | None, seconds: float | None) -> None:
    """Numbers and dates; nonsense counts as nothing said."""
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Bearer 00D5g0000000001!AR.secret.value",
        "sid 00D5g0000000001EAA!secret.value_x",
        '{"access_token": "secret-value"}',
        "client_secret=secret-value&x=1",
        "refresh_token: secret-value",
        "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nsecret cut off",
        "pat-eu1-secret-0000",
        "Basic c2VjcmV0c2VjcmV0",
        "eyJhbGciOiJIUzI1NiJ9.secretpayload.secretsignature",
    ],
)
def test_secrets_are_redacted(text: str) -> None:
    """Whatever form they come in."""
    shown = redact(f"before {text} after")
    assert "secret" not in shown.replace("client_secret", "")
    assert "c2Vj" not in shown
    assert shown.startswith("before")


def test_redacted_text_is_one_short_line() -> None:
    """Control and direction characters can't reach a terminal or a log."""
    assert redact("a\nINFO sync ok\x1b[2J\u202eb") == "a INFO sync ok [2J b"
    assert len(redact("x" * 10_000)) == 500
