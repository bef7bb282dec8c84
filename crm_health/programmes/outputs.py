"""What an account's fields should say, and whether that is worth a write."""

from __future__ import annotations

from datetime import date

import polars as pl

from crm_health.config.mapping import Mapping
from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.health.words import band_label
from crm_health.programmes import memory
from crm_health.programmes.seals import canonical, checksums, numbers

#: A score that differs by less from what the CRM shows is not worth a write.
WORTH = 2
#: Days between two refreshes of the weekly scores when nothing else is written, and the age
#: under which they need none.
REFRESH, FRESH = 28, 14
#: The top line changes only when another driver costs so much more (hundredths of a point).
TOP_MARGIN = 200


def desired(accounts: pl.DataFrame) -> pl.DataFrame:
    """The outputs as the CRM should hold them, one column an output (but for memory)."""
    label = band_label(pl.col("band"))
    values = {
        "score": pl.col("score"),
        "band": label,
        "band_since": pl.col("band_since"),
        "trend": pl.col("trend"),
        "why": pl.col("why"),
        "evidence": pl.col("evidence"),
        # Of parts that nobody knows, the sum is 0 and the least score 1: no figure to show.
        "score_computed": pl.when(pl.col("coverage") > 0).then("computed"),
        # Down: 55 % must not read as the 60 % that a band needs.
        "coverage": (pl.col("coverage") / 10).floor() * 10,
        "open_escalations": pl.col("open_after"),
        "last_12_weeks": pl.col("last_12_weeks"),
    }
    return accounts.select(
        "account_id",
        *(expr.cast(POLARS[ACCOUNT_OUTPUTS[name]]).alias(name) for name, expr in values.items()),
    )


def top_line(accounts: pl.DataFrame, memories: pl.DataFrame) -> pl.Series:
    """What the top line is about: the cap that binds, else the measure that costs most.

    Names are as the memory keeps them (`memory.token`).
    The measure written last stays unless another one clearly outdoes it: two drivers that run
    side by side must not write by turns.
    """
    losses = (
        accounts.select("account_id", "drivers")
        .explode("drivers")
        .unnest("drivers")
        .select("account_id", "measure", "lost")
        .filter(pl.col("measure").is_not_null())
    )
    losses = (
        losses.with_columns(memory.token(losses["measure"]))
        .join(memories.select("account_id", "top"), on="account_id")
        .with_columns(
            pl.when(pl.col("measure") == pl.col("top"))
            .then(pl.col("lost") + TOP_MARGIN)
            .otherwise(pl.col("lost"))
            .alias("weight")
        )
        .sort("account_id", "weight", "measure", descending=[False, True, False])
        .group_by("account_id", maintain_order=True)
        .first()
    )
    named = accounts.select("account_id", "capped").join(
        losses.select("account_id", "measure"), on="account_id", how="left", maintain_order="left"
    )
    named = named.with_columns(memory.token(named["capped"]))
    return named.select(pl.coalesce("capped", "measure").alias("top"))["top"]


def evidence_class(accounts: pl.DataFrame) -> pl.Series:
    """A short checksum of the class of evidence, so that a change of it shows."""
    classes = accounts["evidence_class"].fill_null("")
    return checksums(classes).str.slice(4).alias("evidence")


def worth_writing(
    accounts: pl.DataFrame,
    want: pl.DataFrame,
    memories: pl.DataFrame,
    told: pl.DataFrame,
    put_back: pl.Series,
    day: date,
) -> pl.Series:
    """Which accounts' health fields are written together now.

    Args:
        want: As `desired` gives it.
        told: `top`, `evidence`: what the memory would keep of the new texts.
        put_back: A person's edit is undone on this account.
    """
    frame = pl.DataFrame(
        {
            "score": want["score"],
            "was": accounts["shown_score"],
            "put_back": put_back,
            "weeks_was": accounts["shown_last_12_weeks"],
            "phase": numbers(accounts["account_id"]).cast(pl.Int64) % REFRESH,
            "top": told["top"],
            "top_was": memories["top"],
            "class": told["evidence"],
            "class_was": memories["evidence"],
        }
    )
    differs = pl.lit(False)
    for name in ("band", "trend", "open_escalations"):
        pair = pl.DataFrame({"want": want[name], "was": accounts[shown(name)]})
        same = pair.select(
            canonical("want", pair.schema["want"]) == canonical("was", pair.schema["was"])
        ).to_series()
        differs = differs | pl.lit(~same)
    moved = ((pl.col("score") - pl.col("was")).abs() >= WORTH).fill_null(
        pl.col("score").is_null() != pl.col("was").is_null()
    )
    written = pl.col("weeks_was").str.extract(r", to (.*)$").str.to_date("%d %b %Y", strict=False)
    fresh = ((pl.lit(day) - written).dt.total_days() < FRESH).fill_null(False)
    # Where nobody takes the weekly scores there is nothing to refresh.
    kept = pl.lit(want["last_12_weeks"].is_not_null())
    refresh = kept & (pl.lit(day.toordinal() % REFRESH) == pl.col("phase")) & ~fresh
    return frame.select(
        moved
        | pl.col("put_back")
        | refresh
        | pl.col("top").ne_missing(pl.col("top_was"))
        | pl.col("class").ne_missing(pl.col("class_was"))
        | differs
    ).to_series()


def held(
    mapping: Mapping, want: pl.DataFrame, memories: pl.DataFrame, edits: pl.DataFrame
) -> dict[str, pl.Series]:
    """For each output that people may hold: where their value stays.

    It stays until the value we want differs from the one that they replaced.
    """
    found = {}
    for name, policy in mapping.write.edits.items():
        if policy == "theirs" and name in edits.columns:
            same = memory.output_seal(want, name) == memory.seal_of(memories, name)
            found[name] = edits[name] & same.fill_null(False)
    return found
