"""Do the escalations make sense: reasons, departments that somebody staffs, clocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from crm_health.businesstime import HOURS
from crm_health.config.check_feeds import id_hint, is_id
from crm_health.config.checker import Checker
from crm_health.config.escalations import GRADES, LEADERSHIP, Clock, Department, Grade, Reason
from crm_health.config.playbook import Playbook
from crm_health.config.problems import nearest
from crm_health.config.yaml import Path

#: Actions with such names would have the keys of leadership's own tasks.
TOLD = "told_"
#: The longest clock, in business days: with some zeros too many it would never ring.
LONGEST = 365


def check_escalations(
    check: Checker,
    playbook: Playbook,
    *,
    id_length: int | None,
    staffed: bool,
) -> None:
    """Check reasons, departments and clocks.

    Args:
        check: collects the problems.
        playbook: whose escalations.
        id_length: of the CRM's ids, where the mapping says so.
        staffed: whether a department that names nobody falls to the customer's own manager:
            false where the mapping knows neither manager nor owner nor a person of last resort.
    """
    departments = playbook.departments
    for name, department in departments.items():
        path: Path = ("departments", name)
        if department.owner is not None and not is_id(department.owner, id_length):
            check.add((*path, "owner"), "is no id of the CRM", id_hint(id_length))
        elif department.owner is None and not staffed:
            hint = "name a user or queue, or a fallback_owner in the mapping"
            check.add(path, "nobody staffs it: accounts have no manager here either", hint)
    _reasons(check, playbook.escalations, departments)
    _clocks(check, playbook.severities)


def _reasons(
    check: Checker, reasons: Mapping[str, Reason], departments: Mapping[str, Department]
) -> None:
    seen: dict[str, str] = {}
    for slug, reason in reasons.items():
        path: Path = ("escalations", slug)
        for key, text in (("reason", reason.reason), *(("formerly", t) for t in reason.formerly)):
            other = seen.setdefault(_plain(text), slug)
            if other != slug:
                check.add((*path, key), f"{text!r} is the reason of {other} as well")
        _staffed(check, (*path, "department"), reason.department, departments)
        for name, action in reason.actions.items():
            where: Path = (*path, "actions", name)
            if name.startswith(TOLD):
                check.add(where, f"names that begin with {TOLD} are taken", "choose another name")
            if action.department != LEADERSHIP:
                _staffed(
                    check, (*where, "department"), action.department, {*departments, LEADERSHIP}
                )


def _staffed(check: Checker, path: Path, name: str, departments: Collection[str]) -> None:
    if name not in departments and not check.stands("departments", name):
        check.add(path, f"there is no department {name!r}", nearest(name, departments))


def _clocks(check: Checker, severities: Mapping[Grade, Clock]) -> None:
    for grade in GRADES:
        clock = severities.get(grade)
        if clock is None:
            if not check.stands("severities", grade):
                check.add(("severities",), f"{grade} is missing")
        elif clock.taken_up > clock.due:
            check.add(("severities", grade, "acknowledge"), "is later than it is due")
        if clock is not None and clock.due > LONGEST * HOURS:
            check.add(("severities", grade, "due"), f"is more than {LONGEST} business days")
        if clock is not None and (clock.update_days or 0) > LONGEST:
            check.add(("severities", grade, "update_days"), f"is more than {LONGEST} business days")
    known = [(grade, severities[grade]) for grade in GRADES if grade in severities]
    for (left, first), (right, second) in pairwise(known):
        if second.due < first.due:
            check.add(("severities", right), f"is due sooner than {left}, which is graver")
        for key in ("acknowledge", "update_days"):
            sooner, later = getattr(first, key), getattr(second, key)
            if sooner is not None and later is not None and later < sooner:
                path = ("severities", right, key)
                check.add(path, f"is sooner than that of {left}, which is graver")


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
