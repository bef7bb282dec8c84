"""The lines of Why: what each measure and the binding cap say of an account."""

from __future__ import annotations

import polars as pl

from crm_health.config.model import Model
from crm_health.entities import Kind
from crm_health.health.facts import Facts
from crm_health.health.template import compile_template, days_since
from crm_health.health.words import one_line

#: Points (tenths) above which a measure holds the score up.
GOOD = 800
_KEYS = ("account_id", "measure", "share", "lost", "good")


def kinds_of(frame: pl.DataFrame) -> dict[str, Kind]:
    """What templates may name, by the columns of a frame."""
    found: dict[str, Kind] = {}
    for name, dtype in frame.schema.items():
        if dtype.is_numeric():
            found[name] = Kind.NUMBER
        elif dtype == pl.Boolean:
            found[name] = Kind.BOOLEAN
        elif dtype == pl.Date:
            found[name] = Kind.DATE
        elif isinstance(dtype, pl.Datetime):
            found[name] = Kind.INSTANT
        else:
            found[name] = Kind.TEXT
    return found


def driver_lines(model: Model, facts: Facts, assessed: pl.DataFrame) -> pl.DataFrame:
    """One row a driver: account_id, measure, good, figure (points lost or given), line.

    Strongest first in an account: those that hold the score down, then those that hold it up.
    """
    drivers = (
        assessed.select("account_id", "drivers")
        .explode("drivers", empty_as_null=True)
        .filter(pl.col("drivers").is_not_null())
        .unnest("drivers")
        .with_columns((pl.col("points") > GOOD).alias("good"))
        .select(_KEYS)
    )
    available = kinds_of(facts.values)
    since = days_since(model)
    said = []
    for name, measure in model.measures.items():
        texts = [
            compile_template(text, available, since=since, time_zone=model.time_zone)
            for text in (measure.says, measure.says_good or measure.says)
        ]
        mine = drivers.filter(pl.col("measure") == name).join(
            facts.values, on="account_id", how="inner", maintain_order="left"
        )
        line = pl.when(pl.col("good")).then(texts[1]).otherwise(texts[0])
        said.append(mine.select(*_KEYS, one_line(line).alias("line")))
    points = pl.when(pl.col("good")).then("share").otherwise("lost")
    lines = pl.concat(said).with_columns(((points + 50) // 100).alias("figure"))
    return lines.sort(
        "account_id", "good", points, "measure", descending=[False, False, True, False]
    ).select("account_id", "measure", "good", "figure", "line")


def cap_lines(model: Model, facts: Facts, assessed: pl.DataFrame) -> pl.DataFrame:
    """account_id, cap_at, cap_line of the accounts whose score a cap holds down."""
    # What caps read, their words may name: the points of a dimension as well.
    points = [c for c in assessed.columns if c.endswith("_points") and c not in facts.values]
    seen = facts.values.join(
        assessed.select("account_id", "capped", *points), on="account_id", maintain_order="left"
    )
    available = kinds_of(seen)
    since = days_since(model)
    columns = {"account_id": pl.String, "cap_at": pl.Int64, "cap_line": pl.String}
    said = [pl.DataFrame(schema=columns)]
    for name, cap in model.caps.items():
        line = compile_template(cap.says, available, since=since, time_zone=model.time_zone)
        said.append(
            seen.filter(pl.col("capped") == name).select(
                "account_id",
                pl.lit(cap.at, dtype=pl.Int64).alias("cap_at"),
                one_line(line).alias("cap_line"),
            )
        )
    return pl.concat(said)
