"""An org of BottleCRM with a few customers, and whole runs on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from bottlecrm import BottleCrm
from faulty_wire import FaultyWire

from connectors.bottlecrm import connect, provisioner
from connectors.bottlecrm.connector import BottleCrmConnector
from connectors.bottlecrm.settings import load as settings
from crm_health.config.load import Config, load
from crm_health.connector import Budget, Connector, Identity, Notes, Ports
from crm_health.location import Location
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import Log, MemoryNotes, make_ports


def real_time(log: Log | None = None, notes: Notes | None = None) -> Ports:
    """Ports whose pauses take the time they take."""
    return Ports(Budget(), time.monotonic, time.sleep, log or Log(), notes or MemoryNotes())


class _Timed(BottleCrmConnector):
    """It with a clock of our own: nobody can set that of a real CRM."""

    clock: Callable[[], datetime]

    def identity(self) -> Identity:
        """As it is, at that time."""
        return replace(super().identity(), now=self.clock())


def is_escalation(task: Mapping[str, Any]) -> bool:
    """Whether a task of ours is an escalation's record."""
    return "health_escalation_key" in task["custom_fields"]


def timeless(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record without the minute in which a run began: dues, logs, texts and seals go by it."""
    kept = {k: v for k, v in fields.items() if k not in ("health_due_at", "health_seal")}
    if key := kept.get("health_task_key"):
        kept["health_task_key"] = key.partition("#")[0]
    return {k: _MINUTE.sub("", v) if isinstance(v, str) else v for k, v in kept.items()}


_MINUTE = re.compile(r"[ T]\d\d:\d\d\b(:[\d.]+Z)?")


@dataclass
class Org:
    """One CRM behind a wire, set up for crm-health."""

    crm: BottleCrm
    wire: FaultyWire
    config: Config
    log: Log = field(default_factory=Log)
    #: What time crm-health is told, where not the real one.
    at: datetime | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What points the connector at it."""
        return {**self.crm.variables, "CRM_HEALTH_BOTTLECRM_URL": self.wire.url}

    def person(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Do something as a person does, by the CRM's own API."""
        answer = requests.request(
            method,
            f"{self.crm.url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.crm.token}"},
            timeout=60,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def customer(self, name: str, **custom: Any) -> str:
        """An account with a deal won long ago and a meeting; its id."""
        today = datetime.now(UTC).date()
        body = {
            "name": name,
            "assigned_to": [self.crm.profile(self.crm.members()[0])],
            "custom_fields": {
                "health_seats": 100,
                "health_contract_value": 9000,
                "health_active_users": 60,
                "health_usage_day": str(today - timedelta(days=2)),
                "health_renewal_date": str(today + timedelta(days=100)),
                **custom,
            },
        }
        made = str(self.person("POST", "/api/accounts/", body)["id"])
        deal = {"name": f"{name} deal", "account": made, "stage": "CLOSED_WON", "amount": 9000}
        self.person("POST", "/api/opportunities/", {**deal, "closed_on": "2024-01-15"})
        talk = {"kind": "meeting", "account": made, "subject": "QBR"}
        then = datetime.now(UTC) - timedelta(days=20)
        self.person("POST", "/api/interactions/", {**talk, "occurred_at": then.isoformat()})
        return made

    def late_case(self, account: str, name: str) -> str:
        """An urgent case that nobody answered for twenty days."""
        body = {"name": name, "account": account, "status": "New", "priority": "Urgent"}
        made = str(self.person("POST", "/api/cases/", body)["id"])
        self.crm.sql("UPDATE \"case\" SET created_at = now() - interval '20 days'")
        return made

    def account(self, row_id: str) -> dict[str, Any]:
        """An account's custom fields."""
        found = self.crm.sql("SELECT custom_fields FROM accounts WHERE id = %s", row_id)
        return dict(found[0]["custom_fields"])

    def tasks(self) -> list[dict[str, Any]]:
        """Our tasks and escalations."""
        return self.crm.sql(
            "SELECT id, title, status, account_id, custom_fields FROM task"
            " WHERE custom_fields ->> 'health_mark' = 'crm-health' ORDER BY created_at"
        )

    def now(self) -> datetime:
        """What time it is there."""
        return self.at or datetime.now(UTC)

    def sync(
        self, place: Location, *, ports: Ports | None = None, options: Options | None = None
    ) -> Report:
        """One run; its writes are those of `wire.writes`."""
        self.wire.writes.clear()

        def made(notes: Notes) -> Connector:
            given = ports or make_ports(log=self.log, notes=notes)
            if self.at is None:
                return connect(given, "1")
            timed = _Timed.of(settings("1"), given)
            timed.clock = self.now
            return timed

        store = Store.open(place)
        try:
            report, _ = session.perform(made, store, self.config, options or Options(), self.now)
            return report
        finally:
            store.close()

    @contextmanager
    def connector(self, ports: Ports | None = None, rows: int = 3) -> Iterator[BottleCrmConnector]:
        """A connector with small pages."""
        made = BottleCrmConnector.of(
            settings("1"), ports or make_ports(log=self.log), page_rows=rows
        )
        try:
            yield made
        finally:
            made.close()


@contextmanager
def prepared(crm: BottleCrm, folder: Path | None = None) -> Iterator[Org]:
    """An empty org behind a wire, after setup by the configuration of a folder."""
    wire = FaultyWire("127.0.0.1", crm.port)
    org = Org(crm, wire, load(folder, crm="bottlecrm"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in org.variables.items():
                patch.setenv(name, value)
            setup = provisioner(make_ports(), "1", org.config.mapping)
            setup.apply()
            setup.close()
        yield org
    finally:
        wire.close()
