"""Our own tasks, episodes and escalations, as they are read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_health.programmes import episodes, errands, told
from crm_health.programmes.seals import seal
from crm_health.store import Scope, Store
from crm_health.sync.kin import KEYED, Kin, born
from crm_health.sync.setting import Setting

#: When an occurrence that left only a closed task is taken to have ended.
LONG_AGO = date(1970, 1, 2)

#: What a person may change on a task of ours, which then is left alone.
TASK_SEALED = ["subject", "body", "owner_id", "due_at", "priority", "status"]

#: How the seal of an escalation ends that keeps a number of the day it opened.
BASELINE = r"\.b(-?[\d.]+)$"

_KNOWN = list(episodes.KNOWN)


@dataclass(frozen=True)
class Records:
    """What there is of some accounts."""

    #: With `base`, the key of the episode that each was made with, and `untouched`.
    tasks: pl.DataFrame
    episodes: pl.DataFrame
    escalations: pl.DataFrame
    #: What occurs at these accounts: episodes, what else their tasks tell of, and escalations;
    #: with `rule`, `number`, `base` (the key of the record that says so) and `baseline`.
    #: Of an escalation that somebody deleted the episodes of its errands say so.
    known: pl.DataFrame
    #: The entries of the episodes' texts: columns of `told.ENTRIES`, `account_id` and `key`.
    entries: pl.DataFrame
    #: Keys of these accounts that people took from their place: they are taken all the same.
    taken: pl.DataFrame
    #: Tasks that escalations ask for, as `tasks`; and what all of these are known by, of any
    #: account: columns of `episodes.KNOWN`.
    errands: pl.DataFrame
    asked: pl.DataFrame


def load(store: Store, setting: Setting, scope: Scope, kin: Kin) -> Records:
    """Read what there is of a scope's accounts, wherever it stands."""
    shapes, moved = setting.reads.shapes, kin.moved
    frames = {name: store.mirror.load(name, list(shapes[name]), scope) for name in KEYED}
    frames["task"] = _told_tasks(store, list(shapes["task"]), scope)
    away = any(frame.height for frame in kin.away.values())
    ids = store.mirror.account_ids(scope) if away else None
    frames |= {name: kin.of(name, frames[name], ids) for name in kin.away}
    here = pl.concat(frames[name].select(_KNOWN) for name in KEYED)
    taken = episodes.with_rule(pl.concat([_at_birth(moved), _lone(store, frames, here, moved)]))
    entries = _entries(frames["episode"])
    gone = _witnessed(frames, moved)
    tasks = _tasks(frames["task"])
    errand = pl.col("base").str.starts_with(errands.PREFIX)
    return Records(
        tasks.filter(~errand),
        frames["episode"],
        frames["escalation"],
        pl.concat(
            [_occurring(episodes.with_rule(here), entries, frames["escalation"]), gone],
        ),
        entries,
        taken,
        tasks.filter(errand),
        moved.filter(pl.col("key").str.starts_with(errands.PREFIX)),
    )


def _told_tasks(store: Store, names: list[str], scope: Scope) -> pl.DataFrame:
    """Open tasks whole. Of the others, far more as the years go by, all that counts is the key."""
    every = store.mirror.load("task", ["key", "is_open"], scope)
    going = store.mirror.load("task", names, scope, true="is_open")
    return pl.concat([going, every.filter(~pl.col("is_open").fill_null(False))], how="diagonal")


def _tasks(tasks: pl.DataFrame) -> pl.DataFrame:
    sealed = pl.col("key").str.extract(r"#([0-9a-f]{8})$")
    return tasks.with_columns(
        episodes.base(pl.col("key")).alias("base"),
        (sealed == seal(tasks, TASK_SEALED)).fill_null(False).alias("untouched"),
    )


def _entries(frame: pl.DataFrame) -> pl.DataFrame:
    """What stands in the episodes' texts."""
    if "told" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("told"))
    texts = frame.select("account_id", pl.col("key").alias("base"), "told")
    found = told.parse(texts).join(
        texts.select("account_id", "base"), on="base", maintain_order="left"
    )
    key = episodes.key(pl.col("account_id"), pl.col("rule"), pl.col("number"))
    own = pl.col("base").str.ends_with(pl.format(":{}:{}", "rule", "number"))
    return found.with_columns(pl.when(own).then("base").otherwise(key).alias("key"))


def _occurring(
    here: pl.DataFrame, entries: pl.DataFrame, escalations: pl.DataFrame
) -> pl.DataFrame:
    """The records, and the further occurrences that their texts name."""
    names = [*_KNOWN, "rule", "number", "base", "baseline"]
    sealed = pl.col("seal").str.extract(BASELINE).cast(pl.Float64, strict=False)
    kept = escalations.select("key", sealed.alias("baseline")).drop_nulls()
    own = entries.filter(pl.col("key") == pl.col("base")).select("key", "baseline")
    own = pl.concat([own, kept])
    records = here.with_columns(pl.col("key").alias("base")).join(
        own.unique("key"), on="key", how="left", maintain_order="left"
    )
    ids = here.select(pl.col("key").alias("base"), "id").unique("base")
    further = entries.filter(pl.col("key") != pl.col("base")).join(
        ids, on="base", maintain_order="left"
    )
    return pl.concat([records.select(names), further.select(names)])


def _witnessed(frames: dict[str, pl.DataFrame], moved: pl.DataFrame) -> pl.DataFrame:
    """Escalations that are gone, by what they asked for: columns of `Records.known`.

    They go on until their cause is over: what a person deleted does not come back meanwhile.
    """
    theirs = frames["episode"].select(_KNOWN).filter(pl.col("key").str.starts_with(errands.PREFIX))
    named = theirs.with_columns(
        pl.col("key").alias("base"),
        pl.concat_str(pl.lit(f"{episodes.PREFIX}:"), errands.asking(pl.col("key"))).alias("key"),
    )
    there = pl.concat([frames["escalation"].select("key"), moved.select("key")])
    lone = episodes.with_rule(named.join(there, on="key", how="anti"))
    names = [*_KNOWN, "rule", "number", "base", "baseline"]
    return lone.with_columns(
        pl.col("base").alias("key"), pl.lit(None, pl.Float64).alias("baseline")
    ).select(names)


def _at_birth(moved: pl.DataFrame) -> pl.DataFrame:
    """Records moved to another account, as if they stood at their own."""
    return moved.filter(born() != pl.col("account_id")).with_columns(born().alias("account_id"))


def _lone(
    store: Store, frames: dict[str, pl.DataFrame], here: pl.DataFrame, moved: pl.DataFrame
) -> pl.DataFrame:
    """Tasks whose episode is gone: an open one goes on, a closed one is over since always."""
    keyed = frames["task"].with_columns(episodes.base(pl.col("key")))
    lone = keyed.join(pl.concat([here, moved]), on="key", how="anti")
    if lone.height:
        # A task that was moved alone has its episode at the account of its key.
        home = Scope.accounts(lone.select(born().alias("id"))["id"].drop_nulls())
        there = [store.mirror.load(name, ["key"], home).select("key") for name in KEYED]
        lone = lone.join(pl.concat(there), on="key", how="anti")
    over = pl.when(~pl.col("is_open").fill_null(True)).then(pl.lit(LONG_AGO))
    return lone.select(
        "id",
        "account_id",
        "key",
        pl.lit(None, pl.Date).alias("opened_at"),
        over.alias("cleared_at"),
    )
