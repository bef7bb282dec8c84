"""`crm-health setup` for BottleCRM: custom fields.

What is there is looked at first; nothing is ever taken away or changed in type. A field of ours
that somebody switched off is switched on again, and a list of ours that lacks options gets them.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.describe import FIELDS, Definition, Describer
from connectors.bottlecrm.errors import Refused
from connectors.bottlecrm.provision_wanted import NewField, wanted
from connectors.bottlecrm.settings import load
from crm_health.config.mapping import Mapping
from crm_health.connector import Ports, Step
from crm_health.errors import AuthError, SetupError


@dataclass(frozen=True)
class _Lack:
    """A field that is missing, or one that must be changed, and how."""

    field: NewField
    there: Definition | None


class BottleCrmProvisioner:
    """Satisfies `Provisioner`. `apply` run twice changes nothing the second time."""

    def __init__(self, client: Client, mapping: Mapping) -> None:
        self._client = client
        self._describer = Describer(client)
        self._wanted = wanted(mapping)

    def missing(self) -> list[Step]:
        """Everything that is needed; `done` where it is there.

        Raises:
            SetupError: a field is there with another type.
        """
        lacking = {lack.field for lack in self._look()}
        return [_step(new, done=new not in lacking) for new in self._wanted]

    def apply(self) -> list[Step]:
        """Make what is missing; every step is done.

        Raises:
            SetupError: as `missing` (nothing is changed then), or the org refuses a field.
            AuthError: the token is not an admin's.
        """
        for lack in self._look():
            self._make(lack)
        return [_step(new, done=True) for new in self._wanted]

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _look(self) -> list[_Lack]:
        there = {(d.target, d.key): d for d in self._describer.definitions(anew=True)}
        lacking, wrong = [], []
        for new in self._wanted:
            held = there.get((new.target, new.key))
            if held is not None and held.type != new.type.type:
                wrong.append(f"{new.shown} must be {new.type.type}, it is {held.type}")
            elif held is None or not held.is_active or set(new.type.options) - set(held.values):
                lacking.append(_Lack(new, held))
        if wrong:
            raise SetupError(
                f"{'; '.join(wrong)}. Nothing was changed: name others in the mapping, or change "
                "these by hand.",
                code="CH-BC-TYPE",
            )
        return lacking

    def _make(self, lack: _Lack) -> None:
        new, there = lack.field, lack.there
        # Those that are there stay as they are: an admin may have given them other labels.
        known = there.values if there else ()
        options = [
            *(there.options if there else ()),
            *({"value": word, "label": word} for word in new.type.options if word not in known),
        ]
        body = {"options": options} if options else {}
        try:
            if there is not None:
                self._client.save("PUT", f"{FIELDS}{there.id}/", {**body, "is_active": True})
                return
            named = {"target_model": new.target, "key": new.key, "label": new.label}
            # Its key is unique, so it can't be made twice.
            self._client.save("POST", FIELDS, {**named, "field_type": new.type.type, **body})
        except Refused as error:
            if error.fault.status == 403:
                raise AuthError(
                    "Only an admin's token may make custom fields in BottleCRM: give one in "
                    "CRM_HEALTH_BOTTLECRM_SETUP_TOKEN.",
                    code=error.code,
                ) from None
            if not self._is_there(new):
                raise SetupError(
                    f"BottleCRM refused the field {new.shown} ({error.code}).", code=error.code
                ) from None

    def _is_there(self, new: NewField) -> bool:
        """Whether a field that was refused was made by a call whose answer was lost."""
        return all(lack.field != new for lack in self._look())


def _step(new: NewField, *, done: bool) -> Step:
    return Step(f"custom field of type {new.type.type}", new.shown, done)


def provisioner(ports: Ports, api_version: str, mapping: Mapping) -> BottleCrmProvisioner:
    """What `crm-health setup` uses.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return BottleCrmProvisioner(Client(load(api_version, admin=True), ports), mapping)
