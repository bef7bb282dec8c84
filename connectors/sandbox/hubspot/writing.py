"""What a new record must have, and whose value it must not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.sandbox.hubspot.errors import CONFLICT, HubError, Problem, invalid_values
from connectors.sandbox.hubspot.kinds import CALL, EMAIL, MEETING, NOTE, TASK, TICKET, Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.tables import Row

_REQUIRED: dict[str, tuple[str, ...]] = {
    TICKET.type_id: ("subject", "hs_pipeline_stage"),
    **{kind.type_id: ("hs_timestamp",) for kind in (TASK, CALL, EMAIL, MEETING, NOTE)},
}


def check_new(portal: Portal, kind: Kind, values: Mapping[str, str]) -> None:
    """Raise HubError when a new record lacks what its object type asks for."""
    required = _REQUIRED.get(kind.type_id) or portal.required(kind)
    missing = [name for name in required if not values.get(name)]
    if missing:
        raise invalid_values(
            [Problem(n, "REQUIRED_FIELD", f'Property "{n}" is required') for n in missing]
        )


def keys(portal: Portal, kind: Kind) -> Iterator[str]:
    """The properties whose values are unique."""
    if kind.key:
        yield kind.key
    for found in portal.definitions.unique(kind.type_id):
        yield found.name


def conflict(
    portal: Portal,
    kind: Kind,
    values: Mapping[str, str],
    own_id: str = "",
    *,
    tell_id: bool = False,
) -> HubError | None:
    """The refusal of a value that another record holds; None if there is none such.

    Args:
        portal: where to look.
        kind: the object type.
        values: what would be written.
        own_id: the record that it would be written to.
        tell_id: whether the other record is named, as partial successes do.
    """
    for name in keys(portal, kind):
        value = values.get(name)
        other = portal.by_value(kind, name, value) if value else None
        if other is not None and other["Id"] != own_id:
            return _taken(kind, name, value or "", other, tell_id=tell_id)
    return None


def _taken(kind: Kind, name: str, value: str, other: Row, *, tell_id: bool) -> HubError:
    if name == kind.key:
        message = f"{kind.singular.capitalize()} already exists"
        if not tell_id:
            return HubError(409, message, CONFLICT)
        context = {"existingId": [other["Id"]]}
        return HubError(409, f"{message}. Existing ID: {other['Id']}", CONFLICT, context=context)
    problem = Problem(
        name,
        "CONFLICTING_UNIQUE_VALUE",
        f"propertyName={name}, value={value} is already held by object {other['Id']}",
    )
    return invalid_values([problem])
