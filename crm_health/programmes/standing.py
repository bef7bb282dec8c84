"""What an account's fields should say of where it stands and what is due, and when that is news."""

from __future__ import annotations

import polars as pl

from crm_health.config.playbook import Playbook
from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.programmes.attention import VALUE, attention
from crm_health.programmes.programme_memory import SEALED
from crm_health.programmes.seals import canonical

#: Attention that differs by less from what the CRM shows is not worth a write.
WORTH = 10
#: The outputs that are news whenever they differ: all but figures.
NEWS = tuple(n for n in SEALED if n not in ("attention", "value_at_stake", "licence_use"))
#: What is told of a write, and as what.
_TOLD = {
    "stage": "stage",
    "value_stage": "value stage",
    "tier": "tier",
    "open_alerts": "open alerts",
    "attention": "attention",
}
_UNKNOWN = "unknown"
_PERCENT = 5


def desired(playbook: Playbook, worst: str, accounts: pl.DataFrame) -> pl.DataFrame:
    """The outputs of the programmes as the CRM should hold them, one column an output.

    Args:
        playbook: What stages and tiers are called.
        worst: The name of the worst band.
        accounts: Everything known of the accounts; what no step has worked out stays empty.
    """
    steps = playbook.value_stages.stages if playbook.value_stages else ()
    stages = playbook.lifecycle.stages if playbook.lifecycle else ()
    tiers = playbook.tiers.steps if playbook.tiers else ()
    low = pl.col("band").is_in([worst, _UNKNOWN]) | pl.col("band").is_null()
    value = pl.col(VALUE) if VALUE in accounts.columns else pl.lit(None, pl.Float64)
    found: dict[str, pl.Expr] = {
        "stage": _label("stage", {stage.name: stage.label for stage in stages}),
        "stage_since": pl.col("stage_since"),
        "value_stage": _label("value_stage", {float(n): s.label for n, s in enumerate(steps, 1)}),
        "value_stage_since": pl.col("value_stage_since"),
        "tier": _label("tier_now", {step.name: step.label for step in tiers}),
        "tier_since": pl.col("tier_since"),
        "attention": pl.lit(attention(accounts)),
        "value_at_stake": pl.when(low).then(value).otherwise(0.0).round(2),
    }
    if "licence_use" in accounts.columns:
        percent = (100 * pl.col("licence_use") / _PERCENT).round(6)
        found["licence_use"] = ((percent + 0.5).floor() * _PERCENT).clip(0, 999)
    for name in SEALED:
        if name not in found and name in accounts.columns:
            found[name] = pl.col(name)
    return accounts.select(
        "account_id",
        *(
            found.get(name, pl.lit(None)).cast(POLARS[ACCOUNT_OUTPUTS[name]]).alias(name)
            for name in SEALED
        ),
    )


def worth_writing(accounts: pl.DataFrame, want: pl.DataFrame, edits: pl.DataFrame) -> pl.Series:
    """Which accounts' outputs of the programmes are written together now.

    Args:
        accounts: What the CRM shows of them.
        want: As `desired` gives it.
        edits: As `programme_memory.edited` gives it: a person's edit is taken or put back.
    """
    pairs = pl.concat([want.drop("account_id"), _shown(accounts)], how="horizontal")
    news = pl.lit(False)
    for name in NEWS:
        news = news | (
            canonical(name, want.schema[name]) != canonical(shown(name), pairs.schema[shown(name)])
        )
    now, then = pl.col("attention"), pl.col(shown("attention"))
    moved = ((now - then).abs() >= WORTH).fill_null(now.is_null() != then.is_null())
    staked, was = pl.col("value_at_stake"), pl.col(shown("value_at_stake"))
    begins = (staked.fill_null(0) > 0) != (was.fill_null(0) > 0)
    found = pairs.select((news | moved | begins).alias("worth"))["worth"]
    return found | edits.select(pl.any_horizontal(SEALED).alias("any"))["any"]


def why(accounts: pl.DataFrame, want: pl.DataFrame) -> pl.Series:
    """In words, what changes on an account."""
    pairs = pl.concat([want.drop("account_id"), _shown(accounts)], how="horizontal")
    told = []
    for name, words in _TOLD.items():
        now = pl.col(name).cast(pl.String).str.strip_suffix(".0").fill_null("none")
        then = pl.col(shown(name)).cast(pl.String).str.strip_suffix(".0").fill_null("none")
        told.append(
            pl.when(now != then).then(pl.concat_str(pl.lit(f"{words} "), then, pl.lit(" to "), now))
        )
    lines = pairs.select(pl.concat_str(told, separator=", ", ignore_nulls=True).alias("why"))["why"]
    return lines.replace("", "what is due changed")


def _label(column: str, labels: dict[str, str] | dict[float, str]) -> pl.Expr:
    if not labels:
        return pl.lit(None, pl.String)
    return pl.col(column).replace_strict(labels, default=None, return_dtype=pl.String)


def _shown(accounts: pl.DataFrame) -> pl.DataFrame:
    return accounts.select(
        pl.col(shown(name)) if shown(name) in accounts.columns else pl.lit(None).alias(shown(name))
        for name in SEALED
    )
