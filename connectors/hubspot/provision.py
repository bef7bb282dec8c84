"""`crm-health setup` for HubSpot: property groups, properties and the escalations' pipeline.

Names in HubSpot are for ever, so what is there is looked at first; nothing is ever taken away or
changed in type. Options that a list of ours lacks are added to those that it has.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.errors import Refused, fault_in
from connectors.hubspot.provision_types import fits, option_bodies
from connectors.hubspot.provision_wanted import (
    TICKETS,
    NewProperty,
    Pipeline,
    Wanted,
    wanted,
)
from connectors.hubspot.settings import load
from crm_health.config.mapping import Mapping
from crm_health.connector import Ports, Step
from crm_health.errors import AuthError, SetupError

GROUP = "crm_health"
#: Categories of "it is there already".
_THERE = frozenset({"OBJECT_ALREADY_EXISTS", "CONFLICT"})


@dataclass
class _Account:
    """What the account lacks of what is wanted."""

    groups: list[str]
    properties: list[NewProperty]
    #: Lists that lack options: the property, and all options that it must have.
    options: list[tuple[NewProperty, list[dict[str, Any]]]]
    pipeline: bool


class HubSpotProvisioner:
    """Satisfies `Provisioner`. `apply` run twice changes nothing the second time."""

    def __init__(self, client: Client, mapping: Mapping) -> None:
        self._client = client
        self._wanted: Wanted = wanted(mapping)

    def missing(self) -> list[Step]:
        """Everything that is needed, in the order of making; `done` where it is there.

        Raises:
            SetupError: a property is there with another type, or the pipeline with other ids.
        """
        return self._steps(self._look())

    def apply(self) -> list[Step]:
        """Make what is missing; every step is done.

        Raises:
            SetupError: as `missing` (nothing is changed then), or the account refuses a part.
        """
        lacking = self._look()
        for name in lacking.groups:
            self._make_group(name)
        for name in self._wanted.objects():
            new = [one for one in lacking.properties if one.object == name]
            # Unique ones alone: an account that allows none must say so by name.
            for one in new:
                if one.type.unique:
                    self._make(name, [one])
            plain = [one for one in new if not one.type.unique]
            for start in range(0, len(plain), BATCH):
                self._make(name, plain[start : start + BATCH])
        for one, options in lacking.options:
            path = self._client.paths.one_property(one.object, one.name)
            self._client.send("PATCH", path, {"options": options})
        if lacking.pipeline and self._wanted.pipeline is not None:
            self._make_pipeline(self._wanted.pipeline)
        return self._steps(_Account([], [], [], pipeline=False))

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    # -- looking -----------------------------------------------------------------------------

    def _look(self) -> _Account:
        groups, properties, options, wrong = [], [], [], []
        for name in self._wanted.objects():
            there = {str(p["name"]): p for p in self._listed(self._client.paths.properties(name))}
            known = {str(g["name"]) for g in self._listed(self._client.paths.groups(name))}
            mine = [new for new in self._wanted.properties if new.object == name]
            absent = [new for new in mine if new.name not in there]
            properties += absent
            if absent and GROUP not in known:
                groups.append(name)
            for new in mine:
                held = there.get(new.name)
                why = fits(new.type, held) if held is not None else ""
                if why:
                    wrong.append(f"{new.shown} must be {new.type}: {why}")
                elif held is not None and (more := _more_options(new, held)):
                    options.append((new, more))
        wrong += self._wrong_pipeline()
        if wrong:
            raise SetupError(
                f"{'; '.join(wrong)}. Nothing was changed: name others in the mapping, or change "
                "these by hand.",
                code="CH-HS-TYPE",
            )
        return _Account(groups, properties, options, pipeline=self._pipeline_there() is None)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        found = self._client.get(path).json().get("results")
        return [one for one in found or () if isinstance(one, dict)]

    def _pipeline_there(self) -> dict[str, Any] | None:
        """The pipeline of that id or label; an empty one where none is wanted."""
        want = self._wanted.pipeline
        if want is None:
            return {}
        found = self._listed(self._client.paths.pipelines(TICKETS))
        by_id = [one for one in found if str(one.get("id")) == want.id]
        label = want.label.casefold()
        by_label = [one for one in found if str(one.get("label")).casefold() == label]
        return next(iter(by_id + by_label), None)

    def _wrong_pipeline(self) -> list[str]:
        """What of a pipeline that is there is not as the mapping says, with the ids it has."""
        want, there = self._wanted.pipeline, self._pipeline_there()
        if want is None or there is None:
            return []
        held = {str(s.get("id")): s for s in there.get("stages") or () if isinstance(s, dict)}
        if str(there.get("id")) == want.id and all(stage.id in held for stage in want.stages):
            wrong = [s.id for s in want.stages if _is_closed(held[s.id]) != s.closed]
            return [f"stage {one} of the pipeline {want.label} is open or closed" for one in wrong]
        stages = ", ".join(f"{one} ({s.get('label')})" for one, s in held.items())
        text = f"the pipeline {want.label} is there with the id {there.get('id')} and the stages "
        return [f"{text}{stages}: put these ids into `write.escalation`"]

    # -- making ------------------------------------------------------------------------------

    def _make_group(self, name: str) -> None:
        body = {"name": GROUP, "label": "Customer health", "displayOrder": -1}
        try:
            self._client.post(self._client.paths.groups(name), body)
        except Refused as error:
            # Somebody else, or an answer of ours that was lost, has made it.
            if error.fault.category not in _THERE:
                raise _refusal(f"the property group {GROUP} of {name}", error) from None

    def _make(self, name: str, new: list[NewProperty]) -> None:
        if not new:
            return
        inputs = [
            {
                "name": one.name,
                "label": one.label,
                "groupName": GROUP,
                "description": "Made by crm-health.",
                **one.type.body(),
            }
            for one in new
        ]
        shown = ", ".join(one.shown for one in new)
        try:
            path = self._client.paths.property_batch(name, "create")
            answer = self._client.post(path, {"inputs": inputs}).json()
        except Refused as error:
            raise _refusal(shown, error, unique=new[0].type.unique) from None
        faults = [fault_in(e) for e in answer.get("errors") or () if isinstance(e, dict)]
        bad = [fault for fault in faults if fault.category not in _THERE]
        if bad:
            raise _refusal(shown, Refused("", bad[0]), unique=new[0].type.unique)

    def _make_pipeline(self, want: Pipeline) -> None:
        body = {
            "label": want.label,
            "pipelineId": want.id,
            "displayOrder": 99,
            "stages": [
                {
                    "label": stage.label,
                    "stageId": stage.id,
                    "displayOrder": n,
                    "metadata": {"ticketState": "CLOSED" if stage.closed else "OPEN"},
                }
                for n, stage in enumerate(want.stages)
            ],
        }
        try:
            self._client.post(self._client.paths.pipelines(TICKETS), body)
        except Refused as error:
            if error.fault.category not in _THERE:
                raise _refusal(f"the pipeline {want.label}", error) from None
        except AuthError as error:
            # An account whose plan allows no further pipeline answers 403, as for a missing right.
            if error.code == "MISSING_SCOPES":
                raise
            raise SetupError(
                f"HubSpot refused the pipeline {want.label} ({error.code}): does the plan allow "
                "another ticket pipeline? Else name one that is there in `write.escalation`.",
                code=error.code,
            ) from None
        # Whoever made it: an account that gave ids of its own must be told so now.
        wrong = self._wrong_pipeline()
        if wrong:
            raise SetupError(f"{'; '.join(wrong)}.", code="CH-HS-PIPELINE")

    def _steps(self, lacking: _Account) -> list[Step]:
        absent = {new.shown for new in lacking.properties}
        short = {new.shown for new, _ in lacking.options}
        steps = [
            Step("property group", f"{name}.{GROUP}", name not in lacking.groups)
            for name in self._wanted.objects()
        ]
        for new in self._wanted.properties:
            what = (
                f"options of {new.type}" if new.shown in short else f"property of type {new.type}"
            )
            steps.append(Step(what, new.shown, new.shown not in absent | short))
        want = self._wanted.pipeline
        if want is not None:
            what = f"ticket pipeline with {len(want.stages)} stages"
            steps.append(Step(what, want.id, not lacking.pipeline))
        return steps


def provisioner(ports: Ports, api_version: str, mapping: Mapping) -> HubSpotProvisioner:
    """A provisioner with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    return HubSpotProvisioner(Client(load(api_version, admin=True), ports, api_version), mapping)


def _more_options(new: NewProperty, held: MappingABC[str, Any]) -> list[dict[str, Any]]:
    """All options that the property must have, where it lacks some; else none."""
    if new.type.type != "enumeration" or held.get("externalOptions"):
        return []
    there = [one for one in held.get("options") or () if isinstance(one, dict)]
    values = {str(one.get("value")) for one in there}
    lacking = [word for word in new.type.options if word not in values]
    # HubSpot replaces the list by what is sent, so the old ones go along.
    return [*there, *option_bodies(lacking, len(there))] if lacking else []


def _is_closed(stage: MappingABC[str, Any]) -> bool:
    metadata = stage.get("metadata") or {}
    return metadata.get("ticketState") == "CLOSED" or str(metadata.get("isClosed")) == "true"


def _refusal(what: str, error: Refused, *, unique: bool = False) -> SetupError:
    text = f"HubSpot refused to make {what} ({error.fault.code})."
    if unique:
        text += (
            " Its values must be unique, or nothing would keep off a second record, and this "
            "account may take no (more) unique properties there."
        )
    return SetupError(text, code=error.fault.code)
