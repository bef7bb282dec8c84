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

    It holds the parts of the score, which add up (`verify`), the facts with the dates of their
    evidence, names of the model, its digest, and what the CRM shows beside what was computed.
    Texts of the account itself (its name, a person's reason) are not in it.
    """
    columns = facts.values.columns
    named = [*model.facts, *model.derived, *(f"book_{name}" for name in book_names(model))]
    named += [name for name in facts.dates.columns if name != "account_id" and name not in named]
    shown = [name for name in _SHOWN if f"shown_{name}" in columns]
    points = [name for name in assessed.columns if name.endswith("_points")]
    frame = pl.DataFrame({"account_id": assessed["account_id"]})
    values = facts.values.select("account_id", *(pl.col(n).alias(f"f@{n}") for n in named))
    dates = facts.dates.select(
        "account_id", *(pl.col(n).alias(f"d@{n}") for n in facts.dates.columns[1:])
    )
    seen = facts.values.select("account_id", *(pl.col(f"shown_{n}").alias(f"s@{n}") for n in shown))
    settled = settled.select("account_id", *_SETTLED)
    for part in (assessed, settled, values, dates, seen):
        frame = frame.join(part, on="account_id", how="left", maintain_order="left")
    fields = [
        pl.lit(VERSION).alias("version"),
        pl.col("account_id").alias("account"),
        pl.lit(as_of.isoformat()).alias("as_of"),
        pl.lit(digest).alias("digest"),
        *(pl.col(name) for name in _ASSESSED),
        *(pl.col(name) for name in _SETTLED),
        _object(points, "").alias("points"),
        _object(named, "f@").alias("facts"),
        _object(facts.dates.columns[1:], "d@").alias("evidence"),
        _object(shown, "s@").alias("shown"),
    ]
    return frame.select("account_id", pl.struct(fields).struct.json_encode().alias("receipt"))


def _object(names: list[str], prefix: str) -> pl.Expr:
    if not names:
        return pl.lit(None, dtype=pl.String)
    return pl.struct(pl.col(f"{prefix}{name}").alias(name) for name in names)


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
