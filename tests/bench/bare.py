"""The aggregates of the default model's facts, written by hand: the yardstick of assessing.

Of a company without usage, subscriptions and surveys only what it has. One filter and one group-by
for each condition, as somebody would write it who wants these numbers and nothing else: no
evidence, no rounding, no joining together.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from polars import col

_BY = "account_id"
ENTITIES = ("case", "activity", "contact", "opportunity", "usage", "subscription", "survey")


def aggregate(rows: dict[str, pl.DataFrame], as_of: datetime, time_zone: str) -> list[pl.DataFrame]:
    """A frame for each condition."""
    today = pl.lit(as_of.astimezone(ZoneInfo(time_zone)).date())

    def since(date: pl.Expr) -> pl.Expr:
        return (today - date).dt.total_days().cast(pl.Float64)

    def local(column: str) -> pl.Expr:
        return since(col(column).dt.convert_time_zone(time_zone).dt.date())

    def has(entity: str) -> bool:
        return entity in rows and not rows[entity].is_empty()

    cases = rows["case"].with_columns(age=local("opened_at"), late=local("sla_due_at"))
    talks = rows["activity"].with_columns(age=since(col("happened_at")))
    people = rows["contact"].with_columns(gone=since(col("left_at")))
    deals = rows["opportunity"].with_columns(age=local("created_at"), closed=since(col("close_at")))
    found = [
        *_of_cases(cases, as_of),
        *_of_talks(talks),
        *_of_people(people),
        *_of_deals(deals),
    ]
    # What a company has nothing of costs the yardstick nothing.
    if has("usage"):
        found += _of_use(rows["usage"].with_columns(age=since(col("day"))))
    if has("subscription"):
        days = {name: since(col(f"{name}_at")) for name in ("started", "ends")}
        found += _of_lines(rows["subscription"].with_columns(**days))
    if has("survey"):
        found += _of_answers(rows["survey"].with_columns(age=since(col("answered_at"))))
    return found


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


def _of_use(use: pl.DataFrame) -> list[pl.DataFrame]:
    use = use.filter(col("value") > 0)
    users, age, value = col("metric") == "active_users", col("age"), col("value")
    window = age - (use["age"].min() or 0)
    return [
        use.filter(age <= 365).group_by(_BY).agg(pl.len()),
        use.filter(users & (window < 28))
        .group_by(_BY)
        .agg(value.max(), col("day").n_unique(), value.sum().alias("use")),
        use.filter(users & (window >= 28) & (window < 112)).group_by(_BY).agg(value.sum() / 3.0),
        use.filter(users).group_by(_BY).agg(age.min(), window.min().alias("gap")),
        use.filter(col("contact_role") == "champion").group_by(_BY).agg(age.min()),
        use.filter((col("metric") == "compliance") & (window < 28))
        .group_by(_BY)
        .agg(col("day").n_unique()),
    ]


def _of_lines(lines: pl.DataFrame) -> list[pl.DataFrame]:
    live = col("is_active")
    return [
        lines.filter(live & col("is_recurring"))
        .group_by(_BY)
        .agg(col("quantity").sum(), col("annual_value").sum()),
        lines.filter(live)
        .group_by(_BY)
        .agg(col("product").n_unique(), col("started").min(), col("ends").max()),
    ]


def _of_answers(answers: pl.DataFrame) -> list[pl.DataFrame]:
    nps, csat, points = col("kind") == "nps", col("kind") == "csat", col("points")
    bad = (nps & (points <= 60)) | (csat & (points <= 25))
    role = col("contact_role").is_not_null()
    newest = col("age").min()
    return [
        answers.filter(col("age") <= 365).group_by(_BY).agg(pl.len(), points.mean()),
        answers.filter(bad).group_by(_BY).agg(newest),
        answers.filter(bad & role).group_by(_BY).agg(newest),
        answers.filter(nps & (points >= 90) & role).group_by(_BY).agg(newest),
    ]
