"""The error tree and the exit codes."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest

from crm_health import errors

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.CrmHealthError)
]


@pytest.mark.parametrize("kind", ALL)
def test_an_error_speaks_for_itself(kind: type[errors.CrmHealthError]) -> None:
    """Without a message the first line of the docstring is it; a given one replaces it."""
    assert kind.__doc__
    assert str(kind()) == kind.__doc__.strip().splitlines()[0]
    assert kind("said so", code="X").message == "said so"
    assert kind("said so", code="X").code == "X"


@pytest.mark.parametrize("kind", ALL)
def test_every_exit_code_has_its_place(kind: type[errors.CrmHealthError]) -> None:
    """No class but the base ends a run with a code that the precedence does not know."""
    if kind is errors.CrmHealthError:
        assert kind.exit_code == 1
    else:
        assert kind.exit_code in errors.PRECEDENCE


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 78),
        (errors.WrongOrgError, 78),
        (errors.SetupError, 78),
        (errors.AuthError, 77),
        (errors.GuardStopped, 4),
        (errors.Busy, 5),
        (errors.LeaseLost, 5),
        (errors.QuotaExhausted, 6),
        (errors.Unavailable, 75),
        (errors.RateLimited, 75),
        (errors.Rejected, 78),
        (errors.StateError, 65),
        (errors.LocalIOError, 74),
        (errors.BrokenInvariant, 70),
    ],
)
def test_exit_codes_are_the_documented_ones(kind: type[errors.CrmHealthError], code: int) -> None:
    """Scripts depend on these numbers."""
    assert kind.exit_code == code


def test_what_passes_by_itself_is_retryable() -> None:
    """A scheduler may repeat these, and no others."""
    assert {kind.__name__ for kind in ALL if kind.retryable} == {
        "Busy",
        "LeaseLost",
        "QuotaExhausted",
        "Unavailable",
        "RateLimited",
        "LocalIOError",
    }


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (set(), 0),
        ({0}, 0),
        ({0, 3}, 3),
        ({3, 75}, 75),
        ({3, 4}, 4),
        ({4, 77}, 77),
        ({6, 78}, 78),
        ({5, 65, 70}, 70),
        ({99}, 1),
        ({99, 3}, 3),
    ],
)
def test_the_worst_cause_gives_the_exit_code(codes: set[int], expected: int) -> None:
    """Of several causes the one that needs a person most decides."""
    assert errors.worst(codes) == expected


def test_errors_carry_what_the_caller_needs() -> None:
    """When to come back, how long to wait, which field was refused."""
    until = datetime(2026, 3, 3, tzinfo=UTC)
    assert errors.QuotaExhausted(until=until).until == until
    assert errors.RateLimited(retry_after=2.5).retry_after == 2.5
    assert errors.Rejected(code="C", field="Name").field == "Name"
