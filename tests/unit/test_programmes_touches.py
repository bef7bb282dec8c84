"""The touch plan as pure functions: what is next, what closes, what conversations were about."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from crm_health.config.load import load
from crm_health.config.touches import Touches
from crm_health.programmes.touch_figures import ASKED, kept, mix
from crm_health.programmes.touches import following

DAY = date(2026, 11, 23)
KNOWN: dict[str, Any] = {
    "account_id": "a",
    "day": DAY,
    "tier_now": "strategic",
    "tier_days": 400.0,
    "stage": "adopt",
    "conversation_days": 10.0,
    "review_days": 10.0,
    "value_review_days": None,
    "onsite_days": 10.0,
    "planned": 0.0,
    "next_renewal_days": -200.0,
    "days_to_renewal": 200.0,
    "secured": False,
    "shown_next_touch": None,
    "shown_next_touch_due": None,
}
_FLOATS = [name for name in KNOWN if name.endswith("_days")] + ["planned", "days_to_renewal"]
TYPES: dict[str, Any] = {
    **dict.fromkeys(_FLOATS, pl.Float64),
    "secured": pl.Boolean,
    "shown_next_touch": pl.String,
    "shown_next_touch_due": pl.Date,
}


@pytest.fixture(scope="module")
def touches() -> Touches:
    found = load().playbook.touches
    assert found is not None
    return found


def one(**values: Any) -> pl.DataFrame:
    return pl.DataFrame([KNOWN | values], schema_overrides=TYPES)


@pytest.mark.parametrize(
    ("values", "touch", "due"),
    [
        ({}, "Call", date(2026, 12, 13)),
        ({"conversation_days": 400.0}, "Call", date(2025, 11, 18)),
        ({"conversation_days": None, "tier_days": 3.0}, "Call", date(2026, 12, 20)),
        ({"conversation_days": 400.0, "tier_days": 0.0}, "Call", date(2026, 12, 7)),
        ({"review_days": 85.0}, "Review", date(2026, 11, 28)),
        ({"planned": None}, None, None),
        ({"tier_now": "growth"}, "Check-in", date(2027, 1, 12)),
        ({"tier_now": "growth", "next_renewal_days": -130.0}, "Renewal Review", date(2026, 12, 3)),
        (
            {"tier_now": "growth", "next_renewal_days": -130.0, "value_review_days": 40.0},
            "Check-in",
            date(2027, 1, 12),
        ),
        ({"tier_now": "digital", "stage": "land"}, "Welcome", DAY),
        ({"tier_now": "digital", "days_to_renewal": 30.0}, "Renewal", DAY),
        ({"tier_now": "digital", "days_to_renewal": 30.0, "secured": True}, "Adoption", DAY),
    ],
)
def test_the_first_that_is_due_is_next(
    touches: Touches, values: dict[str, Any], touch: str | None, due: date | None
) -> None:
    """By the last contact or the tier's beginning, and by no day's passing."""
    nothing = pl.DataFrame(schema={"account_id": pl.String, "rule": pl.String})
    assert following(touches, one(**values), nothing).row(0) == ("a", touch, due)


@pytest.mark.parametrize(
    ("values", "clears"),
    [
        ({"next_renewal_days": -130.0}, False),
        ({"next_renewal_days": -130.0, "value_review_days": 2.0}, True),
        ({"next_renewal_days": -130.0, "secured": True}, True),
        ({"next_renewal_days": -130.0, "tier_now": "digital"}, True),
        ({"next_renewal_days": -300.0}, True),
        ({"next_renewal_days": None}, None),
        ({"next_renewal_days": -130.0, "planned": None}, False),
    ],
)
def test_what_nobody_knows_closes_nothing(
    touches: Touches, values: dict[str, Any], clears: bool | None
) -> None:
    """A review is over when it took place or is asked for no more; a lost date is neither."""
    rule = touches.rules()["touch_value_review"]
    assert rule.clear is not None
    found = one(**{"tier_now": "growth", **values}).select(pl.sql_expr(rule.clear).alias("c"))
    assert found["c"].item() is clears


def test_conversations_are_told_apart_by_what_went_before() -> None:
    """Trouble first, then an open deal to buy more; the rest was planned."""
    days = [date(2026, 11, day) for day in (2, 10, 20)]
    talks = pl.DataFrame({"account_id": ["a"] * 3 + ["b"], "day": [*days, days[0]]}).with_columns(
        tier=pl.lit("top")
    )
    troubles = pl.DataFrame({"account_id": ["a", "b"], "day": [date(2026, 11, 1), days[1]]})
    deals = pl.DataFrame(
        {"account_id": ["a"], "day": [days[0]], "until": [date(2026, 11, 19)]},
    )
    found = mix(talks, troubles, deals.with_columns(pl.col("until").cast(pl.Date)))
    assert found.rows() == [("top", 4, 2, 0, 2)]
    early = troubles.with_columns(day=pl.lit(date(2026, 1, 1)))
    assert mix(talks, early, deals).rows() == [("top", 4, 0, 2, 2)]


def test_shares_are_of_those_who_are_asked() -> None:
    """What one fact counts for two touches is not counted twice for all."""
    rows = [
        ("a", "call", "top", "u1", True, 2),
        ("b", "call", "top", None, False, 1),
        ("a", "review", "top", "u1", False, 1),
    ]
    asked = pl.DataFrame(rows, schema=ASKED, orient="row")
    assert kept(asked, "tier").rows() == [
        ("top", "call", 2, 1, 0.5, 3),
        ("top", "review", 1, 0, 1.0, 1),
        ("top", None, 3, 1, pytest.approx(2 / 3), None),
    ]
    assert [row[0] for row in kept(asked, "csm").rows()][-1] is None
