"""The properties that every portal has: those that a customer-success engine may meet."""

from __future__ import annotations

from connectors.sandbox.hubspot import kinds
from connectors.sandbox.hubspot.definitions import Definitions, Group
from connectors.sandbox.hubspot.standard import activity, sales, service
from connectors.sandbox.hubspot.standard.common import common
from connectors.sandbox.hubspot.standard.table import read

_TABLES = {
    kinds.COMPANY: sales.COMPANY,
    kinds.CONTACT: sales.CONTACT,
    kinds.DEAL: sales.DEAL,
    kinds.LINE_ITEM: sales.LINE_ITEM,
    kinds.TICKET: service.TICKET,
    kinds.FEEDBACK: service.FEEDBACK,
    kinds.TASK: activity.TASK,
    kinds.CALL: activity.CALL,
    kinds.MEETING: activity.MEETING,
    kinds.EMAIL: activity.EMAIL,
    kinds.NOTE: activity.NOTE,
}


def standard_definitions() -> Definitions:
    """The properties and groups of a new portal."""
    made = Definitions()
    for kind, groups in _TABLES.items():
        first = next(iter(groups))
        headings = [
            Group(name, name.replace("_", " ").capitalize(), n) for n, name in enumerate(groups)
        ]
        made.add_all(kind.type_id, common(first), *headings)
        for group, text in groups.items():
            made.put(kind.type_id, *read(group, text))
    return made
