"""Plan rows for what is over: episodes end, and tasks that nobody touched are closed."""

from __future__ import annotations

import polars as pl

from crm_health.programmes import episodes
from crm_health.sync.plan import updates
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting

#: Why a row is planned.
_WHY = "the cause is over"
#: How what is over ended, where its alert has no words for it; and where it goes on elsewhere.
_OVER, _ESCALATED = "it is over", "it is escalated"


def clearing_rows(
    setting: Setting,
    records: Records,
    clears: pl.DataFrame,
    joins: pl.DataFrame,
    folded: pl.Series,
    notes: pl.DataFrame,
    replaced: pl.DataFrame,
) -> pl.DataFrame:
    """Plan rows that mark episodes as over, and close what nobody touched.

    Args:
        setting: Of the run.
        records: What there is.
        clears: Of `records.known`, what is over.
        joins: What joins an open task now, which goes on then.
        folded: Tasks, by their episodes' keys, in whose place another one goes on.
        notes: The episodes' texts as they should be.
        replaced: `account_id`, `rule` of what an escalation takes the place of.
    """
    out = setting.config.mapping.write
    done = {out.task.status: pl.lit(out.task.done_status), out.task.body: pl.col("body")}
    parts = [
        *_episode_rows(setting, records, clears, notes),
        updates(
            _closing_tasks(setting, records, clears, joins, folded, replaced),
            done,
            "close_task",
            out.task.object,
            _WHY,
        ),
    ]
    return pl.concat(parts)


def _episode_rows(
    setting: Setting, records: Records, clears: pl.DataFrame, notes: pl.DataFrame
) -> list[pl.DataFrame]:
    """Episodes that are over, and those whose text changes."""
    out, day = setting.config.mapping.write.episode, pl.lit(setting.day)
    over = records.episodes.join(clears.select("key"), on="key", how="semi")
    ended = updates(over, {out.cleared: day}, "clear_episode", out.object, _WHY)
    if out.told is None:
        return [ended]
    texts = notes.select(pl.col("base").alias("key"), pl.col("told").alias("now"))
    other = records.episodes.join(texts, on="key").filter(
        pl.col("now").ne_missing(pl.col("told").str.strip_chars())
    )
    why = "keeps in mind what its task tells"
    said = {out.told: pl.col("now")}
    noted = updates(other, said, "note_episode", out.object, why, by_values=True)
    return [ended, noted]


def _closing_tasks(
    setting: Setting,
    records: Records,
    clears: pl.DataFrame,
    joins: pl.DataFrame,
    folded: pl.Series,
    replaced: pl.DataFrame,
) -> pl.DataFrame:
    """Open untouched tasks of which all that they told is over, with the `body` they get.

    And those in whose place another one goes on, whatever they told.

    A crash between what ends an episode and what closes its task is made good.
    """
    alerts = setting.config.playbook.alerts
    stay = [rule for rule, alert in alerts.items() if alert.on_clear == "leave"]
    over = pl.col("cleared_at").is_not_null() | pl.col("key").is_in(clears["key"].implode())
    open_ones = records.tasks.filter(pl.col("is_open").fill_null(False) & pl.col("untouched"))
    words = {rule: alert.over or _OVER for rule, alert in alerts.items()}
    known = (
        records.known.join(open_ones.select("base"), on="base", how="semi")
        .join(
            replaced.with_columns(pl.lit(_ESCALATED).alias("ends")),
            on=["account_id", "rule"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.coalesce(
                "ends",
                pl.format("nobody took it up in {} days", episodes.expired(alerts, setting.day)),
                pl.col("rule").replace_strict(words, default=_OVER, return_dtype=pl.String),
            ).alias("ends")
        )
    )
    told = known.group_by("base", maintain_order=True).agg(
        over.all().alias("over"), pl.col("rule").is_in(stay).any().alias("stays"), "ends"
    )
    done = told.filter(pl.col("over") & ~pl.col("stays")).join(
        joins.select("base"), on="base", how="anti"
    )
    elsewhere = pl.col("base").is_in(folded.implode())
    closing = open_ones.join(
        done.select("base", "ends"), on="base", how="left", maintain_order="left"
    ).filter(pl.col("ends").is_not_null() | elsewhere)
    day = f"Cleared on {setting.day.day} {setting.day:%b %Y}: "
    said = pl.col("ends").list.unique(maintain_order=True).list.join(", ")
    why = pl.when(elsewhere).then(pl.lit("another task of the customer goes on")).otherwise(said)
    return closing.with_columns(pl.concat_str(pl.lit(day), why).alias("body"))


def iso(instant: pl.Expr) -> pl.Expr:
    """An instant as both CRMs write it."""
    return instant.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")
