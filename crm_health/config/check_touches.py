"""Do the touches make sense: tiers, facts, stages and alerts that there are, and calendars."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crm_health.config.check_alerts import PLAIN
from crm_health.config.check_lifecycle import twice
from crm_health.config.check_model import ModelNames
from crm_health.config.checker import Checker
from crm_health.config.names import raw_keys
from crm_health.config.playbook import Playbook
from crm_health.config.problems import nearest
from crm_health.config.touches import PREFIX, Digital, Touch, Touches
from crm_health.entities import Kind

#: Names in keys are at most so long.
_LONGEST = 32
#: Characters of what they are put together to.
_TOO_LONG = 1800


def check_touches(check: Checker, playbook: Playbook, touches: Touches, found: ModelNames) -> None:
    """Check the touch plan.

    Args:
        check: collects the problems.
        playbook: with the tiers, stages and alerts that it names.
        touches: the plan.
        found: what its expressions may read.
    """
    path = ("touches",)
    if playbook.tiers is None and raw_keys(check.document, "tiers"):
        # They are broken, which is a problem of their own.
        return
    tiers = [step.name for step in playbook.tiers.steps] if playbook.tiers else []
    if not tiers:
        check.add(path, "a touch plan needs `tiers`: it goes by them", "add `tiers:`, or remove it")
        return
    columns, domains = found.alerted(), found.domains
    check.expression(
        (*path, "planned"), touches.planned, columns, expect=Kind.BOOLEAN, domains=domains
    )
    for name, touch in touches.plan.items():
        _touch(check, (*path, "plan", name), name, touch, tiers, found)
        if 2 * len(touches.days_left(touch)) + len(touches.planned) > _TOO_LONG:
            check.add((*path, "plan", name), "its conditions are too long together", "shorten them")
    _campaigns(check, playbook, touches, tiers, found)
    _labels(check, touches)
    for name in playbook.alerts:
        if name.startswith(PREFIX):
            what = f"names that begin with {PREFIX} belong to the touch plan"
            check.add(("alerts", name), what, "choose another name")


def _campaigns(
    check: Checker,
    playbook: Playbook,
    touches: Touches,
    tiers: Collection[str],
    found: ModelNames,
) -> None:
    if touches.digital is None:
        return
    path = ("touches", "digital")
    _known(check, (*path, "tiers"), "tier", touches.digital.tiers, tiers)
    for name, touch in touches.plan.items():
        for both in sorted(touch.tiers.keys() & set(touches.digital.tiers)):
            what = f"{both} is for campaigns: nobody is in touch in person there"
            check.add(("touches", "plan", name, "tiers", both), what)
    for number, value in enumerate(touches.digital.values):
        _value(check, (*path, "values", number), value, playbook, found)


def _labels(check: Checker, touches: Touches) -> None:
    """The field says one of them: each means one thing."""
    seen: dict[str, str] = {}
    for name, touch in touches.plan.items():
        if seen.setdefault(touch.label.lower(), name) != name:
            check.add(("touches", "plan", name, "label"), f"{touch.label!r} stands twice")
    path = ("touches", "digital", "values")
    twice(check, path, "label", [value.label for value in _values(touches)])
    for number, value in enumerate(_values(touches)):
        if value.label.lower() in seen:
            what = f"{value.label!r} is a touch of the plan as well"
            check.add((*path, number, "label"), what)


def _values(touches: Touches) -> Sequence[Digital]:
    return touches.digital.values if touches.digital else ()


def _touch(
    check: Checker,
    path: tuple[str, ...],
    name: str,
    touch: Touch,
    tiers: Collection[str],
    found: ModelNames,
) -> None:
    columns = found.alerted()
    if len(PREFIX) + len(name) > _LONGEST:
        check.add(path, f"a name has at most {_LONGEST - len(PREFIX)} characters")
    _known(check, (*path, "tiers"), "tier", touch.tiers, tiers)
    for tier, days in touch.tiers.items():
        if not 1 <= days <= 730:
            check.add((*path, "tiers", tier), "must be from 1 to 730 days")
        elif touch.before is None and touch.ahead_days >= days:
            what = f"the task would come {touch.ahead_days} days ahead of a touch every {days} days"
            check.add((*path, "tiers", tier), what, "lower ahead_days")
    for key, column in (("fulfilled_by", touch.fulfilled_by), ("before", touch.before)):
        if column is None:
            continue
        check.used.add(column)
        kind = columns.get(column)
        if kind is None:
            check.add((*path, key), f"there is no {column!r} here", nearest(column, columns))
        elif kind != "any" and (
            kind is not Kind.NUMBER or not column.endswith("_days") or column in check.counts
        ):
            check.add((*path, key), f"must be days since, but {column} is not")
    if touch.when is not None:
        check.expression(
            (*path, "when"), touch.when, columns, expect=Kind.BOOLEAN, domains=found.domains
        )
    if touch.a_week is not None and touch.task is None:
        check.add((*path, "a_week"), "says nothing of a touch without a task", "add `task:`")
    if touch.task is not None:
        check.text((*path, "task", "subject"), touch.task.subject, columns, PLAIN)
        check.text((*path, "task", "body"), touch.task.body, columns, PLAIN)


def _value(
    check: Checker,
    path: tuple[str | int, ...],
    value: Digital,
    playbook: Playbook,
    found: ModelNames,
) -> None:
    stages = [stage.name for stage in playbook.lifecycle.stages] if playbook.lifecycle else []
    # What is broken is known by name, so that one mistake is one problem.
    if stages or not raw_keys(check.document, "lifecycle"):
        _known(check, (*path, "stages"), "stage", value.stages, stages)
    alerts = [*playbook.alerts, *raw_keys(check.document, "alerts")]
    _known(check, (*path, "alerts"), "alert", value.alerts, alerts)
    if value.when is not None:
        check.expression(
            (*path, "when"), value.when, found.alerted(), expect=Kind.BOOLEAN, domains=found.domains
        )


def _known(
    check: Checker,
    path: tuple[str | int, ...],
    what: str,
    named: Collection[str],
    there: Collection[str],
) -> None:
    for name in named:
        if name not in there:
            check.add(path, f"there is no {what} {name!r}", nearest(name, there))
