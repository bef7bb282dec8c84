"""Evidence that is missing, grows old or stops, as the CRM shows it after whole syncs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sync_kit import Org, config

WEIGHTS = {"given": 50, "mood": 30, "active": 20}
READ = {
    "survey": {
        "object": "Answer",
        "columns": {"account_id": "Account", "points": "Points", "answered_at": "Day"},
    }
}
MODEL: dict[str, Any] = {
    "facts": {
        "mood": {"from": "survey", "take": "avg(points)"},
        "days_used": {
            "from": "usage",
            "where": "value > 0 and age_days <= 28",
            "take": "count(distinct day)",
        },
    },
    "measures": {
        "given": {"dimension": "value"},
        "mood": {
            "dimension": "experience",
            "value": "mood",
            "curve": {0: 0, 100: 100},
            "stale_after_days": 180,
            "says": "Answers average {mood:number}",
        },
        "active": {
            "dimension": "adoption",
            "value": "days_used",
            "curve": {0: 0, 4: 100},
            "says": "Used on {days_used:number} days",
        },
    },
    "off": ["second"],
    "models": [{"name": "standard", "weights": WEIGHTS}],
}


class Users(Org):
    """A company that is used, week after week, by whoever is named."""

    def answers(self, account: str, points: float) -> None:
        self.crm.put("Answer", {"Account": account, "Points": points, "Day": self.today})

    def used_by(self, *accounts: str) -> None:
        """Four days of the last week."""
        for account in accounts:
            for ago in range(4):
                day = self.today - timedelta(days=ago)
                self.crm.put("Usage", {"Account": account, "Value": 5.0, "Day": day})

    @property
    def today(self) -> date:
        return self.crm.clock.now().date()

    def receipt(self, account: str) -> dict[str, Any]:
        found = self.store.history.receipt(account)
        assert found is not None
        return found


@pytest.fixture
def org(tmp_path: Path) -> Users:
    return Users(tmp_path, config({"read": READ}, MODEL))


def points(receipt: dict[str, Any]) -> dict[str, int]:
    return {driver["measure"]: driver["points"] for driver in receipt["drivers"]}


def test_an_account_without_evidence_is_unknown_in_the_crm(org: Users) -> None:
    """Neither green nor red, and no score; who loses its evidence is so on the third day."""
    never, lost, other = org.account(None), org.account(90), org.account(90)
    for account in (lost, other):
        org.answers(account, 90.0)
    org.used_by(lost, other)
    org.sync()
    assert (org.shown(never)["HBand"], org.shown(never)["HScore"]) == ("Unknown", None)
    assert (org.shown(lost)["HBand"], org.shown(lost)["HScore"]) == ("Green", 92)

    for row in org.crm.rows("Answer"):
        if row["Account"] == lost:
            org.crm.delete("Answer", row["id"])
    org.edit("Account", lost, Given=None)
    seen = []
    for _ in range(3):
        org.days(1)
        seen.append(org.shown(lost)["HBand"])
    assert seen == ["Green", "Green", "Unknown"]
    assert org.shown(lost)["HScore"] is None
    assert org.shown(lost)["HCoverage"] == 20
    assert org.shown(other)["HBand"] == "Green"


def test_stale_answers_lose_exactly_their_share(org: Users) -> None:
    """On the day after their last, coverage falls by their weight, and nothing else changes.

    The other measures keep their points, and share the weight in their own proportion.
    """
    mine = org.account(80)
    org.answers(mine, 40.0)
    org.used_by(mine)
    org.sync()
    first = org.receipt(mine)
    assert points(first) == {"given": 800, "mood": 400, "active": 1000}
    assert (first["score"], first["coverage"]) == (72, 100)

    org.pass_time(days=180)
    org.used_by(mine)
    org.sync()
    fresh = org.receipt(mine)
    assert (points(fresh), fresh["coverage"], fresh["score"]) == (points(first), 100, 72)

    org.days(1)
    stale = org.receipt(mine)
    assert stale["stale"] == ["mood"]
    assert stale["coverage"] == 100 - WEIGHTS["mood"]
    assert points(stale) == {"given": 800, "active": 1000}
    # (50 * 80 + 20 * 100) / 70 = 85.71
    shares = {driver["measure"]: driver["share"] for driver in stale["drivers"]}
    assert shares == {"given": 5714, "active": 2857}
    assert org.shown(mine)["HScore"] == stale["score"] == 86
    assert "mood" in org.shown(mine)["HEvidence"]


def test_who_stops_using_a_live_product_falls(org: Users) -> None:
    """While others use it, silence counts as zero: score and band fall at once."""
    stopped, other = org.account(80), org.account(80)
    for account in (stopped, other):
        org.answers(account, 80.0)
    org.used_by(stopped, other)
    org.sync()
    assert {org.shown(account)["HScore"] for account in (stopped, other)} == {84}
    org.pass_time(days=29)
    org.used_by(other)
    org.sync()
    assert points(org.receipt(stopped))["active"] == 0
    assert (org.shown(stopped)["HScore"], org.shown(stopped)["HBand"]) == (64, "Yellow")
    assert (org.shown(other)["HScore"], org.shown(other)["HBand"]) == (84, "Green")
