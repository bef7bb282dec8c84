"""Where customers stand, from what is known of them and what the CRM remembers.

What no field of the CRM keeps is reckoned afresh each time: a stage has then no date, and a tier
is nobody's but the company's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from crm_health.config.placed import UNPLACED
from crm_health.config.playbook import Playbook
from crm_health.entities import HELD, shown
from crm_health.health.evaluate import finite
from crm_health.programmes import lifecycle, programme_memory, reviewing, tiers, value
from crm_health.programmes.tiers import Cuts

#: The figures of the whole book that tiers need, kept with the day's others: where tiers end, and
#: on days of a review who moves, to which tier counted from the top.
CUTS, MOVES = "tiers", "tier_moves"
#: The rank of a customer, for the review of the whole book.
RANK, WORTH, SPARED = "tier_rank", "tier_worth", "tier_spared"


@dataclass(frozen=True)
class Placing:
    """Says where customers stand: a `health.facts.Place`."""

    playbook: Playbook
    #: The expressions that place customers, and others that read figures of the book.
    texts: tuple[str, ...]
    #: The outputs that the mapping writes: what the CRM can remember.
    written: frozenset[str]
    #: Today, and whether a review of the tiers is held.
    day: date
    review: bool = False
    #: `CUTS` and `MOVES` among the book's figures.
    book: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    #: What the CRM remembers of the customers, and what people changed, where that is known before:
    #: as `programme_memory.parse` and `edited` give them, in their order.
    memory: tuple[pl.DataFrame, pl.DataFrame] | None = None

    def __call__(self, values: pl.DataFrame) -> pl.DataFrame:
        """The columns of `PLACED`, of `programme_memory.PLACING`, and what a review needs."""
        known, edits = self.memory or self._remembered(values)
        parts = [
            self._stages(values, known, edits),
            self._ladder(values, known, edits),
            self._tiers(values, known, edits),
        ]
        return pl.concat(parts, how="horizontal")

    def _remembered(self, values: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        known = programme_memory.parse(_with(values, "programmes"))
        return known, programme_memory.edited(values, known, HELD)

    def remembers(self, output: str) -> bool:
        """Whether the CRM keeps an output with its date, and what goes with it."""
        return {output, f"{output}_since", "programmes"} <= self.written

    def _stages(
        self, values: pl.DataFrame, known: pl.DataFrame, edits: pl.DataFrame
    ) -> pl.DataFrame:
        config, kept = self.playbook.lifecycle, self.remembers("stage")
        if config is None:
            return _nothing(values, _NO_STAGE)
        names = {text: stage.name for stage in config.stages for text in stage.labels()}
        then = pl.DataFrame(
            {
                "stage": named(_shown(values, "stage"), names),
                "since": _shown(values, "stage_since"),
                "edited": edits["stage"],
                "held": known["stage_held"],
                "out_since": known["stage_out_since"],
            }
        )
        holds = _conditions(values, {stage.name: stage.when for stage in config.stages})
        found = lifecycle.settle(config, then if kept else then.clear(then.height), holds, self.day)
        found = found.rename({"held": "stage_held", "out_since": "stage_out_since"})
        hears = {stage.name: stage.hears for stage in config.stages}
        told = pl.col("stage").replace_strict(hears, default=None, return_dtype=pl.String)
        found = found.with_columns(told.alias("stage_hears"))
        return found if kept else _undated(found, "stage")

    def _ladder(
        self, values: pl.DataFrame, known: pl.DataFrame, edits: pl.DataFrame
    ) -> pl.DataFrame:
        config, kept = self.playbook.value_stages, self.remembers("value_stage")
        if config is None:
            return _nothing(values, _NO_STEP)
        steps = enumerate(config.stages, 1)
        numbers = {text: str(n) for n, stage in steps for text in stage.labels()}
        then = pl.DataFrame(
            {
                "level": named(_shown(values, "value_stage"), numbers).cast(pl.Int64),
                "since": _shown(values, "value_stage_since"),
                "edited": edits["value_stage"],
                "held": known["value_held"],
                "next": known["value_next"],
                "next_since": known["value_next_since"],
            }
        )
        conditions = {str(n): stage.when for n, stage in enumerate(config.stages, 1)}
        holds = _conditions(values, conditions)
        found = value.settle(config, then if kept else then.clear(then.height), holds, self.day)
        memory = {"held": "value_held", "next": "value_next", "next_since": "value_next_since"}
        found = found.rename(memory)
        return found if kept else _undated(found, "value_stage")

    def _tiers(
        self, values: pl.DataFrame, known: pl.DataFrame, edits: pl.DataFrame
    ) -> pl.DataFrame:
        config = self.playbook.tiers
        given = values["tier"] if "tier" in values.columns else _empty(values)
        if config is None or not self.remembers("tier"):
            nothing = _nothing(values, _NO_TIER)
            return nothing.insert_column(0, given.fill_null(UNPLACED).alias("tier_now"))
        read = {RANK: config.rank, WORTH: config.value}
        sums = finite(
            values.select(pl.sql_expr(text).cast(pl.Float64).alias(n) for n, text in read.items())
        )
        unless = config.review.down_unless
        spared = _conditions(values, {SPARED: unless})
        names = {text: step.name for step in config.steps for text in step.labels()}
        period = reviewing.period(config.review, self.day)
        shown_tier = named(_shown(values, "tier"), names)
        then = pl.DataFrame(
            {
                "account_id": values["account_id"],
                "tier": shown_tier,
                "since": _shown(values, "tier_since"),
                "given": given,
                # What is there before we ever came is a person's as well.
                "edited": edits["tier"] | (~known["known"] & shown_tier.is_not_null()),
                "pin": known["tier_pin"],
                "base": known["tier_base"],
                "moved": known["tier_moved"],
                "rank": sums[RANK].round(9),
                "value": sums[WORTH],
            }
        )
        places = [step.name for step in config.steps]
        moves = {a: places[int(to[0])] for a, to in self.book.get(MOVES, {}).items()}
        cuts: Cuts = self.book.get(CUTS) or {}
        found = tiers.place(config, then, cuts, moves, period, self.day)
        below = known["tier_below"]
        if self.review:
            fixed = found["pin"].is_not_null() | given.is_not_null()
            frame = then.with_columns(fixed.alias("fixed"), below.alias("below"))
            below = reviewing.below(config, frame, cuts, period)
        return found.rename(
            {"moved": "tier_moved", "pin": "tier_pin", "base": "tier_base"}
        ).with_columns(below.alias("tier_below"), then["rank"].alias(RANK), spared[SPARED])


_NO_STAGE: dict[str, Any] = {
    "stage": pl.String,
    "stage_since": pl.Date,
    "stage_days": pl.Float64,
    "stage_stuck": pl.Boolean,
    "stage_hears": pl.String,
    "stage_held": pl.String,
    "stage_out_since": pl.Date,
}
_NO_STEP: dict[str, Any] = {
    "value_stage": pl.Float64,
    "value_stage_since": pl.Date,
    "value_stage_days": pl.Float64,
    "value_stage_stuck": pl.Boolean,
    "value_held": pl.Int64,
    "value_next": pl.Int64,
    "value_next_since": pl.Date,
}
_NO_TIER: dict[str, Any] = {
    "tier_since": pl.Date,
    "tier_days": pl.Float64,
    "tier_moved": pl.String,
    "tier_pin": pl.Date,
    "tier_base": pl.Int64,
    "tier_below": pl.String,
    RANK: pl.Float64,
    SPARED: pl.Boolean,
}


def named(labels: pl.Series, names: Mapping[str, str]) -> pl.Series:
    """What people see as the names that stand for it; missing where there is none."""
    known = {label.strip().lower(): name for label, name in names.items()}
    plain = labels.cast(pl.String).str.strip_chars().str.to_lowercase()
    if not known:
        return plain.clear(len(plain))
    return plain.replace_strict(known, default=None, return_dtype=pl.String)


def _conditions(values: pl.DataFrame, texts: Mapping[str, str | None]) -> pl.DataFrame:
    """One Boolean column a condition; missing where there is none."""
    exprs = {
        name: pl.sql_expr(text) if text is not None else pl.lit(None)
        for name, text in texts.items()
    }
    found = values.select("account_id", *(e.alias(f"@{name}") for name, e in exprs.items()))
    return found.select(pl.col(f"@{n}").cast(pl.Boolean).alias(n) for n in texts)


def _shown(values: pl.DataFrame, output: str) -> pl.Series:
    return _with(values, output)[shown(output)]


def _with(values: pl.DataFrame, output: str) -> pl.DataFrame:
    if shown(output) in values.columns:
        return values
    return values.with_columns(pl.lit(None, pl.String).alias(shown(output)))


def _nothing(values: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema)).clear(values.height)


def _empty(values: pl.DataFrame) -> pl.Series:
    return pl.Series([None] * values.height, dtype=pl.String)


def _undated(found: pl.DataFrame, name: str) -> pl.DataFrame:
    dated = [f"{name}_since", f"{name}_days", f"{name}_stuck"]
    return found.with_columns(pl.lit(None, found.schema[one]).alias(one) for one in dated)
