"""The touch plan and the line on cases, on both services: what setup makes is filled and steady."""

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
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAY = 86400
MAPPINGS = Path(__file__).parents[2] / "mappings"


class Side(Protocol):
    """One of the services, with a customer that was called on 10 February and has an open case."""

    crm: str
    box: Sandbox

    def fill(self) -> None: ...

    def next_touch(self) -> tuple[str, str]: ...

    def context(self) -> list[str | None]: ...

    def touches(self) -> list[dict[str, Any]]: ...


class Salesforce:
    """By the words of the tests."""

    crm = "salesforce"

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def fill(self) -> None:
        owner = self.box.records("User")[0]["Id"]
        values = {"Name": "Acme", "Type": "Customer - Direct", "OwnerId": owner}
        self.account = self.box.edit("Account", None, values)
        talk = {"WhatId": self.account, "Subject": "Call", "TaskSubtype": "Call"}
        self.box.edit("Task", None, {**talk, "Status": "Completed", "ActivityDate": "2026-02-10"})
        self.box.edit("Case", None, {"AccountId": self.account, "Priority": "Low"})
        self.box.edit("Case", None, {"AccountId": self.account, "Status": "Closed"})

    def next_touch(self) -> tuple[str, str]:
        (row,) = [row for row in self.box.records("Account") if row["Id"] == self.account]
        return row["Health_Next_Touch__c"], row["Health_Next_Touch_Due__c"]

    def context(self) -> list[str | None]:
        return [row.get("Health_Context__c") for row in self.box.records("Case")]

    def touches(self) -> list[dict[str, Any]]:
        keyed = [t for t in self.box.records("Task") if t.get("Health_Key__c")]
        return [{"key": t["Health_Key__c"], "subject": t["Subject"]} for t in keyed]


class HubSpot:
    """The same, as companies, calls and tickets."""

    crm = "hubspot"

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)

    def fill(self) -> None:
        hubspot_portal.fill(self.box)
        self.box.hubspot.edit("tickets", hubspot_portal.LATE, {"hs_ticket_priority": "LOW"})
        self.box.hubspot.edit("tickets", hubspot_portal.CALM, {"hs_pipeline_stage": "4"})
        self.box.advance(3600)

    def next_touch(self) -> tuple[str, str]:
        row = hubspot_portal.live(self.box, "companies")[hubspot_portal.COMPANIES[0]]
        return row["health_next_touch"], row["health_next_touch_due"]

    def context(self) -> list[str | None]:
        rows = hubspot_portal.live(self.box, "tickets").values()
        return [row.get("health_context") for row in rows]

    def touches(self) -> list[dict[str, Any]]:
        keyed = [
            t
            for t in hubspot_portal.live(self.box, "tasks").values()
            if f":{hubspot_portal.COMPANIES[0]}:" in (t.get("health_task_key") or "")
        ]
        return [
            {
                "key": t["health_task_key"],
                "subject": t["hs_task_subject"].replace("Customer 1001", "Acme"),
            }
            for t in keyed
        ]


class Org:
    """A service that was set up and filled, and syncs of it."""

    def __init__(self, side: Side, folder: Path) -> None:
        self.side, self.box, self.folder = side, side.box, folder
        playbook = yaml.safe_load((MAPPINGS / "playbook.yaml").read_text(encoding="utf-8"))
        # The plan alone; one customer is no pyramid.
        playbook |= {"alerts": {}, "escalations": {}}
        playbook["touches"]["digital"] = None
        playbook["tiers"]["unranked"] = "strategic"
        (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook, sort_keys=False), "utf-8")
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

    def sync(self) -> Report:
        def made(notes: Notes) -> Connector:
            ports = make_ports(notes=notes)
            found: Connector = self.plugin.connect(ports, self.config.mapping.api_version)
            return found

        store = Store.open(self.folder / f"{self.states}.sqlite")
        try:
            report, _ = session.perform(made, store, self.config, Options(), self.box.clock)
        finally:
            store.close()
            self.box.advance(60)
        return report

    def quiet(self) -> None:
        """Nothing is to write, with and without the database."""
        assert self.sync().outcomes == {}
        self.states += 1
        assert self.sync().outcomes == {}


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


def test_what_is_next_and_who_is_asking(org: Org) -> None:
    """The fields that setup made say it, and nothing is written twice; the task comes in time."""
    org.sync()
    assert org.side.next_touch() == ("Call", "2026-03-16")
    assert not org.side.touches()
    line, *others = sorted(org.side.context(), key=lambda text: text is None)
    assert line is not None
    assert line.startswith("Strategic customer")
    assert others == [None]
    org.quiet()
    org.box.advance(7 * DAY)
    org.sync()
    (task,) = org.side.touches()
    assert ":touch_call:1#" in task["key"]
    assert task["subject"] == "Acme: call them, last talk 10 Feb 2026"
    org.quiet()
