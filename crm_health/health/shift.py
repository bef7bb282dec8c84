"""Inputs that are other ones for most accounts at once, as when a feed breaks: in pairs.

Each account is held against itself, for books differ more between accounts than any feed does from
day to day. What moves most of them by about the same factor is no customer's doing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

#: Fewer accounts than this show nothing of a book.
MIN_ACCOUNTS = 20
#: A day is held against those of three weeks before it, and against nothing before two have passed.
DAYS, LEAST_DAYS = timedelta(days=21), timedelta(days=14)
#: At most this share moved by less than half the limit (in logarithms), or not at all.
_ASTRAY = 0.25
#: Fewer of those who bring something on other days do so when a feed breaks.
_GONE = 0.1


@dataclass(frozen=True)
class Shift:
    """An input that is another one."""

    name: str
    #: Typical size then and now; where `lost`, percent of the accounts that have it.
    before: float
    now: float
    #: The share of all accounts that it concerns, 0 to 1.
    concerned: float
    #: Its sizes did not move: it is gone.
    lost: bool = False

    def like(self, other: Shift | None) -> bool:
        """Whether another one went the same way."""
        if other is None or self.lost is not other.lost:
            return False
        return (self.now > self.before) is (other.now > other.before)


def shifted(
    before: pl.DataFrame, now: pl.DataFrame, factor: float, sizeless: Collection[str]
) -> dict[str, Shift]:
    """Inputs whose typical ratio is a factor or more, or that half of those who had them lost.

    Args:
        before: account_id and inputs.
        now: The same accounts later; only inputs that are in both are looked at.
        factor: Above 1: so many times as large, or as small.
        sizeless: Inputs that can only be there or not: distances in days, which time moves.
    """
    both = before.join(now, on="account_id", suffix="@now")
    found = {}
    for name in before.columns[1:]:
        if f"{name}@now" in both.columns:
            pair = both[name], both[f"{name}@now"]
            shift = _lost(name, *pair)
            if shift is None and name not in sizeless and all(s.dtype.is_numeric() for s in pair):
                shift = _resized(name, *pair, factor)
            if shift is not None:
                found[name] = shift
    return found


def usual(each: Shift, earlier: pl.DataFrame, now: pl.DataFrame, factor: float) -> bool:
    """Whether the accounts were on an earlier day as they are now: then it is no surprise.

    Sizes of too few accounts say nothing; that few had what is lost says that it comes and goes.
    """
    if each.name not in earlier.columns:
        return False
    columns = ["account_id", each.name]
    both = earlier.select(columns).join(now.select(columns), on="account_id", suffix="@now")
    pairs = _there(both[each.name]) & _there(both[f"{each.name}@now"])
    if not each.lost and pairs.sum() < MIN_ACCOUNTS:
        return False
    sizeless = columns if each.lost else ()
    return not each.like(shifted(earlier.select(columns), now, factor, sizeless).get(each.name))


def rewritten(shifts: Iterable[Shift], again: Iterable[dict[str, Shift]]) -> list[Shift]:
    """The shifts that time and new rows do not explain.

    Args:
        shifts: Then against now.
        again: Then against the same day counted again by today's rows, in every way that the day
            may be counted: where one of them finds what was found then, the past stands.
    """
    counted = list(again)
    return [s for s in shifts if all(s.like(each.get(s.name)) for each in counted)]


def new_day(
    name: str, values: pl.DataFrame, day: date, known: date, accounts: int, factor: float
) -> Shift | None:
    """A day on which a feed is another one than on every day of the three weeks before.

    More than on every day that has enough accounts. Less, where all those days have them and as
    many accounts as ever bring something; or next to nothing: on a holiday most accounts bring
    nothing, and some do.

    Args:
        name: Of the input.
        values: account_id, day, value; a row where there is a value other than 0.
        day: Which one; it should be over.
        known: The day before which all is known to be right.
        accounts: How many there are.
        factor: As for `shifted`.
    """
    first, end = day - DAYS, min(known, day)
    before = values.filter((pl.col("day") >= first) & (pl.col("day") < end))
    if day < known or before.filter(pl.col("day") <= day - LEAST_DAYS).is_empty():
        return None
    today = values.filter(pl.col("day") == day).select("account_id", now="value")
    both = before.join(today, on="account_id", how="left")
    told = (
        both.group_by("day")
        .agg(had=pl.len(), pairs=pl.col("now").count(), **_ratios(pl.col("value"), pl.col("now")))
        .filter(pl.col("had") >= MIN_ACCOUNTS)
        .sort("day")
    )
    paired = told.filter(pl.col("pairs") >= MIN_ACCOUNTS)
    every_day = told.height == (end - first).days
    if every_day and (told["pairs"] <= _GONE * told["had"]).all():
        fewest = min(told["had"].to_list())
        then, now = 100 * fewest / accounts, 100 * today.height / accounts
        return Shift(name, then, now, (then - now) / 100, lost=True)
    if paired.is_empty() or today.height < statistics.median(told["had"]) / 2:
        # On a quiet day the few do not say what the many will bring.
        return None
    rise, fall = (bool(paired.select(moved.all()).item()) for moved in _moved(factor))
    as_many = (told["pairs"] >= (1 - _ASTRAY) * told["had"]).all()
    if not rise and not (fall and every_day and as_many and paired.height == told.height):
        return None
    last = both.filter((pl.col("day") == paired["day"][-1]) & pl.col("now").is_not_null())
    return Shift(name, _size(last["value"]), _size(last["now"]), last.height / accounts)


def _lost(name: str, then: pl.Series, later: pl.Series) -> Shift | None:
    had, has = _there(then), _there(later)
    gone = int((had & ~has).sum())
    # Those who got it meanwhile count as well: deals and cases come and go.
    if had.sum() < MIN_ACCOUNTS or 2 * gone < had.sum() or 2 * has.sum() > had.sum():
        return None
    share = 100 / len(then)
    return Shift(
        name, share * int(had.sum()), share * int(has.sum()), share * gone / 100, lost=True
    )


def _resized(name: str, then: pl.Series, later: pl.Series, factor: float) -> Shift | None:
    pairs = pl.DataFrame({"then": then, "now": later}).filter(_there(then) & _there(later))
    if pairs.height < MIN_ACCOUNTS:
        return None
    ratios = pairs.select(**_ratios(pl.col("then"), pl.col("now")))
    if not any(ratios.select(moved).item() for moved in _moved(factor)):
        return None
    return Shift(name, _size(pairs["then"]), _size(pairs["now"]), pairs.height / len(then))


def _ratios(then: pl.Expr, now: pl.Expr) -> dict[str, pl.Expr]:
    """Typical ratio, and the one that a quarter of the accounts lies below, or above: as logs."""
    log = (now / then).abs().log(2)
    return {"low": log.quantile(_ASTRAY), "middle": log.median(), "high": log.quantile(1 - _ASTRAY)}


def _moved(factor: float) -> tuple[pl.Expr, pl.Expr]:
    """Whether `_ratios` say that most rose together, and that most fell."""
    limit, middle = math.log2(factor), pl.col("middle")
    rise = (middle >= limit) & (pl.col("low") >= limit / 2)
    return rise, (middle <= -limit) & (pl.col("high") <= -limit / 2)


def _size(values: pl.Series) -> float:
    return float(values.abs().cast(pl.Float64).median() or 0)  # type: ignore[arg-type] # a number


def _there(values: pl.Series) -> pl.Series:
    """Where an input says something."""
    if values.dtype == pl.Boolean:
        return values.fill_null(False)
    if not values.dtype.is_numeric():
        return values.is_not_null()
    return (values.cast(pl.Float64).is_finite() & (values != 0)).fill_null(False)
