"""One run of one org: read what changed, work out what the CRM should say, write the difference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

import orjson
import polars as pl

from crm_health.businesstime import Calendar
from crm_health.config.load import Config
from crm_health.connector import Connector, Identity
from crm_health.health.book import Figures
from crm_health.store import Run, Store
from crm_health.sync import (
    approval,
    draft,
    feed_days,
    hierarchy,
    models,
    notices,
    plan,
    population,
    ration,
    rests,
    shifts,
    staff,
    streams,
    vanished,
)
from crm_health.sync.apply import apply
from crm_health.sync.assess import Former
from crm_health.sync.due import Due
from crm_health.sync.fields import EDITS
from crm_health.sync.guards import Tally, stops
from crm_health.sync.options import Options
from crm_health.sync.pull import Pulled, pull
from crm_health.sync.setting import Setting

#: Small state of the store: how many customers the last full assessment found.
CUSTOMERS = "customers"
#: The time zone that days are counted in.
ZONE = "time_zone"
#: The warnings of the last run, as JSON.
WARNINGS = "warnings"
#: The day up to which readings were thinned.
THINNED = "thinned"
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
    #: People's edits of our fields: columns of `fields.EDITS`.
    edits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EDITS))
    #: New tasks that wait because their owner has enough for today.
    waiting: int = 0
    #: Tasks that have waited for so long that they are not told any more.
    expired: int = 0
    #: Tasks and escalations that nobody active can take.
    ownerless: int = 0
    #: Alerts that hold already for accounts that are synced for the first time: they make no task.
    stood: int = 0
    #: What is odd but no hindrance, for people.
    warnings: list[str] = field(default_factory=list)
    #: Rows that the CRM refused before with the same content: not sent again.
    refused: int = 0
    #: Guards that hold the plan; nothing was written where there are any.
    stops: list[str] = field(default_factory=list)
    #: Plan rows by what became of them.
    outcomes: dict[str, int] = field(default_factory=dict)
    #: API calls that the plan needs.
    calls_needed: int = 0
    #: Rows of the held plan that this run was to apply; None where it was an ordinary one.
    approved: int | None = None


def sync(connector: Connector, store: Store, config: Config, run: Run, options: Options) -> Report:
    """Do one run under the org's lock.

    Raises:
        CrmHealthError: the run ended early. Whatever was not written follows in the next run.
    """
    if options.approve is not None:
        # Before anything else: a wrong id must not let a source that shrank into the mirror.
        approval.check(store, run, options.approve)
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
    report.warnings = [*setting.reads.warnings, *staff.missing(store, setting)]
    store.runs.set_value(WARNINGS, orjson.dumps(report.warnings).decode())
    store.runs.phase(run, "assess")
    book = population.figures(store, setting)
    tally = Tally(shrunk=report.pulled.shrunk)
    scopes = due.scopes()
    sample = shifts.Sample(setting, len(scopes))
    former = _former(store, config, setting)
    gathered = draft.assess_all(
        store, setting, run, scopes, book, former, tally, options.tick, sample
    )
    _count(store, report, due, gathered, tally)
    unserved = _leave_out(store, report, gathered, options, everything=due.all)
    store.runs.phase(run, "guards")
    if not identity.is_sandbox:
        tally.shifted = shifts.found(store, setting, sample, report.customers)
        if _is_guarded(store, options, tally):
            kinds = store.drafts.kinds(run)
            report.stops = stops(config.playbook.guards, tally, kinds, connector.usage())
    if options.approve is not None and not report.stops:
        report.approved = sum(store.plans.counts(options.approve).values())
        store.drafts.keep_approved(run, options.approve)
    store.drafts.fix(run, plan.KINDS)
    report.calls_needed = plan.calls(store.plans.groups(run.id), connector)
    if report.stops:
        store.plans.hold(run.id, "; ".join(report.stops))
        approval.note(store, run.id, report.pulled.shrunk, tally.shifted)
    elif not options.dry_run:
        # A plan that a guard holds leaves no reading: a broken source must not bend the trend.
        _keep(store, config, setting, book, former)
        if due.all or options.approve is not None:
            feed_days.keep(store, setting)
        store.runs.phase(run, "apply")
        _write(connector, store, config, run, options)
        _settle(store, report, due, unserved, options)
        vanished.check(connector, store, setting)
    report.outcomes = store.plans.counts(run.id)
    return report


def _is_guarded(store: Store, options: Options, tally: Tally) -> bool:
    """Whether a person has not said yet that this plan is right, with all that was to be seen."""
    if options.approve is None:
        return True
    return not tally.shifted.keys() <= approval.shifted(store, options.approve)


def _write(connector: Connector, store: Store, config: Config, run: Run, options: Options) -> None:
    try:
        apply(connector, store, run, config, options)
    finally:
        # Also of a run that is stopped in the middle: these tasks are there.
        notices.tell(store, run, config.mapping, options)


def _keep(
    store: Store, config: Config, setting: Setting, book: Figures, former: Former | None
) -> None:
    """What counts from now on, however far the writes get: readings, model, the day's figures."""
    store.history.keep_staged()
    models.keep(store, config, setting.day)
    store.history.save_figures(setting.day, config.digest, book)
    if former is not None and former.book is not None:
        store.history.save_figures(setting.day, former.setting.config.digest, former.book)


def _former(store: Store, config: Config, setting: Setting) -> Former | None:
    """What counted until today, where that was another model."""
    found = models.before(store, config, setting.day)
    if found is None:
        return None
    name, model = found
    if model is None:
        return Former(setting, None, name)
    zone = setting.calendar.time_zone
    told = model.model_copy(update={"time_zone": zone})
    former = replace(setting, config=replace(setting.config, model=told, digest=name))
    try:
        return Former(former, population.figures(store, former), name)
    except pl.exceptions.PolarsError:
        return Former(former, None, name)


def _count(store: Store, report: Report, due: Due, gathered: draft.Gathered, tally: Tally) -> None:
    """What was assessed, and the book that the guards hold it against."""
    mirror = store.mirror
    before = store.runs.get_value(CUSTOMERS)
    report.assessed = gathered.assessed
    report.accounts = mirror.count("account")
    report.customers = report.assessed if due.all else int(before or 0)
    report.edits, report.ownerless = gathered.edits, gathered.ownerless.len()
    report.stood = gathered.stood
    tally.customers = report.customers
    tally.customers_before = int(before) if due.all and before else None
    # Nothing moves where nothing was assessed: then the tables need not be read for it.
    if report.assessed:
        tally.scored = mirror.count("account", present="shown_score")
        tally.known = mirror.count("account", present="shown_memory")
        tally.open_records = sum(
            mirror.count(name, true="is_open") for name in ("task", "escalation")
        )


def _leave_out(
    store: Store,
    report: Report,
    gathered: draft.Gathered,
    options: Options,
    *,
    everything: bool,
) -> pl.Series:
    """Take from the draft what is not sent now; the accounts that wait for something all the same.

    Tasks beyond a person's day come back by themselves. What the CRM refused in the last day
    with the very same content waits for a change, for `full`, or for a person's approval of it.
    """
    run, unserved, tasks = report.run, gathered.ownerless, gathered.tasks
    if not options.full:
        since = run.started_at - timedelta(days=1)
        refused = store.drafts.leave_out_refused(run, since, options.approve)
        report.refused = refused.height
        _leave_resting(store, run, refused, report.setting)
        unserved = pl.concat([unserved, refused["account_id"]])
        # What the CRM does not take has no place in anybody's day: others would wait for nothing.
        tasks = tasks.join(refused, on="key", how="anti", maintain_order="left")
    waiting = ration.waiting(tasks, store, report.setting, gathered.at_work)
    for kind in ("task", "touch"):
        store.drafts.leave_out(run, kind, waiting.left_out)
    report.waiting, report.expired = len(waiting.keys), len(waiting.expired)
    if not options.dry_run:
        ration.remember(store, gathered.tasks, waiting, everything=everything)
    return unserved


def _leave_resting(store: Store, run: Run, refused: pl.DataFrame, setting: Setting) -> None:
    """Leave out what rests on a row that is not sent."""
    if not refused["kind"].is_in(rests.LEADS).any():
        return
    # Drafts have numbers below zero.
    drafted = store.plans.rows(
        run.id, "drafted", kinds=rests.FOLLOW, columns=tuple(rests.ROWS), after=-(2**62)
    )
    waiting = rests.resting(drafted, refused, setting.config.playbook.alerts)
    for (kind,), rows in waiting.group_by("kind"):
        # What people opened has no key.
        column: Literal["key", "record_id"] = "record_id" if kind == "time_escalation" else "key"
        store.drafts.leave_out(run, str(kind), rows[column], column)


def _settle(store: Store, report: Report, due: Due, unserved: pl.Series, options: Options) -> None:
    """After the writes: what is done with, and the day's tidying up."""
    if options.approve is not None:
        # An approved plan holds only what was still wanted: everybody stays due.
        states = store.plans.counts(report.run.id)
        if not states.keys() & {"planned", "sent", "retry", "unknown"}:
            store.plans.use_hold(options.approve, report.run)
        return
    waiting = pl.concat([store.plans.pending(report.run.id), unserved])
    if due.all:
        # Before the day counts as done: a run that dies in between must not leave a book of nobody.
        store.runs.set_value(CUSTOMERS, str(report.customers))
    due.settled(waiting.drop_nulls().unique())
    if due.all:
        _tidy(store, report)


def _tidy(store: Store, report: Report) -> None:
    """Once a day: what need not be kept any longer."""
    day, thinned = report.setting.day, store.runs.get_value(THINNED)
    store.history.thin(day, date.fromisoformat(thinned) if thinned else None)
    store.runs.set_value(THINNED, day.isoformat())
    store.plans.forget(report.run.started_at - KEPT)


def _may_shrink(
    store: Store, setting: Setting, identity: Identity, options: Options
) -> frozenset[str]:
    """Objects whose vanished rows count as gone: a person approved it, or it is a test org."""
    if identity.is_sandbox:
        return frozenset(stream.object for stream in setting.reads.streams)
    if options.approve is None:
        return frozenset()
    return approval.shrunk(store, options.approve)


def read_setting(connector: Connector, config: Config, identity: Identity) -> Setting:
    """Hold the config against the org, and fix the run's instant and time zone."""
    zone = config.model.time_zone or identity.time_zone or "UTC"
    config = replace(config, model=config.model.model_copy(update={"time_zone": zone}))
    reads = streams.resolve(config.mapping, connector.describe(streams.objects(config.mapping)))
    calendar = Calendar.of(zone, config.model.holidays)
    return Setting(config, reads, calendar, identity.now.replace(second=0, microsecond=0))
