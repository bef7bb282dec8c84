"""One company in two CRMs, and what each of them says, in the same words.

What is told apart by nature is translated here and nowhere else: ids of records and users, names
of fields, words for statuses and priorities, HTML, and instants where the other CRM has days.
What depends on an id is left out: the checksums over ids that seal tasks and memories.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import databases

from connectors.sandbox.crms import CRMS, Crm
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.story import Change
from connectors.sandbox.story.portal_fields import hub_id
from crm_health.config.load import Config, load
from crm_health.config.mapping import EscalationOut, TaskOut
from crm_health.connector import Connector, Notes
from crm_health.health.receipt import verify
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports

Row = dict[str, Any]
Truth = dict[str, dict[str, Row]]
_TASK, _COMPANY = "0-27", "0-2"
KEY = re.compile(r"c[ah]1:(?P<account>[^:]+):(?P<rest>[^#]+)")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
#: A memory ends in a checksum over the account's id and the rest.
_CHECK = re.compile(r"\|#[0-9a-f]{8}$")
#: What of an escalation needs no translation.
ESCALATION = (
    "reason",
    "severity",
    "department",
    "source",
    "opened",
    "acknowledged",
    "due",
    "next_update",
    "told",
    "resolved",
    "cleared",
    "log",
    "evidence",
    "actions",
    "ends_when",
    "score",
    "band",
    "tier",
    "value",
)
#: Of a receipt: whose it is, and under which files.
_NOT_COMPARED = {"account", "digest"}


@dataclass
class Side:
    """One of the two: the CRM, a mapping, a state."""

    crm: Crm
    box: Sandbox
    config: Config
    store: Store
    #: Records that people made since, by the name that the test gave them.
    made: dict[str, str] = field(default_factory=dict)

    # -- what is done -------------------------------------------------------------------------

    def set_up(self) -> None:
        """As its admin."""
        version, mapping = self.config.mapping.api_version, self.config.mapping
        with self._environment():
            setup = self._module.provisioner(make_ports(), version, mapping)
            setup.apply()
            setup.close()

    def sync(self) -> Report:
        """One sync, which must end well."""

        def made(notes: Notes) -> Connector:
            ports = make_ports(notes=notes)
            found: Connector = self._module.connect(ports, self.config.mapping.api_version)
            return found

        with self._environment():
            report, code = session.perform(made, self.store, self.config, Options(), self.box.clock)
        assert code == 0, (self.crm.name, report.stops, report.ownerless, report.outcomes)
        return report

    def save(self, change: Change, name: str = "") -> None:
        """A person makes a change; a record that is new gets a name."""
        record = self.crm.save(self.box, change)
        if name:
            self.made[name] = record

    @property
    def hubspot(self) -> bool:
        """Whether it is the portal."""
        return self.crm.name == "hubspot"

    def edit(self, object_name: str, record: str, fields: Mapping[str, Any]) -> None:
        """A person saves a record by the names of this CRM."""
        if self.hubspot:
            self.box.hubspot.edit(object_name, record, fields)
        else:
            self.box.edit(object_name, record, fields)

    @property
    def _module(self) -> Any:
        return import_module(f"connectors.{self.crm.name}")

    @contextmanager
    def _environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self.crm.variables(self.box.url))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    # -- what it says -------------------------------------------------------------------------

    def ours(self, kind: str) -> dict[str, Row]:
        """Our tasks, or escalations, as they are stored, by their keys without ids and seals."""
        out = self._out(kind)
        found: dict[str, Row] = {}
        for row in self._rows(out.object):
            key = KEY.match(str(row.get(out.key) or ""))
            if key is not None:
                name = f"{self._id(key['account'])}:{key['rest']}"
                assert name not in found, f"{kind} {name} twice in {self.crm.name}"
                found[name] = row
        return found

    def truth(self) -> Truth:
        """Everything that the two must say alike."""
        accounts = {
            self._id(self._row_id(row)): self._values(row, self.config.mapping.write.account)
            for row in self._rows(self.config.mapping.read["account"][0].object)
        }
        return {
            "account": accounts,
            "task": {key: self._task(row) for key, row in self.ours("task").items()},
            "episode": self._episodes(),
            "escalation": {
                key: self._escalation(row) for key, row in self.ours("escalation").items()
            },
        }

    def receipt(self, account: str) -> Row | None:
        """The newest receipt of an account, named as on Salesforce: facts, parts, evidence.

        Its parts add up to its score.
        """
        found = self.store.history.receipt(hub_id(account) if self.hubspot else account)
        if found is None:
            return None
        assert verify(found) == []
        # Facts that name a record have the id of their own CRM.
        facts = {k: v for k, v in found["facts"].items() if not k.endswith("_contact")}
        return {k: v for k, v in found.items() if k not in _NOT_COMPARED} | {"facts": facts}

    def _task(self, row: Row) -> Row:
        out = self.config.mapping.write.task
        priorities = {theirs: ours for ours, theirs in out.priorities.items()}
        body = str(row[out.body])
        if self.hubspot:
            body = html.unescape(body.replace("<br>", "\n"))
        return {
            "subject": row[out.subject],
            "body": body,
            "owner": self._id(row[out.owner]),
            "due": str(row[out.due])[:10],
            "priority": priorities[row[out.priority]],
            "open": row[out.status] != out.done_status,
            "account": self._account(row, out, _TASK),
        }

    def _episodes(self) -> dict[str, Row]:
        out = self.config.mapping.write.episode
        found = {}
        for row in self._rows(out.object):
            key = KEY.match(str(row.get(out.key) or ""))
            if key is not None:
                dates = {"opened": out.opened, "cleared": out.cleared}
                found[f"{self._id(key['account'])}:{key['rest']}"] = self._values(row, dates)
        return found

    def _escalation(self, row: Row) -> Row:
        out = self.config.mapping.write.escalation
        words = {theirs: ours for ours, theirs in out.statuses.items()}
        return {
            **self._values(row, {role: getattr(out, role) for role in ESCALATION}),
            "owner": self._id(row[out.owner]),
            "status": words.get(row[out.status], row[out.status]),
            "account": self._account(row, out, "0-5"),
        }

    def _account(self, row: Row, out: TaskOut | EscalationOut, kind: str) -> str:
        if not self.hubspot:
            return self._id(row[out.account])
        assert self.box.org is not None
        ends = self.box.org.portal.links.of(kind, row["id"], _COMPANY)
        assert len(ends) == 1, f"{row['id']} hangs on {len(ends)} companies"
        return ends[0][0]

    def _out(self, kind: str) -> TaskOut | EscalationOut:
        found: TaskOut | EscalationOut = getattr(self.config.mapping.write, kind)
        return found

    def _rows(self, object_name: str) -> list[Row]:
        if self.hubspot:
            rows = self.box.hubspot.records(object_name)
            return [row for row in rows if not row["archived"]]
        return [row for row in self.box.records(object_name) if not row["IsDeleted"]]

    def _row_id(self, row: Row) -> str:
        return str(row["id" if self.hubspot else "Id"])

    def _id(self, record: str) -> str:
        return record if self.hubspot else hub_id(record)

    @staticmethod
    def _values(row: Row, roles: Mapping[str, str]) -> Row:
        return {role: plain(row.get(path)) for role, path in roles.items()}


def plain(value: Any) -> Any:
    """A value whichever way it is written: texts that are numbers or instants become those."""
    if value is None or value == "":
        return None
    text = str(value)
    if _NUMBER.fullmatch(text):
        return float(text)
    if _INSTANT.match(text):
        return datetime.fromisoformat(text).astimezone(UTC)
    return _CHECK.sub("", text)


@contextmanager
def sides(folder: Path, box: Sandbox, manager: str) -> Iterator[tuple[Side, Side]]:
    """Both CRMs of one sandbox, whose clock they share, with the default mappings.

    HubSpot knows no managers of users. So it has to be said there who is told of what nobody else
    can take: `manager`, a user of the story, the one whom Salesforce names.
    """
    stores = [Store.open(databases.located(folder / f"{name}.db")) for name in CRMS]
    try:
        first, second = (
            Side(crm, box, _led(load(None, crm=crm.name), manager), store)
            for crm, store in zip(CRMS.values(), stores, strict=True)
        )
        yield first, second
    finally:
        for store in stores:
            store.close()


def _led(config: Config, manager: str) -> Config:
    who = manager if config.mapping.crm == "salesforce" else hub_id(manager)
    people = config.playbook.people.model_copy(update={"retention_owner": who})
    return replace(config, playbook=config.playbook.model_copy(update={"people": people}))


def differences(first: Truth, second: Truth) -> list[str]:
    """Where the two say something else: kind, key, field and both values."""
    found = []
    for kind, rows in first.items():
        others = second[kind]
        for key in sorted({*rows, *others}):
            one, other = rows.get(key), others.get(key)
            if one is None or other is None:
                found.append(f"{kind} {key} only in the {'second' if one is None else 'first'}")
                continue
            found += [
                f"{kind} {key} {name}: {one.get(name)!r}, {other.get(name)!r}"
                for name in sorted({*one, *other})
                if one.get(name) != other.get(name)
            ]
    return found
