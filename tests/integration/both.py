"""Customers in either CRM, by our own names for objects and fields, and whole syncs of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import hubspot, salesforce
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.ids import sf_id
from crm_health.config.load import Config, load
from crm_health.connector import Connector, Notes
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports

CRMS = ("salesforce", "hubspot")
_PLAYBOOK = Path(__file__).parents[2] / "mappings" / "playbook.yaml"
#: Two people of each CRM: who has the customers, and somebody else.
_PEOPLE = {
    "salesforce": (sf_id("005", 99_000_003), sf_id("005", 99_000_001)),
    "hubspot": ("31871900", "31871817"),
}


class _Plain(yaml.SafeDumper):
    """Writes out what stands in it twice: anchors are refused."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def configured(
    folder: Path, crm: str, *, instead: Mapping[str, Any] | None = None, **changes: Any
) -> Config:
    """The packaged defaults with some parts of the playbook merged in, in a folder of its own.

    Those in `instead` take the place of whole parts.
    """
    playbook = yaml.safe_load(_PLAYBOOK.read_text(encoding="utf-8")) | dict(instead or {})
    for part, change in changes.items():
        mixes = isinstance(change, dict) and isinstance(playbook.get(part), dict)
        playbook[part] = playbook[part] | change if mixes else change
    text = yaml.dump(playbook, Dumper=_Plain, sort_keys=False)
    (folder / "playbook.yaml").write_text(text, encoding="utf-8")
    return load(folder, crm=crm)


class Org:
    """A sandbox of one CRM that was set up, its customers by name, and syncs of it."""

    def __init__(
        self, box: Sandbox, config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.box, self.config, self.folder = box, config, folder
        self.write, self.crm = config.mapping.write, config.mapping.crm
        self.person, self.other = _PEOPLE[self.crm]
        self.ids: dict[str, str] = {}
        self.state = self._states = 0
        for name, value in {**box.environment, **box.hubspot_environment}.items():
            monkeypatch.setenv(name, value)
        for name in ("ID", "SECRET"):
            monkeypatch.setenv(f"CRM_HEALTH_SALESFORCE_SETUP_CLIENT_{name}", "sandbox-admin")
        if self.crm == "hubspot":
            box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)
        self._plugin: Any = {"salesforce": salesforce, "hubspot": hubspot}[self.crm]
        setup = self._plugin.provisioner(make_ports(), config.mapping.api_version, config.mapping)
        try:
            setup.apply()
        finally:
            setup.close()

    # -- what people do -----------------------------------------------------------------------

    def customers(self, values: Mapping[str, Mapping[str, Any]], days: int = 900) -> None:
        """Customers by name, known for so many days, with their values by our names."""
        born = self.box.clock() - timedelta(days=days)
        rows = []
        for number, (name, given) in enumerate(values.items(), start=1):
            fields = self._inputs(given)
            if self.crm == "salesforce":
                self.ids[name] = sf_id("001", number)
                fields |= {"Name": name, "Type": "Customer - Direct", "OwnerId": self.person}
                rows.append({"Id": self.ids[name], **fields, "CreatedDate": born})
            else:
                self.ids[name] = str(1000 + number)
                fields |= {"name": name, "lifecyclestage": "customer"}
                fields |= {"hubspot_owner_id": self.person, "createdate": _stamp(born)}
                rows.append({"id": self.ids[name], **fields, "hs_lastmodifieddate": _stamp(born)})
        if self.crm == "salesforce":
            self.box.load({"Account": rows})
        else:
            self.box.hubspot.load({"companies": rows})

    def give(self, name: str, **values: Any) -> None:
        """A person saves inputs of a customer."""
        self.save(self.account_object, self.ids[name], self._inputs(values))

    def case(self, name: str) -> str:
        """A customer's worst kind of case, opened now."""
        if self.crm == "salesforce":
            fields = {"AccountId": self.ids[name], "Priority": "Critical", "Subject": "Down"}
            return self.save("Case", None, fields)
        ticket = {"hs_pipeline": "0", "hs_pipeline_stage": "1", "subject": "Down"}
        made = self.save("tickets", None, {**ticket, "hs_ticket_priority": "URGENT"})
        self.box.hubspot.associate("tickets", made, "companies", self.ids[name])
        return made

    def close_case(self, case: str) -> None:
        if self.crm == "salesforce":
            self.save("Case", case, {"Status": "Closed"})
        else:
            self.save("tickets", case, {"hs_pipeline_stage": "4"})

    def use(self, name: str) -> None:
        """The product reports today's use of a customer."""
        today = self.box.clock().date()
        if self.crm == "salesforce":
            fields = {"Metric__c": "active_users", "Value__c": 7, "Day__c": today.isoformat()}
            self.save("Health_Usage__c", None, {"Account__c": self.ids[name], **fields})
        else:
            used = {"health_active_users": "7", "health_usage_day": today.isoformat()}
            self.save("companies", self.ids[name], used)

    def save(self, object_name: str, record: str | None, fields: Mapping[str, Any]) -> str:
        """A person saves a record by the names of the CRM; its id."""
        if self.crm == "salesforce":
            return str(self.box.edit(object_name, record, fields))
        return self.box.hubspot.edit(object_name, record, fields)

    def delete(self, object_name: str, record: str) -> None:
        """A person deletes a record."""
        if self.crm == "salesforce":
            self.box.delete(object_name, record)
        else:
            self.box.hubspot.archive(object_name, record)

    # -- what stands there --------------------------------------------------------------------

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The records of an object that are not deleted, by id."""
        if self.crm == "salesforce":
            rows = self.box.records(object_name)
            return {row["Id"]: row for row in rows if not row["IsDeleted"]}
        rows = self.box.hubspot.records(object_name)
        return {row["id"]: row for row in rows if not row["archived"]}

    def shown(self, name: str, output: str) -> Any:
        """What a customer's field of ours says."""
        return self.rows(self.account_object)[self.ids[name]].get(self.write.account[output])

    def tasks(self, part: str = "") -> dict[str, dict[str, Any]]:
        """Our tasks whose key holds this, by id."""
        return _holding(self.rows(self.write.task.object), self.write.task.key, part)

    def escalations(self, part: str = "") -> dict[str, dict[str, Any]]:
        """Our escalations whose key holds this, by id."""
        return _holding(self.rows(self.write.escalation.object), self.write.escalation.key, part)

    def told(self) -> list[str]:
        """Keys of the tasks that tell leadership, without their seals."""
        rows = self.tasks(":told_").values()
        return sorted(str(row[self.write.task.key]).split("#")[0] for row in rows)

    # -- syncs --------------------------------------------------------------------------------

    def sync(self, *, max_calls: int | None = None, **options: Any) -> tuple[Report, int]:
        """One sync; what was done, and its exit code. A minute passes, also where it fails."""

        def made(notes: Notes) -> Connector:
            ports = make_ports(notes=notes, max_calls=max_calls)
            connect: Callable[..., Connector] = self._plugin.connect
            return connect(ports, self.config.mapping.api_version)

        store = Store.open(self._database(self.state))
        try:
            chosen = Options(**options)
            return session.perform(made, store, self.config, chosen, self.box.clock)
        finally:
            store.close()
            self.box.advance(60)

    def clean(self, **options: Any) -> Report:
        """One sync that ends well."""
        report, code = self.sync(**options)
        assert code == 0, (report.stops, report.outcomes, report.ownerless)
        return report

    def lose_state(self) -> None:
        """The local database is gone."""
        self._states += 1
        self.state = self._states

    def copy_state(self, of: int) -> None:
        """The local database is a copy of one that was there before."""
        self.lose_state()
        shutil.copy(self._database(of), self._database(self.state))

    def quiet(self) -> None:
        """Whatever there is to read, nothing is to write, with and without the database."""
        assert self.clean().outcomes == {}
        self.lose_state()
        assert self.clean().outcomes == {}

    def pass_days(self, count: float = 1) -> None:
        self.box.advance(count * 86_400)

    @property
    def account_object(self) -> str:
        """Where customers are."""
        return self.config.mapping.read["account"][0].object

    def _database(self, state: int) -> Path:
        return self.folder / f"{self.crm}-{state}.sqlite"

    def _inputs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Account columns of ours as fields of this CRM."""
        columns = self.config.mapping.read["account"][0].columns
        told = {columns[name].paths[0]: value for name, value in values.items()}
        if self.crm == "salesforce":
            return {k: v.isoformat() if isinstance(v, date) else v for k, v in told.items()}
        return {name: str(value) for name, value in told.items()}


def _holding(
    rows: Mapping[str, Mapping[str, Any]], field: str, part: str
) -> dict[str, dict[str, Any]]:
    keyed: Iterable[tuple[str, Mapping[str, Any]]] = rows.items()
    return {i: dict(row) for i, row in keyed if row.get(field) and part in str(row[field])}


def _stamp(at: datetime) -> str:
    """An instant as HubSpot writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
