"""Whether a model fits the customers at hand: signals, sizes, double counts, unused curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import polars as pl

from crm_health.config.model import Model, ModelDef
from crm_health.health.book import rests_on
from crm_health.health.evaluate import names_in

#: A measure needs evidence for so many of its accounts, in percent.
REGULAR = 30
#: As many measures as people can hold in mind, and as few as say something.
FEWEST, MOST = 5, 10
#: From this rank correlation on, two measures with a fact in common count it twice; and from the
#: other on, two measures say the same whatever they read.
TWICE, SAME = 0.7, 0.9
#: With fewer accounts nothing is said of how values spread.
ENOUGH = 20

#: What stands for percent: a middle value between these, and a curve that ends here.
_PERCENT, _HUNDRED = (2.5, 150.0), (80.0, 90.0, 95.0, 100.0, 120.0)

Kind = Literal["signal", "size", "twice", "unreached", "curve", "constant", "scale"]


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at."""

    kind: Kind
    #: The model of `models`, and the measure or measures.
    model: str
    measures: tuple[str, ...]
    text: str


def spread(accounts: pl.DataFrame) -> pl.DataFrame:
    """How each measure's values lie in each model's accounts.

    Args:
        accounts: account_id, model, drivers, missing, stale: as `score.assess` gives them.

    Returns:
        model, measure, accounts (for which it counts), known (those with evidence), share
        (percent), lowest and highest (values), least, most and mean (points of 100).
    """
    known = _long(accounts)
    absent = pl.concat(
        accounts.select("model", pl.col(name).alias("measure")).explode("measure")
        for name in ("missing", "stale")
    ).drop_nulls()
    gone = absent.group_by("model", "measure").agg(pl.len().cast(pl.Int64).alias("gone"))
    points = pl.col("points") / 10
    return (
        known.group_by("model", "measure")
        .agg(
            pl.len().cast(pl.Int64).alias("known"),
            pl.col("value").min().alias("lowest"),
            pl.col("value").max().alias("highest"),
            points.min().alias("least"),
            points.max().alias("most"),
            points.mean().round(1).alias("mean"),
        )
        .join(gone, on=["model", "measure"], how="full", coalesce=True)
        .with_columns(pl.col("known", "gone").fill_null(0))
        .with_columns((pl.col("known") + pl.col("gone")).alias("accounts"))
        .with_columns((pl.col("known") * 100 / pl.col("accounts")).round(1).alias("share"))
        .select(
            "model", "measure", "accounts", "known", "share",
            "lowest", "highest", "least", "most", "mean",
        )
        .sort("model", "measure")
    )  # fmt: skip


def findings(model: Model, accounts: pl.DataFrame) -> list[Finding]:
    """What to look at, in the order of the models.

    Args:
        model: Checked model.
        accounts: As `spread` takes them: all customers.
    """
    lie = spread(accounts)
    found: list[Finding] = []
    for kind in model.models:
        mine = accounts.filter(pl.col("model") == kind.name)
        counted = _counted(model, kind)
        found += _size(kind, counted)
        if accounts.height and mine.is_empty():
            text = f"no customer is scored by it, of {accounts.height:,}"
            found.append(Finding("unreached", kind.name, (), text))
            continue
        for row in lie.filter(pl.col("model") == kind.name).iter_rows(named=True):
            found += _of_measure(model, kind.name, row)
        found += _scale(model, kind.name, mine)
        found += _twice(model, kind.name, counted, mine)
    return found


def _counted(model: Model, kind: ModelDef) -> list[str]:
    """The measures that are on and that the model weighs, at least for some."""
    return [
        name
        for name, weight in kind.weights.items()
        if name in model.measures
        and name not in model.off
        and (isinstance(weight, str) or weight > 0)
    ]


def _size(kind: ModelDef, counted: list[str]) -> Iterator[Finding]:
    if not FEWEST <= len(counted) <= MOST:
        text = f"{len(counted)} measures count; {FEWEST} to {MOST} can be held in mind"
        yield Finding("size", kind.name, (), text)


def _of_measure(model: Model, kind: str, row: dict[str, object]) -> Iterator[Finding]:
    name, accounts, known = str(row["measure"]), int(str(row["accounts"])), int(str(row["known"]))
    if known * 100 < accounts * REGULAR:
        text = f"no regular signal: evidence for {known:,} of {accounts:,} customers"
        yield Finding("signal", kind, (name,), text)
    if known < ENOUGH:
        return
    if row["least"] == row["most"]:
        text = f"all {known:,} customers with evidence have {row['most']:g} points"
        yield Finding("constant", kind, (name,), text)
        return
    corners = sorted(model.measures[name].curve)
    lowest, highest = float(str(row["lowest"])), float(str(row["highest"]))
    ends = []
    if lowest > corners[0]:
        ends.append(f"{corners[0]:g}, the lowest is {lowest:.4g}")
    if highest < corners[-1]:
        ends.append(f"{corners[-1]:g}, the highest is {highest:.4g}")
    for end in ends:
        yield Finding("curve", kind, (name,), f"no value reaches the curve's end at {end}")


def _scale(model: Model, kind: str, mine: pl.DataFrame) -> Iterator[Finding]:
    """Shares of one on a curve for percentages, or the other way round."""
    value = pl.col("value")
    lie = (
        _long(mine)
        .group_by("measure")
        .agg(
            pl.len().alias("known"),
            value.min().alias("lowest"),
            value.median().alias("middle"),
            value.max().alias("highest"),
            (value == value.round()).all().alias("whole"),
        )
        .sort("measure")
    )
    for row in lie.filter(pl.col("known") >= ENOUGH).iter_rows(named=True):
        corners = sorted(model.measures[row["measure"]].curve)
        end, middle = corners[-1], f"{row['middle']:.3g}"
        shares = corners[0] >= 0 and end <= 2 and any(c != round(c) for c in corners)
        text = None
        if shares and _PERCENT[0] < row["middle"] <= _PERCENT[1]:
            text = f"the curve is for shares up to {end:g}, the values are like {middle}: percent?"
        elif (
            corners[0] >= 0
            and end in _HUNDRED
            and row["lowest"] >= 0
            and row["highest"] <= 1
            and not row["whole"]
        ):
            text = f"the curve is for values up to {end:g}, these are like {middle}: shares of one?"
        if text:
            yield Finding("scale", kind, (row["measure"],), text)


def _twice(model: Model, kind: str, counted: list[str], mine: pl.DataFrame) -> Iterator[Finding]:
    """Pairs of measures that count the same fact, or say the same."""
    wide = (
        _long(mine)
        .select("account_id", "measure", "points")
        .pivot("measure", index="account_id", values="points")
    )
    read = {name: _facts(model, model.measures[name].value) for name in counted}
    for one, other in combinations([name for name in counted if name in wide.columns], 2):
        both = wide.select(one, other).drop_nulls()
        if both.height < ENOUGH:
            continue
        # Of points that are all the same there is none: NaN.
        like = both.select(pl.corr(one, other, method="spearman").fill_nan(None)).item()
        shared = sorted(read[one] & read[other])
        if like is None or like < (TWICE if shared else SAME):
            continue
        why = f"both read {', '.join(shared)}" if shared else "though they read different facts"
        text = f"may count one thing twice: their ranks go together ({like:.2f}), {why}"
        yield Finding("twice", kind, (one, other), text)


def _long(accounts: pl.DataFrame) -> pl.DataFrame:
    """A row for each measure with evidence: account_id, model, measure, value, points."""
    return (
        accounts.select("account_id", "model", "drivers")
        .explode("drivers")
        .drop_nulls("drivers")
        .select(
            "account_id",
            "model",
            *(pl.col("drivers").struct.field(name) for name in ("measure", "value", "points")),
        )
    )


def _facts(model: Model, text: str) -> frozenset[str]:
    """The facts that an expression rests on, through derived facts too."""
    known = {*model.facts, *model.derived}
    found, seen, ends = set[str](), set[str](), set(rests_on(names_in(text), known))
    while ends:
        name = ends.pop()
        seen.add(name)
        if name in model.facts:
            found.add(name)
        elif name in model.derived:
            ends |= rests_on(names_in(model.derived[name]), known) - seen
    return frozenset(found)
