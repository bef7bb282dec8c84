"""Does the playbook make sense: conditions, departments, clocks and texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from crm_health.config import templates
from crm_health.config.check_feeds import id_hint, is_id
from crm_health.config.check_model import ModelNames
from crm_health.config.checker import Checker
from crm_health.config.known import Columns
from crm_health.config.playbook import Alert, Playbook
from crm_health.config.problems import nearest
from crm_health.config.yaml import Document
from crm_health.entities import Kind

#: Fields of texts that need no format: the account's name.
PLAIN = ("account",)
_SEVERITIES: tuple[Literal["S1", "S2", "S3", "S4"], ...] = ("S1", "S2", "S3", "S4")
_LONGEST_DUE, _LONGEST_COOLING = 365, 730


def check_playbook(
    playbook: Playbook,
    document: Document,
    found: ModelNames,
    counts: frozenset[str],
    id_length: int | None,
) -> Checker:
    """Check one playbook whose shape is right.

    Args:
        playbook: the playbook.
        document: its file.
        found: what alerts may read.
        counts: facts named `*_days` that count days.
        id_length: of the CRM's ids, where the mapping says so.
    """
    ratios = templates.shown_as("percent", document.text) | found.ratios
    check = Checker(document, counts=counts, ratios=ratios)
    for name, alert in playbook.alerts.items():
        _alert(check, name, alert, playbook, found)
    for name, department in playbook.departments.items():
        if department.owner is not None and not is_id(department.owner, id_length):
            check.add(("departments", name, "owner"), "is no id of the CRM", id_hint(id_length))
    hours = [playbook.severities.get(s) for s in _SEVERITIES]
    for severity, value in zip(_SEVERITIES, hours, strict=True):
        if value is None:
            check.add(("severities",), f"{severity} is missing")
        elif value <= 0:
            check.add(("severities", severity), "must be more than 0 hours")
    for (left, first), (right, second) in pairwise(zip(_SEVERITIES, hours, strict=True)):
        if first is not None and second is not None and second < first:
            check.add(("severities", right), f"is due sooner than {left}, which is graver")
    if playbook.tasks_open < playbook.tasks_a_day:
        check.add(("tasks_open",), "is less than tasks_a_day")
    return check


def _alert(check: Checker, name: str, alert: Alert, playbook: Playbook, found: ModelNames) -> None:
    path, columns = ("alerts", name), found.alerted()
    for key, text in (("when", alert.when), ("clear", alert.clear)):
        if text is not None:
            expect, held = Kind.BOOLEAN, found.domains
            check.expression((*path, key), text, columns, expect=expect, domains=held)
    if alert.since is not None:
        kind = columns.get(alert.since)
        check.used.add(alert.since)
        if kind is None:
            hint = nearest(alert.since, columns)
            check.add((*path, "since"), f"there is no {alert.since!r} here", hint)
        elif kind not in (Kind.DATE, "any"):
            check.add((*path, "since"), f"must be a date, but {alert.since} is a {kind}")
    if alert.does == "task" and alert.task is None:
        check.add((*path, "does"), "is `task`, but there is no text for one", "add `task:`")
    if alert.does == "escalate" and alert.escalation is None:
        check.add((*path, "does"), "is `escalate`, but what is missing", "add `escalation:`")
    if alert.due_days > _LONGEST_DUE:
        check.add((*path, "due_days"), f"is more than {_LONGEST_DUE} days")
    if alert.cool_days > _LONGEST_COOLING:
        check.add((*path, "cool_days"), f"is more than {_LONGEST_COOLING} days")
    _texts(check, path, alert, playbook, columns)


def _texts(
    check: Checker, path: tuple[str, ...], alert: Alert, playbook: Playbook, columns: Columns
) -> None:
    if alert.task is not None:
        check.text((*path, "task", "subject"), alert.task.subject, columns, PLAIN)
        check.text((*path, "task", "body"), alert.task.body, columns, PLAIN)
    escalation = alert.escalation
    if escalation is not None:
        check.text((*path, "escalation", "evidence"), escalation.evidence, columns, PLAIN)
        if escalation.department not in playbook.departments:
            hint = nearest(escalation.department, playbook.departments)
            check.add(
                (*path, "escalation", "department"),
                f"there is no department {escalation.department!r}",
                hint,
            )
