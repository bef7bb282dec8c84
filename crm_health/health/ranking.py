"""How well a number ranks those who left before those who stayed.

The area under the ROC curve is the chance that, of one who left and one who stayed, the one who
left has the lower number (ties count half): 0.5 is a coin. Its variance is DeLong's (E. DeLong,
D. DeLong and D. Clarke-Pearson, Biometrics 44, 1988), its interval is worked out on the logit
scale, so that it stays between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

#: Standard deviations on either side of a 95 % interval.
_WIDTH = 1.959964


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve, and how sure it is."""

    area: float
    variance: float
    #: How many left, and how many stayed.
    left: int
    stayed: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        # Where all are told apart nothing varies: the rule of three, for the fewer of the two.
        if self.variance <= 0 or not 0 < self.area < 1:
            slack = min(1.0, 3 / max(1, min(self.left, self.stayed)))
            return max(0.0, self.area - slack), min(1.0, self.area + slack)
        logit = math.log(self.area / (1 - self.area))
        width = _WIDTH * math.sqrt(self.variance) / (self.area * (1 - self.area))
        low, high = (1 / (1 + math.exp(-(logit + side * width))) for side in (-1, 1))
        return low, high


def auc(numbers: pl.Series, left: pl.Series) -> Auc | None:
    """The area for numbers that are lower for those who leave; None where one side is empty.

    Args:
        numbers: Scores or points; missing ones do not count.
        left: Who left (Boolean), in the same order.
    """
    placed = placements(numbers, left)
    gone, kept = placed.filter("left")["above"], placed.filter(~pl.col("left"))["above"]
    if gone.is_empty() or kept.is_empty():
        return None
    variance = _variance(gone) / len(gone) + _variance(kept) / len(kept)
    return Auc(_mean(gone), variance, len(gone), len(kept))


def placements(numbers: pl.Series, left: pl.Series) -> pl.DataFrame:
    """left, above: the share of the other side that each one ranks above in risk, ties half.

    Args:
        numbers: As `auc` takes them; those with a missing one fall out.
        left: Who left, in the same order.
    """
    frame = pl.DataFrame({"x": numbers.cast(pl.Float64), "left": left}).drop_nulls()
    gone, kept = frame.filter("left").height, frame.filter(~pl.col("left")).height
    # Ranks from the top: one who left stands above (in risk) all who stayed with more.
    risk = -pl.col("x")
    ranks = frame.with_columns(
        risk.rank("average").alias("all"), risk.rank("average").over("left").alias("own")
    )
    others = pl.when("left").then(kept).otherwise(gone)
    return ranks.select(
        "left", ((pl.col("all") - pl.col("own")) / pl.when(others > 0).then(others)).alias("above")
    )


def pooled(strata: Iterable[Auc | None]) -> Auc | None:
    """One area for several groups, each ranked by itself, weighted by their pairs."""
    known = [found for found in strata if found is not None]
    pairs = [found.left * found.stayed for found in known]
    total = sum(pairs)
    if not total:
        return None
    area = sum(n * found.area for n, found in zip(pairs, known, strict=True)) / total
    variance = sum(n * n * found.variance for n, found in zip(pairs, known, strict=True))
    return Auc(
        area,
        variance / total**2,
        sum(found.left for found in known),
        sum(found.stayed for found in known),
    )


@dataclass(frozen=True)
class Caught:
    """What the bands say of those who left."""

    #: Share of all that left, and of those in the worst band.
    base: float
    worst: float | None
    #: Share of those who left that were below the best band; unknown ones are not below it.
    below: float
    #: Share of all, left or not, that are in the worst band, and below the best one.
    in_worst: float
    in_below: float

    @property
    def lift(self) -> float | None:
        """How much likelier to leave the worst band is than all are."""
        return None if self.worst is None or not self.base else self.worst / self.base


def caught(
    bands: pl.Series, left: pl.Series, order: list[str], weights: pl.Series | None = None
) -> Caught:
    """What the bands say of those who left.

    Args:
        bands: Each one's band; others than `order` names, such as unknown, are in none.
        left: Who left, in the same order.
        order: The bands, from worst to best.
        weights: For how many each one stands, where only some of them are looked at.
    """
    frame = pl.DataFrame({"band": bands, "left": left}).with_columns(
        (pl.lit(1.0) if weights is None else weights.cast(pl.Float64)).alias("w"),
        (pl.col("band") == order[0]).fill_null(False).alias("worst"),
        pl.col("band").is_in(order[:-1]).fill_null(False).alias("below"),
    )
    worst, gone = frame.filter("worst"), frame.filter("left")
    return Caught(
        base=_share(frame, "left"),
        worst=_share(worst, "left") if worst.height else None,
        below=_share(gone, "below"),
        in_worst=_share(frame, "worst"),
        in_below=_share(frame, "below"),
    )


def _share(frame: pl.DataFrame, flag: str) -> float:
    """The weight of those with a flag, of all; nought of nobody."""
    total = float(frame["w"].sum())
    return float(frame.filter(flag)["w"].sum()) / total if total else 0.0


def _mean(values: pl.Series) -> float:
    found = values.cast(pl.Float64).mean()
    return float(found) if isinstance(found, float) else 0.0


def _variance(values: pl.Series) -> float:
    found = values.var()
    return float(found) if isinstance(found, float) else 0.0
