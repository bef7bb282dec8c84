"""Who is told over whole syncs, and what becomes of that for which there is nobody."""

from __future__ import annotations

from pathlib import Path

from sync_kit import Org, config

LEADS = {"S1": {"due": 16, "tell_at_opening": True}}
ASKS = {"actions": {"called": {"department": "Support", "text": "call them", "day": 0}}}


def test_an_escalation_s_tasks_go_to_no_sales_person_by_accident(tmp_path: Path) -> None:
    """Where accounts name managers, one without has nobody: told as such, and made good later."""
    playbook = {"severities": LEADS, "escalations": {"support": ASKS}}
    org = Org(tmp_path, config(playbook=playbook))
    org.account(80, Csm=org.owner)
    seller = org.crm.put("User", {"IsActive": True})
    account = org.account(80, OwnerId=seller)
    org.sync()
    theirs = {"Account": account, "Reason": "Support issue", "Severity": "S1", "OwnerId": seller}
    org.crm.put("Escalation", theirs)
    assert org.sync().unasked == 2
    assert org.crm.rows("Task") == []
    (record,) = org.crm.rows("Escalation")
    assert (record["Log"], record.get("Told")) == ("Support 2026-03-02 09:00", None)
    assert org.sync().outcomes == {}
    boss = org.crm.put("User", {"IsActive": True})
    org.config = config(playbook={**playbook, "people": {"retention_owner": boss}})
    assert org.sync().unasked == 0
    assert {task["OwnerId"] for task in org.crm.rows("Task")} == {boss}
    assert sorted(task["Subject"] for task in org.crm.rows("Task")) == [
        "Acme: Support issue is escalated",
        "Acme: call them",
    ]
    (record,) = org.crm.rows("Escalation")
    assert record["Told"] is not None
    assert org.sync().outcomes == {}
