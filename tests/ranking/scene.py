"""A data set as the pure health functions take it, and what is measured on it.

No CRM and no state take part: what they would add is tested elsewhere, and here only the order of
the scores matters. Who left stands in a frame of its own that no function of the product is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import yaml

from crm_health.config.model import Model
from crm_health.health import book, facts, score
from crm_health.health.evidence import Source
from crm_health.health.ranking import Auc, Caught, auc, caught, placements, pooled

MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Scene:
    """Some accounts at one instant, and what became of them."""

    accounts: pl.DataFrame
    sources: Mapping[str, Source]
    as_of: datetime
    #: account_id, left: never given to the product.
    left: pl.DataFrame
    #: account_id and plain inputs, each turned so that more of it should be better.
    naive: pl.DataFrame


@dataclass(frozen=True)
class Study:
    """A data set, its model, and its scenes: one or several instants."""

    name: str
    real: bool
    #: What an account is, and what leaving means.
    account: str
    leaving: str
    model: Model
    scenes: Sequence[Scene]
    #: The column of `naive` that somebody would look at first.
    first: str


@dataclass(frozen=True)
class Result:
    """What was measured on a study: instants pooled, each ranked by itself."""

    study: Study
    accounts: int
    left: int
    #: Accounts without a score, and how many of those left.
    unknown: int
    unknown_left: int
    score: Auc
    #: What the score has more than the naive floor, and its 95 % interval.
    gain: tuple[float, float, float]
    #: The floors, on the same accounts: the mean rank of all plain inputs, and one input alone.
    naive: Auc
    first: Auc
    caught: Caught


def model(path: Path) -> Model:
    """A model file, in UTC where it names no zone."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    found["time_zone"] = found.get("time_zone") or "UTC"
    return Model.model_validate(found, strict=False)


def read_just_now(rows: pl.DataFrame, as_of: datetime, newest: date | None = None) -> Source:
    """A source that was read completely at the instant."""
    return Source(rows=rows, read_at=as_of, newest=newest)


def scored(study: Study, scene: Scene) -> pl.DataFrame:
    """account_id, score and band_now, as the product works them out."""
    made = study.model
    first = facts.compute(made, scene.sources, scene.accounts, scene.as_of, {})
    figures = book.figures(made, first.values)
    view = facts.compute(made, scene.sources, scene.accounts, scene.as_of, figures)
    return score.assess(made, view, scene.as_of).select("account_id", "score", "band_now")


def measure(study: Study) -> Result:
    """Score every scene, then look what became of the accounts."""
    frames = []
    for place, scene in enumerate(study.scenes):
        found = scored(study, scene)
        ranked = scene.naive.select(
            "account_id", pl.col(study.first).alias("first"), _mean_rank(scene)
        )
        frames.append(
            found.join(ranked, on="account_id", how="left")
            .join(scene.left, on="account_id")
            .with_columns(pl.lit(place).alias("scene"))
        )
    every = pl.concat(frames)
    known = every.filter(pl.col("score").is_not_null())
    unknown = every.filter(pl.col("score").is_null())
    return Result(
        study=study,
        accounts=every.height,
        left=int(every["left"].sum()),
        unknown=unknown.height,
        unknown_left=int(unknown["left"].sum()),
        score=_area(known, "score"),
        gain=_gain(known),
        naive=_area(known, "naive"),
        first=_area(known, "first"),
        caught=caught(known["band_now"], known["left"], [b.name for b in study.model.bands]),
    )


def _mean_rank(scene: Scene) -> pl.Expr:
    """The mean of the inputs' ranks, from 0 to 1; a missing one stands in the middle."""
    names = [name for name in scene.naive.columns if name != "account_id"]
    ranks = ((pl.col(n).rank("average") - 0.5) / pl.col(n).count() for n in names)
    return pl.mean_horizontal(*(rank.fill_null(0.5) for rank in ranks)).alias("naive")


def _gain(known: pl.DataFrame) -> tuple[float, float, float]:
    """The difference of two areas of the same customers, DeLong's way: as pairs."""
    total, over, variance = 0, 0.0, 0.0
    for _, group in known.group_by("scene", maintain_order=True):
        placed = [placements(group[name], group["left"]) for name in ("score", "naive")]
        more = placed[0].select("left", above=pl.col("above") - placed[1]["above"])
        gone, kept = more.filter("left")["above"], more.filter(~pl.col("left"))["above"]
        pairs = len(gone) * len(kept)
        total += pairs
        over += pairs * float(gone.mean())
        variance += pairs**2 * (float(gone.var()) / len(gone) + float(kept.var()) / len(kept))
    mean, width = over / total, 1.959964 * math.sqrt(variance) / total
    return mean, mean - width, mean + width


def _area(known: pl.DataFrame, column: str) -> Auc:
    # A missing plain input says nothing: it stands in the middle of its scene.
    filled = pl.col(column).cast(pl.Float64).fill_null(pl.col(column).median().over("scene"))
    groups = known.with_columns(filled).group_by("scene", maintain_order=True)
    found = pooled(auc(group[column], group["left"]) for _, group in groups)
    if found is None:
        raise ValueError("nobody left, or nobody stayed")
    return found
