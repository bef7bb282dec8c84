"""Where customers stand with us, and what they get out of it: the stages of the playbook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_health.config.base import Expression, Frozen, Slug, Texts

#: What people see of a stage or tier: a word of a picklist.
Label = Annotated[str, Field(min_length=1, max_length=40)]


class Labelled(Frozen):
    """What the CRM shows by a label, and is known by it."""

    label: Label
    #: What it was called before: customers that still show it are there.
    formerly: Texts = ()

    def labels(self) -> tuple[str, ...]:
        """All that the CRM may show, today's label last."""
        return (*self.formerly, self.label)


class Stage(Labelled):
    """One stage of the lifecycle; the first whose condition holds."""

    #: Its name in expressions, and in what we remember: never rename it.
    name: Slug
    when: Expression
    #: What the customer should hear while in it.
    hears: str = Field(min_length=1)
    #: Entered and left on the day that its condition says: a matter of dates.
    at_once: bool = False
    #: Whoever left it never comes back.
    never_again: bool = False
    #: Left only after so many days of not holding.
    leave_after_days: int = Field(default=0, ge=0, le=365)
    #: Whoever is in it for longer is stuck; None: nobody ever.
    stuck_after_days: int | None = Field(default=None, ge=1)


class Lifecycle(Frozen):
    """The stages, in the order in which their conditions are asked."""

    #: Days in a stage before another one can follow.
    dwell_days: int = Field(default=14, ge=0, le=365)
    stages: Annotated[tuple[Stage, ...], Field(strict=False, min_length=1, max_length=9)]


class ValueStage(Labelled):
    """One step of the ladder; each asks for all that those below it ask."""

    #: None: only a person puts a customer there.
    when: Expression | None = None
    #: What value looks like here.
    means: str = Field(min_length=1)
    stuck_after_days: int | None = Field(default=None, ge=1)


class ValueLadder(Frozen):
    """What customers get out of it, from the first step up."""

    #: Days that a higher step must hold, and that a lower one must, before it counts.
    up_after_days: int = Field(default=30, ge=0, le=365)
    down_after_days: int = Field(default=90, ge=0, le=730)
    #: Days after which a step that only people give has to be given again.
    ask_after_days: int = Field(default=365, ge=1, le=1095)
    stages: Annotated[tuple[ValueStage, ...], Field(strict=False, min_length=1, max_length=9)]
