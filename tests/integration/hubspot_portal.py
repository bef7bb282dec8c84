"""A small HubSpot account for whole runs: three customers, a prospect, and what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from connectors.hubspot import connect, provisioner
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import Config, load
from crm_health.connector import Connector, Notes, Step
from crm_health.location import Location
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
OWNER = "31871900"
COMPANIES = ("1001", "1002", "1003")
PROSPECT = "1009"
#: Their tickets: the first is urgent and late.
LATE, CALM = "2001", "2002"
_PLAYBOOK = Path(__file__).parents[2] / "mappings" / "playbook.yaml"
_WRITES = ("/batch/create", "/batch/update", "/batch/upsert", "/associate/default")


def stamp(at: datetime) -> str:
    """An instant as HubSpot writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def configured(folder: Path) -> Config:
    """The packaged defaults, and a task beside the escalation of a late ticket."""
    playbook = yaml.safe_load(_PLAYBOOK.read_text(encoding="utf-8"))
    late = playbook["alerts"]["sev1_past_sla"]
    shared = {name: value for name, value in late.items() if name not in ("does", "escalation")}
    text = {"subject": "{account}: call about the late ticket", "body": "Call them."}
    # What escalations ask for has tests of its own.
    playbook["escalations"]["support_issue"]["actions"] = {}
    playbook["severities"]["S1"]["tell_at_opening"] = False
    playbook["alerts"]["call_them"] = {**shared, "does": "task", "due_days": 3, "task": text}
    (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    return load(folder, crm="hubspot")


def fill(box: Sandbox) -> None:
    """The customers, their tickets and a call with each."""
    made = {"createdate": stamp(NOW - timedelta(days=900))}
    made["hs_lastmodifieddate"] = stamp(NOW - timedelta(days=40))
    ticket = {"hs_pipeline": "0", "hs_pipeline_stage": "1", "subject": "Down"}
    past = stamp(NOW - timedelta(days=20))
    call = {"hs_timestamp": past, "hs_createdate": past, "hs_call_title": "Business review"}
    customers = [
        {"id": i, "name": f"Customer {i}", "lifecyclestage": "customer", **made} for i in COMPANIES
    ]
    box.hubspot.load(
        {
            "companies": [
                *({**one, "hubspot_owner_id": OWNER} for one in customers),
                {"id": PROSPECT, "name": "Prospect", "lifecyclestage": "lead", **made},
            ],
            "tickets": [
                {"id": LATE, **ticket, "hs_ticket_priority": "URGENT", "createdate": past},
                {"id": CALM, **ticket, "hs_ticket_priority": "LOW", "createdate": past},
            ],
            "calls": [{"id": f"30{i}", **call} for i in COMPANIES],
        },
        links=[
            linked("tickets", [339, 26], (LATE, COMPANIES[0]), (CALM, COMPANIES[1])),
            linked("calls", [182], *((f"30{i}", i) for i in COMPANIES)),
        ],
    )


def linked(kind: str, types: list[int], *pairs: tuple[str, str]) -> dict[str, Any]:
    """Records of a kind on companies, as the sandbox loads them."""
    return {"from": kind, "to": "companies", "types": types, "pairs": [list(p) for p in pairs]}


def live(box: Sandbox, kind: str) -> dict[str, dict[str, Any]]:
    """The records of a kind that are not archived, by id."""
    return {r["id"]: r for r in box.hubspot.records(kind) if not r["archived"]}


def escalations(box: Sandbox) -> list[dict[str, Any]]:
    """Our tickets."""
    return [t for t in live(box, "tickets").values() if t.get("health_escalation_key")]


def writes(box: Sandbox, since: int = 0) -> list[str]:
    """Paths of the calls after the n-th that write."""
    calls = box.calls()[since:]
    return [
        c["path"] for c in calls if c["path"].endswith(_WRITES) or c["method"] in ("PATCH", "PUT")
    ]


@dataclass
class Account:
    """The account, set up, and syncs of it within this process, whose pauses take no time."""

    box: Sandbox
    config: Config
    #: Where the state is kept.
    place: Location

    def setup(self) -> list[Step]:
        """What `crm-health setup` does."""
        setup = provisioner(make_ports(), self.config.mapping.api_version, self.config.mapping)
        try:
            return setup.apply()
        finally:
            setup.close()

    def sync(
        self,
        place: Location | None = None,
        *,
        max_calls: int | None = None,
        dry_run: bool = False,
        full: bool = False,
        log: Log | None = None,
    ) -> tuple[Report, int]:
        """One run; what was done, and its exit code."""

        def made(notes: Notes) -> Connector:
            ports = make_ports(notes=notes, max_calls=max_calls, log=log)
            return connect(ports, self.config.mapping.api_version)

        store = Store.open(place or self.place)
        try:
            options = Options(dry_run=dry_run, full=full)
            return session.perform(made, store, self.config, options, self.box.clock)
        finally:
            store.close()

    def quarantined(self) -> dict[tuple[str, str], int]:
        """Rows that were set aside, by object and problem."""
        store = Store.open(self.place)
        try:
            counts = store.mirror.quarantine_counts().iter_rows(named=True)
            return {(row["object"], row["problem"]): row["rows"] for row in counts}
        finally:
            store.close()

    def receipt(self, record_id: str = COMPANIES[0]) -> dict[str, Any]:
        """How a company's last score came about."""
        store = Store.open(self.place)
        try:
            found = store.history.receipt(record_id)
        finally:
            store.close()
        assert found is not None
        return found

    def known(self, entity: str) -> int:
        """How many rows of an entity the mirror holds."""
        store = Store.open(self.place)
        try:
            return store.mirror.count(entity)
        finally:
            store.close()

    def company(self, record_id: str = COMPANIES[0]) -> Mapping[str, Any]:
        """A company as stored."""
        return live(self.box, "companies")[record_id]
