"""Measures held against what became of customers: sign, area under the ROC curve, lead time.

Each customer is looked at on a few landmark days, one horizon apart, with the reading that was kept
then: whoever left within the horizon after it against whoever did not. The horizons do not overlap,
so nobody leaves twice; landmarks are ranked each by itself, so that a season tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import polars as pl

from crm_health.health.ranking import Auc, Caught, auc, caught, pooled

Receipt = Mapping[str, Any]

#: Fewer that left say nothing.
ENOUGH = 50
#: A reading may be so many days older than the landmark: after 90 days one a week is kept.
SLACK = timedelta(days=7)
#: How far before somebody left the first sign is looked for.
LOOK_BACK = timedelta(days=365)
#: The score itself, among the measures.
SCORE = "score"

#: account_id, landmark, measure, points (0 to 100), left.
SEEN = {
    "account_id": pl.String,
    "landmark": pl.Date,
    "measure": pl.String,
    "points": pl.Float64,
    "left": pl.Boolean,
}

Sign = Literal["as meant", "reversed", "none shown", "not enough data"]


@dataclass(frozen=True)
class Tested:
    """One measure, or the score, on the past."""

    measure: str
    sign: Sign
    #: Of those with evidence for it; None where nobody left or nobody stayed.
    auc: Auc | None
    #: Median days between the first lasting sign and leaving; None where it gave none.
    lead: float | None
    #: How many of those who left it spoke of, and of how many it had a reading.
    spoke: int
    heard: int


@dataclass(frozen=True)
class Past:
    """A test of the measures on an organisation's own past."""

    horizon: timedelta
    #: Customers who ever left or lost a renewal, and those of them with a reading to judge by.
    left: int
    judged: int
    #: The days looked at, newest first.
    landmarks: Sequence[date]
    #: Nothing where too few can be judged.
    tests: Sequence[Tested] = ()
    caught: Caught | None = None

    @property
    def enough(self) -> bool:
        """Whether anything can be said."""
        return self.judged >= ENOUGH


def landmarks(first: date, last: date, horizon: timedelta) -> list[date]:
    """The days to look at, newest first: one horizon apart, with a whole one after each."""
    found, day = [], last - horizon
    while day >= first:
        found.append(day)
        day -= horizon
    return found


def seen(receipt: Receipt, landmark: date, *, left: bool) -> list[dict[str, Any]]:
    """The rows of `SEEN` that one reading gives: its measures, and the score that was computed."""
    account = receipt["account"]
    points = {d["measure"]: d["points"] / 10 for d in receipt.get("drivers") or ()}
    if receipt.get("computed") is not None:
        points[SCORE] = float(receipt["computed"])
    return [
        {
            "account_id": account,
            "landmark": landmark,
            "measure": name,
            "points": value,
            "left": left,
        }
        for name, value in points.items()
    ]


def low_marks(found: pl.DataFrame) -> dict[str, float]:
    """For each measure the points that three quarters of those who stayed had at least."""
    stayed = found.filter(~pl.col("left")).group_by("measure")
    marks = stayed.agg(pl.col("points").quantile(0.25, "lower").alias("mark"))
    return dict(marks.iter_rows())


def leads(
    receipts: Iterable[Receipt], left_on: date, marks: Mapping[str, float]
) -> dict[str, int | None]:
    """How many days before leaving each measure went low, and stayed so to the end.

    Args:
        receipts: Of one customer, by `day`; those after `left_on` do not count.
        left_on: The day it left.
        marks: Below which points a measure is low.

    Returns:
        Measure to days; None where it had readings, and was not low at the end.
    """
    since: dict[str, date | None] = {}
    for receipt in receipts:
        day = receipt["day"]
        if not left_on - LOOK_BACK <= day < left_on:
            continue
        for row in seen(receipt, day, left=True):
            name = row["measure"]
            low = name in marks and row["points"] < marks[name]
            since[name] = (since.get(name) or day) if low else None
    return {name: (left_on - day).days if day else None for name, day in since.items()}


def tested(found: pl.DataFrame, ahead: Iterable[Mapping[str, int | None]]) -> list[Tested]:
    """Every measure's test, the score's first, then the best.

    Args:
        found: `SEEN`.
        ahead: What `leads` gave, of each that left.
    """
    days: dict[str, list[int | None]] = {}
    for one in ahead:
        for name, lead in one.items():
            days.setdefault(name, []).append(lead)
    tests = [
        _tested(str(name), frame, days.get(str(name), []))
        for (name,), frame in found.group_by("measure", maintain_order=True)
    ]
    area = {test.measure: test.auc.area if test.auc else 0.0 for test in tests}
    return sorted(tests, key=lambda t: (t.measure != SCORE, -area[t.measure], t.measure))


def _tested(name: str, frame: pl.DataFrame, days: list[int | None]) -> Tested:
    strata = frame.sort("landmark", "account_id").group_by("landmark", maintain_order=True)
    area = pooled(auc(group["points"], group["left"]) for _, group in strata)
    known = [lead for lead in days if lead is not None]
    median = pl.Series(known, dtype=pl.Float64).median()
    return Tested(
        measure=name,
        sign=_sign(area),
        auc=area,
        lead=float(median) if isinstance(median, float) else None,
        spoke=len(known),
        heard=len(days),
    )


def _sign(area: Auc | None) -> Sign:
    if area is None or area.left < ENOUGH or area.stayed < ENOUGH:
        return "not enough data"
    low, high = area.interval
    if low > 0.5:
        return "as meant"
    return "reversed" if high < 0.5 else "none shown"


def bands_caught(rows: Iterable[tuple[str | None, bool, float]], order: list[str]) -> Caught:
    """What the steady bands at the landmarks said of those who left.

    Args:
        rows: Band of a reading, whether the customer left within the horizon, and for how many
            customers it stands.
        order: The bands, from worst to best.
    """
    schema = {"band": pl.String, "left": pl.Boolean, "weight": pl.Float64}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return caught(frame["band"], frame["left"], order, frame["weight"])
