"""Escalations as inputs: those that people opened, never those of a rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from sync_kit import Org, config

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
