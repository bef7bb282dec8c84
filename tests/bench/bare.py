"""The aggregates of the default model's facts, written by hand: the yardstick of assessing.

Only what a company without usage and surveys has. One filter and one group-by for each condition,
as somebody would write it who wants these numbers and nothing else: no evidence, no rounding, no
joining together.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from polars import col

_BY = "account_id"


def aggregate(rows: dict[str, pl.DataFrame], as_of: datetime, time_zone: str) -> list[pl.DataFrame]:
    """A frame for each condition."""
    today = pl.lit(as_of.astimezone(ZoneInfo(time_zone)).date())

    def since(date: pl.Expr) -> pl.Expr:
        return (today - date).dt.total_days().cast(pl.Float64)

    def local(column: str) -> pl.Expr:
        return since(col(column).dt.convert_time_zone(time_zone).dt.date())

    cases = rows["case"].with_columns(age=local("opened_at"), late=local("sla_due_at"))
    talks = rows["activity"].with_columns(age=since(col("happened_at")))
    people = rows["contact"].with_columns(gone=since(col("left_at")))
    deals = rows["opportunity"].with_columns(age=local("created_at"), closed=since(col("close_at")))
    return [
        *_of_cases(cases, as_of),
        *_of_talks(talks),
        *_of_people(people),
        *_of_deals(deals),
    ]


def _of_cases(cases: pl.DataFrame, as_of: datetime) -> list[pl.DataFrame]:
    weight = {"p1": 4.0, "p2": 1.5, "p3": 0.3}
    heavy = col("age").clip(upper_bound=90) * col("priority").replace_strict(
        weight, default=0.0, return_dtype=pl.Float64
    )
    late = col("is_open") & (col("priority") == "p1") & (col("sla_due_at") < as_of)
    return [
        cases.filter(col("is_open") | (col("age") <= 365)).group_by(_BY).agg(pl.len()),
        cases.filter("is_open").group_by(_BY).agg(heavy.max()),
        cases.filter(late).group_by(_BY).agg(pl.len(), col("late").max()),
    ]


def _of_talks(talks: pl.DataFrame) -> list[pl.DataFrame]:
    done = pl.coalesce("is_done", col("age") >= 0)
    held = done & col("kind").is_in(["call", "meeting", "email_in"])
    senior = col("contact_role").is_in(["sponsor", "decision_maker"])
    newest = col("age").min()
    return [
        talks.filter(held).group_by(_BY).agg(newest),
        talks.filter(held & senior).group_by(_BY).agg(newest),
        talks.filter(held & (col("age") <= 180)).group_by(_BY).agg(col("contact_id").n_unique()),
        talks.filter(done & col("purpose").is_in(["review", "value_review"]))
        .group_by(_BY)
        .agg(newest),
        talks.filter(done & (col("purpose") == "value_review")).group_by(_BY).agg(newest),
        talks.filter(done & (col("purpose") == "onsite")).group_by(_BY).agg(newest),
        talks.filter(~done & (col("age") <= 0)).group_by(_BY).agg(pl.len()),
        talks.filter(done & (col("purpose") == "training") & (col("age") <= 365))
        .group_by(_BY)
        .agg(pl.len()),
    ]


def _of_people(people: pl.DataFrame) -> list[pl.DataFrame]:
    here, role = col("is_active"), col("role")
    return [
        people.filter((role == "champion") & here).group_by(_BY).agg(pl.len()),
        people.filter(role.is_in(["sponsor", "decision_maker"]) & here).group_by(_BY).agg(pl.len()),
        people.filter(role.is_in(["champion", "sponsor"]) & ~here)
        .group_by(_BY)
        .agg(col("gone").min()),
    ]


def _of_deals(deals: pl.DataFrame) -> list[pl.DataFrame]:
    won, kind, closed = col("is_won"), col("kind"), col("closed")
    return [
        deals.filter(won).group_by(_BY).agg(closed.max()),
        deals.filter((kind == "renewal") & col("is_open")).group_by(_BY).agg(pl.len()),
        deals.filter((kind == "renewal") & won).group_by(_BY).agg(closed.min(), pl.len()),
        deals.filter((kind == "expansion") & won).group_by(_BY).agg(closed.min()),
        deals.filter((kind == "expansion") & col("is_open")).group_by(_BY).agg(col("age").min()),
        deals.filter((kind == "downsell") & col("is_open")).group_by(_BY).agg(pl.len()),
        deals.filter(won & closed.is_between(0, 365)).group_by(_BY).agg(col("amount").sum()),
    ]
