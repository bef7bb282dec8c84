"""Touches in the playbook: who is spoken to how often, and what campaigns enrol on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_health.config.alerts import Alert, TaskText
from crm_health.config.base import Expression, Frozen, Name, Slug, Texts
from crm_health.config.lifecycle import Label

#: A touch's task is an occurrence of a rule of this beginning: no alert may have such a name.
PREFIX = "touch_"
#: More days than any plan has.
_NEVER = 99999


class Touch(Frozen):
    """One kind of contact. Its name is in keys: never rename it, change its label instead."""

    label: Label
    #: Tier to the most days from one to the next; of one `before` a date, the days before that.
    tiers: Annotated[dict[Slug, int], Field(min_length=1)]
    #: Days since the last one: a fact.
    fulfilled_by: Name
    #: Days since a date that is to come, so negative: due once ahead of it, in place of a rhythm.
    before: Name | None = None
    #: Of one `before` a date: it counts from so many days before its due.
    early_days: int = Field(default=60, ge=0, le=365)
    #: Only where this holds.
    when: Expression | None = None
    #: The task comes so many days before the touch is due.
    ahead_days: int = Field(default=7, ge=0, le=365)
    #: At most so many tasks for a person in a week, most attention first.
    a_week: int | None = Field(default=None, ge=1, le=100)
    #: Without a text there is no task: the account's fields say what is due.
    task: TaskText | None = None


class Digital(Frozen):
    """One value that campaigns enrol on."""

    label: Label
    #: One of the stages, or one of the alerts; nothing said of either: any. And `when` as well.
    stages: Texts = ()
    alerts: Texts = ()
    when: Expression | None = None
    #: It does not wait until the value before it is `apart_days` old.
    at_once: bool = False


class Campaigns(Frozen):
    """Customers whom nobody speaks to in person: fields that campaigns enrol on."""

    tiers: Annotated[tuple[Slug, ...], Field(strict=False, min_length=1)]
    #: From one value to the next, at least.
    apart_days: int = Field(default=30, ge=0, le=365)
    #: The first that holds.
    values: Annotated[tuple[Digital, ...], Field(strict=False, min_length=1)]


class Touches(Frozen):
    """The touch plan."""

    #: Somebody has planned a contact: no task then.
    planned: Expression
    #: So many days after a customer came into a tier nothing of the tier's plan is asked for.
    settle_days: int = Field(default=7, ge=0, le=365)
    plan: dict[Slug, Touch]
    digital: Campaigns | None = None

    def labels(self) -> tuple[str, ...]:
        """All that the account's field may say is next."""
        digital = self.digital.values if self.digital else ()
        return (*(t.label for t in self.plan.values()), *(value.label for value in digital))

    def rules(self) -> dict[str, Alert]:
        """The touches with a task, as rules like alerts: their tasks open and close as theirs."""
        return {
            f"{PREFIX}{name}": self._rule(touch, touch.task)
            for name, touch in self.plan.items()
            if touch.task is not None
        }

    def days_left(self, touch: Touch) -> str:
        """An expression: the days until the touch is due, negative when overdue.

        Missing where the plan asks for none. A plan begins with the tier: what nobody has done yet
        counts from the day on which the customer came into it.
        """
        rest = f"{touch.ahead_days + self.settle_days} - tier_days"
        parts = []
        for tier, days in touch.tiers.items():
            if touch.before is None:
                left = f"{days} - coalesce({touch.fulfilled_by}, tier_days)"
            else:
                left = f"0 - {touch.before} - {days}"
            parts.append(f"when {_asked(touch, tier)} then greatest({left}, {rest})")
        return f"case {' '.join(parts)} end"

    def _rule(self, touch: Touch, task: TaskText) -> Alert:
        left = f"({self.days_left(touch)})"
        asked = " or ".join(f"({_asked(touch, tier)})" for tier in touch.tiers)
        over = f"not ({asked}) or {left} > {touch.ahead_days}"
        return Alert(
            # Nothing that touches do is a risk.
            polarity="success",
            when=f"{left} <= {touch.ahead_days} and not ({self.planned})",
            # Where nobody can tell what is planned, nobody can tell what was done; and where nobody
            # can tell whether it is asked for, as without a date, it stands as it is.
            clear=f"({over}) and ({self.planned}) is not null",
            severity="low",
            does="task",
            # Business days of the calendar days that are left.
            due_days=max(1, touch.ahead_days * 5 // 7),
            cool_days=0,
            over="you have been in touch",
            task=task,
        )


def _asked(touch: Touch, tier: str) -> str:
    """A condition: the plan asks for it in this tier; missing where nobody can tell."""
    parts = [f"tier_now = '{tier}'", *([f"({touch.when})"] if touch.when else [])]
    if touch.before is not None:
        # One that was so late that it counts: not before so many days ahead of the date.
        ahead = f"coalesce({touch.fulfilled_by}, {_NEVER}) - {touch.before}"
        parts += [f"{touch.before} <= 0", f"{ahead} > {touch.tiers[tier] + touch.early_days}"]
    return " and ".join(parts)


def is_touch(rule: str) -> bool:
    """Whether a rule is a touch."""
    return rule.startswith(PREFIX)
