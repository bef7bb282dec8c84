"""The model: facts, measures, weights, caps and bands. Expressions only; no code."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from crm_health.config.base import Expression, Frozen, Name, Slug

#: A full stop, question or exclamation mark with more after it.
_SENTENCE_ENDS = re.compile(r"[.!?](?=\s+\S)")
_LONGEST_REASON = 200


class Change(Frozen):
    """Who answers for the model as it stands, and why it became so: no change without one."""

    owner: str = Field(min_length=1, max_length=80)
    approver: str = Field(min_length=1, max_length=80)
    #: The day it was approved, such as 2026-11-22.
    day: date = Field(alias="date")
    #: One sentence.
    reason: str

    @field_validator("reason")
    @classmethod
    def _one_sentence(cls, text: str) -> str:
        whole = text.strip()
        if not whole or "\n" in whole or len(whole) > _LONGEST_REASON:
            raise ValueError(f"must be one sentence of at most {_LONGEST_REASON} characters")
        if _SENTENCE_ENDS.search(whole):
            raise ValueError("must be one sentence, not several")
        return whole


class FactDef(Frozen):
    """One number, date or label per account: an aggregate over the rows of one entity."""

    source: str = Field(alias="from")
    where: Expression | None = None
    take: Expression
    #: What its evidence date is: the newest row that counted, or the last complete read of the
    #: entity. Default: `source` for counts, sums and days-since, `rows` for averages.
    evidence: Literal["rows", "source"] | None = None
    #: What it is for, where no measure, cap, alert or other expression of ours reads it.
    note: str | None = None


class MeasureDef(Frozen):
    """A fact turned into 0 to 100 points."""

    dimension: Name
    value: Expression
    #: Value to points, flat beyond the ends.
    curve: dict[float, float]
    #: What is between two corners: a straight line, or a step that keeps the points of the left.
    between: Literal["lines", "steps"] = "lines"
    #: Days after which evidence no longer counts; None: never. `source`: 7 days of the source.
    stale_after_days: int | None = None
    #: What the CRM says of it: text with {fact} fields. Dates and figures, never day counts.
    says: str
    #: Another wording when the points are above 80; default: the same.
    says_good: str | None = None


class CapDef(Frozen):
    """A condition under which the score can't be above `at`."""

    when: Expression
    at: int = Field(ge=1, le=100)
    says: str


class ModelDef(Frozen):
    """The weights for one kind of account; the first model whose condition holds."""

    name: Slug
    when: Expression | None = None
    #: Measure to its weight: a number, or an expression over what stands before the measures. A
    #: weight that is missing, or not above 0, leaves the measure out for that account.
    weights: dict[Name, float | Expression]


class BandDef(Frozen):
    """Scores below `below` are in this band; the last band has none."""

    name: Slug
    below: int | None = Field(default=None, ge=2, le=100)


class Steadiness(Frozen):
    """When the written band follows the score."""

    readings: int = Field(default=2, ge=1)
    hours_between: float = Field(default=20, ge=0)
    days_in_band: int = Field(default=7, ge=0)
    #: Points above the threshold needed to move up.
    upward: int = Field(default=3, ge=0)
    #: A fall of this many points against the score shown moves the band at once.
    fall: int = Field(default=15, ge=1)
    readings_to_unknown: int = Field(default=3, ge=1)


class Evidence(Frozen):
    """How much evidence a score needs."""

    #: Share of the model's weight with fresh evidence, percent.
    min_coverage: float = Field(default=60, ge=0, le=100)
    min_dimensions: int = Field(default=2, ge=1)
    #: Points of weight (of 100) that must be switched on at all.
    min_weight_on: float = Field(default=40, ge=0, le=100)
    #: A source that brought nothing for so many days is stale as a whole.
    source_stale_days: int = Field(default=7, ge=1)


class Override(Frozen):
    """How long a person's score stands instead of ours, and when the two are too far apart."""

    #: Days that one without an end lasts, and the most that any does.
    days: int = Field(default=90, ge=1, le=730)
    max_days: int = Field(default=180, ge=1, le=730)
    #: Days that an edit of the score itself lasts.
    edit_days: int = Field(default=30, ge=1, le=730)
    #: Points between it and the computed score from which on they are apart: see
    #: `override_apart_days` in the playbook.
    apart_points: int = Field(default=15, ge=1, le=99)

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if max(self.days, self.edit_days) > self.max_days:
            raise ValueError("days and edit_days can't be more than max_days")
        return self


class Model(Frozen):
    """`model.yaml`."""

    #: Not part of what the model is: a new reason alone scores nobody anew.
    change: Change | None = Field(default=None, exclude=True)
    #: IANA name; empty: the org's own, as the CRM tells it, else UTC.
    time_zone: str = ""
    #: ISO country code for public holidays; None for none.
    holidays: str | None = None
    facts: dict[Name, FactDef]
    #: Expressions over account columns and facts, in order.
    derived: dict[Name, Expression] = Field(default_factory=dict)
    measures: dict[Name, MeasureDef]
    #: Measures whose source is not there: they count neither in score nor in coverage.
    off: tuple[Name, ...] = ()
    models: tuple[ModelDef, ...] = Field(min_length=1)
    caps: dict[Slug, CapDef] = Field(default_factory=dict)
    bands: tuple[BandDef, ...] = Field(min_length=2, max_length=6)
    steadiness: Steadiness = Steadiness()
    evidence: Evidence = Evidence()
    override: Override = Override()

    def words(self) -> dict[str, tuple[str, ...]]:
        """Output to the words that it may show, the best first."""
        names = [*(band.name for band in reversed(self.bands)), "unknown"]
        return {"band": tuple(band_label(name) for name in names)}


def band_label(name: str) -> str:
    """A band as people read it, and as the CRM holds it: `At Risk` of `at_risk`."""
    return name.replace("_", " ").title()
