"""Alerts on both services: one open risk task an account, wherever a run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import hubspot_portal
import pytest
import yaml

from connectors import hubspot, salesforce
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import load
from crm_health.connector import Connector, Notes
from crm_health.errors import QuotaExhausted
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MAPPINGS = Path(__file__).parents[2] / "mappings"


def _alert(when: str, severity: str, subject: str, **values: Any) -> dict[str, Any]:
    text = {"subject": subject, "body": "What we saw:\nfew & fewer people."}
    given = {"when": when, "severity": severity, "does": "task", "task": text, "cool_days": 1}
    return {**given, "on_first_sync": True, **values}


ALERTS = {
    "small": _alert("employees < 50", "medium", "{account}: small", says="Small <50"),
    "tiny": _alert("employees < 10", "high", "{account}: tiny"),
    "shrunk": _alert(
        "employees < 80",
        "low",
        "{account}: shrunk",
        says="Shrunk",
        baseline="employees",
        clear="employees >= 1.5 * baseline",
    ),
}


class Side(Protocol):
    """One of the services, with one customer more than there is to see."""

    crm: str
    box: Sandbox

    def fill(self) -> None: ...

    def staff(self, people: int) -> None: ...

    def tasks(self) -> list[dict[str, Any]]: ...

    def write_into(self, task: str, body: str) -> None: ...


class Salesforce:
    """Records of the two objects, by the words of the tests."""

    crm = "salesforce"

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def fill(self) -> None:
        owner = self.box.records("User")[0]["Id"]
        values = {"Name": "Acme", "Type": "Customer - Direct", "OwnerId": owner}
        self.account = self.box.edit("Account", None, {**values, "NumberOfEmployees": 500})

    def staff(self, people: int) -> None:
        self.box.edit("Account", self.account, {"NumberOfEmployees": people})

    def tasks(self) -> list[dict[str, Any]]:
        told = {
            row["Health_Key__c"]: row.get("Told__c")
            for row in self.box.records("Health_Episode__c")
            if not row["IsDeleted"]
        }
        return [
            {
                "id": row["Id"],
                "subject": row["Subject"],
                "body": row["Description"],
                "priority": row["Priority"].upper(),
                "open": row["Status"] != "Completed",
                "told": told[row["Health_Key__c"].split("#")[0]],
            }
            for row in self.box.records("Task")
            if row.get("Health_Key__c")
        ]

    def write_into(self, task: str, body: str) -> None:
        self.box.edit("Task", task, {"Description": body})


class HubSpot:
    """Companies and tasks, by the words of the tests."""

    crm = "hubspot"

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)

    def fill(self) -> None:
        hubspot_portal.fill(self.box)
        for ticket in (hubspot_portal.LATE, hubspot_portal.CALM):
            self.box.hubspot.edit("tickets", ticket, {"hs_pipeline_stage": "4"})
        self.box.advance(3600)
        self.staff(500)

    def staff(self, people: int) -> None:
        company = hubspot_portal.COMPANIES[0]
        self.box.hubspot.edit("companies", company, {"numberofemployees": str(people)})

    def tasks(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row["id"],
                "subject": row["hs_task_subject"].replace("Customer 1001", "Acme"),
                "body": row["hs_task_body"],
                "priority": row["hs_task_priority"].replace("MEDIUM", "NORMAL"),
                "open": row["hs_task_status"] != "COMPLETED",
                "told": row.get("health_episode_told"),
            }
            for row in hubspot_portal.live(self.box, "tasks").values()
        ]

    def write_into(self, task: str, body: str) -> None:
        self.box.hubspot.edit("tasks", task, {"hs_task_body": body})


class Org:
    """A service that was set up and filled, and syncs of it."""

    def __init__(self, side: Side, folder: Path) -> None:
        self.side, self.box, self.folder = side, side.box, folder
        playbook = yaml.safe_load((MAPPINGS / "playbook.yaml").read_text(encoding="utf-8"))
        playbook |= {"alerts": ALERTS, "quiet": None, "touches": None}
        (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook, sort_keys=False), "utf-8")
        text = (folder / "playbook.yaml").read_text("utf-8")
        assert "&id" not in text
        self.config = load(folder, crm=side.crm)
        self.plugin = {"salesforce": salesforce, "hubspot": hubspot}[side.crm]
        self.states = 0
        mapping = self.config.mapping
        setup = self.plugin.provisioner(make_ports(), mapping.api_version, mapping)
        try:
            setup.apply()
        finally:
            setup.close()
        side.fill()

    def sync(self, max_calls: int | None = None, **options: Any) -> Report:
        def made(notes: Notes) -> Connector:
            ports = make_ports(notes=notes, max_calls=max_calls)
            found: Connector = self.plugin.connect(ports, self.config.mapping.api_version)
            return found

        store = Store.open(self.folder / f"{self.states}.sqlite")
        try:
            report, _ = session.perform(
                made, store, self.config, Options(**options), self.box.clock
            )
        finally:
            store.close()
            self.box.advance(60)
        return report

    def quiet(self) -> None:
        """Whatever there is to read, nothing is to write, with and without the database."""
        assert self.sync().outcomes == {}
        self.states += 1
        assert self.sync().outcomes == {}

    def task(self) -> dict[str, Any]:
        (found,) = self.side.tasks()
        return found


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


def test_a_further_risk_is_a_line_wherever_a_run_ends(org: Org) -> None:
    """Each run may make one call more than the one before, and knows nothing of it."""
    org.sync()
    org.quiet()
    org.side.staff(40)
    org.sync()
    assert (org.task()["subject"], org.task()["priority"]) == ("Acme: small", "NORMAL")
    assert org.task()["told"] == "shrunk:1:2026-03-02::40"
    org.quiet()
    org.side.staff(5)
    org.states += 1
    before = org.box.calls()
    org.sync(dry_run=True)
    allowed = len(org.box.calls()) - len(before)
    for more in range(12):
        org.states += 1
        try:
            done = org.sync(max_calls=allowed + more)
        except QuotaExhausted:
            continue
        finally:
            assert len(org.side.tasks()) == 1
        if done.outcomes == {}:
            break
    task = org.task()
    assert (task["subject"], task["priority"], task["open"]) == ("Acme: tiny", "HIGH", True)
    assert task["told"] == "shrunk:1:2026-03-02::40;tiny:1:2026-03-02::"
    assert task["body"].count("Shrunk") == task["body"].count("Small") == 1
    org.quiet()
    # Written by people: never again by us, while it is open.
    org.side.write_into(task["id"], "I wrote to them")
    org.side.staff(500)
    org.sync()
    assert (org.task()["open"], org.task()["body"]) == (True, "I wrote to them")
    org.quiet()


def test_a_task_closes_when_all_that_it_tells_is_over(org: Org) -> None:
    """Nobody touched it, so it says when and why it was closed."""
    org.side.staff(5)
    org.sync()
    org.side.staff(8)
    assert org.sync().outcomes.get("done", 0) <= 1
    assert org.task()["open"]
    org.side.staff(90)
    org.sync()
    assert not org.task()["open"]
    assert org.task()["body"].startswith("Cleared on 2 Mar 2026: ")
    org.quiet()
