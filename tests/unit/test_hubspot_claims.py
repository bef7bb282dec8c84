"""The property of the claims: what is read of it, what is added, what is dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.hubspot.claims import TEXT_MAX, Claim, added, standing

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HORIZON = timedelta(minutes=15)


def _claim(n: int = 1, age: timedelta = timedelta(), nonce: str = "0a1b2c") -> Claim:
    return Claim(f"ch1:1001:rule:{n}", NOW - age, nonce)


def test_what_is_written_is_read_again() -> None:
    """A row a claim; the last one of a key counts."""
    text = added(None, [_claim(1), _claim(2)], NOW)
    assert text is not None
    assert text.splitlines()[0] == "ch1:1001:rule:1@2026-03-02T09:00:00Z-0a1b2c"
    text = added(text, [_claim(1, nonce="ffff")], NOW)
    held = standing(text)
    assert held == {"ch1:1001:rule:1": _claim(1, nonce="ffff"), "ch1:1001:rule:2": _claim(2)}


@pytest.mark.parametrize(
    "row",
    [
        "please leave this alone",
        "ch1:1001:rule:1",
        "ch1:1001:rule:1@2026-13-02T09:00:00Z-0a1b2c",
        "ch1:1001:rule:1@2026-03-02T09:00:00Z-",
        "ch1:1001:rule:1@2026-03-02T09:00:00Z-XYZ1",
        "@2026-03-02T09:00:00Z-0a1b2c",
    ],
)
def test_what_is_no_claim_claims_nothing_and_stays(row: str) -> None:
    """People write where they like; HubSpot may change line ends and blanks around them."""
    text = f"{row}\r\n\r\n  {_claim(2)}  \n"
    assert standing(text) == {"ch1:1001:rule:2": _claim(2)}
    assert added(text, [_claim(3)], NOW) == f"{row}\n{_claim(2)}\n{_claim(3)}"


def test_claims_of_a_month_ago_are_dropped() -> None:
    """Their tasks are known from the tasks."""
    text = f"{_claim(1, timedelta(days=30))}\n{_claim(2, timedelta(days=29))}"
    assert list(standing(added(text, [_claim(3)], NOW))) == ["ch1:1001:rule:2", "ch1:1001:rule:3"]


def test_a_full_property_loses_notes_first_then_old_claims_and_never_young_ones() -> None:
    """It holds 65,536 characters; where young claims fill it, nothing more can be claimed."""
    note = "x" * (TEXT_MAX - 10)
    assert added(note, [_claim(1)], NOW) == str(_claim(1))
    old = [_claim(n, timedelta(days=3)) for n in range(1_400)]
    text = "\n".join(map(str, old))
    assert len(text) < TEXT_MAX
    filled = f"{text}\n" + "\n".join(str(_claim(n)) for n in range(2_000, 2_100))
    assert list(standing(added(filled, [_claim(1)], NOW)))[-2:] == [
        "ch1:1001:rule:2099",
        "ch1:1001:rule:1",
    ]
    young = "\n".join(str(_claim(n, timedelta(days=1))) for n in range(1_600))
    assert added(young, [_claim(5_000)], NOW) is None


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(), True),
        (timedelta(minutes=14), True),
        (timedelta(minutes=15), False),
        (timedelta(minutes=-1), True),
        (timedelta(days=-3650), False),
    ],
)
def test_a_claim_is_fresh_for_a_while(age: timedelta, fresh: bool) -> None:
    """A date that a person typed into the future holds nothing up."""
    assert _claim(age=age).is_fresh(NOW, HORIZON) is fresh
