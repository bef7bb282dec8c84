"""The words of the line on cases."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from crm_health.programmes.context import ANSWERS, CASES, lines

DAY = date(2026, 11, 23)
LABELS = {"top": "Enterprise", "rest": "Self-service"}


def said(account: dict[str, Any], *, contact: str | None = "c1", role: str | None = None) -> str:
    known = {"tier_now": "top", "band": "green", "band_since": date(2026, 11, 4), "renews": None}
    accounts = pl.DataFrame(
        [{"account_id": "a", **known, **account}],
        schema_overrides={
            "tier_now": pl.String,
            "renews": pl.Date,
            "band_since": pl.Date,
            "band": pl.String,
        },
    )
    cases = pl.DataFrame([("k", "a", contact, role)], schema=CASES, orient="row")
    answers = pl.DataFrame(
        [
            ("c1", "nps", 100.0, date(2025, 1, 1)),
            ("c1", "csat", 25.0, date(2026, 11, 1)),
            ("c2", "nps", 0.0, date(2026, 11, 1)),
        ],
        schema=ANSWERS,
        orient="row",
    )
    return str(lines(cases, accounts, answers, LABELS, DAY)[0])


@pytest.mark.parametrize(
    ("account", "who", "text"),
    [
        ({}, {}, "Contact at an Enterprise customer, Green since 4 Nov 2026"),
        ({}, {"contact": None}, "Enterprise customer, Green since 4 Nov 2026"),
        ({}, {"role": "it_admin"}, "It admin at an Enterprise customer, Green since 4 Nov 2026"),
        ({"tier_now": None, "band": None}, {"role": "sponsor"}, "Executive sponsor at a customer"),
        ({"tier_now": None, "band": "unknown"}, {"contact": None}, "Customer"),
        (
            {"band": "unknown", "renews": date(2027, 1, 4)},
            {"role": "influencer"},
            "Influencer at an Enterprise customer, renews 4 Jan 2027",
        ),
        (
            {"band": "unknown", "renews": date(2026, 11, 22)},
            {"contact": None},
            "Enterprise customer",
        ),
        (
            {"band": "unknown"},
            {"contact": "c2"},
            "Contact at an Enterprise customer, NPS 0 in Nov 2026",
        ),
    ],
)
def test_what_is_not_known_is_left_out(
    account: dict[str, Any], who: dict[str, Any], text: str
) -> None:
    """No score, no distance, no old answer, and no renewal that has passed."""
    assert said(account, **who) == text
