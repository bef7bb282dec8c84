"""One run of one org: read what changed, work out what the CRM should say, write the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import polars as pl

from crm_health.businesstime import Calendar
from crm_health.config.load import Config
from crm_health.connector import Connector, Identity
from crm_health.store import Run, Store
from crm_health.sync import hierarchy, plan, population, streams, vanished
from crm_health.sync.apply import apply
from crm_health.sync.approval import approved_only
from crm_health.sync.assess import assess
from crm_health.sync.desire import Desired, desire
from crm_health.sync.due import Due
from crm_health.sync.guards import Tally, stops
from crm_health.sync.options import Options
from crm_health.sync.pull import Pulled, pull
from crm_health.sync.ration import ration
from crm_health.sync.setting import Setting

#: Small state of the store: how many customers the last full assessment found.
CUSTOMERS = "customers"
#: The time zone that days are counted in.
ZONE = "time_zone"
#: And which objects had shrunk when a plan was held, by the held run's id.
SHRUNK = "shrunk:"
#: How long plans and the CRM's own words about them are kept.
KEPT = timedelta(days=90)


@dataclass
class Report:
    """What a run did, for people and for its row in the database."""

    run: Run
    identity: Identity
    setting: Setting
    pulled: Pulled = field(default_factory=Pulled)
    #: All accounts in the CRM, those in scope, and those assessed in this run.
    accounts: int = 0
    customers: int = 0
    assessed: int = 0
    plan: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=plan.PLAN))
    #: People's edits of our fields: `account_id`, `output`, `shown`.
    edits: pl.DataFrame = field(default_factory=pl.DataFrame)
    #: New tasks that wait because their owner has enough for today.
    waiting: int = 0
    #: Tasks and escalations that nobody active can take.
    ownerless: int = 0
    #: Rows that the CRM refused before with the same content: not sent again.
    refused: int = 0
    #: Guards that hold the plan; nothing was written where there are any.
    stops: list[str] = field(default_factory=list)
    #: Plan rows by what became of them.
    outcomes: dict[str, int] = field(default_factory=dict)
    #: API calls that the plan needs.
    calls_needed: int = 0


def sync(connector: Connector, store: Store, config: Config, run: Run, options: Options) -> Report:
    """Do one run under the org's lock.

    Raises:
        CrmHealthError: the run ended early. Whatever was not written follows in the next run.
    """
    if options.approve is not None:
        # Before anything else: a wrong id must not let a source that shrank into the mirror.
        store.plans.approved(options.approve, run.started_at)
    identity = connector.identity()
    store.pin(identity.org_id, config.mapping.crm)
    connector.settle()
    setting = read_setting(connector, config, identity)
    store.runs.identify(run, org_id=identity.org_id, as_of=setting.as_of)
    store.runs.set_value(ZONE, setting.calendar.time_zone)
    report = Report(run, identity, setting)
    due = Due(store, setting, options.full)
    store.runs.phase(run, "pull")
    may_shrink = _may_shrink(store, setting, identity, options)
    report.pulled = pull(
        connector, store, setting, full=options.full, may_shrink=may_shrink, tick=options.tick
    )
    if due.all:
        report.pulled.quarantined += hierarchy.note_cycles(store, setting)
    store.runs.phase(run, "assess")
    book: Mapping[str, float | None] = population.figures(store, setting)
    wanted, tally = _assess_all(store, setting, due, book, options.tick, report)
    report.plan, report.waiting = ration(wanted.plan, wanted.tasks, store, setting)
    if not options.full:
        report.plan, refused = _without_refused(report.plan, store, run)
        report.refused = refused.len()
        wanted.unserved = pl.concat([wanted.unserved, refused])
    report.calls_needed = plan.calls(report.plan, connector)
    store.runs.phase(run, "guards")
    if options.approve is not None:
        report.plan = approved_only(store, options.approve, run, report.plan)
    elif not identity.is_sandbox:
        guards = config.playbook.guards
        report.stops = stops(guards, tally, report.plan, connector.usage())
    store.plans.add(run, plan.numbered(report.plan))
    if report.stops:
        store.plans.hold(run.id, "; ".join(report.stops))
        store.runs.set_value(f"{SHRUNK}{run.id}", ",".join(report.pulled.shrunk) or None)
    elif not options.dry_run:
        # A plan that a guard holds leaves no reading: a broken source must not bend the trend.
        store.history.keep_staged()
        store.history.save_figures(setting.day, config.digest, book)
        store.runs.phase(run, "apply")
        apply(connector, store, run, config.mapping, options)
        _settle(store, report, due, wanted, options)
        vanished.check(connector, store, setting)
    report.outcomes = store.plans.counts(run.id)
    return report


def _settle(store: Store, report: Report, due: Due, wanted: Desired, options: Options) -> None:
    """After the writes: what is done with, and the day's tidying up."""
    rows = store.plans.rows(report.run.id)
    if options.approve is not None:
        # An approved plan holds only what was still wanted: everybody stays due.
        if not rows["status"].is_in(["planned", "sent", "retry", "unknown"]).any():
            store.plans.use_hold(options.approve, report.run)
        return
    due.settled(rows, wanted.unserved)
    if due.all:
        store.runs.set_value(CUSTOMERS, str(report.customers))
        store.history.thin(report.setting.day)
        store.plans.forget(report.run.started_at - KEPT)


def _may_shrink(
    store: Store, setting: Setting, identity: Identity, options: Options
) -> frozenset[str]:
    """Objects whose vanished rows count as gone: a person approved it, or it is a test org."""
    if identity.is_sandbox:
        return frozenset(stream.object for stream in setting.reads.streams)
    if options.approve is None:
        return frozenset()
    return frozenset((store.runs.get_value(f"{SHRUNK}{options.approve}") or "").split(","))


def read_setting(connector: Connector, config: Config, identity: Identity) -> Setting:
    """Hold the config against the org, and fix the run's instant and time zone."""
    zone = config.model.time_zone or identity.time_zone or "UTC"
    config = replace(config, model=config.model.model_copy(update={"time_zone": zone}))
    reads = streams.resolve(config.mapping, connector.describe(streams.objects(config.mapping)))
    calendar = Calendar.of(zone, config.model.holidays)
    return Setting(config, reads, calendar, identity.now.replace(second=0, microsecond=0))


def _assess_all(
    store: Store,
    setting: Setting,
    due: Due,
    book: Mapping[str, float | None],
    tick: Callable[[str, int], None],
    report: Report,
) -> tuple[Desired, Tally]:
    """Phases (c) and (d): every due account, part by part, so that memory stays flat."""
    wanted, tally = Desired(), Tally(shrunk=report.pulled.shrunk)
    store.history.drop_staged()
    for scope in due.scopes():
        found = assess(store, setting, scope, book)
        if found is None:
            continue
        wanted.add(desire(store, setting, scope, found, tally))
        # Aside, part by part: receipts of all accounts together would not stay flat in memory.
        store.history.stage(found.readings)
        report.assessed += found.accounts.height
        tick("assess", found.accounts.height)
    mirror = store.mirror
    report.accounts = mirror.count("account")
    before = store.runs.get_value(CUSTOMERS)
    report.customers = report.assessed if due.all else int(before or 0)
    tally.customers = report.customers
    tally.customers_before = int(before) if due.all and before else None
    tally.scored = mirror.count("account", present="shown_score")
    tally.known = mirror.count("account", present="shown_memory")
    tally.open_records = sum(mirror.count(name, true="is_open") for name in ("task", "escalation"))
    report.edits, report.ownerless = wanted.edits, wanted.ownerless
    return wanted, tally


def _without_refused(rows: pl.DataFrame, store: Store, run: Run) -> tuple[pl.DataFrame, pl.Series]:
    """Leave out what the CRM refused in the last day with the very same content.

    Returns:
        The other rows, and the accounts of those left out: a row each.
    """
    refused = store.plans.rejected(run.started_at - timedelta(days=1))
    if refused.is_empty():
        return rows, rows["account_id"].head(0)
    same = ["object", "basis"]
    kept = rows.join(refused, on=same, how="anti", maintain_order="left")
    return kept, rows.join(refused, on=same, how="semi")["account_id"]
