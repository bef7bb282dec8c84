"""The touch plan over all customers, and who looks after whom, as the mirror tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from crm_health.config.model import FactDef
from crm_health.config.touches import Touches, is_touch
from crm_health.entities import Kind
from crm_health.health import book
from crm_health.health.evaluate import names_in
from crm_health.programmes import episodes
from crm_health.programmes.attention import VALUE
from crm_health.programmes.capacity import CUSTOMERS
from crm_health.programmes.touch_figures import ASKED, mix
from crm_health.programmes.touches import due
from crm_health.store import Scope, Store
from crm_health.sync import population
from crm_health.sync.assess import in_scope, load_facts
from crm_health.sync.placing import placing
from crm_health.sync.setting import Setting
from crm_health.sync.staff import staff

_TALKS = ("call", "meeting", "email_in")
_DONE = "_done_"


@dataclass(frozen=True)
class Kept:
    """How the touch plan is kept."""

    #: Columns of `touch_figures.ASKED`.
    asked: pl.DataFrame
    #: As `touch_figures.mix` gives it.
    talks: pl.DataFrame
    #: Touches that rest on the score: nobody can tell here.
    untold: tuple[str, ...]


def customers(store: Store, setting: Setting) -> pl.DataFrame:
    """Columns of `capacity.CUSTOMERS`, of every customer."""
    whole = _view(store, setting, {VALUE}, {})
    if whole is None:
        return pl.DataFrame(schema=CUSTOMERS)
    known = VALUE in whole.columns
    return whole.select(
        "account_id",
        _person(store, setting).alias("person"),
        pl.col("tier_now").alias("tier"),
        (pl.col(VALUE) if known else pl.lit(None)).cast(pl.Float64).alias("value"),
    )


def plan_kept(store: Store, setting: Setting, touches: Touches, days: int) -> Kept:
    """How the plan is kept today, and what was done in so many days up to it.

    Args:
        store: The open database.
        setting: Of the last run.
        touches: The plan.
        days: The window.
    """
    model, first = setting.config.model, setting.day - timedelta(days=days - 1)
    counts = {}
    for name, touch in touches.plan.items():
        fact = model.facts.get(touch.fulfilled_by)
        if fact is not None:
            where = f"({fact.where or 'true'}) and age_days between 0 and {days - 1}"
            counts[f"{_DONE}{name}"] = fact.model_copy(update={"where": where, "take": "count(*)"})
    texts = {name: touches.days_left(touch) for name, touch in touches.plan.items()}
    read = frozenset[str]().union(names_in(touches.planned), *map(names_in, texts.values()))
    whole = _view(store, setting, read, counts)
    if whole is None:
        return Kept(pl.DataFrame(schema=ASKED), pl.DataFrame(), ())
    there = {n for n, text in texts.items() if names_in(text) <= set(whole.columns)}
    plan = {name: touch for name, touch in touches.plan.items() if name in there}
    whole = whole.with_columns(_person(store, setting).alias("csm"))
    found = due(touches.model_copy(update={"plan": plan}), whole)
    done = [name for name in counts if name in whole.columns]
    counted = whole.select("account_id", *done).unpivot(
        done, index="account_id", variable_name="touch", value_name="done"
    )
    asked = found.join(
        whole.select("account_id", pl.col("tier_now").alias("tier"), "csm"), on="account_id"
    ).join(
        counted.with_columns(pl.col("touch").str.strip_prefix(_DONE)),
        on=["account_id", "touch"],
        how="left",
    )
    asked = asked.with_columns(
        (pl.col("due") < setting.day).alias("overdue"), pl.col("done").cast(pl.Int64)
    )
    tiers = whole.select("account_id", pl.col("tier_now").alias("tier"))
    talks = _talks(store, setting, first).join(tiers, on="account_id")
    spent = mix(talks, _troubles(store, setting), _deals(store, setting))
    return Kept(asked.select(*ASKED), spent, tuple(sorted(texts.keys() - there)))


def _view(
    store: Store, setting: Setting, names: Iterable[str], more: Mapping[str, FactDef]
) -> pl.DataFrame | None:
    """Every customer with some names, where it stands, and who has it."""
    figures, _ = population.anew(store, setting)
    place = placing(setting, figures)
    model = setting.config.model
    read = frozenset[str]().union(names, *map(names_in, place.texts))
    few = population.narrowed(model, read | set(book.parts(book.names(model, place.texts))))
    few = few.model_copy(update={"facts": {**few.facts, **more}})
    narrow = replace(setting, config=replace(setting.config, model=few))
    wanted = {"account_id", "day", "tier_now", "tier_days", "csm_id", "owner_id", *names, *more}
    found = []
    for scope in population.parts(store, setting):
        accounts = in_scope(store, setting, scope)
        if accounts.height:
            values = load_facts(store, narrow, accounts, scope, figures).values
            found.append(values.select(name for name in values.columns if name in wanted))
    return pl.concat(found) if found else None


def _person(store: Store, setting: Setting) -> pl.Expr:
    """Who looks after a customer: its CSM, else its owner where owners do; nobody who has left."""
    there = staff(store, setting)
    users = there.users
    active = None
    if users is not None:
        active = users.filter(pl.col("is_active").fill_null(value=False))["id"]

    def works(name: str) -> pl.Expr:
        if active is None:
            return pl.col(name)
        return pl.when(pl.col(name).is_in(active.implode())).then(pl.col(name))

    own = works("csm_id")
    return pl.coalesce(own, works("owner_id")) if there.stands_in else own


def _has(setting: Setting, entity: str, *names: str) -> bool:
    return set(names) <= setting.reads.shapes.get(entity, {}).keys()


def _talks(store: Store, setting: Setting, first: date) -> pl.DataFrame:
    """`account_id`, `day` of each conversation since a day."""
    if not _has(setting, "activity", "kind", "happened_at"):
        return pl.DataFrame(schema={"account_id": pl.String, "day": pl.Date})
    names = ["kind", "happened_at"]
    names += ["is_done"] if _has(setting, "activity", "is_done") else []
    rows = store.mirror.load("activity", names, Scope.all())
    done = pl.col("is_done").fill_null(value=True) if "is_done" in names else pl.lit(value=True)
    within = pl.col("happened_at").is_between(first, setting.day)
    return rows.filter(done & within & pl.col("kind").is_in(_TALKS)).select(
        "account_id", pl.col("happened_at").alias("day")
    )


def _troubles(store: Store, setting: Setting) -> pl.DataFrame:
    """`account_id`, `day` of cases, escalations and risks that made a task."""
    parts = [pl.DataFrame(schema={"account_id": pl.String, "day": pl.Date})]
    alerts = setting.config.playbook.alerts
    calm = [n for n, alert in alerts.items() if alert.polarity != "risk" or is_touch(n)]
    for entity in ("case", "escalation", "episode"):
        if not _has(setting, entity, "opened_at"):
            continue
        keyed = ["key"] if entity == "episode" else []
        rows = store.mirror.load(entity, ["opened_at", *keyed], Scope.all())
        if keyed:
            rows = episodes.with_rule(rows).filter(~pl.col("rule").is_in(calm))
        parts.append(rows.select("account_id", _day(setting, entity, "opened_at").alias("day")))
    return pl.concat(parts).drop_nulls()


def _deals(store: Store, setting: Setting) -> pl.DataFrame:
    """`account_id`, `day`, `until` of deals to buy more."""
    schema = {"account_id": pl.String, "day": pl.Date, "until": pl.Date}
    names = ["kind", "is_open", "created_at", "close_at"]
    if not _has(setting, "opportunity", *names):
        return pl.DataFrame(schema=schema)
    rows = store.mirror.load("opportunity", names, Scope.all())
    return rows.filter(pl.col("kind") == "expansion").select(
        "account_id",
        _day(setting, "opportunity", "created_at").alias("day"),
        pl.when(~pl.col("is_open").fill_null(value=True)).then("close_at").alias("until"),
    )


def _day(setting: Setting, entity: str, name: str) -> pl.Expr:
    if setting.reads.shapes[entity][name] is Kind.INSTANT:
        zone = ZoneInfo(setting.calendar.time_zone)
        return pl.col(name).dt.convert_time_zone(zone.key).dt.date()
    return pl.col(name)
