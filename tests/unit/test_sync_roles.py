"""Facts by the role of a record's contact, from the CRM's rows to the One View."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from sync_kit import Org, config

from crm_health.store import Scope
from crm_health.sync import assess

READ: dict[str, Any] = {
    "contact": {"object": "Contact", "columns": {"account_id": "AccountId", "role": "Role"}},
    "case": {"columns": {"contact_id": "Who"}},
    "usage": {"columns": {"contact_id": "Who"}},
    "activity": {
        "object": "Call",
        "columns": {"contact_id": "Who", "kind": {"constant": "call"}, "happened_at": "Day"},
    },
    "survey": {"object": "Answer", "columns": {"contact_id": "Who", "points": "Points"}},
}
ROLE = {
    "champion_use_days": ("usage", "contact_role = 'champion'", "min(age_days)"),
    "champion_use": ("usage", "contact_role = 'champion'", "sum(value)"),
    "sponsor_cases": ("case", "contact_role = 'sponsor'", "count(*)"),
    "nobodys_cases": ("case", "contact_role is null", "count(*)"),
    "sponsor_call_days": ("activity", "contact_role = 'sponsor'", "min(age_days)"),
    "champion_mood": ("survey", "contact_role = 'champion'", "avg(points)"),
}
FACTS = {n: {"from": e, "where": w, "take": t, "note": "x"} for n, (e, w, t) in ROLE.items()}


def test_facts_by_the_role_of_the_contact(tmp_path: Path) -> None:
    """A champion who stops logging in, a sponsor who opens cases: whoever a record is of counts.

    Calls and answers reach the account through their contact alone; when the contact gets
    another role, the records count for that one.
    """
    org = Org(tmp_path, config({"read": READ}, {"facts": FACTS}))
    account = org.account()
    people = {
        role: org.crm.put("Contact", {"AccountId": account, "Role": role})
        for role in ("champion", "sponsor")
    }
    today = org.now.date()
    for role, days, value in (("champion", 40, 3.0), ("sponsor", 1, 9.0)):
        day = today - timedelta(days=days)
        row = {"Account": account, "Who": people[role], "Day": day, "Metric": "users"}
        org.crm.put("Usage", row | {"Value": value})
        org.crm.put("Call", {"Who": people[role], "Day": day})
    for who in (people["sponsor"], people["sponsor"], None):
        org.crm.put("Case", {"AccountId": account, "Who": who, "Priority": "Low"})
    org.crm.put("Answer", {"Who": people["champion"], "Points": 30.0})
    org.sync()

    def found() -> dict[str, Any]:
        setting = org.setting()
        accounts = assess.in_scope(org.store, setting, Scope.all())
        view = assess.load_facts(org.store, setting, accounts, Scope.all(), {})
        return view.values.select(list(ROLE)).row(0, named=True)

    assert found() == {
        "champion_use_days": 40, "champion_use": 3, "sponsor_cases": 2, "nobodys_cases": 1,
        "sponsor_call_days": 1, "champion_mood": 30,
    }  # fmt: skip
    org.crm.edit("Contact", people["champion"], {"Role": "user"})
    org.sync()
    later = found()
    assert (later["champion_use_days"], later["champion_mood"]) == (None, None)
