"""One of the two CRMs: a sandbox in a process of its own, the connector as shipped, one state.

What it says is told in common words: ids are HubSpot's, texts are plain, and nothing that rests on
an id is told (seals, and checksums over ids).
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module, resources
from pathlib import Path
from typing import Any
from zlib import crc32

import requests

from connectors.sandbox.crms import CRMS, Crm
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import stamps
from connectors.sandbox.ids import number_of, sf_id
from connectors.sandbox.people import ORG_ID
from connectors.sandbox.story import Change, Story
from connectors.sandbox.story.portal_fields import hub_id
from crm_health.config.load import Config, load
from crm_health.config.mapping import EscalationOut, TaskOut
from crm_health.connector import Connector, Notes
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports
from tests.year.extras import EXTRAS
from tests.year.records import Row, Step

Truth = dict[str, dict[str, Row]]
KINDS = ("account", "task", "episode", "escalation")
#: The names of escalations that people open begin with it.
HAND = "by hand:"
#: Where the vendor's office is: both CRMs count days there.
ZONE = "America/New_York"
_KEY = re.compile(r"(?P<kind>c[ah]1):(?P<account>[^:]+):(?P<rest>[^#]+)")
_CHECK = re.compile(r"\|#[0-9a-f]{8}$")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ESCALATION = (
    "reason", "severity", "department", "source", "opened", "acknowledged", "due", "next_update",
    "told", "resolved", "cleared", "tier",
)  # fmt: skip


class Side:
    """The CRM, its configuration and its state."""

    def __init__(self, name: str, box: Sandbox, config: Config, store: Store) -> None:
        self.crm: Crm = CRMS[name]
        self.box, self.config, self.store = box, config, store
        #: What it said when it was last asked.
        self.truth: Truth = {kind: {} for kind in KINDS}
        #: Its own ids of records that we made: task or escalation by key.
        self.ids: dict[tuple[str, str], str] = {}
        #: Names of what people opened, by the CRM's own id.
        self._given: dict[str, str] = {}
        self._seen: datetime | None = None

    @property
    def hubspot(self) -> bool:
        """Whether it is the portal."""
        return self.crm.name == "hubspot"

    # -- the product --------------------------------------------------------------------------

    def set_up(self) -> None:
        """As its admin, who also makes the vendor's own objects."""
        if self.hubspot:
            self.box.hubspot.settings(limits=False, zone=ZONE, tier="increased")
            token = self.crm.variables(self.box.url)["CRM_HEALTH_HUBSPOT_TOKEN"]
            for extra in EXTRAS.values():
                answer = requests.post(
                    f"{self.box.url}/crm-object-schemas/v3/schemas",
                    json=extra.definition,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=30,
                )
                assert answer.status_code == 201, answer.text
        else:
            zone = {"Id": ORG_ID, "Name": "Acme", "TimeZoneSidKey": ZONE}
            self.box.load({"Organization": [zone]}, schema=[e.schema for e in EXTRAS.values()])
        version, mapping = self.config.mapping.api_version, self.config.mapping
        setup = self._module.provisioner(make_ports(), version, mapping)
        setup.apply()
        setup.close()

    def sync(self) -> tuple[Report, list[str]]:
        """One sync; what a guard holds is approved, as a person would. Also why it was held."""
        report, code = self._perform(Options())
        stops = list(report.stops)
        if stops:
            report, code = self._perform(Options(approve=report.run.id))
        assert code == 0, (self.crm.name, report.stops, report.ownerless, report.outcomes)
        return report, stops

    def _perform(self, options: Options) -> tuple[Report, int]:
        def made(notes: Notes) -> Connector:
            found: Connector = self._module.connect(
                make_ports(notes=notes), self.config.mapping.api_version
            )
            return found

        return session.perform(made, self.store, self.config, options, self.box.clock)

    @property
    def _module(self) -> Any:
        return import_module(f"connectors.{self.crm.name}")

    # -- what happens -------------------------------------------------------------------------

    def load(self, records: Mapping[str, Iterable[Row]]) -> None:
        """Records come as they are."""
        told = {name: list(rows) for name, rows in records.items() if name not in EXTRAS}
        if any(told.values()):
            self.crm.load(self.box, Story(told, {}, datetime.now(UTC)))
        for name, extra in EXTRAS.items():
            rows = list(records.get(name, ()))
            if rows and self.hubspot:
                flat = [_flat(extra.properties(row), row) for row in rows]
                pairs = [(_id(row["Id"]), hub_id(row["Account__c"])) for row in rows]
                object_name = f"p_{extra.hubspot}"
                ends = {"from": object_name, "to": "companies", "types": (), "pairs": pairs}
                self.box.hubspot.load({object_name: flat}, links=[ends])
            elif rows:
                self.box.load({name: rows})

    def save(self, step: Step) -> None:
        """Somebody saves some fields of a record."""
        extra = EXTRAS.get(step.object)
        if extra is not None and self.hubspot:
            properties = extra.properties(step.values)
            self.box.hubspot.edit(f"p_{extra.hubspot}", _id(step.id), properties)
        elif extra is not None:
            self.box.edit(step.object, step.id, step.values)
        else:
            change = Change("update", step.object, step.id, step.values, "", "")
            self.crm.save(self.box, change)

    def edit(self, kind: str, key: str, **roles: Any) -> None:
        """A person saves a task, an escalation or an account, by roles and words of the mapping."""
        write = self.config.mapping.write
        if kind == "account":
            record = key if self.hubspot else self.ids[kind, key]
            names: Any = {**_inputs(self.config), **write.account}
            fields = {names[role]: value for role, value in roles.items()}
            return self._edit(self.config.mapping.read["account"][0].object, record, fields)
        out: Any = getattr(write, kind)
        if "status" in roles:
            words = {"done": out.done_status} if kind == "task" else out.statuses
            roles["status"] = words[roles["status"]]
        fields = {getattr(out, role): value for role, value in roles.items()}
        return self._edit(out.object, self.ids[kind, key], fields)

    def escalate(self, account: str, name: str, reason: str, severity: str) -> None:
        """A person opens an escalation; `account` is Salesforce's id."""
        out = self.config.mapping.write.escalation
        values = {out.reason: reason, out.severity: severity}
        if self.hubspot:
            stage = {**out.constants, out.status: out.statuses["open"], "subject": "Please help"}
            record = self.box.hubspot.edit("tickets", None, {**values, **stage})
            self.box.hubspot.associate("tickets", record, "companies", hub_id(account), (339, 26))
        else:
            picked = {out.account: account, out.status: out.statuses["open"]}
            record = str(self.box.edit(out.object, None, {**values, **picked}))
        self._given[record] = name

    def _edit(self, object_name: str, record: str, fields: Mapping[str, Any]) -> None:
        if self.hubspot:
            plain_ = {k: "" if v is None else str(v) for k, v in fields.items()}
            self.box.hubspot.edit(object_name, record, plain_)
        else:
            self.box.edit(object_name, record, fields)

    # -- what it says -------------------------------------------------------------------------

    def refresh(self) -> Truth:
        """What it says now; returns what of that is new or another than before."""
        since, self._seen = self._seen, self.box.clock()
        found: Truth = {kind: {} for kind in KINDS}
        write, account = self.config.mapping.write, self.config.mapping.read["account"][0].object
        rows = {
            name: list(self._rows(name, since))
            for name in {account, write.task.object, write.episode.object, write.escalation.object}
        }
        for row in rows[account]:
            key = self.common(self._row_id(row))
            self.ids["account", key] = self._row_id(row)
            found["account"][key] = self._values(row, write.account)
        for row in rows[write.task.object]:
            self._keep(found, "task", self._name(row, write.task.key), row, self._task)
        dates = {"opened": write.episode.opened, "cleared": write.episode.cleared}
        for row in rows[write.episode.object]:
            name = self._name(row, write.episode.key)
            if name is not None:
                found["episode"][name] = self._values(row, dates)
        for row in rows[write.escalation.object]:
            name = self._given.get(self._row_id(row)) or self._name(row, write.escalation.key)
            self._keep(found, "escalation", name, row, self._escalation)
        changed: Truth = {
            kind: {key: row for key, row in told.items() if self.truth[kind].get(key) != row}
            for kind, told in found.items()
        }
        for kind, told in changed.items():
            self.truth[kind].update(told)
        return changed

    def _keep(self, found: Truth, kind: str, name: str | None, row: Row, read: Any) -> None:
        if name is None:
            return
        assert self.ids.setdefault((kind, name), self._row_id(row)) == self._row_id(row), (
            f"{kind} {name} twice in {self.crm.name}"
        )
        found[kind][name] = read(row)

    def _name(self, row: Row, field: str) -> str | None:
        """A key without ids of this CRM and without its seal."""
        key = _KEY.match(str(row.get(field) or ""))
        if key is None:
            return None
        account = key["account"]
        if account.startswith("@"):
            # Errands of what a person opened: known by the record.
            return f"{key['kind']}:@{self._given.get(account[1:], account)}:{key['rest']}"
        return f"{key['kind']}:{self.common(account)}:{key['rest']}"

    def _task(self, row: Row) -> Row:
        out: TaskOut = self.config.mapping.write.task
        body = str(row[out.body])
        if self.hubspot:
            body = html.unescape(body.replace("<br>", "\n"))
        words = {theirs: ours for ours, theirs in out.priorities.items()}
        return {
            "subject": row[out.subject],
            "body": body,
            "owner": self.common(row[out.owner]),
            "due": str(row[out.due])[:10],
            "priority": words[row[out.priority]],
            "open": row[out.status] != out.done_status,
        }

    def _escalation(self, row: Row) -> Row:
        out: EscalationOut = self.config.mapping.write.escalation
        words = {theirs: ours for ours, theirs in out.statuses.items()}
        paths = {role: getattr(out, role) for role in _ESCALATION}
        return {
            **self._values(row, {role: path for role, path in paths.items() if path}),
            "owner": self.common(row[out.owner]) if row.get(out.owner) else None,
            # What nobody has ticked is not the same in both.
            "breached": bool(plain(row.get(out.breached))),
            "status": words.get(row[out.status], row[out.status]),
        }

    def _rows(self, object_name: str, since: datetime | None) -> Iterator[Row]:
        box: Any = self.box.hubspot if self.hubspot else self.box
        gone = "archived" if self.hubspot else "IsDeleted"
        return (row for row in box.records(object_name, since) if not row[gone])

    def _row_id(self, row: Row) -> str:
        return str(row["id" if self.hubspot else "Id"])

    def common(self, record: str) -> str:
        """A record or user of its own by the common id."""
        return record if self.hubspot or len(record) < 15 else _hub(record)

    @staticmethod
    def _values(row: Row, roles: Mapping[str, str]) -> Row:
        return {role: plain(row.get(path)) for role, path in roles.items()}


def _hub(record: str) -> str:
    try:
        return hub_id(record)
    except KeyError:
        return record


def _id(record: str) -> str:
    """The portal's id of a record of the vendor's own objects."""
    return f"9{record[1:3]}{number_of(record):09d}"


def _flat(properties: dict[str, str], row: Row) -> dict[str, str]:
    made, saved = (stamps.text(row[name]) for name in ("CreatedDate", "SystemModstamp"))
    told = {name: value for name, value in properties.items() if value != ""}
    return {
        "id": _id(row["Id"]),
        "name": row["Name"],
        **told,
        "hs_createdate": made,
        "hs_lastmodifieddate": saved,
    }


def _inputs(config: Config) -> dict[str, str]:
    """Account columns that people fill, to their fields."""
    columns: Any = config.mapping.read["account"][0].columns
    names = ("override_score", "override_reason", "override_until", "csm_sentiment")
    return {name: columns[name].field for name in names if name in columns}


def plain(value: Any) -> Any:
    """A value whichever way it is written: texts that are numbers or instants become those."""
    if value is None or value == "":
        return None
    text = str(value)
    if text in ("true", "false", "True", "False"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return float(text)
    if _INSTANT.match(text):
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    return _CHECK.sub("", text)


@contextmanager
def side(name: str, folder: Path, now: datetime, head: str) -> Iterator[Side]:
    """A CRM that is empty yet, and the packaged configuration with the vendor's own objects.

    Args:
        name: Of the CRM.
        folder: For the configuration and the state.
        now: Where its clock stands, frozen.
        head: Who is told of what nobody else can take (Salesforce's id).
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = resources.files("mappings").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    feeds = "\n".join(extra.feed(name) for extra in EXTRAS.values())
    mark = "\n  user:\n"
    assert text.count(mark) == 1
    (folder / f"{name}.yaml").write_text(text.replace(mark, f"\n{feeds}{mark}"), encoding="utf-8")
    config = load(folder, crm=name)
    people = config.playbook.people.model_copy(
        update={"retention_owner": hub_id(head) if name == "hubspot" else head}
    )
    config = replace(config, playbook=config.playbook.model_copy(update={"people": people}))
    with Sandbox.start_process(now=now, frozen=True) as box:
        before = dict(os.environ)
        os.environ.update(CRMS[name].variables(box.url))
        store = Store.open(folder / "state.db")
        try:
            yield Side(name, box, config, store)
        finally:
            store.close()
            os.environ.clear()
            os.environ.update(before)


def made_id(prefix: str, cause: str) -> str:
    """An id for what people make, by its cause: the same one in both CRMs."""
    return sf_id(prefix, 100_000_000 + crc32(cause.encode()) % 800_000_000)
