"""Escalations in the playbook: reasons, departments, and the clock of each severity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crm_health.config.base import Frozen, Slug, Texts

#: From the gravest on.
Grade = Literal["S1", "S2", "S3", "S4"]
GRADES: tuple[Grade, ...] = ("S1", "S2", "S3", "S4")
#: The department whose tasks go to whoever answers for retention.
LEADERSHIP = "Leadership"


class Clock(Frozen):
    """How fast an escalation has to go, in business time."""

    #: Hours until it is resolved, and until somebody has taken it up (default: a quarter of it).
    due: float = Field(gt=0)
    acknowledge: float | None = Field(default=None, gt=0)
    #: Business days from one word to the customer to the next.
    update_days: int = Field(default=5, ge=1)
    #: Whether leadership is told at opening, not only when due has passed.
    tell_at_opening: bool = False

    @property
    def taken_up(self) -> float:
        """Hours until somebody has taken it up."""
        return self.due / 4 if self.acknowledge is None else self.acknowledge


class Department(Frozen):
    """Where a department's escalations go: a user or queue id of the CRM; None: the CSM."""

    owner: str | None = None


class Action(Frozen):
    """A task that every escalation of a reason asks for. Its name is in keys: never rename."""

    department: str
    #: What to do, as the subject of the task says it.
    text: str = Field(min_length=1, max_length=120)
    #: Due so many business days after opening.
    day: int = Field(ge=0, le=365)


class Reason(Frozen):
    """Why a customer is escalated, who owns that, and what it takes to end it."""

    #: As the records show it, and as people choose it; may be renamed, see `formerly`.
    reason: str = Field(min_length=1, max_length=80)
    #: What it was called before: records with these still belong to it.
    formerly: Texts = ()
    department: str
    severity: Grade
    #: What must be true for it to end.
    ends_when: str = Field(min_length=1, max_length=255)
    actions: dict[Slug, Action] = Field(default_factory=dict)
    #: Days at least from one opening to the next, for one account.
    between_days: int = Field(default=14, ge=0, le=730)
