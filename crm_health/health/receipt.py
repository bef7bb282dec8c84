"""Receipts: everything that `explain` needs to show how one score came about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from crm_health.config.model import Model
from crm_health.health.book import names as book_names
from crm_health.health.drivers import OTHERS
from crm_health.health.facts import Facts
from crm_health.health.frames import json_known, json_members, of_accounts

#: Version of the receipt's shape.
VERSION = 1
_ASSESSED = (
    "model",
    "computed",
    "score",
    "band_now",
    "coverage",
    "weight_on",
    "dimensions",
    "capped",
    "override",
    "drivers",
    "missing",
    "stale",
    *OTHERS,
)
_SETTLED = ("band", "band_since", "band_before", "pending", "pending_at", "pending_count", "held")
#: Output of ours to the name of what the CRM shows of it.
_SHOWN = ("score", "band", "band_since", "trend", "score_computed", "coverage")


def receipts(
    model: Model,
    facts: Facts,
    assessed: pl.DataFrame,
    settled: pl.DataFrame,
    *,
    as_of: datetime,
    digest: str,
) -> pl.DataFrame:
    """One receipt an account: account_id, receipt (JSON text).

    It holds the parts of the score, which add up (`verify`), the facts that are known, the dates
    of evidence other than the day itself, names of the model, its digest, and what the CRM shows
    beside what was computed. Texts of the account itself (its name, a person's reason) are not
    in it.
    """
    columns = facts.values.columns
    named = [*model.facts, *model.derived, *book_names(model)]
    named += [name for name in facts.dates.columns if name != "account_id" and name not in named]
    shown = {f"shown_{name}": name for name in _SHOWN if f"shown_{name}" in columns}
    points = [name for name in assessed.columns if name.endswith("_points")]
    ids = assessed.get_column("account_id")
    values, dates = of_accounts(facts.values, ids), of_accounts(facts.dates, ids)
    # Nearly all evidence was read on the day itself: naming only the rest halves a receipt.
    older = dates.with_columns(
        pl.when(pl.col(name) != values["day"]).then(name) for name in dates.columns[1:]
    )
    whole = assessed.select(
        pl.lit(VERSION).alias("version"),
        pl.col("account_id").alias("account"),
        pl.lit(as_of.isoformat()).alias("as_of"),
        pl.lit(digest).alias("digest"),
        *_ASSESSED,
    ).hstack(of_accounts(settled, ids).select(_SETTLED))
    return assessed.select(
        "account_id",
        pl.concat_str(
            pl.lit("{"),
            json_members(whole),
            pl.lit(',"points":{'),
            json_known(assessed, points),
            pl.lit('},"facts":{'),
            json_known(values, named),
            pl.lit('},"evidence":{'),
            json_known(older, dates.columns[1:]),
            pl.lit('},"shown":{'),
            json_known(values.select("account_id", *shown).rename(shown), shown.values()),
            pl.lit("}}"),
        ).alias("receipt"),
    )


def verify(receipt: Mapping[str, Any]) -> list[str]:
    """What is wrong with a receipt; empty when its parts add up to its score exactly."""
    problems = []
    version = receipt.get("version")
    if version != VERSION:
        return [f"version {version!r} is not known, only {VERSION}"]
    drivers = receipt.get("drivers") or []
    total = sum(int(driver["share"]) for driver in drivers)
    total += sum(int(receipt.get(column) or 0) for column in OTHERS)
    score, computed = receipt.get("score"), receipt.get("computed")
    shown = score if score is not None else computed
    expected = 100 * int(shown) if shown is not None else 0
    if total != expected:
        problems.append(f"the parts add up to {total / 100:.2f}, not {expected / 100:.2f}")
    if score is not None and not 1 <= score <= 100:
        problems.append(f"the score {score} is not between 1 and 100")
    if (score is None) != (receipt.get("band_now") == "unknown"):
        problems.append("a score is there exactly where the band is known, but not here")
    for driver in drivers:
        if not 0 <= driver["points"] <= 1000:
            problems.append(f"{driver['measure']} has {driver['points']} tenths of points")
        day = driver.get("evidence")
        if day is not None and not _is_date(day):
            problems.append(f"{driver['measure']} has no readable date of evidence: {day!r}")
    names = [driver["measure"] for driver in drivers]
    if len(names) != len(set(names)):
        problems.append("a measure counts twice")
    return problems


def _is_date(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
