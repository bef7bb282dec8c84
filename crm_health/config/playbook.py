"""The playbook: what happens when: alerts with their tasks and escalations, and the guards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crm_health.config.base import Expression, Frozen, Slug


class TaskText(Frozen):
    """The task of an alert. Texts take {fact} fields and {account}, the account's name."""

    subject: str
    body: str


class EscalationText(Frozen):
    """The escalation of an alert."""

    reason: str
    severity: Literal["S1", "S2", "S3", "S4"]
    department: str
    evidence: str
    ends_when: str


class Alert(Frozen):
    """A risk or an opportunity seen now, and what it does. Its name is in keys: never rename."""

    when: Expression
    #: The condition clears when this holds; default: when `when` no longer does.
    clear: Expression | None = None
    #: A date column: one episode covers the condition as long as it began before the episode.
    #: For events such as a band's fall: `band_since`.
    since: str | None = None
    severity: Literal["high", "medium", "low"]
    does: Literal["task", "escalate"]
    due_days: int = Field(default=5, ge=0)
    cool_days: int = Field(default=30, ge=0)
    task: TaskText | None = None
    escalation: EscalationText | None = None
    #: Opens on the first sync of an account as well.
    on_first_sync: bool = False


class Department(Frozen):
    """Where a department's escalations go: a user or queue id of the CRM; None: the CSM."""

    owner: str | None = None


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
    departments: dict[str, Department]
    #: Due hours of business time by severity.
    severities: dict[Literal["S1", "S2", "S3", "S4"], float]
    guards: Guards = Guards()
    #: A person's day: the most new tasks of ours a day and open ones at a time.
    tasks_a_day: int = Field(default=3, ge=1)
    tasks_open: int = Field(default=15, ge=1)
