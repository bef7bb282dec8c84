"""What should happen to the tasks and escalations of some accounts: what opens, what clears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.config.touches import PREFIX
from crm_health.programmes import episodes, folding, telling, told
from crm_health.programmes.escalation_reasons import allowed, slugs
from crm_health.programmes.telling import Telling
from crm_health.sync.escalations import is_untouched
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting
from crm_health.sync.staff import Staff
from crm_health.sync.texts import visible


@dataclass(frozen=True)
class Actions:
    """Decided, and not yet put into plan rows."""

    #: As `episodes.conditions` gives it.
    found: pl.DataFrame
    #: Episodes that open as escalations, with `owner_id`.
    escalates: pl.DataFrame
    #: What makes a task, with `severity`, `owner_id` and `contact_id`, and what joins one.
    shared: Telling
    #: The episodes' texts as they should be: `base`, `told`.
    notes: pl.DataFrame
    #: Rows of `Records.known` whose cause is over.
    clears: pl.DataFrame
    #: `account_id`, `rule` of alerts whose cause is escalated.
    replaced: pl.DataFrame
    #: Tasks, by their episodes' keys, in whose place another one of the account goes on.
    folded: pl.Series
    #: `account_id`, `standing`: rules that held at the first sync and still do.
    standing: pl.DataFrame
    #: Accounts for which something should open, with nobody active to tell.
    ownerless: pl.Series


def decide(
    staff: Staff,
    setting: Setting,
    records: Records,
    accounts: pl.DataFrame,
    memories: pl.DataFrame,
) -> Actions:
    """Decide what opens and clears, from the accounts' facts and the CRM's own records."""
    playbook = setting.config.playbook
    alerts = playbook.alerts
    kept = records.known.filter(pl.col("cleared_at").is_null())
    found = episodes.conditions(alerts, accounts, kept, playbook.quiet)
    first = memories.select("account_id", (~pl.col("known")).alias("first"), "standing")
    names = [*episodes.KNOWN, "rule", "number"]
    last = episodes.latest(pl.concat([records.known.select(names), records.taken.select(names)]))
    opens = episodes.opening(alerts, found, last, first, setting.day)
    by = [rule for rule, alert in alerts.items() if alert.does == "escalate"]
    there = records.escalations.select(
        "account_id",
        slugs(records.escalations, playbook.escalations, alerts).alias("reason"),
        pl.col("is_open").fill_null(True),
        "opened_at",
    )
    may = allowed(
        opens.filter(pl.col("rule").is_in(by)), there, playbook.escalations, alerts, setting.day
    )
    told_of = visible(setting, accounts)
    escalates = _owned(staff, setting, may, told_of)
    served = escalates.filter(pl.col("owner_id").is_not_null())
    replaced = _replaced(alerts, pl.concat([_holding(alerts, records, found), _by(served)]))
    wanted = opens.filter(~pl.col("rule").is_in(by)).join(
        replaced, on=["account_id", "rule"], how="anti"
    )
    standing = _standing(alerts, records)
    shared = telling.share(alerts, wanted, standing)
    makes = _owned(staff, setting, shared.makes, told_of)
    told_to = makes.filter(pl.col("owner_id").is_not_null())
    # What nobody can be told of takes its further lines along.
    joins = shared.joins.join(
        makes.filter(pl.col("owner_id").is_null()).select(pl.col("key").alias("base")),
        on="base",
        how="anti",
    )
    over = _over(setting, records, found, replaced)
    clears = episodes.clearing(found, records.known, over)
    going = records.known.filter(pl.col("cleared_at").is_null())
    several = standing.join(accounts.select("account_id"), on="account_id", how="semi")
    folded = folding.fold(several, going.join(clears.select("key"), on="key", how="anti"), last)
    clears = pl.concat([clears, going.filter(pl.col("key").is_in(folded.keys.implode()))])
    joins = pl.concat([joins, folded.joins])
    notes = _notes(setting, records, Telling(told_to, joins), clears)
    # A touch for which there is nobody shows in the account's fields; it keeps nothing waiting.
    wanting = makes.filter(~pl.col("rule").str.starts_with(PREFIX))
    nobody = pl.concat(frame.select("account_id", "owner_id") for frame in (escalates, wanting))
    return Actions(
        found,
        served,
        Telling(told_to, _noted(records, joins, notes)),
        notes,
        clears,
        replaced,
        folded.bases,
        episodes.standing_rules(alerts, found, memories),
        nobody.filter(pl.col("owner_id").is_null())["account_id"],
    )


def _standing(alerts: Mapping[str, Alert], records: Records) -> pl.DataFrame:
    """The open tasks about risks: columns of `telling.OPEN`."""
    rules = telling.urgency(alerts)
    rule = pl.col("base").str.extract(rf"^{episodes.PREFIX}:.+:([a-z0-9_]+):\d+$")
    # A rule that the playbook no longer has told of a risk, for all that anybody knows.
    return (
        records.tasks.filter(pl.col("is_open").fill_null(True))
        .with_columns(rule.alias("rule"))
        .filter(pl.col("rule").is_not_null())
        .join(rules.select("rule", "polarity"), on="rule", how="left", maintain_order="left")
        .filter(pl.col("polarity").fill_null("risk") == "risk")
        .select(*telling.OPEN)
    )


def _over(
    setting: Setting, records: Records, found: pl.DataFrame, replaced: pl.DataFrame
) -> pl.Series:
    """Keys of episodes that are over whatever their condition says.

    Those that an escalation takes the place of, events whose task or escalation is done with or
    which are no news any more, and those of rules that the playbook no longer has: they would hold
    the account's one task for ever.
    """
    alerts = setting.config.playbook.alerts
    going = records.known.filter(pl.col("cleared_at").is_null())
    events = [rule for rule, alert in alerts.items() if alert.since]
    still_open = pl.col("is_open").fill_null(True)
    works = [(records.tasks, "base"), (records.escalations, "key")]
    at_work = pl.concat(frame.filter(still_open)[key].rename("key") for frame, key in works)
    done = going.filter(pl.col("rule").is_in(events) & ~pl.col("base").is_in(at_work.implode()))
    away = going.join(replaced, on=["account_id", "rule"], how="semi")
    told = pl.col("base").is_in(records.episodes["key"].implode())
    gone = going.filter(~pl.col("rule").is_in(list(alerts)) & told)
    untouched = pl.col("base").is_in(records.tasks.filter("untouched")["base"].implode())
    # While its condition holds it is news: one episode covers what happened since as well.
    fresh = found.filter(pl.col("holds").fill_null(True)).select("account_id", "rule")
    old = going.filter(episodes.expired(alerts, setting.day).is_not_null() & untouched).join(
        fresh, on=["account_id", "rule"], how="anti"
    )
    return pl.concat([done["key"], away["key"], gone["key"], old["key"]])


def _holding(alerts: Mapping[str, Alert], records: Records, found: pl.DataFrame) -> pl.DataFrame:
    """`account_id`, `by` (the rule) of escalations that hold others back once this run is over.

    Open ones that we don't end now, and those that a person ended while their cause goes on: else
    its alert would ask for the same the day after. An event is over with its record.
    """
    over = pl.col("key").is_in(episodes.clearing(found, records.known)["key"].implode())
    events = [rule for rule, alert in alerts.items() if alert.since]
    still_open = pl.col("is_open").fill_null(True)
    stays = still_open & ~(pl.col("untouched") & over)
    goes_on = pl.col("cleared_at").is_null() & ~over & ~pl.col("by").is_in(events)
    ours = records.escalations.with_columns(
        pl.col("key").str.extract(r":([a-z0-9_]+):\d+$").alias("by"),
        is_untouched(records.escalations).alias("untouched"),
    ).filter(pl.col("by").is_not_null())
    # Of an open one that a person holds the cause may be over.
    return ours.filter(stays | (~still_open & goes_on)).select("account_id", "by")


def _by(escalates: pl.DataFrame) -> pl.DataFrame:
    return escalates.select("account_id", pl.col("rule").alias("by"))


def _replaced(alerts: Mapping[str, Alert], holding: pl.DataFrame) -> pl.DataFrame:
    """`account_id`, `rule` of alerts whose cause is escalated, by `account_id` and `by`."""
    pairs = [(by, rule) for by, alert in alerts.items() for rule in alert.replaces]
    listed = pl.DataFrame(pairs, schema={"by": pl.String, "rule": pl.String}, orient="row")
    return holding.unique().join(listed, on="by").select("account_id", "rule").unique()


def _notes(
    setting: Setting, records: Records, shared: Telling, clears: pl.DataFrame
) -> pl.DataFrame:
    """The episodes' texts; none where no field takes them."""
    if setting.config.mapping.write.episode.told is None:
        return pl.DataFrame(schema={"base": pl.String, "told": pl.String})
    own = shared.makes.filter(pl.col("baseline").is_not_null()).with_columns(
        pl.col("key").alias("base")
    )
    names = ["base", "rule", "number", "baseline"]
    new = pl.concat([own.select(names), shared.joins.select(names)])
    # The entry of an episode itself keeps a number, and is over when its record says so.
    ends = clears.filter(pl.col("key") != pl.col("base"))["key"]
    return told.render(telling.entries(records.entries, ends, new, setting.day))


def _noted(records: Records, joins: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """What joins a task and is kept in mind; the rest shows in fields only.

    It finds no room in the text, or the episode that bears it is gone.
    """
    there = pl.col("new") | pl.col("base").is_in(records.episodes["key"].implode())
    return joins.filter(there).join(told.parse(notes), on=["base", "rule", "number"], how="semi")


def _owned(
    staff: Staff, setting: Setting, opens: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    """What should open, with `severity`, `contact_id` and its owner: null where there is none."""
    playbook, found = setting.config.playbook, []
    empty = opens.with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("severity", "contact_id", "owner_id")
    )
    if opens.is_empty():
        return empty
    alerts, rule = playbook.alerts, pl.col("rule")
    desk_of = staff.desks()
    desks = {
        name: desk_of.get(playbook.escalations[alert.escalation.reason].department)
        for name, alert in alerts.items()
        if alert.escalation is not None
    }

    def by(values: dict[str, Any]) -> pl.Expr:
        return rule.replace_strict(values, default=None, return_dtype=pl.String)

    frame = opens.with_columns(
        by({name: alert.severity for name, alert in alerts.items()}).alias("severity"),
        by({name: alert.told for name, alert in alerts.items()}).alias("_told"),
        by(desks).alias("_desk"),
    )
    for who in frame["_told"].unique(maintain_order=True):
        mine = frame.filter(pl.col("_told") == who)
        named = mine.select("account_id", "rule")
        view = named.join(accounts, on="account_id", maintain_order="left")
        contact = pl.lit(None, pl.String)
        for name in view["rule"].unique():
            column = alerts[name].contact
            if column is not None:
                contact = pl.when(rule == name).then(pl.col(column)).otherwise(contact)
        owner = staff.told(view, who)
        found.append(
            mine.with_columns(
                view.with_columns(contact.alias("contact_id"))["contact_id"],
                owner.alias("owner_id"),
            )
            .with_columns(pl.coalesce("_desk", "owner_id").alias("owner_id"))
            .drop("_told", "_desk")
        )
    return pl.concat(found).sort("account_id", "rule")
