"""What an account may have and a mapping may choose: custom objects, or their stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hubspot_portal import (
    COMPANIES,
    LATE,
    NOW,
    Account,
    configured,
    escalations,
    fill,
    linked,
    live,
    writes,
)

from connectors.sandbox.handle import Sandbox
from crm_health.store import Scope, Store
from tests.unit.hubspot_help import Hub
from tests.unit.hubspot_setup import CUSTOM, not_here, raw_mapping

OBJECT = "p_health_escalation"


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An Enterprise account with three customers; the first has a late ticket. Not set up."""
    with Sandbox.start(now=NOW, frozen=True) as started:
        for name, value in started.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        started.hubspot.settings(limits=False, search_lag=0, enrich_after=0, tier="enterprise")
        fill(started)
        yield started


def _account(box: Sandbox, folder: Path, raw: dict[str, Any] | None = None) -> Account:
    """With the packaged mapping, or a changed one in a configuration folder."""
    if raw is not None:
        (folder / "hubspot.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return Account(box, configured(folder), folder / "state.sqlite")


def test_escalations_may_be_a_custom_object(box: Sandbox, tmp_path: Path) -> None:
    """By a mapping of one's own: opened on the company, read back, resolved; no ticket is made."""
    raw = raw_mapping()
    raw["write"]["escalation"] |= CUSTOM
    account = _account(box, tmp_path, raw)
    assert not_here(account.setup()) == {}
    _, code = account.sync()
    assert code == 0
    (made,) = live(box, OBJECT).values()
    assert made["health_escalation_key"] == f"ch1:{COMPANIES[0]}:sev1_past_sla:1"
    titled = f"Customer {COMPANIES[0]}: {made['health_reason']}"
    assert (made["status"], made["title"]) == ("Open", titled)
    assert escalations(box) == []
    hub = Hub(box)
    (link,) = hub.get(f"/crm/v4/objects/{OBJECT}/{made['id']}/associations/companies")["results"]
    assert str(link["toObjectId"]) == COMPANIES[0]
    hub.close()
    box.advance(120)
    account.sync()
    box.advance(120)
    before = len(box.calls())
    assert account.sync()[1] == 0
    assert writes(box, before) == []
    box.hubspot.edit("tickets", LATE, {"hs_pipeline_stage": "4"})
    box.advance(120)
    assert account.sync()[1] == 0
    assert [row["status"] for row in live(box, OBJECT).values()] == ["Resolved"]


@pytest.mark.parametrize("tier", ["enterprise", "professional"])
def test_usage_comes_from_a_custom_object_or_from_the_company(
    box: Sandbox, tmp_path: Path, tier: str
) -> None:
    """Day by day where the account may have the object; else the newest figure, unwarned."""
    box.hubspot.settings(tier=tier)
    account = _account(box, tmp_path)
    custom = tier == "enterprise"
    refused = not_here(account.setup())
    assert set(refused) == (set() if custom else {"p_health_usage", "p_health_subscription"})
    day = f"{NOW:%Y-%m-%d}"
    if custom:
        figures = [
            {"id": str(n), "metric": "active_users", "value": str(n), "day": day} for n in (7, 8, 9)
        ]
        line = {"id": "5", "product": "Core", "quantity": "40", "status": "active"}
        box.hubspot.load({"p_health_usage": figures, "p_health_subscription": [line]})
        for one in ("7", "8", "9"):
            box.hubspot.associate("p_health_usage", one, "companies", COMPANIES[0])
        box.hubspot.associate("p_health_subscription", "5", "companies", COMPANIES[0])
    else:
        figures = {"health_active_users": "7", "health_usage_day": day, "health_seats": "40"}
        box.hubspot.edit("companies", COMPANIES[0], figures)
        # A contract value alone is no line: it would count seats of nothing.
        box.hubspot.edit("companies", COMPANIES[1], {"health_contract_value": "9000"})
    box.advance(120)
    report, code = account.sync()
    assert code == 0
    assert (account.known("usage"), account.known("subscription")) == (3 if custom else 1, 1)
    assert not any("p_health" in warning for warning in report.setting.reads.warnings)


def test_people_leave_by_a_date_or_by_a_mailbox_that_is_gone(box: Sandbox, tmp_path: Path) -> None:
    """A date tells when as well; a full mailbox says nothing."""
    account = _account(box, tmp_path)
    account.setup()
    left = {"health_left_on": "2026-01-15", "hs_email_hard_bounce_reason_enum": "MAILBOX_FULL"}
    people = {
        "11": left,
        "12": {"hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"},
        "13": {"hs_email_hard_bounce_reason_enum": "MAILBOX_FULL"},
        "14": {},
    }
    pairs = [(one, COMPANIES[0]) for one in people]
    box.hubspot.load(
        {"contacts": [{"id": one, **values} for one, values in people.items()]},
        links=[linked("contacts", [279, 1], *pairs)],
    )
    assert account.sync()[1] == 0
    store = Store.open(account.place)
    try:
        found = store.mirror.load("contact", ["is_active", "left_at"], Scope.all()).sort("id")
    finally:
        store.close()
    assert found["is_active"].to_list() == [False, False, True, True]
    assert found["left_at"].to_list() == [date(2026, 1, 15), None, None, None]
