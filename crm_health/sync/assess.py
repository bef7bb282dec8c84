"""Phases (b) to (d) for some accounts: mirror rows to facts, scores, bands, trends and texts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from crm_health.config.columns import extra_columns
from crm_health.entities import ACCOUNT_OUTPUTS, BY_PEOPLE, CONTINUOUS, ENTITIES, POLARS, shown
from crm_health.health import band, days, facts, receipt, score, text, trend, weeks
from crm_health.health.book import Figures
from crm_health.health.former import like_with_like, scores
from crm_health.programmes import episodes, memory, overrides, programme_memory
from crm_health.store import Scope, Store
from crm_health.sync import models
from crm_health.sync.placing import placing
from crm_health.sync.setting import Setting

#: How far back trends look.
HISTORY = timedelta(days=100)


@dataclass(frozen=True)
class Assessment:
    """Everything known of some accounts, one row an account, the same order in every frame."""

    #: Account columns, `shown_*`, facts, score columns, settled band, trend, texts.
    accounts: pl.DataFrame
    #: As `memory.parse` gives them.
    memories: pl.DataFrame
    #: As `memory.edited` gives them.
    edits: pl.DataFrame
    #: Readings for the history (`History.save`).
    readings: pl.DataFrame
    #: As `programme_memory.parse` and `programme_memory.edited` give them.
    programmes: pl.DataFrame
    programme_edits: pl.DataFrame


@dataclass(frozen=True)
class Former:
    """The model that counted before today's, and what it takes to score by it."""

    #: Today's, but for the model.
    setting: Setting
    #: None where the mapping does not bring any more what it reads, or the model is not known: then
    #: nobody can score by it.
    book: Figures | None
    #: The model's digest; empty where none is known.
    digest: str


def in_scope(store: Store, setting: Setting, scope: Scope) -> pl.DataFrame:
    """The customers among the accounts: all account columns, absent ones as nulls."""
    shape = setting.reads.shapes["account"]
    frame = store.mirror.load("account", [c for c in shape if c != "account_id"], scope)
    frame = frame.with_columns(pl.col("id").alias("account_id")) if "id" in frame.columns else frame
    wanted = {c.name: POLARS[c.kind] for c in ENTITIES["account"].columns}
    wanted |= {shown(name): POLARS[kind] for name, kind in ACCOUNT_OUTPUTS.items()}
    frame = _whole(frame, wanted | _own(setting, "account"))
    zone = setting.calendar.time_zone
    dated = days.with_days(frame, "account", setting.as_of, zone)
    held = dated.with_columns(
        pl.sql_expr(setting.config.mapping.scope).fill_null(False).alias("_in")
    )
    return frame.filter(held["_in"]).sort("account_id")


def load_facts(
    store: Store,
    setting: Setting,
    accounts: pl.DataFrame,
    scope: Scope,
    book: Figures,
    until: Mapping[str, date] | None = None,
    place: facts.Place | None = None,
) -> facts.Facts:
    """The One View of some accounts: one wide row each, placed by `place` or as the run does.

    Of entities in `until` as if there were no rows of days later than that.
    """
    model = setting.config.model
    sources = {}
    for entity in sorted({definition.source for definition in model.facts.values()}):
        found = source(store, setting, entity, scope)
        sources[entity] = (
            found.until(ENTITIES[entity], until[entity], model.time_zone)
            if until and entity in until
            else found
        )
    # The accounts are there already; what their columns are worth depends on when they were read.
    sources["account"] = facts.Source(accounts, _read_at(store, setting, "account"), None)
    place = place or placing(setting, book)
    return facts.compute(model, sources, accounts, setting.as_of, book, place)


def source(store: Store, setting: Setting, entity: str, scope: Scope) -> facts.Source:
    """The rows of some accounts, and what is known of their reading."""
    shape = setting.reads.shapes.get(entity)
    missing = setting.reads.missing.get(entity, frozenset())
    if shape is None:
        return facts.Source(
            rows=_whole(pl.DataFrame(schema={"account_id": pl.String}), _own(setting, entity)),
            read_at=None,
            newest=None,
            missing=missing,
        )
    # The org may lack a column of the company's own that expressions name all the same.
    # The line on cases is no input.
    columns = [name for name in shape if name != shown("context")]
    rows = _whole(store.mirror.load(entity, columns, scope), _own(setting, entity))
    if entity in BY_PEOPLE:
        # What a run opened is never an input: the next one would write again.
        rows = rows.filter(~episodes.is_ours(pl.col("key")))
    return facts.Source(
        rows=rows,
        read_at=_read_at(store, setting, entity),
        newest=newest(store, setting, entity),
        missing=missing,
    )


def newest(store: Store, setting: Setting, entity: str) -> date | None:
    """The newest day that a feed brought, of all accounts; of what is no feed nobody asks it."""
    main = ENTITIES[entity].main_date
    # Each part of a run asks, and no index helps: all rows of the table are looked at.
    if entity not in CONTINUOUS or main is None or main not in setting.reads.shapes.get(entity, ()):
        return None
    zone = ZoneInfo(setting.calendar.time_zone)
    found = store.mirror.newest(entity, main, setting.as_of.astimezone(zone))
    return found.astimezone(zone).date() if isinstance(found, datetime) else found


def _own(setting: Setting, entity: str) -> dict[str, DataType | DataTypeClass]:
    """The company's own columns of an entity."""
    extra = extra_columns(entity, setting.config.mapping)
    return {name: POLARS[kind] for name, kind in extra.items()}


def _whole(frame: pl.DataFrame, wanted: Mapping[str, DataType | DataTypeClass]) -> pl.DataFrame:
    """The frame with every column wanted, absent ones as nulls."""
    return frame.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in wanted.items()
        if name not in frame.columns
    )


def _read_at(store: Store, setting: Setting, entity: str) -> datetime | None:
    """When all objects that feed an entity were last read completely."""
    reads = [store.mirror.last_read(name) for name in setting.reads.objects_of(entity)]
    return min((last.complete_at for last in reads if last is not None), default=None)


def assess(
    store: Store, setting: Setting, scope: Scope, book: Figures, former: Former | None = None
) -> Assessment | None:
    """Assess the customers of a scope; None where there are none."""
    accounts = in_scope(store, setting, scope)
    if accounts.is_empty():
        return None
    model, day = setting.config.model, setting.day
    memories = memory.parse(accounts.select("account_id", "shown_memory"))
    edits = memory.edited(accounts, memories)
    override = overrides.resolve(accounts, memories, edits, day, model.override)
    accounts = accounts.with_columns(override)
    programmes = programme_memory.parse(accounts.select("account_id", shown("programmes")))
    changed = programme_memory.edited(accounts, programmes)
    place = replace(placing(setting, book), memory=(programmes, changed))
    view = load_facts(store, setting, accounts, scope, book, place=place)
    assessed = score.assess(model, view, setting.as_of)
    settled = _settle(setting, accounts, memories, assessed)
    known = store.history.series(day - HISTORY, scope).filter(pl.col("day") < day)
    apart = overrides.apart(
        # Nothing that is known can be apart from what a person says.
        assessed.select("account_id", "override", pl.when(pl.col("coverage") > 0).then("computed")),
        known,
        day,
        model.override.apart_points,
    )
    was = _was(store, setting, scope, former, known, accounts, view, assessed)
    today = assessed.select("account_id", "score", "computed", "model").join(
        was, on="account_id", how="left", maintain_order="left"
    )
    series = _series(known, accounts, today, day)
    trends = trend.trend(
        like_with_like(series, today),
        today.join(accounts.select("account_id", "shown_trend"), on="account_id"),
        day,
    )
    weekly = weeks.last_12_weeks(series, today, day)
    assessed = assessed.with_columns(today["was"])
    frame = (
        accounts.join(_new_columns(view.values, accounts), on="account_id", maintain_order="left")
        .join(_new_columns(assessed, view.values, accounts), on="account_id", maintain_order="left")
        .join(settled, on="account_id", maintain_order="left")
        .join(trends, on="account_id", maintain_order="left")
        .join(weekly, on="account_id", maintain_order="left")
        .join(apart, on="account_id", maintain_order="left")
    )
    texts = text.why(model, view, assessed, settled, trends)
    frame = frame.join(texts, on="account_id", maintain_order="left").with_columns(
        (pl.lit(day) - pl.col("band_since")).dt.total_days().alias("band_since_days"),
        pl.col("change_30").alias("score_change_30"),
    )
    receipts = receipt.receipts(
        model, view, assessed, settled, as_of=setting.as_of, digest=setting.config.digest
    )
    readings = frame.select(
        "account_id",
        pl.lit(day).alias("day"),
        pl.lit(setting.as_of).alias("as_of"),
        "score",
        "computed",
        "band_now",
        "band",
        "coverage",
        "model",
        pl.lit(setting.config.digest).alias("digest"),
        "was",
    ).join(receipts, on="account_id", maintain_order="left")
    return Assessment(frame, memories, edits, readings, programmes, changed)


def _settle(
    setting: Setting, accounts: pl.DataFrame, memories: pl.DataFrame, assessed: pl.DataFrame
) -> pl.DataFrame:
    then = memories.select(
        "account_id", "band", "since", "before", "pending", "pending_at", "pending_count"
    ).with_columns(accounts["shown_score"].alias("score"))
    # A person's score moves the band at once, as a cap does.
    now = assessed.select(
        "account_id",
        "score",
        "band_now",
        pl.coalesce(
            pl.when(pl.col("override").is_not_null()).then(pl.lit("override")), "capped"
        ).alias("capped"),
    )
    return band.settle(setting.config.model, then, now, setting.as_of, setting.calendar.time_zone)


def _was(
    store: Store,
    setting: Setting,
    scope: Scope,
    former: Former | None,
    known: pl.DataFrame,
    accounts: pl.DataFrame,
    view: facts.Facts,
    assessed: pl.DataFrame,
) -> pl.DataFrame:
    """Of accounts that came under another model today, what the one before would compute."""
    last = known.group_by("account_id").agg(pl.col("model").last()).drop_nulls()
    found = [pl.DataFrame(schema={"account_id": pl.String, "was": pl.Int64})]
    if former is not None:
        digests = store.history.digests(setting.day - HISTORY, setting.day, scope)
        # Whatever is known of it: today's configuration is no other one.
        others = set(digests["digest"].drop_nulls()) - {setting.config.digest}
        configs = models.made_by(store, former.digest, others)
        changed = digests.filter(pl.col("digest").is_in(configs))
        mine = last.join(changed, on="account_id", how="semi")
        last = last.join(changed, on="account_id", how="anti")
        if mine.height:
            theirs = accounts.join(mine, on="account_id", how="semi", maintain_order="left")
            by_former = _by_former(store, former, scope, theirs, mine)
            marked = mine.select("account_id").join(by_former, on="account_id", how="left")
            found.append(marked.with_columns(pl.col("was").fill_null(0)))
    moved = last.join(assessed.select("account_id", pl.col("model").alias("now")), on="account_id")
    found.append(
        scores(
            setting.config.model,
            view,
            moved.filter(pl.col("model") != pl.col("now")),
            setting.as_of,
        )
    )
    return pl.concat(found)


def _by_former(
    store: Store, former: Former, scope: Scope, accounts: pl.DataFrame, before: pl.DataFrame
) -> pl.DataFrame:
    if former.book is not None:
        with suppress(pl.exceptions.PolarsError):
            view = load_facts(store, former.setting, accounts, scope, former.book)
            return scores(former.setting.config.model, view, before, former.setting.as_of)
    return pl.DataFrame(schema={"account_id": pl.String, "was": pl.Int64})


def _series(
    known: pl.DataFrame, accounts: pl.DataFrame, today: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Daily scores before today; where the database knows less, the CRM's twelve weeks fill in.

    The CRM's scores do not say which model made them: today's is taken.
    """
    first = known.group_by("account_id").agg(pl.col("day").min().alias("first"))
    told = (
        weeks.restore(
            accounts.select("account_id", pl.col("shown_last_12_weeks").alias("last_12_weeks"))
        )
        .join(first, on="account_id", how="left")
        .join(today.select("account_id", "model"), on="account_id")
        .filter((pl.col("day") < pl.col("first").fill_null(day)) & (pl.col("day") < day))
    )
    parts = [
        part.select(
            "account_id", "day", pl.col("score").cast(pl.Float64), "computed", "model", "was"
        )
        for part in (
            known,
            told.with_columns(pl.lit(None, pl.Int64).alias(n) for n in ("computed", "was")),
        )
    ]
    return pl.concat(parts).sort("account_id", "day")


def _new_columns(frame: pl.DataFrame, *before: pl.DataFrame) -> pl.DataFrame:
    """A frame without the columns that earlier frames have, but for the account's id."""
    taken = {name for known in before for name in known.columns} - {"account_id"}
    return frame.select(name for name in frame.columns if name not in taken)
