"""The playbook: what happens when: alerts with their tasks and escalations, and the guards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, field_validator

from crm_health.config.alerts import Alert, People
from crm_health.config.base import Expression, Frozen, Slug
from crm_health.config.escalations import Clock, Department, Grade, Reason
from crm_health.config.lifecycle import Lifecycle, ValueLadder
from crm_health.config.tiers import Tiers
from crm_health.config.touches import Touches


class Guards(Frozen):
    """Limits on a plan that looks like a mistake (`reference` of exit code 4)."""

    #: Stop when an object shrank below this share of the last read, percent.
    source_min_percent: float = Field(default=80, ge=0, le=100)
    #: Stop above max(n, percent of customers) new tasks and escalations.
    new_records: int = Field(default=10, ge=0)
    new_records_percent: float = Field(default=5, ge=0, le=100)
    #: Stop when more than this share of scored accounts moves by more than these points.
    moved_points: int = Field(default=25, ge=1)
    moved_percent: float = Field(default=20, ge=0, le=100)
    #: Stop when an input of more than `moved_percent` of the accounts is for the typical one so
    #: many times as large as before, or as small, and most others go along.
    shifted_factor: float = Field(default=1.8, gt=1, le=1000)
    closings_percent: float = Field(default=15, ge=0, le=100)
    #: Stop when an org's total use of its API allowance is above this.
    org_usage_percent: float = Field(default=80, ge=0, le=100)


class Playbook(Frozen):
    """`playbook.yaml`."""

    alerts: dict[Slug, Alert]
    #: Where customers stand; without a section nobody is placed there.
    lifecycle: Lifecycle | None = None
    value_stages: ValueLadder | None = None
    tiers: Tiers | None = None
    #: Who is spoken to how often; without a section nothing is ever next.
    touches: Touches | None = None
    #: Why customers are escalated, by slug.
    escalations: dict[Slug, Reason] = Field(default_factory=dict)
    departments: dict[str, Department]
    #: How fast escalations have to go. A bare number in YAML means `{due: ...}`.
    severities: dict[Grade, Clock]
    #: Business days that waiting on the customer stops an escalation's clock, in all.
    waiting_days: int = Field(default=10, ge=0)
    guards: Guards = Guards()
    people: People = People()
    #: Customers whose alerts are for the fields only, whatever they do for others.
    quiet: Expression | None = None
    #: A person's day: the most new tasks of ours a day and open ones at a time.
    tasks_a_day: int = Field(default=3, ge=1)
    tasks_open: int = Field(default=15, ge=1)
    #: What waits for a person's day longer than so many business days is not told any more.
    tasks_wait_days: int = Field(default=10, ge=1)

    @field_validator("severities", mode="before")
    @classmethod
    def _bare_hours(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        numbers = (int, float)
        return {k: {"due": v} if isinstance(v, numbers) else v for k, v in value.items()}

    def placing(self) -> Iterator[str]:
        """Every expression that places customers."""
        yield from (stage.when for stage in self.lifecycle.stages) if self.lifecycle else ()
        ladder = self.value_stages
        yield from (s.when for s in ladder.stages if s.when is not None) if ladder else ()
        if self.tiers is not None:
            yield from (self.tiers.rank, self.tiers.value, self.tiers.review.down_unless or "false")

    def words(self) -> dict[str, tuple[str, ...]]:
        """Output to the words that it may show."""
        stages = self.lifecycle.stages if self.lifecycle else ()
        steps = self.value_stages.stages if self.value_stages else ()
        found = {
            "stage": tuple(stage.label for stage in stages),
            "value_stage": tuple(step.label for step in steps),
            "tier": tuple(step.label for step in (self.tiers.steps if self.tiers else ())),
            "next_touch": self.touches.labels() if self.touches else (),
        }
        return {output: words for output, words in found.items() if words}

    def with_touches(self) -> Playbook:
        """The playbook as a run uses it: tasks of the touch plan open and close as alerts' do."""
        rules = self.touches.rules() if self.touches else {}
        return self.model_copy(update={"alerts": {**self.alerts, **rules}})
