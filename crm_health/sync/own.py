"""How our own records are read back: feeds made from what the mapping writes."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from crm_health.config.mapping import EscalationOut, Feed, Mapping, Scalar, Source
from crm_health.entities import Kind

#: What people say of a task of ours, and our word for it.
FEEDBACK: dict[str, Scalar] = {
    "Useful": "useful",
    "Not Useful": "not_useful",
    "Knew Already": "known",
}
#: What tells our own records on an object that holds others as well.
KEYED = "key is not null"
#: The column that tells an escalation that people opened.
MARKED = "peoples"


def ours(mapping: Mapping) -> dict[str, Feed]:
    """Feeds that read our own tasks, episodes and escalations back, from `write`."""
    task, episode, escalation = mapping.write.task, mapping.write.episode, mapping.write.escalation
    at = Source
    others = {feed.object for feeds in mapping.read.values() for feed in feeds} | {task.object}
    # On an object that holds other records as well the key tells ours.
    keyed = dict.fromkeys(others, KEYED)
    return {
        "task": Feed(
            object=task.object,
            keep=KEYED,
            columns={
                "account_id": at(field=task.account),
                "key": at(field=task.key),
                "subject": at(field=task.subject),
                "body": at(field=task.body),
                "owner_id": at(field=task.owner),
                "due_at": at(field=task.due),
                "priority": at(field=task.priority),
                "status": at(field=task.status),
                "is_open": at(field=task.is_closed, values={"true": False, "false": True})
                if task.is_closed
                else at(field=task.status, values={task.done_status: False}, otherwise=True),
                **(
                    {"feedback": at(field=task.feedback, values=FEEDBACK, optional=True)}
                    if task.feedback
                    else {}
                ),
            },
        ),
        "episode": Feed(
            object=episode.object,
            keep=keyed.get(episode.object),
            columns={
                "account_id": at(field=episode.account),
                "key": at(field=episode.key),
                **({"told": at(field=episode.told)} if episode.told else {}),
                "opened_at": at(field=episode.opened),
                "cleared_at": at(field=episode.cleared),
            },
        ),
        "escalation": Feed(
            object=escalation.object,
            keep=_escalations(escalation, keyed),
            extra=_marked(escalation),
            columns={
                "account_id": at(field=escalation.account),
                "key": at(field=escalation.key),
                "seal": at(field=escalation.seal),
                "reason": at(field=escalation.reason),
                "severity": at(field=escalation.severity),
                "department": at(field=escalation.department),
                "owner_id": at(field=escalation.owner),
                "status": at(field=escalation.status),
                # Without a word of ours it is a person's.
                "source": at(field=escalation.source, values={"rule": "rule"}, otherwise="person"),
                "is_open": at(
                    field=escalation.status,
                    values=dict.fromkeys(escalation.closed_statuses, False),
                    otherwise=True,
                ),
                "opened_at": at(field=escalation.opened),
                "acknowledged_at": at(field=escalation.acknowledged),
                "due_at": at(field=escalation.due),
                "next_update_at": at(field=escalation.next_update),
                "breached": at(field=escalation.breached),
                "told_at": at(field=escalation.told),
                "resolved_at": at(field=escalation.resolved),
                "cleared_at": at(field=escalation.cleared),
                "log": at(field=escalation.log),
                **({"actions": at(field=escalation.actions)} if escalation.actions else {}),
                **({"tier": at(field=escalation.tier)} if escalation.tier else {}),
            },
        ),
    }


def _marked(out: EscalationOut) -> dict[str, Source]:
    """The column that tells what people open on an object that holds other records as well."""
    if out.people is None:
        return {}
    mark = out.people
    yes: dict[str, Scalar] = {mark.value: True}
    return {MARKED: Source(field=mark.field, values=yes, otherwise=False, type=Kind.BOOLEAN)}


def _escalations(out: EscalationOut, keyed: MappingABC[str, str]) -> str | None:
    """Which records of the object are escalations."""
    if out.people is None:
        return keyed.get(out.object)
    return f"{KEYED} or {MARKED}"
