"""Escalations as inputs: those that people opened, never those of a rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org, config

from crm_health.config.load import load

#: Who was escalated is at most yellow; rules escalate whatever is late.
ESCALATED = {
    "facts": {"manual_open": {"from": "escalation", "where": "is_open", "take": "count(*)"}},
    "caps": {"escalated": {"when": "manual_open > 0", "at": 65, "says": "A person escalated it"}},
}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path, config(model=ESCALATED))


def test_what_a_person_escalates_caps_the_score(org: Org) -> None:
    """From the next sync on, and no longer once it is closed."""
    mine = org.account(90.0)
    org.sync()
    theirs = org.crm.put("Escalation", {"Account": mine, "Status": "Open", "Severity": "S1"})
    org.sync()
    assert org.shown(mine)["HScore"] == 65
    assert "A person escalated it" in org.shown(mine)["HWhy"]
    org.edit("Escalation", theirs, Status="Resolved")
    org.sync()
    assert org.shown(mine)["HScore"] == 90


def test_what_a_rule_escalates_does_not(org: Org) -> None:
    """Else the sync after it would write again."""
    mine = org.account(90.0)
    org.case(mine)
    org.sync()
    assert [row.values["Source"] for row in org.crm.tables["Escalation"].rows.values()] == ["rule"]
    org.pass_time(minutes=5)
    assert org.sync().outcomes == {}
    assert org.shown(mine)["HScore"] == 90


def test_a_band_that_falls_by_an_escalation_of_ours_is_no_second_alarm(tmp_path: Path) -> None:
    """Nor is it once the case is solved, while the band takes its week to follow the score."""
    packaged = load().playbook.alerts["fell_red"].model_dump(mode="json", exclude_none=True)
    packaged["when"] = packaged["when"].replace("p1_past_sla", "p1_late")
    packaged |= {"says": "Red", "task": {"subject": "{account}: act", "body": "Now"}}
    alerts = {"fell_red": packaged, "dropped": {"when": "score < 2"}}
    cap = {"late": {"when": "p1_late > 0", "at": 59, "says": "A case is late"}}
    org = Org(tmp_path, config(model={"caps": cap}, playbook={"alerts": alerts}))
    mine = org.account(90.0)
    org.sync()
    case = org.case(mine)
    org.days(4)
    assert (org.shown(mine)["HScore"], org.shown(mine)["HBand"]) == (59, "Red")
    org.edit("Case", case, IsClosed=True)
    org.days(2)
    assert (org.shown(mine)["HScore"], org.shown(mine)["HBand"]) == (90, "Red")
    assert [row for row in org.crm.rows("Task") if ":fell_red:" in row["HKey"]] == []
    # What is bad without it is told.
    org.edit("Account", mine, Given=30.0)
    org.days(2)
    assert [row["Subject"] for row in org.crm.rows("Task") if ":fell_red:" in row["HKey"]] == [
        "Acme: act"
    ]
