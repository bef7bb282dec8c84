"""The line on open cases: written once, and again only when one of its parts is another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standing_kit import BEFORE, FIELDS, MODEL, PLAYBOOK, customers
from sync_kit import Org, config

READ: dict[str, Any] = {
    "account": {
        "object": "Account",
        "columns": {
            "name": "Name",
            "owner_id": "OwnerId",
            "status": {"field": "Type", "starts_with": {"Customer": "customer"}},
            "contract_value": "Value",
            "renewal_at": "Renewal",
        },
        "extra": {
            "given": {"field": "Given", "type": "number"},
            "second": {"field": "Second", "type": "number"},
        },
    },
    "contact": {"object": "Contact", "columns": {"account_id": "AccountId", "role": "Role"}},
    "case": {"columns": {"contact_id": "ContactId"}},
    "survey": {
        "object": "Survey",
        "columns": {
            "account_id": "AccountId",
            "contact_id": "ContactId",
            "kind": "Kind",
            "points": "Points",
            "answered_at": "Day",
        },
    },
}
DERIVED = {"value_now": "contract_value", "next_renewal_days": "renewal_days"}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    write = {"account": FIELDS, "case": {"context": "Context"}}
    made = config({"read": READ, "write": write}, MODEL | {"derived": DERIVED}, PLAYBOOK)
    found = Org(tmp_path, made, now=BEFORE)
    yield found
    found.store.close()


def line(org: Org, case: str) -> str | None:
    said: str | None = org.crm.tables["Case"].rows[case].values.get("Context")
    return said


def test_a_case_says_who_is_asking_and_for_whom(org: Org) -> None:
    """Role, tier, their last answer, band and renewal; nothing of closed cases, and no echo."""
    ids = customers(org)
    org.edit("Account", ids[0], Given=40.0, Second=40.0, Renewal="2026-05-04")
    ann = org.crm.put("Contact", {"AccountId": ids[0], "Role": "champion"})
    answer = {"AccountId": ids[0], "ContactId": ann, "Kind": "nps", "Points": 30.0}
    org.crm.put("Survey", answer | {"Day": "2026-02-10"})
    org.crm.put("Survey", answer | {"Day": "2025-12-10", "Points": 90.0})
    asked = org.case(ids[0], Priority="Low", ContactId=ann)
    closed = org.case(ids[0], Priority="Low", ContactId=ann, IsClosed=True)
    nobody = org.case(ids[20], Priority="Low")
    plan = org.plan(org.sync())
    assert line(org, asked) == (
        "Champion at a Top customer, NPS 3 in Feb 2026, Red since 17 Mar 2026, renews 4 May 2026"
    )
    assert line(org, closed) is None
    assert line(org, nobody) == "Rest customer, Green since 17 Mar 2026"
    assert plan.filter(kind="context").height == 2
    assert org.plan(org.sync()).is_empty()
    assert org.sync().assessed == 0, "what we wrote ourselves is no change"
    org.reset_state()
    assert org.plan(org.sync()).is_empty()
    for report in org.days(3):
        assert org.plan(report).filter(kind="context").is_empty()
    org.edit("Contact", ann, Role="decision_maker")
    assert org.plan(org.sync())["kind"].to_list() == ["context"]
    assert (line(org, asked) or "").startswith("Decision maker at a Top customer, NPS 3")
    org.edit("Case", asked, IsClosed=True)
    assert org.plan(org.sync()).filter(kind="context").is_empty()


def test_an_org_without_the_field_goes_without(org: Org) -> None:
    """Nothing is written to a case before setup has made the field; that is said."""
    table = org.crm.tables["Case"]
    fields = {name: info for name, info in table.info.fields.items() if name != "Context"}
    table.info = replace(table.info, fields=fields)
    ids = customers(org)
    case = org.case(ids[0], Priority="Low")
    report = org.sync()
    assert line(org, case) is None
    assert any("Case.Context" in told for told in report.setting.reads.warnings)
