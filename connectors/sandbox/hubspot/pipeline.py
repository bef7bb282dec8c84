"""Pipelines and their stages: what a portal has of them, and those that it has from birth."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.errors import HubError, bad_request
from connectors.sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, TICKET

_BIRTH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stage:
    """One stage. `metadata` is text throughout, `isClosed` too."""

    id: str
    label: str
    order: int
    metadata: Mapping[str, str]
    created: datetime = _BIRTH
    updated: datetime = _BIRTH

    @property
    def closed(self) -> bool:
        """Whether a record in this stage counts as closed."""
        return self.metadata.get("isClosed") == "true"

    def json(self) -> dict[str, Any]:
        """As the service tells it."""
        return {
            "label": self.label,
            "displayOrder": self.order,
            "metadata": dict(self.metadata),
            "id": self.id,
            "createdAt": stamps.text(self.created),
            "updatedAt": stamps.text(self.updated),
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": False,
        }


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of an object type."""

    id: str
    label: str
    order: int
    stages: tuple[Stage, ...]
    created: datetime = _BIRTH
    updated: datetime = _BIRTH

    def stage(self, stage_id: str) -> Stage | None:
        """Its stage of that id."""
        return next((s for s in self.stages if s.id == stage_id), None)

    def json(self) -> dict[str, Any]:
        """As the service tells it, the stages in their order."""
        return {
            "label": self.label,
            "displayOrder": self.order,
            "id": self.id,
            "stages": [s.json() for s in sorted(self.stages, key=lambda s: s.order)],
            "createdAt": stamps.text(self.created),
            "updatedAt": stamps.text(self.updated),
            "archived": False,
        }


Saved = dict[str, dict[str, Pipeline]]


class Pipelines:
    """The pipelines of a portal by object type id. Labels are unique among those of one type."""

    def __init__(self) -> None:
        self._of: Saved = {}
        self.reset()

    def reset(self) -> None:
        """Those that every portal has."""
        self._of = {type_id: {p.id: p} for type_id, p in _STANDARD.items()}

    def of(self, type_id: str) -> list[Pipeline]:
        """The pipelines of an object type in their order."""
        return sorted(self._of.get(type_id, {}).values(), key=lambda p: p.order)

    def find(self, type_id: str, pipeline_id: str) -> Pipeline | None:
        """The pipeline of that id."""
        return self._of.get(type_id, {}).get(pipeline_id)

    def stage(self, type_id: str, stage_id: str) -> Stage | None:
        """The stage of that id in any pipeline of the object type."""
        found = (p.stage(stage_id) for p in self.of(type_id))
        return next((s for s in found if s is not None), None)

    def count(self, type_id: str) -> int:
        """How many pipelines the object type has."""
        return len(self._of.get(type_id, {}))

    def put(self, type_id: str, pipeline: Pipeline) -> None:
        """Add a pipeline, or replace the one of that id. Raises HubError for a label twice."""
        for other in self.of(type_id):
            if other.id != pipeline.id and other.label.casefold() == pipeline.label.casefold():
                raise HubError(409, f"A pipeline labelled '{pipeline.label}' exists", "CONFLICT")
        self._of.setdefault(type_id, {})[pipeline.id] = pipeline

    def drop(self, type_id: str, pipeline_id: str) -> None:
        """Take a pipeline away."""
        self._of.get(type_id, {}).pop(pipeline_id, None)

    def save(self) -> Saved:
        """A copy of them all."""
        return {type_id: dict(held) for type_id, held in self._of.items()}

    def restore(self, saved: Saved) -> None:
        """Back to a copy."""
        self._of = {type_id: dict(held) for type_id, held in saved.items()}


def read_stage(type_id: str, raw: Mapping[str, Any], now: datetime, old: Stage | None) -> Stage:
    """A stage from a request's body; with `old` only what the body names changes.

    Raises HubError where the body can't be a stage of that object type.
    """
    label = str(raw.get("label") or (old.label if old else ""))
    if not label:
        raise bad_request("A stage needs a label")
    metadata = {**(old.metadata if old else {}), **_texts(raw.get("metadata") or {})}
    if type_id == TICKET.type_id:
        state = metadata.get("ticketState", "OPEN")
        if state not in ("OPEN", "CLOSED"):
            raise bad_request(f"ticketState '{state}' is neither OPEN nor CLOSED")
        metadata |= {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"}
    if type_id == DEAL.type_id:
        metadata |= {"isClosed": _closed_deal(metadata)}
    return Stage(
        old.id if old else str(raw.get("stageId") or uuid.uuid4().int % 10**10),
        label,
        int(raw.get("displayOrder", old.order if old else 0)),
        metadata,
        old.created if old else now,
        now,
    )


def _closed_deal(metadata: Mapping[str, str]) -> str:
    try:
        chance = float(metadata["probability"])
    except KeyError:
        raise bad_request("A deal stage needs metadata with a probability") from None
    except ValueError:
        raise bad_request(f"probability '{metadata['probability']}' is no number") from None
    if not 0 <= chance <= 1:
        raise bad_request(f"probability '{metadata['probability']}' is not between 0.0 and 1.0")
    return "true" if chance in (0.0, 1.0) else "false"


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in metadata.items()}


def read_pipeline(
    type_id: str, raw: Mapping[str, Any], now: datetime, old: Pipeline | None
) -> Pipeline:
    """A pipeline from a request's body; with `old` only what the body names changes.

    Raises HubError where the body can't be a pipeline of that object type.
    """
    label = str(raw.get("label") or (old.label if old else ""))
    if not label:
        raise bad_request("A pipeline needs a label")
    stages: tuple[Stage, ...] = old.stages if old else ()
    if "stages" in raw:
        known = {s.id: s for s in stages}
        stages = tuple(
            read_stage(type_id, one, now, known.get(str(one.get("stageId"))))
            for one in raw["stages"]
        )
    if not stages:
        raise bad_request("A pipeline needs stages")
    for words in ([s.label.casefold() for s in stages], [s.id for s in stages]):
        if len(set(words)) < len(words):
            raise bad_request("Stages of one pipeline need labels and ids of their own")
    order = int(raw.get("displayOrder", old.order if old else 0))
    if old is not None:
        return replace(old, label=label, order=order, stages=stages, updated=now)
    pipeline_id = str(raw.get("pipelineId") or uuid.uuid4().int % 10**10)
    return Pipeline(pipeline_id, label, order, stages, now, now)


def _stages(rows: Iterable[tuple[str, str]], *metadata: Mapping[str, str]) -> tuple[Stage, ...]:
    return tuple(
        Stage(stage_id, label, order, held)
        for order, ((stage_id, label), held) in enumerate(zip(rows, metadata, strict=True))
    )


def _ticket(state: str) -> dict[str, str]:
    return {"isClosed": "true" if state == "CLOSED" else "false", "ticketState": state}


def _deal(chance: str) -> dict[str, str]:
    return {"isClosed": "true" if chance in ("0.0", "1.0") else "false", "probability": chance}


def _lifecycle(state: str = "OPEN") -> dict[str, str]:
    return {"isClosed": "true" if state == "CLOSED" else "false", "state": state}


def _of_lifecycle(name: str) -> Pipeline:
    rows = (
        ("subscriber", "Subscriber"),
        ("lead", "Lead"),
        ("marketingqualifiedlead", "Marketing Qualified Lead"),
        ("salesqualifiedlead", "Sales Qualified Lead"),
        ("opportunity", "Opportunity"),
        ("customer", "Customer"),
        ("evangelist", "Evangelist"),
        ("other", "Other"),
    )
    metadata = [_lifecycle() for _ in rows[:-1]]
    stages = _stages(rows, *metadata, _lifecycle("CLOSED"))
    return Pipeline(f"{name}-lifecycle-pipeline", "Lifecycle Stage Pipeline", 0, stages)


_STANDARD = {
    TICKET.type_id: Pipeline(
        "0",
        "Support Pipeline",
        0,
        _stages(
            (("1", "New"), ("2", "Waiting on contact"), ("3", "Waiting on us"), ("4", "Closed")),
            *(_ticket(state) for state in ("OPEN", "OPEN", "OPEN", "CLOSED")),
        ),
    ),
    DEAL.type_id: Pipeline(
        "default",
        "Sales Pipeline",
        0,
        _stages(
            (
                ("appointmentscheduled", "Appointment Scheduled"),
                ("qualifiedtobuy", "Qualified To Buy"),
                ("presentationscheduled", "Presentation Scheduled"),
                ("decisionmakerboughtin", "Decision Maker Bought-In"),
                ("contractsent", "Contract Sent"),
                ("closedwon", "Closed Won"),
                ("closedlost", "Closed Lost"),
            ),
            *(_deal(chance) for chance in ("0.2", "0.4", "0.6", "0.8", "0.9", "1.0", "0.0")),
        ),
    ),
    CONTACT.type_id: _of_lifecycle("contacts"),
    COMPANY.type_id: _of_lifecycle("companies"),
}
