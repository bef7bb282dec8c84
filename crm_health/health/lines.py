"""The lines of Why: what each measure and the binding cap say of an account."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from crm_health.config.model import Model
from crm_health.entities import Kind
from crm_health.health.facts import Facts
from crm_health.health.frames import of_accounts
from crm_health.health.template import compile_template, days_since, fields
from crm_health.health.words import one_line, one_space

#: Points (tenths) above which a measure holds the score up.
GOOD = 800
#: The most lines that hold the score down, and that hold it up.
DOWN, UP = 5, 3
#: More than the points of any measure, and than there are measures: the digits of a sort key.
_POINTS, _MEASURES = 1 << 20, 1 << 10


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
    """The lines that are shown, a row each: number, place, measure, good, figure, line.

    `number` is the account's place in `assessed`, `figure` the points lost or given. In order of
    number; in an account first those that hold the score down, strongest first, then those that
    hold it up.
    """
    shown = _strongest(model, assessed)
    values = of_accounts(facts.values, assessed.get_column("account_id"))
    available = kinds_of(values)
    since = days_since(model)
    said = []
    for name, measure in model.measures.items():
        good, bad = (
            _line(text, available, since, model)
            for text in (measure.says_good or measure.says, measure.says)
        )
        mine = shown.filter(pl.col("measure") == name)
        line = pl.when(pl.col("@good")).then(good).otherwise(bad).alias("line")
        rows = pl.col("day", *fields(measure.says), *fields(measure.says_good or ""))
        seen = values.select(rows.gather(mine["number"])).with_columns(mine["good"].alias("@good"))
        said.append(mine.with_columns(seen.select(line)))
    return pl.concat(said).sort("key").drop("key")


def _strongest(model: Model, assessed: pl.DataFrame) -> pl.DataFrame:
    """The drivers of `driver_lines` without their lines, with `key`, their order."""
    rank = pl.col("measure").cast(pl.Enum(sorted(model.measures))).to_physical()
    side = pl.col("number").cast(pl.Int64) * 2 + pl.col("good")
    points = pl.when("good").then("share").otherwise("lost")
    # One whole number sorts far faster than four columns.
    key = (side * _POINTS + _POINTS - pl.col("points")) * _MEASURES + rank
    drivers = (
        assessed.select("drivers")
        .with_row_index("number")
        .explode("drivers", empty_as_null=True)
        .filter(pl.col("drivers").is_not_null())
        .unnest("drivers")
        .with_columns((pl.col("points") > GOOD).alias("good"))
        .select("number", "measure", "good", points.alias("points"))
        .with_columns(((pl.col("points") + 50) // 100).alias("figure"))
        .filter(pl.col("figure") > 0)
        .with_columns(side.alias("side"), key.alias("key"))
        .sort("key")
        .with_row_index("row")
    )
    first = pl.when(pl.col("side").ne_missing(pl.col("side").shift())).then("row").forward_fill()
    most = pl.when("good").then(UP).otherwise(DOWN)
    return (
        drivers.with_columns((pl.col("row") - first).cast(pl.Int64).alias("place"))
        .filter(pl.col("place") < most)
        .select("number", "place", "measure", "good", "figure", "key")
    )


def _line(
    text: str, available: Mapping[str, Kind], since: Collection[str], model: Model
) -> pl.Expr:
    line = compile_template(text, available, since=since, time_zone=model.time_zone)
    if any(available[name] is Kind.TEXT for name in fields(text)) or one_space(text) != text:
        return one_line(line)
    # Our own words and figures are plain: what looks for control characters is left out.
    return line.str.strip_chars().str.strip_chars_end(".")


def cap_lines(model: Model, facts: Facts, assessed: pl.DataFrame) -> pl.DataFrame:
    """account_id, cap_at, cap_line of the accounts whose score a cap holds down."""
    # What caps read, their words may name: the points of a dimension as well.
    points = [c for c in assessed.columns if c.endswith("_points") and c not in facts.values]
    capped = assessed.select("account_id", "capped", *points).filter(pl.col("capped").is_not_null())
    named = {name for cap in model.caps.values() for name in fields(cap.says)}
    held = [name for name in facts.values.columns if name in {"account_id", "day", *named}]
    seen = facts.values.select(held).join(capped, on="account_id", maintain_order="left")
    available = kinds_of(facts.values) | kinds_of(seen)
    since = days_since(model)
    columns = {"account_id": pl.String, "cap_at": pl.Int64, "cap_line": pl.String}
    said = [pl.DataFrame(schema=columns)]
    for name, cap in model.caps.items():
        said.append(
            seen.filter(pl.col("capped") == name).select(
                "account_id",
                pl.lit(cap.at, dtype=pl.Int64).alias("cap_at"),
                _line(cap.says, available, since, model).alias("cap_line"),
            )
        )
    return pl.concat(said)
