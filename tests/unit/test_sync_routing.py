"""Who hears of what: each rule names somebody, and leadership is one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync_kit import Org, config

TEXT = {"subject": "{account}: act", "body": "Act."}


def _alert(told: str) -> dict[str, Any]:
    given = {"severity": "high", "does": "task", "on_first_sync": True, "task": dict(TEXT)}
    return {"when": "given < 50", "polarity": "growth", "told": told, **given}


def test_each_alert_goes_to_whom_its_rule_names(tmp_path: Path) -> None:
    """The customer's manager, that one's own, the pool, or who answers for retention."""
    pool, leader = "00GA00000000001", "005A00000000009"
    told = ("csm", "manager", "pool", "retention_owner")
    alerts = {"dropped": {"when": "score < 2"}, **{f"to_{who}": _alert(who) for who in told}}
    people = {"pool": pool, "retention_owner": leader, "pooled": "contract_value < 500"}
    org = Org(tmp_path, config(playbook={"alerts": alerts, "people": people}))
    for user in (pool, leader):
        org.crm.put("User", {"IsActive": True, "id": user})
    boss = org.crm.put("User", {"IsActive": True})
    csm = org.crm.put("User", {"IsActive": True, "ManagerId": boss})
    large = org.account(40, Csm=csm)
    small = org.account(40, Csm=csm, Value=100.0)
    org.sync()
    found = {
        (task["WhatId"], task["HKey"].split(":")[2]): task["OwnerId"]
        for task in org.crm.rows("Task")
    }
    assert {rule: found[large, rule] for rule in alerts if rule != "dropped"} == {
        "to_csm": csm, "to_manager": boss, "to_pool": pool, "to_retention_owner": leader,
    }  # fmt: skip
    # Customers of the pool have no manager of their own.
    assert found[small, "to_csm"] == pool


def test_leadership_is_whoever_answers_for_retention(tmp_path: Path) -> None:
    """What it is told of an escalation goes there, the rest to the customer's own manager."""
    leader = "005A00000000009"
    action = {"department": "Support", "text": "name the owner", "day": 0}
    playbook = {
        "people": {"retention_owner": leader},
        "escalations": {"support": {"actions": {"owner_named": action}}},
        "severities": {"S1": {"due": 16, "tell_at_opening": True}},
    }
    org = Org(tmp_path, config(playbook=playbook))
    org.crm.put("User", {"IsActive": True, "id": leader})
    org.case(org.account(80))
    org.sync()
    owners = {task["Subject"]: task["OwnerId"] for task in org.crm.rows("Task")}
    assert owners == {
        "Acme: Support issue is escalated": leader,
        "Acme: name the owner": org.owner,
    }
