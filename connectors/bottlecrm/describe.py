"""What the org has: objects that the token may list, and their custom fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.errors import FORBIDDEN, odd
from connectors.bottlecrm.objects import CUSTOM, OBJECTS, CrmObject
from crm_health.connector import FieldInfo, ObjectInfo
from crm_health.errors import AuthError, SetupError

FIELDS = "/api/custom-fields/"
#: Texts without a limit: as much as a person would read.
TEXT_MAX = 65_536

_TEXTS = frozenset({"text", "textarea"})
#: What the contract calls a type that the CRM has another word for.
_TYPES = {"checkbox": "boolean"}


@dataclass(frozen=True)
class Definition:
    """A custom field as the org defined it."""

    id: str
    target: str
    key: str
    #: text, textarea, number, dropdown, date or checkbox.
    type: str
    #: Of a dropdown: `value`, and the `label` that people see.
    options: tuple[Mapping[str, Any], ...]
    is_active: bool

    @property
    def values(self) -> tuple[str, ...]:
        """What a dropdown takes."""
        return tuple(str(one["value"]) for one in self.options)


class Describer:
    """Describes objects and remembers them for the life of the connector."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._definitions: list[Definition] | None = None
        self._why: dict[str, str] = {}

    def infos(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        """Those of the objects that there are; of one that may not be listed only why."""
        known = [name for name in dict.fromkeys(names) if name in OBJECTS]
        return {name: self._info(OBJECTS[name]) for name in known}

    def need(self, name: str) -> CrmObject:
        """One object.

        Raises:
            SetupError: there is none of that name.
        """
        found = OBJECTS.get(name)
        if found is None:
            raise SetupError(
                f"BottleCRM has no object {name}: correct the mapping.", code="CH-BC-OBJECT"
            )
        return found

    def definitions(self, *, anew: bool = False) -> list[Definition]:
        """The org's custom fields; asked for once, or again."""
        if self._definitions is None or anew:
            told = self._client.get(FIELDS, [("include_counts", "false")]).json()
            listed = told.get("definitions")
            if not isinstance(listed, list):
                raise odd("custom fields")
            self._definitions = [_definition(one) for one in listed]
        return self._definitions

    def lacking(self, name: str, paths: Sequence[str], *, anew: bool = False) -> list[str]:
        """Those of these fields that an object does not have, or not any more.

        The CRM says nothing of it: it leaves out what it does not know, in answers and in what it
        is told to save.
        """
        crm_object = self.need(name)
        custom = [path for path in paths if path.startswith(CUSTOM)]
        there = self._keys(crm_object, anew=anew) if custom else set()
        return [
            path
            for path in paths
            if (path not in there if path.startswith(CUSTOM) else path not in crm_object.fields)
        ]

    def _keys(self, crm_object: CrmObject, *, anew: bool) -> set[str]:
        return {
            f"{CUSTOM}{one.key}"
            for one in self.definitions(anew=anew)
            if one.target == crm_object.target and one.is_active
        }

    def _hidden(self, crm_object: CrmObject) -> str:
        """Why a list of it is not answered: its module is off, or a scope is lacking."""
        if crm_object.by_account:
            # Listed by account, so there is nothing to ask before an account is known.
            return ""
        if crm_object.name not in self._why:
            why = ""
            try:
                self._client.get(crm_object.path, [("limit", "1"), *crm_object.query])
            except (AuthError, SetupError) as error:
                if isinstance(error, AuthError) and error.code != FORBIDDEN:
                    raise
                why = error.message
            self._why[crm_object.name] = why
        return self._why[crm_object.name]

    def _info(self, crm_object: CrmObject) -> ObjectInfo:
        hidden = self._hidden(crm_object)
        if hidden:
            return ObjectInfo(crm_object.name, {}, hidden=hidden)
        fields = {
            name: FieldInfo(
                name,
                one.type,
                createable=one.writable,
                updateable=one.writable,
                length=one.length or (TEXT_MAX if one.type in _TEXTS else 0),
            )
            for name, one in crm_object.fields.items()
        }
        for made in self.definitions():
            if crm_object.target and made.target == crm_object.target and made.is_active:
                name = f"{CUSTOM}{made.key}"
                # Any text can be looked for in a list that is never behind, which is how the
                # writer keeps off a second record: the CRM itself has no unique custom fields.
                fields[name] = FieldInfo(
                    name,
                    _TYPES.get(made.type, made.type),
                    unique=made.type == "text",
                    length=TEXT_MAX if made.type in _TEXTS else 0,
                    values=made.values,
                    restricted=bool(made.values),
                )
        return ObjectInfo(
            crm_object.name,
            fields,
            createable=crm_object.writable,
            updateable=crm_object.writable,
        )


def _definition(told: Any) -> Definition:
    if not isinstance(told, dict):
        raise odd("a custom field")
    options, active = told.get("options") or [], told.get("is_active")
    if not isinstance(options, list) or not isinstance(active, bool):
        raise odd("a custom field")
    for option in options:
        _text(option, "value")
    return Definition(
        id=_text(told, "id"),
        target=_text(told, "target_model"),
        key=_text(told, "key"),
        type=_text(told, "field_type"),
        options=tuple(options),
        is_active=active,
    )


def _text(told: Any, name: str) -> str:
    value = told.get(name) if isinstance(told, dict) else None
    if not isinstance(value, str) or not value:
        raise odd("a custom field")
    return value
