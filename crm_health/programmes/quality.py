"""How good the alerts were: did people find them useful, did they lead, which are noise."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from typing import Any

import polars as pl

#: Where nobody says whether a task helped, somebody's contact in so many days says it did.
FOLLOWED = timedelta(days=14)
#: A fall of the band counts as foreseen so long after the alert.
AHEAD = timedelta(days=90)
#: A rule with fewer judgements is neither good nor bad.
ENOUGH = 10
#: A rule is noise when not even with luck this share of its alerts is useful.
WORTH = 0.5
#: Another threshold has to keep this share of the useful ones.
KEPT = 0.8

#: What happened: one row an occurrence of a rule.
OCCURRED: dict[str, Any] = {
    "account_id": pl.String,
    "rule": pl.String,
    #: The key of the task that told of it.
    "base": pl.String,
    "opened_at": pl.Date,
}
JUDGED: dict[str, Any] = {
    **OCCURRED,
    #: useful, not_useful or known, where a person said so.
    "feedback": pl.String,
    #: Null while nobody can know.
    "useful": pl.Boolean,
    #: Days until the band fell, null where it did not.
    "lead": pl.Int64,
}

_COMPARED = re.compile(r"\b([a-z][a-z0-9_]*)\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)(?![\w.])")


def judged(
    occurred: pl.DataFrame,
    feedback: pl.DataFrame,
    contacts: pl.DataFrame,
    falls: pl.DataFrame,
    day: date,
) -> pl.DataFrame:
    """What became of each occurrence: columns of `JUDGED`.

    Args:
        occurred: Columns of `OCCURRED`.
        feedback: `base`, `feedback`: what people said of a task.
        contacts: `account_id`, `day` of each contact that took place.
        falls: `account_id`, `day` on which a band fell.
        day: Today.
    """
    followed = _first(occurred, contacts, FOLLOWED).is_not_null()
    # What fell on the day itself had not been foreseen.
    day_after = occurred.with_columns(pl.col("opened_at") + pl.duration(days=1))
    fell = _first(day_after, falls, AHEAD) + 1
    said = occurred.join(
        feedback.unique("base").select("base", "feedback"),
        on="base",
        how="left",
        maintain_order="left",
    ).with_columns(followed.alias("followed"), fell.alias("lead"))
    over = pl.col("opened_at") + pl.lit(FOLLOWED) <= pl.lit(day)
    return said.select(
        *OCCURRED,
        "feedback",
        pl.when(pl.col("feedback").is_not_null())
        .then(pl.col("feedback") == "useful")
        .when(pl.col("followed"))
        .then(True)
        .when(over)
        .then(False)
        .alias("useful"),
        pl.col("lead").cast(pl.Int64),
    )


def _first(occurred: pl.DataFrame, events: pl.DataFrame, within: timedelta) -> pl.Series:
    """Days to the account's first event on the day or later, null where none came in time."""
    left = occurred.select("account_id", "opened_at").with_row_index("place").sort("opened_at")
    right = events.select("account_id", "day").drop_nulls().unique().sort("day")
    found = left.join_asof(
        right,
        left_on="opened_at",
        right_on="day",
        by="account_id",
        strategy="forward",
        tolerance=within,
        check_sortedness=False,
    ).sort("place")
    return found.select((pl.col("day") - pl.col("opened_at")).dt.total_days()).to_series()


def by_rule(found: pl.DataFrame) -> pl.DataFrame:
    """One row a rule, the least precise first.

    Returns:
        `rule`, `opened`, `judged`, `useful`, `known` (people knew already), `precision` and its
        95 % interval `low` to `high`, `led` (the band fell later), `lead` (median days until then),
        `noisy`.
    """
    counts = found.group_by("rule").agg(
        pl.len().alias("opened"),
        pl.col("useful").count().alias("judged"),
        pl.col("useful").sum().alias("useful"),
        (pl.col("feedback") == "known").sum().alias("known"),
        pl.col("lead").count().alias("led"),
        pl.col("lead").median().alias("lead"),
    )
    spans = [wilson(row["useful"], row["judged"]) for row in counts.iter_rows(named=True)]
    return (
        counts.with_columns(
            (pl.col("useful") / pl.col("judged")).fill_nan(None).alias("precision"),
            pl.Series("low", [span[0] for span in spans], pl.Float64),
            pl.Series("high", [span[1] for span in spans], pl.Float64),
        )
        .with_columns(
            ((pl.col("judged") >= ENOUGH) & (pl.col("high") < WORTH)).alias("noisy"),
        )
        .sort("precision", "rule", nulls_last=True)
    )


def wilson(hits: int, total: int) -> tuple[float | None, float | None]:
    """Wilson's interval of a share, at 95 %; nothing of nothing has none."""
    if not total:
        return None, None
    z = 1.959964
    share, spread = hits / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def compared(when: str) -> list[tuple[str, str, float]]:
    """What a condition holds against a number: name, operator, number."""
    bare = re.sub(r"'[^']*'", "''", when)
    return [(name, op, float(number)) for name, op, number in _COMPARED.findall(bare)]


def proposed(seen: pl.DataFrame, op: str) -> dict[str, Any] | None:
    """A threshold that would have left out most noise and kept what was useful.

    Args:
        seen: `value`, `useful`: what the condition saw when it opened, and what it was worth.
        op: `<`, `<=`, `>` or `>=`.

    Returns:
        `threshold`, `kept` and `useful` (of the useful ones), `dropped` and `noise` (of the
        others), or None where no threshold tells them apart.
    """
    known = seen.drop_nulls()
    good = known.filter("useful")["value"]
    bad = known.filter(~pl.col("useful"))["value"]
    if good.is_empty() or bad.is_empty():
        return None
    below = op.startswith("<")
    # From the mildest to the most extreme: as far as enough of the useful ones stay.
    edges = good.unique().sort(descending=below)
    best: dict[str, Any] | None = None
    for edge in edges:
        kept = int(((good <= edge) if below else (good >= edge)).sum())
        dropped = int(((bad > edge) if below else (bad < edge)).sum())
        if kept < KEPT * len(good):
            break
        if dropped and (best is None or dropped > best["dropped"]):
            best = {
                "threshold": float(edge),
                "kept": kept,
                "useful": len(good),
                "dropped": dropped,
                "noise": len(bad),
            }
    return best


def contacted(events: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    """How long it took from what happened to the first contact, a row a kind of event.

    Args:
        events: `account_id`, `event` (which kind), `day`.
        contacts: `account_id`, `event`, `day`: who was contacted when, for each kind.

    Returns:
        `event`, `events`, `contacted` (in the 90 days after), `median` and `at_once` (contacted
        on the day or the next, a share of all).
    """
    parts = []
    for (event,), mine in events.group_by(["event"], maintain_order=True):
        theirs = contacts.filter(pl.col("event") == event)
        days = _first(mine.rename({"day": "opened_at"}), theirs, AHEAD)
        parts.append(
            {
                "event": event,
                "events": len(days),
                "contacted": len(days.drop_nulls()),
                "median": days.median(),
                "at_once": (days <= 1).sum() / len(days),
            }
        )
    schema = {"event": pl.String, "events": pl.Int64, "contacted": pl.Int64}
    schema |= {"median": pl.Float64, "at_once": pl.Float64}
    return pl.DataFrame(parts, schema=schema).sort("event")
