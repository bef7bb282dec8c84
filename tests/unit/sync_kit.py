"""A small company on the in-memory CRM, and hands to sync it: for the tests of the pipeline."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import yaml
from databases import deleted, located

from crm_health.businesstime import Calendar
from crm_health.config.load import Config, load
from crm_health.config.mapping import Mapping as CrmMapping
from crm_health.connector import Notes
from crm_health.store import Run, Store
from crm_health.sync import run as runs
from crm_health.sync import session, streams
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.sync.setting import Setting
from crm_health.testing.clock import FixedClock
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.memory_schema import define_for
from crm_health.testing.ports import make_ports
from crm_health.testing.typed_crm import TypedCrm as Crm

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

MAPPING = """
crm: salesforce
api_version: "65.0"
scope: status = 'customer'
read:
  account:
    object: Account
    columns:
      name: Name
      owner_id: OwnerId
      csm_id: {field: Csm, optional: true}
      status: {field: Type, starts_with: {Customer: customer}, otherwise: other}
      contract_value: Value
      override_score: Override
      override_until: OverrideUntil
    extra:
      given: {field: Given, type: number}
      second: {field: Second, type: number}
  case:
    object: Case
    columns:
      account_id: AccountId
      priority: {field: Priority, values: {High: p1, Low: p4}}
      is_open: {field: IsClosed, values: {"true": false, "false": true}}
      opened_at: CreatedDate
      sla_due_at: {field: Due, optional: true}
    sla_hours: {p1: 8}
  usage:
    object: Usage
    columns: {account_id: Account, metric: Metric, value: Value, day: Day}
  user:
    object: User
    columns: {is_active: IsActive, manager_id: ManagerId}
write:
  account:
    score: HScore
    band: HBand
    band_since: HSince
    trend: HTrend
    why: HWhy
    evidence: HEvidence
    score_computed: HComputed
    coverage: HCoverage
    open_escalations: HOpen
    last_12_weeks: HWeeks
    memory: HMemory
  task:
    object: Task
    key: HKey
    subject: Subject
    body: Description
    owner: OwnerId
    due: ActivityDate
    priority: Priority
    status: Status
    account: WhatId
    open_status: Not Started
    done_status: Completed
    priorities: {high: High, medium: Normal, low: Low}
  episode: {object: Episode, key: Key, account: Account, opened: Opened, cleared: Cleared}
  escalation:
    object: Escalation
    key: Key
    seal: Seal
    account: Account
    reason: Reason
    severity: Severity
    department: Department
    owner: OwnerId
    status: Status
    source: Source
    opened: Opened
    acknowledged: Acknowledged
    due: Due
    next_update: NextUpdate
    breached: Breached
    told: Told
    resolved: Resolved
    cleared: Cleared
    log: Log
    evidence: Evidence
    score: Score
    band: Band
    statuses: {open: Open, in_progress: In Progress, waiting: Waiting, resolved: Resolved}
    closed_statuses: [Resolved, Declined]
  edits: {band: ours, why: theirs}
"""

MODEL = """
time_zone: UTC
facts:
  p1_late:
    from: case
    where: is_open and priority = 'p1' and sla_due_at < as_of
    take: count(*)
  used: {from: usage, where: value > 0, take: count(*), note: how often}
measures:
  given:
    dimension: adoption
    value: given
    curve: {0: 0, 100: 100}
    says: "Given is {given:number}"
  second:
    dimension: experience
    value: coalesce(second, given)
    curve: {0: 0, 100: 100}
    says: "Second is {second:number}"
models:
  - {name: standard, weights: {given: 50, second: 50}}
bands:
  - {name: red, below: 60}
  - {name: yellow, below: 70}
  - {name: green}
"""

PLAYBOOK = """
alerts:
  late:
    when: p1_late > 0
    severity: high
    does: escalate
    cool_days: 3
    on_first_sync: true
    escalation: {reason: support, evidence: "{p1_late:number} cases are late"}
  dropped:
    when: band in ('yellow', 'red') and band_before = 'green'
    clear: band = 'green'
    since: band_since
    severity: medium
    does: task
    due_days: 3
    cool_days: 30
    task:
      subject: "{account}: health is now {band:text}"
      body: "Score {score:number}"
escalations:
  support:
    reason: Support issue
    severity: S1
    department: Support
    ends_when: The case is closed
    between_days: 0
departments:
  Support: {}
severities: {S1: 16, S2: 40, S3: 80, S4: 160}
"""


def _merged(base: Any, change: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return {**base, **{k: _merged(base.get(k), v) for k, v in change.items()}}


def reason(text: str) -> dict[str, Any]:
    """Whose change of the model it was, and why."""
    return {"owner": "Ada", "approver": "Grace", "date": date(2026, 3, 1), "reason": text}


def text_digest(value: Any) -> str:
    """A few digits that tell values apart."""
    return f"{zlib.crc32(repr(value).encode()):08x}"


def config(
    mapping: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    playbook: Mapping[str, Any] | None = None,
) -> Config:
    """The company's configuration, with changes merged into its three files.

    A changed model says so: else a sync would refuse it.
    """
    if model and "change" not in model:
        model = {**model, "change": reason(f"Another model, {text_digest(model)}")}
    files = {"salesforce": (MAPPING, mapping), "model": (MODEL, model)}
    files["playbook"] = (PLAYBOOK, playbook)
    texts = {
        name: yaml.safe_dump(_merged(yaml.safe_load(text), change or {}), sort_keys=False)
        for name, (text, change) in files.items()
    }
    return _loaded(**texts)


@cache
def _loaded(**texts: str) -> Config:
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / f"{name}.yaml").write_text(text)
        return load(Path(folder))


@dataclass
class Org:
    """A CRM, a state and a configuration: `sync` runs one whole sync."""

    folder: Path
    config: Config = field(default_factory=config)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.crm = Crm(FixedClock(self.now))
        define_for(self.crm, self.config.mapping)
        self.owner = self.crm.put("User", {"IsActive": True}, at=self.ago(days=900))
        self.store = Store.open(located(self.folder / "org.db"))
        self.max_calls: int | None = None
        self.page = 200
        self.batch = 200

    def ago(self, **delta: float) -> datetime:
        return self.crm.clock.now() - timedelta(**delta)

    def account(
        self, given: float | None = 80.0, *, at: datetime | None = None, **values: Any
    ) -> str:
        """A customer whose score is `given`."""
        first = {"Name": "Acme", "Type": "Customer - Direct", "OwnerId": self.owner}
        row = {**first, "Given": given, "Value": 1000.0, **values}
        return self.crm.put("Account", row, at=at)

    def book(self, count: int = 30) -> list[str]:
        """Customers with scores around 80, a case and some usage each."""
        ids = [self.account(70.0 + n % 25, Name=f"Acme {n:03d}") for n in range(count)]
        for place, account in enumerate(ids):
            self.crm.put("Usage", {"Account": account, "Value": 5.0, "Day": self.now.date()})
            if place % 3 == 0:
                self.case(account, Priority="Low")
        return ids

    def case(self, account: str | None, **values: Any) -> str:
        first = {"Priority": "High", "IsClosed": False, "CreatedDate": self.ago(days=10)}
        return self.crm.put("Case", {"AccountId": account, **first, **values})

    def connector(self, notes: Notes | None = None) -> InMemoryConnector:
        ports = make_ports(self.crm.clock, max_calls=self.max_calls, notes=notes)
        return InMemoryConnector(self.crm, ports, page=self.page, batch=self.batch)

    def sync(self, **options: Any) -> Report:
        return self.perform(**options)[0]

    def perform(self, **options: Any) -> tuple[Report, int]:
        return session.perform(
            self.connector, self.store, self.config, Options(**options), self.crm.clock.now
        )

    def plan(self, report: Report) -> pl.DataFrame:
        """The rows of a run's plan."""
        return self.store.plans.rows(report.run.id)

    def reset_state(self) -> None:
        """Lose the local database."""
        self.store.close()
        deleted(self.folder / "org.db")
        self.store = Store.open(located(self.folder / "org.db"))

    def pass_time(self, **delta: float) -> None:
        self.crm.clock.advance(timedelta(**delta))

    def days(self, count: int) -> list[Report]:
        """So many days pass, with a sync on each."""
        found = []
        for _ in range(count):
            self.pass_time(days=1)
            found.append(self.sync())
        return found

    def weeks(self, count: int) -> None:
        """So many weeks pass, with a sync at the end of each and one on the day after."""
        for _ in range(count):
            self.pass_time(days=6)
            self.sync()
            self.days(1)

    def shown(self, account: str) -> dict[str, Any]:
        return self.crm.tables["Account"].rows[account].values

    def edit(self, name: str, row_id: str, **values: Any) -> None:
        self.crm.edit(name, row_id, values)

    def setting(self) -> Setting:
        connector = self.connector()
        return runs.read_setting(connector, self.config, connector.identity())

    def run(self) -> Run:
        """An open run, for tests of single steps."""
        pinned = self.store.pinned()
        now = self.crm.clock.now()
        return self.store.runs.start(
            org_id=pinned[0] if pinned else "",
            as_of=now,
            now=now,
            digest=self.config.digest,
            kind="sync",
        )


def setting_of(given: Config, as_of: datetime = NOW) -> Setting:
    """A setting of an org that has all that the configuration names."""
    crm = MemoryCrm(FixedClock(as_of))
    define_for(crm, given.mapping)
    connector = InMemoryConnector(crm, make_ports(crm.clock))
    infos = connector.describe(streams.objects(given.mapping))
    calendar = Calendar.of(given.model.time_zone or "UTC", given.model.holidays)
    return Setting(given, streams.resolve(given.mapping, infos), calendar, as_of)


__all__ = ["NOW", "Crm", "CrmMapping", "Org", "Report", "config", "setting_of"]
