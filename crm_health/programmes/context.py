"""Who is asking, and for whom: one line for every open case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from crm_health.health.words import band_label, date_text

#: What a field takes.
LONGEST = 255
#: An answer of so many days ago says nothing of today.
OLD_DAYS = 365
ROLES: dict[str, str] = {
    "champion": "Champion",
    "sponsor": "Executive sponsor",
    "decision_maker": "Decision maker",
    "influencer": "Influencer",
}
CASES: dict[str, Any] = {
    "id": pl.String,
    "account_id": pl.String,
    "contact_id": pl.String,
    "contact_role": pl.String,
}
ANSWERS: dict[str, Any] = {
    "contact_id": pl.String,
    "kind": pl.String,
    "points": pl.Float64,
    "answered_at": pl.Date,
}
_UNKNOWN = "unknown"


def lines(
    cases: pl.DataFrame,
    accounts: pl.DataFrame,
    answers: pl.DataFrame,
    tiers: Mapping[str, str],
    day: date,
) -> pl.Series:
    """The line of each case: "Champion at a Strategic customer, NPS 3 in May 2026, ...".

    It holds names and days, no score and no distance, so it stays until one of its parts changes.

    Args:
        cases: Columns of `CASES`.
        accounts: `account_id`, `tier_now`, `band`, `band_since`, `renews` (a date), a row each.
        answers: Columns of `ANSWERS`.
        tiers: Tier to what it is called.
        day: Today.
    """
    latest = (
        answers.filter(
            (pl.col("kind") == "nps")
            & pl.col("points").is_not_null()
            & ((pl.lit(day) - pl.col("answered_at")).dt.total_days() <= OLD_DAYS)
        )
        .sort("answered_at", "points", descending=[True, False])
        .unique("contact_id", keep="first", maintain_order=True)
        .select("contact_id", "points", "answered_at")
    )
    whole = cases.join(accounts, on="account_id", how="left", maintain_order="left").join(
        latest, on="contact_id", how="left", maintain_order="left"
    )
    parts = [_who(tiers), _answer(), _band(), _renewal(day)]
    line = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    # One line without an end of spaces: CRMs cut those off, and it would be written for ever.
    plain = line.str.replace_all(r"\s+", " ").str.slice(0, LONGEST).str.strip_chars()
    return whole.select(plain.alias("line"))["line"]


def _who(tiers: Mapping[str, str]) -> pl.Expr:
    """Who is asking, and for whom."""
    customers = {name: f"{label} customer" for name, label in tiers.items()}
    alone = pl.col("tier_now").replace_strict(customers, default="customer", return_dtype=pl.String)
    article = pl.when(alone.str.contains("^[AEIOUaeiou]")).then(pl.lit("an")).otherwise(pl.lit("a"))
    role = pl.col("contact_role")
    plain = pl.concat_str(
        role.str.slice(0, 1).str.to_uppercase(), role.str.slice(1).str.replace_all("_", " ")
    )
    named = role.replace_strict(ROLES, default=plain, return_dtype=pl.String)
    asking = pl.coalesce(named, pl.when(pl.col("contact_id").is_not_null()).then(pl.lit("Contact")))
    whom = pl.concat_str(alone.str.slice(0, 1).str.to_uppercase(), alone.str.slice(1))
    return pl.coalesce(pl.format("{} at {} {}", asking, article, alone), whom)


def _answer() -> pl.Expr:
    """What who is asking would give us, 0 to 10, and when it was said."""
    given = (pl.col("points") / 10 + 0.5).floor().cast(pl.Int64)
    return pl.format("NPS {} in {}", given, pl.col("answered_at").dt.strftime("%b %Y"))


def _band() -> pl.Expr:
    known = pl.when(pl.col("band") != _UNKNOWN).then(band_label(pl.col("band")))
    return pl.format("{} since {}", known, date_text(pl.col("band_since")))


def _renewal(day: date) -> pl.Expr:
    """The renewal that is to come; a day that has passed is no news to who works on a case."""
    ahead = pl.when(pl.col("renews") >= pl.lit(day)).then(pl.col("renews"))
    return pl.format("renews {}", date_text(ahead))
