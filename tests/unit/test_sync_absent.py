"""Columns of the company's own that the org lacks: what names them is missing, nothing crashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sync_kit import Org, config

from crm_health.store import Scope
from crm_health.sync import assess

MAPPING = {
    "read": {
        "account": {"extra": {"sector": {"field": "Sector", "type": "text", "optional": True}}},
        "case": {"extra": {"missed": {"field": "Missed", "type": "boolean", "optional": True}}},
        "invoice": {
            "object": "Bill",
            "optional": True,
            "columns": {"account_id": "Account", "due_at": "Due"},
            "extra": {"disputed": {"field": "Disputed", "type": "boolean"}},
        },
    }
}
MODEL = {
    "facts": {
        "late": {"from": "case", "where": "missed", "take": "count(*)"},
        "known": {"from": "case", "take": "count(*)"},
        "disputes": {"from": "invoice", "where": "disputed", "take": "count(*)"},
    },
    "derived": {"ours": "sector = 'ours'"},
}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    """An org whose accounts and cases lack the company's fields, and which has no bills."""
    made = Org(tmp_path, config(mapping=MAPPING, model=MODEL))
    del made.crm.tables["Account"].info.fields["Sector"]  # type: ignore[attr-defined] # a test's hand
    del made.crm.tables["Case"].info.fields["Missed"]  # type: ignore[attr-defined] # a test's hand
    del made.crm.tables["Bill"]
    yield made
    made.store.close()


def test_facts_of_absent_columns_are_missing(org: Org) -> None:
    """A count over a column that the org lacks is missing, not 0; other facts stand."""
    account = org.account(80.0)
    org.case(account)
    report = org.sync()
    assert any("case.missed" in warning for warning in report.setting.reads.warnings)
    assert org.shown(account)["HScore"] == 80


def test_the_one_view_shows_them_as_unknown(org: Org) -> None:
    """Late cases and disputes are null, the count of all cases is 1, the account's sector null."""
    account = org.account(80.0)
    org.case(account)
    org.sync()
    setting = org.setting()
    customers = assess.in_scope(org.store, setting, Scope.all())
    view = assess.load_facts(org.store, setting, customers, Scope.all(), {})
    (row,) = view.values.select("late", "disputes", "known", "sector").to_dicts()
    assert row == {"late": None, "disputes": None, "known": 1.0, "sector": None}
    assert {"late", "disputes"} <= view.known.missing
    assert "known" not in view.known.missing


def test_hours_by_priority_need_no_date_in_the_org(tmp_path: Path) -> None:
    """No field of a case says when it is due: its priority and its opening do."""
    columns = {
        "account_id": "AccountId",
        "priority": {"field": "Priority", "values": {"High": "p1", "Low": "p4"}},
        "is_open": {"field": "IsClosed", "values": {"true": False, "false": True}},
        "opened_at": "CreatedDate",
    }
    feed = {"object": "Case", "columns": columns, "sla_hours": {"p1": 8}}
    org = Org(tmp_path, config(mapping={"read": {"case": [feed]}}))
    account = org.account(80.0)
    org.case(account)
    org.sync()
    assert [row["Source"] for row in org.crm.rows("Escalation")] == ["rule"]
    assert org.sync().outcomes == {}
