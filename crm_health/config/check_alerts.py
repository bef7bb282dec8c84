"""Do the alerts make sense: conditions, events, texts, people and what replaces them."""

from __future__ import annotations

from collections.abc import Callable

from crm_health.config.alerts import Alert
from crm_health.config.check_feeds import id_hint, is_id
from crm_health.config.check_model import ModelNames
from crm_health.config.checker import Checker
from crm_health.config.known import Columns
from crm_health.config.names import raw_keys
from crm_health.config.playbook import Playbook
from crm_health.config.problems import nearest
from crm_health.config.templates import fields
from crm_health.entities import Kind

#: Fields of texts that need no format: the account's name.
PLAIN = ("account",)
#: What `clear` reads of the time when the alert opened.
BASELINE = "baseline"
_LONGEST_DUE, _LONGEST_COOLING = 365, 730


def check_alerts(
    check: Checker,
    playbook: Playbook,
    found: ModelNames,
    id_length: int | None,
) -> None:
    """Check all alerts, and who is told.

    Args:
        check: collects the problems.
        playbook: whose alerts.
        found: what alerts may read.
        id_length: of the CRM's ids, where the mapping says so.
    """
    columns = found.alerted()
    tasks = frozenset(name for name, alert in playbook.alerts.items() if alert.does == "task")
    # A broken one is known by name, so that one mistake is one problem.
    tasks |= frozenset(raw_keys(check.document, "alerts")) - playbook.alerts.keys()
    for name, alert in playbook.alerts.items():
        _alert(check, name, alert, found, columns, tasks)
        _texts(check, ("alerts", name), alert, playbook, columns)
    seen: dict[str, str] = {}
    for name, alert in playbook.alerts.items():
        same = " ".join(alert.when.split())
        if same in seen:
            check.warn(("alerts", name, "when"), f"holds exactly when {seen[same]} does")
        seen.setdefault(same, name)
    if playbook.quiet is not None:
        _condition(check, ("quiet",), playbook.quiet, columns, found)
    _people(check, playbook, columns, found, id_length)


def _alert(
    check: Checker,
    name: str,
    alert: Alert,
    found: ModelNames,
    columns: Columns,
    tasks: frozenset[str],
) -> None:
    path = ("alerts", name)
    _condition(check, (*path, "when"), alert.when, columns, found)
    if alert.clear is not None:
        more = {BASELINE: Kind.NUMBER} if alert.baseline is not None else {}
        _condition(check, (*path, "clear"), alert.clear, {**columns, **more}, found)
        check.used.discard(BASELINE)
    if alert.quiet is not None:
        _condition(check, (*path, "quiet"), alert.quiet, columns, found)
    if alert.baseline is not None:
        check.expression((*path, "baseline"), alert.baseline, columns, expect=Kind.NUMBER)
        if alert.clear is None:
            check.add((*path, "baseline"), "is kept, but no `clear` reads it")
    _named(check, (*path, "since"), alert.since, columns, _is_moment, "a date, or days since")
    _named(check, (*path, "contact"), alert.contact, columns, _is_text, "the id of a contact")
    if alert.does == "task" and alert.task is None:
        check.add((*path, "does"), "is `task`, but there is no text for one", "add `task:`")
    if alert.does == "escalate" and alert.escalation is None:
        check.add((*path, "does"), "is `escalate`, but what is missing", "add `escalation:`")
    if alert.replaces and alert.does != "escalate":
        check.add((*path, "replaces"), "only what escalates takes the place of another one's task")
    for rule in alert.replaces:
        if rule not in tasks:
            check.add((*path, "replaces"), f"no alert {rule!r} makes a task", nearest(rule, tasks))
    _lengths(check, path, alert)


def _lengths(check: Checker, path: tuple[str, ...], alert: Alert) -> None:
    if alert.expires_days is not None and alert.does != "task":
        check.add((*path, "expires_days"), f"only a task expires, and this one does `{alert.does}`")
    elif alert.expires_days is not None and alert.since is None:
        check.add((*path, "expires_days"), "only the task of an event (`since`) expires")
    if alert.expires_days is not None and alert.on_clear == "leave":
        check.add((*path, "expires_days"), "closes its task, but `on_clear` leaves it open")
    if alert.due_days > _LONGEST_DUE:
        check.add((*path, "due_days"), f"is more than {_LONGEST_DUE} days")
    if alert.cool_days > _LONGEST_COOLING:
        check.add((*path, "cool_days"), f"is more than {_LONGEST_COOLING} days")


def _condition(
    check: Checker, path: tuple[str, ...], text: str, columns: Columns, found: ModelNames
) -> None:
    check.expression(path, text, columns, expect=Kind.BOOLEAN, domains=found.domains)


def _named(
    check: Checker,
    path: tuple[str, ...],
    name: str | None,
    columns: Columns,
    fits: Callable[[Checker, str, Kind], bool],
    wanted: str,
) -> None:
    if name is None:
        return
    check.used.add(name)
    kind = columns.get(name)
    if kind is None:
        check.add(path, f"there is no {name!r} here", nearest(name, columns))
    elif kind != "any" and not fits(check, name, kind):
        check.add(path, f"must be {wanted}, but {name} is a {kind}")


def _is_moment(check: Checker, name: str, kind: Kind) -> bool:
    since = name.endswith("_days") and name not in check.counts
    return kind is Kind.DATE or (kind is Kind.NUMBER and since)


def _is_text(_check: Checker, _name: str, kind: Kind) -> bool:
    return kind is Kind.TEXT


def _texts(
    check: Checker, path: tuple[str, ...], alert: Alert, playbook: Playbook, columns: Columns
) -> None:
    if alert.says is not None:
        check.text((*path, "says"), alert.says, columns)
    if alert.over is not None and fields(alert.over):
        check.add((*path, "over"), "is told after the fact, so it takes no fields")
    if alert.task is not None:
        check.text((*path, "task", "subject"), alert.task.subject, columns, PLAIN)
        if not alert.task.subject.strip():
            check.add((*path, "task", "subject"), "is empty: nobody would know what the task is")
        check.text((*path, "task", "body"), alert.task.body, columns, PLAIN)
    escalation = alert.escalation
    if escalation is not None:
        check.text((*path, "escalation", "evidence"), escalation.evidence, columns, PLAIN)
        known = escalation.reason in playbook.escalations
        if not known and not check.stands("escalations", escalation.reason):
            hint = nearest(escalation.reason, playbook.escalations)
            where = (*path, "escalation", "reason")
            check.add(where, f"there is no {escalation.reason!r} among `escalations`", hint)


def _people(
    check: Checker,
    playbook: Playbook,
    columns: Columns,
    found: ModelNames,
    id_length: int | None,
) -> None:
    people = playbook.people
    for key, user in (("pool", people.pool), ("retention_owner", people.retention_owner)):
        if user is not None and not is_id(user, id_length):
            check.add(("people", key), "is no id of the CRM", id_hint(id_length))
    if people.pooled is not None:
        _condition(check, ("people", "pooled"), people.pooled, columns, found)
    to_pool = [name for name, alert in playbook.alerts.items() if alert.told == "pool"]
    if to_pool and people.pool is None:
        check.add(("alerts", to_pool[0], "told"), "is `pool`, but `people.pool` names nobody")
