"""What a person reads on the account: why the score is what it is, and what it rests on."""

from __future__ import annotations

import polars as pl

from crm_health.config.model import Model
from crm_health.health.facts import Facts
from crm_health.health.frames import of_accounts
from crm_health.health.lines import cap_lines, driver_lines
from crm_health.health.score import UNKNOWN
from crm_health.health.signals import evidence_texts
from crm_health.health.template import TemplateError, compile_template, days_since
from crm_health.health.words import count_word, cut, date_text, percent_text

__all__ = ["TemplateError", "compile_template", "days_since", "why"]

WHY_LENGTH = 2000
LINE_LENGTH = 255


def why(
    model: Model,
    facts: Facts,
    assessed: pl.DataFrame,
    settled: pl.DataFrame,
    trend: pl.DataFrame,
) -> pl.DataFrame:
    """The texts of each account of `assessed`, in its order.

    Returns:
        account_id, why (at most 2,000 characters), evidence (255), top_line (255; missing where
        nothing is known), top_key (the cap or measure of the top line), evidence_class (the
        evidence without dates: when it changes, the fields are due for a write).
    """
    ids = assessed.get_column("account_id")
    until = "override_until" if "override_until" in facts.values.columns else None
    ends = pl.col(until).cast(pl.Date) if until else pl.lit(None, dtype=pl.Date)
    noted = "override_note" in facts.values.columns
    said = pl.col("override_note") if noted else pl.lit(None, dtype=pl.String)
    frame = assessed.select(
        "account_id", "model", "computed", "score", "coverage", "weight_on", "capped", "override"
    ).hstack(
        [
            of_accounts(settled, ids)["held"],
            *of_accounts(trend, ids).select("change_30", "change_30_from"),
            *of_accounts(facts.values, ids).select(ends.alias("@until"), said.alias("@note")),
            *evidence_texts(model, facts, assessed).drop("account_id"),
        ]
    )
    lines = driver_lines(model, facts, assessed)
    # Points of a score that nobody is given would mislead: there the facts stand alone.
    scored = assessed["score"].is_not_null().gather(lines["number"])
    lines = lines.with_columns(scored.alias("scored"))
    frame = frame.join(
        cap_lines(model, facts, assessed), on="account_id", how="left", maintain_order="left"
    ).with_row_index("number")
    for extra in (
        _joined(lines.filter(~pl.col("good")), "-", "@down"),
        _joined(lines.filter("good"), "+", "@up"),
        _first(lines),
    ):
        frame = frame.join(extra, on="number", how="left", maintain_order="left")
    body = pl.concat_str(
        _head(model),
        pl.format(" At most {}: {}.", "cap_at", "cap_line"),
        "@down",
        "@up",
        separator="",
        ignore_nulls=True,
    )
    note = pl.format(" {}.", "held").fill_null("")
    # The note on the held band stands last and must not be cut off.
    room = WHY_LENGTH - note.str.len_chars()
    return frame.select(
        "account_id",
        pl.concat_str(cut(body, room), note).alias("why"),
        "evidence",
        cut(pl.coalesce("cap_line", "@first"), LINE_LENGTH).alias("top_line"),
        pl.coalesce("capped", "@first_key").alias("top_key"),
        "evidence_class",
    )


def _head(model: Model) -> pl.Expr:
    """The score and its change, or why there is none."""
    change = pl.col("change_30").round(0).cast(pl.Int64)
    since = date_text(pl.col("change_30_from"))
    moved = (
        pl.when(change < 0)
        .then(pl.format(", down {} since {}", change.abs(), since))
        .when(change > 0)
        .then(pl.format(", up {} since {}", change, since))
        .when(change == 0)
        .then(pl.format(", as on {}", since))
        .otherwise(pl.lit(""))
    )
    limit = pl.when(pl.col("@until").is_not_null()).then(
        pl.concat_str(
            pl.format(" until {}", date_text(pl.col("@until"))),
            pl.format(", {}", "@note").fill_null(""),
        )
    )
    # Without any evidence the formula still ends at 1: no opinion to hold against a person's.
    known = pl.when(pl.col("coverage") > 0).then("computed")
    ours = known.cast(pl.String).fill_null(UNKNOWN)
    person = pl.format("{}, set by a person{} (computed: {}).", "score", limit.fill_null(""), ours)
    return (
        pl.when(pl.col("override").is_not_null())
        .then(person)
        .when(pl.col("score").is_not_null())
        .then(pl.format("{}{}.", "score", moved))
        .otherwise(_unknown(model))
    )


def _unknown(model: Model) -> pl.Expr:
    limits = model.evidence
    dimensions = count_word(limits.min_dimensions)
    return (
        pl.when(pl.col("model").is_null())
        .then(pl.lit("Unknown: no model fits this account."))
        # Of weights that are all missing or nought nothing is switched off.
        .when(pl.col("weight_on") == 0)
        .then(pl.lit("Unknown: no measure counts here, for each is off or without a weight."))
        .when(pl.col("weight_on") < limits.min_weight_on)
        .then(
            pl.format(
                f"Unknown: {{}} of the model is switched on, {limits.min_weight_on:g} % is needed.",
                _at_least("weight_on"),
            )
        )
        .when(pl.col("coverage") < limits.min_coverage)
        .then(
            pl.format(
                f"Unknown: evidence for {{}} of the model, {limits.min_coverage:g} % is needed.",
                _at_least("coverage"),
            )
        )
        .otherwise(pl.lit(f"Unknown: evidence in fewer than {dimensions} dimensions."))
    )


def _at_least(name: str) -> pl.Expr:
    """A percentage in whole steps of 5: 59.7 % must not read as the 60 % that are needed."""
    return percent_text((pl.col(name) / 5.0).floor() / 20.0)


def _joined(lines: pl.DataFrame, sign: str, name: str) -> pl.DataFrame:
    """The lines of each account as one text, ` -8 Usage is down. -6 ...`."""
    figure = pl.when("scored").then(pl.format(f" {sign}{{}}", "figure")).otherwise(pl.lit(""))
    said = lines.select("number", pl.format("{} {}.", figure, "line").alias(name))
    return said.group_by("number", maintain_order=True).agg(pl.col(name).str.join(""))


def _first(lines: pl.DataFrame) -> pl.DataFrame:
    """The line that holds the score down most, or else holds it up most."""
    return lines.filter(pl.col("number").ne_missing(pl.col("number").shift())).select(
        "number", pl.col("line").alias("@first"), pl.col("measure").alias("@first_key")
    )
