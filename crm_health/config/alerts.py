"""Alerts in the playbook: risks, growth and successes seen now, and what each of them does."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crm_health.config.base import Expression, Frozen, Name, Slug

Polarity = Literal["risk", "growth", "success"]
Severity = Literal["high", "medium", "low"]


class TaskText(Frozen):
    """The task of an alert. Texts take {fact} fields and {account}, the account's name."""

    subject: str
    body: str


class EscalationText(Frozen):
    """The escalation of an alert: why, by the slug of `escalations`, and what we saw."""

    reason: Slug
    evidence: str


class Alert(Frozen):
    """A risk or an opportunity seen now, and what it does. Its name is in keys: never rename."""

    polarity: Polarity = "risk"
    when: Expression
    #: The condition clears when this holds; default: when `when` no longer does. It may read
    #: `baseline`, the number that was kept when it opened.
    clear: Expression | None = None
    #: A number that is kept when it opens; without one kept, it clears when `when` no longer holds.
    baseline: Expression | None = None
    #: A date column, or days since: when the event was. One episode covers it as long as it began
    #: before the episode, and is over as well when the task that told of it is closed.
    since: str | None = None
    severity: Severity
    does: Literal["task", "quiet", "escalate"]
    #: Where this holds it is for the fields only.
    quiet: Expression | None = None
    #: Who gets the task.
    told: Literal["csm", "pool", "manager", "retention_owner"] = "csm"
    #: A label fact: the id of the contact whom the task is about.
    contact: Name | None = None
    due_days: int = Field(default=5, ge=0)
    cool_days: int = Field(default=30, ge=0)
    #: Of an event: its task is closed after so many days where nobody touched it. By then it is no
    #: news any more, and would take the place of another one. Empty: it waits for a person.
    expires_days: int | None = Field(default=None, ge=1)
    #: What happens to its untouched task when the situation clears.
    on_clear: Literal["close", "leave"] = "close"
    #: One line for the account's fields, and for the task that tells of something graver.
    says: str | None = None
    #: In which words its end stands on the task: "usage is back".
    over: str | None = None
    task: TaskText | None = None
    escalation: EscalationText | None = None
    #: Of an alert that escalates: those of the same cause, which make no task meanwhile.
    replaces: tuple[Slug, ...] = Field(default=(), strict=False)
    #: Opens on the first sync of an account as well.
    on_first_sync: bool = False


class People(Frozen):
    """Who is told of what: users or queues, as ids of the CRM."""

    #: For customers without a manager of their own.
    pool: str | None = None
    #: Whose customers these are.
    pooled: Expression | None = None
    #: Who answers for retention: the last resort. Without one, the mapping's `fallback_owner`.
    retention_owner: str | None = None
    #: Whether an account's owner stands in where it names no customer success manager: `auto`
    #: while no customer of the whole book names one.
    account_owner: Literal["auto", "always", "never"] = "auto"
