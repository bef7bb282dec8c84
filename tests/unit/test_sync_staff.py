"""Who is there to be told: what nobody can take is counted and said, never lost in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync_kit import Org, config

from crm_health.cli.status import _facts
from crm_health.report import runs as report

#: Of nobody whom the CRM knows.
LEADER = "005000000000002AAA"


def playbook(**more: Any) -> dict[str, Any]:
    """One reason with one required action; S1 is told to leadership."""
    action = {"department": "Support", "text": "name the owner", "day": 0}
    s1 = {"due": 16, "tell_at_opening": True}
    return {
        "escalations": {"support": {"actions": {"owner_named": action}}},
        "severities": {"S1": s1},
        **more,
    }


def by_person(org: Org, account: str) -> None:
    values = {"Account": account, "Reason": "Support issue", "Severity": "S1"}
    org.crm.put("Escalation", {**values, "OwnerId": org.owner})


def test_required_actions_that_nobody_can_take_are_counted(tmp_path: Path) -> None:
    """A person escalates a customer without anybody: said by sync and status, then made good."""
    org = Org(tmp_path, config(playbook=playbook()))
    account = org.account(80, OwnerId=None)
    org.sync()
    by_person(org, account)
    found, code = org.perform()
    # The action, and what leadership should hear.
    assert (found.ownerless, code, org.crm.rows("Task")) == (2, 3, [])
    facts = {"state": "here", **_facts(org.store)}
    told = " ".join(str(part) for part in report.status(facts))
    assert "Not made, for nobody can take them: 2 tasks or escalations" in told
    assert "Warning: leadership is nobody: the CRM names no managers" in told
    # It is timed, and does not say that somebody was told.
    (record,) = org.crm.rows("Escalation")
    assert (record["Log"], record.get("Told")) == ("Support 2026-03-02 09:00", None)
    # Not a matter of who wrote to the account last: it is tried again by itself.
    org.config = config(playbook=playbook(people={"retention_owner": LEADER}))
    found, code = org.perform()
    assert (found.ownerless, code, found.warnings) == (0, 0, [])
    assert {task["OwnerId"] for task in org.crm.rows("Task")} == {LEADER}
    assert len(org.crm.rows("Task")) == 2
    (record,) = org.crm.rows("Escalation")
    assert record["Told"] is not None
    assert org.sync().outcomes == {}


def test_who_has_left_is_passed_over_and_told(tmp_path: Path) -> None:
    """A retention owner and a department's owner who left: the next one down the line is told."""
    org = Org(tmp_path)
    boss = org.crm.put("User", {"IsActive": True})
    gone = org.crm.put("User", {"IsActive": False, "ManagerId": boss})
    known = {"Support": {"owner": gone}}
    mapping = {"fallback_owner": org.owner, "id_length": None}
    people = {"retention_owner": gone, "account_owner": "never"}
    org.config = config(mapping=mapping, playbook=playbook(departments=known, people=people))
    org.case(org.account(80))
    found = org.sync()
    assert {row["OwnerId"] for row in org.crm.rows("Escalation")} == {org.owner}
    assert {row["OwnerId"] for row in org.crm.rows("Task")} == {org.owner}
    assert found.warnings == [
        f"people.retention_owner names {gone}, who has left: others are told instead",
        f"departments.Support.owner names {gone}, who has left: others are told instead",
    ]


def test_an_owner_gets_no_errand_by_accident(tmp_path: Path) -> None:
    """Where the book names managers, an account's owner is a sales person."""
    org = Org(tmp_path, config(playbook=playbook(people={"retention_owner": LEADER})))
    csm = org.crm.put("User", {"IsActive": True})
    org.account(80, Csm=csm)
    account = org.account(80)
    org.sync()
    by_person(org, account)
    org.sync()
    assert {task["OwnerId"] for task in org.crm.rows("Task")} == {LEADER}
