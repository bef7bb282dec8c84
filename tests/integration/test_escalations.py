"""Escalations on both services: one sync makes all of it, the next ones nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import hubspot_portal
import pytest
from hubspot_portal import stamp

from connectors import hubspot, salesforce
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import load
from crm_health.connector import Connector, Notes
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LONG_AGO, PAST = stamp(NOW - timedelta(days=900)), stamp(NOW - timedelta(days=20))


class Side(Protocol):
    """One of the services, with a customer whose worst case is late."""

    crm: str
    box: Sandbox

    def fill(self) -> None: ...

    def escalations(self) -> list[dict[str, Any]]: ...

    def tasks(self) -> list[dict[str, Any]]: ...

    def work(self, status: str) -> None: ...

    def open_one(self, reason: str, severity: str) -> None: ...

    def end_case(self) -> None: ...


class Salesforce:
    """Records of the two objects, by the words of the tests."""

    crm = "salesforce"

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def fill(self) -> None:
        owner = self.box.records("User")[0]["Id"]
        self.account = self.box.edit(
            "Account", None, {"Name": "Acme", "Type": "Customer - Direct", "OwnerId": owner}
        )
        down = {"AccountId": self.account, "Priority": "Critical", "Subject": "Down"}
        self.case = self.box.edit("Case", None, {**down, "OwnerId": owner})
        self.box.advance(4 * 86400)

    def escalations(self) -> list[dict[str, Any]]:
        names = {
            "Status__c": "status",
            "Breached__c": "breached",
            "Department_Log__c": "log",
            "Leadership_Told__c": "told",
            "Acknowledged_At__c": "acknowledged",
            "Reason__c": "reason",
            "Required_Actions__c": "actions",
            "Health_Key__c": "key",
        }
        rows = [r for r in self.box.records("Health_Escalation__c") if not r["IsDeleted"]]
        return [{names.get(k, k): v for k, v in row.items()} for row in rows]

    def tasks(self) -> list[dict[str, Any]]:
        rows = [r for r in self.box.records("Task") if r.get("Health_Key__c")]
        return [
            {"key": r["Health_Key__c"], "subject": r["Subject"], "status": r["Status"]}
            for r in rows
        ]

    def work(self, status: str) -> None:
        (one,) = self.escalations()
        self.box.edit("Health_Escalation__c", one["Id"], {"Status__c": status})

    def open_one(self, reason: str, severity: str) -> None:
        values = {"Account__c": self.account, "Reason__c": reason, "Severity__c": severity}
        self.box.edit("Health_Escalation__c", None, values)

    def end_case(self) -> None:
        self.box.edit("Case", self.case, {"Status": "Closed"})


class HubSpot:
    """Tickets of our pipeline and tasks, by the words of the tests."""

    crm = "hubspot"
    _STAGES: Mapping[str, str] = {
        "Open": "health_open",
        "In Progress": "health_in_progress",
        "Waiting on Customer": "health_waiting",
        "Resolved": "health_resolved",
    }

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)

    def fill(self) -> None:
        hubspot_portal.fill(self.box)
        self.box.advance(3600)

    def escalations(self) -> list[dict[str, Any]]:
        words = {stage: word for word, stage in self._STAGES.items()}
        rows = hubspot_portal.live(self.box, "tickets").values()
        return [
            {
                "id": row["id"],
                "status": words[row["hs_pipeline_stage"]],
                "breached": row.get("health_breached") == "true",
                "log": row.get("health_department_log"),
                "told": row.get("health_leadership_told"),
                "acknowledged": row.get("health_acknowledged_at"),
                "reason": row.get("health_reason"),
                "actions": row.get("health_required_actions"),
                "key": row.get("health_escalation_key"),
            }
            for row in rows
            if row.get("hs_pipeline") == "health_escalations"
        ]

    def tasks(self) -> list[dict[str, Any]]:
        done = {"NOT_STARTED": "Not Started", "COMPLETED": "Completed"}
        rows = hubspot_portal.live(self.box, "tasks").values()
        return [
            {
                "key": row["health_task_key"],
                "subject": row["hs_task_subject"],
                "status": done[row["hs_task_status"]],
            }
            for row in rows
        ]

    def work(self, status: str) -> None:
        (one,) = self.escalations()
        self.box.hubspot.edit("tickets", one["id"], {"hs_pipeline_stage": self._STAGES[status]})

    def open_one(self, reason: str, severity: str) -> None:
        values = {
            "hs_pipeline": "health_escalations",
            "hs_pipeline_stage": "health_open",
            "subject": "Please help",
            "health_reason": reason,
            "health_severity": severity,
        }
        made = self.box.hubspot.edit("tickets", None, values)
        self.box.hubspot.associate("tickets", made, "companies", hubspot_portal.COMPANIES[1])

    def end_case(self) -> None:
        self.box.hubspot.edit("tickets", hubspot_portal.LATE, {"hs_pipeline_stage": "4"})


class Org:
    """A service that was set up and filled, with the packaged defaults, and syncs of it."""

    def __init__(self, side: Side, folder: Path) -> None:
        self.side, self.box, self.folder = side, side.box, folder
        self.config = load(crm=side.crm)
        self.plugin = {"salesforce": salesforce, "hubspot": hubspot}[side.crm]
        self.states = 0
        mapping = self.config.mapping
        setup = self.plugin.provisioner(make_ports(), mapping.api_version, mapping)
        try:
            setup.apply()
        finally:
            setup.close()
        side.fill()

    def sync(self, **options: Any) -> Report:
        def made(notes: Notes) -> Connector:
            connect: Callable[..., Connector] = self.plugin.connect
            return connect(make_ports(notes=notes), self.config.mapping.api_version)

        store = Store.open(self.folder / f"{self.states}.sqlite")
        try:
            report, code = session.perform(
                made, store, self.config, Options(**options), self.box.clock
            )
        finally:
            store.close()
        assert code == 0
        self.box.advance(60)
        return report

    def lose_state(self) -> None:
        self.states += 1

    def quiet(self) -> None:
        """Whatever there is to read, nothing is to write, with and without the database."""
        assert self.sync().outcomes == {}
        self.lose_state()
        assert self.sync().outcomes == {}

    def days(self, count: int) -> None:
        for _ in range(count):
            self.box.advance(86400)
            self.sync()

    def told(self) -> list[str]:
        return [task["key"] for task in self.side.tasks() if ":told_" in task["key"]]


@pytest.fixture(params=[Salesforce, HubSpot])
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    make: Callable[[Sandbox], Side] = request.param
    with Sandbox.start(now=NOW, frozen=True) as box:
        for name, value in {**box.environment, **box.hubspot_environment}.items():
            monkeypatch.setenv(name, value)
        for name in ("ID", "SECRET"):
            monkeypatch.setenv(f"CRM_HEALTH_SALESFORCE_SETUP_CLIENT_{name}", "sandbox-admin")
        yield Org(make(box), tmp_path)


def test_an_escalation_runs_to_its_end(org: Org) -> None:
    """Opened with its actions, breached and told once, worked on by people, and left to them."""
    org.sync()
    (found,) = org.side.escalations()
    assert (found["status"], found["reason"]) == ("Open", "Support issue")
    assert found["actions"].count("[ ]") == 3
    assert len(org.side.tasks()) == 4
    assert [key.split(":")[-1].split("#")[0] for key in org.told()] == ["told_open"]
    org.quiet()
    org.days(4)
    assert (org.side.escalations()[0]["breached"], len(org.told())) == (True, 2)
    org.quiet()
    org.side.work("Waiting on Customer")
    org.sync()
    (found,) = org.side.escalations()
    assert found["acknowledged"] is not None
    assert "waiting on customer" in found["log"]
    org.days(3)
    assert len(org.told()) == 2
    # A person's own: the rule's end is no end of it.
    org.side.end_case()
    org.sync()
    assert org.side.escalations()[0]["status"] == "Waiting on Customer"
    org.quiet()
    org.side.work("Resolved")
    org.sync()
    assert {task["status"] for task in org.side.tasks()} == {"Completed"}
    org.quiet()


def test_what_a_person_opens_is_run_as_well(org: Org) -> None:
    """It gets its clock and its actions, and keeps what the person wrote."""
    org.sync()
    org.side.open_one("Product gap", "S2")
    org.sync()
    own = next(one for one in org.side.escalations() if not one.get("key"))
    assert own["reason"] == "Product gap"
    assert own["log"].startswith("Product 2026-03-")
    assert own["actions"].startswith("[ ] Product: name one owner and one date")
    assert any("name one owner" in task["subject"] for task in org.side.tasks())
    org.quiet()
