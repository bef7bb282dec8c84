"""What the mapping needs of the account: properties, and the pipeline of the escalations."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from connectors.hubspot import provision_types as types
from connectors.hubspot.provision_types import PropertyType
from crm_health.config.mapping import Mapping, Source
from crm_health.entities import ENTITIES, Kind

#: Properties that are only read are made if they have this prefix; others are the customer's.
OURS = "health_"
#: Which of a ticket's properties names its pipeline.
PIPELINE = "hs_pipeline"
TICKETS = "tickets"
#: Objects that need no setup: what is read of them is HubSpot's own.
_NO_PROPERTIES = frozenset({"owners"})


@dataclass(frozen=True)
class NewProperty:
    """A property that the account must have."""

    object: str
    name: str
    type: PropertyType

    @property
    def shown(self) -> str:
        """Its name as people know it: `companies.health_score`."""
        return f"{self.object}.{self.name}"

    @property
    def label(self) -> str:
        """`health_band_since` as `Health band since`."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Stage:
    """A stage of the escalations' pipeline."""

    id: str
    label: str
    closed: bool


@dataclass(frozen=True)
class Pipeline:
    """The pipeline of the escalations: its own id and those of its stages, as the mapping says."""

    id: str
    stages: tuple[Stage, ...]
    label: str = "Health escalations"


@dataclass(frozen=True)
class Wanted:
    """All of it, sorted by name."""

    properties: tuple[NewProperty, ...]
    #: Of custom objects setup makes neither the object nor a pipeline.
    pipeline: Pipeline | None

    def objects(self) -> list[str]:
        """The objects with properties to make."""
        return sorted({new.object for new in self.properties})


def wanted(mapping: Mapping) -> Wanted:
    """Everything that this mapping needs."""
    made: dict[str, NewProperty] = {}
    for new in (*_written(mapping), *_read(mapping)):
        made.setdefault(new.shown, new)
    ordered = sorted(made.values(), key=lambda new: new.shown)
    return Wanted(tuple(ordered), _pipeline(mapping))


def _written(mapping: Mapping) -> Iterator[NewProperty]:
    write = mapping.write
    tables: tuple[tuple[str, MappingABC[str, str | None], dict[str, PropertyType]], ...] = (
        (mapping.read["account"][0].object, dict(write.account), types.ACCOUNT),
        (write.episode.object, write.episode.model_dump(exclude={"object"}), types.EPISODE),
        (write.task.object, {"key": write.task.key}, types.TASK),
        (
            write.escalation.object,
            {role: getattr(write.escalation, role) for role in types.ESCALATION},
            types.ESCALATION,
        ),
    )
    for owner, roles, table in tables:
        for role, name in roles.items():
            if name is not None and role in table:
                yield NewProperty(owner, name, table[role])


def _read(mapping: Mapping) -> Iterator[NewProperty]:
    for entity, feeds in mapping.read.items():
        for feed in feeds:
            if feed.object in _NO_PROPERTIES:
                continue
            for column, source in {**feed.columns, **feed.extra}.items():
                for path in filter(_is_ours, source.paths):
                    yield NewProperty(feed.object, path, _type(entity, column, source))


def _is_ours(path: str) -> bool:
    return path.startswith(OURS)


def _type(entity: str, column: str, source: Source) -> PropertyType:
    kind = ENTITIES[entity].kind(column) or source.type or Kind.TEXT
    words = [*(source.values or {}), *(source.starts_with or {})]
    return types.read_type(entity, column, kind, words)


def _pipeline(mapping: Mapping) -> Pipeline | None:
    out = mapping.write.escalation
    name = out.constants.get(PIPELINE)
    if out.object != TICKETS or name is None:
        return None
    stages = [Stage(out.statuses["open"], "Open", closed=False)]
    closed = dict.fromkeys((out.statuses["resolved"], *out.closed_statuses))
    stages += [Stage(one, _label(one), closed=True) for one in closed]
    return Pipeline(str(name), tuple(stages))


def _label(stage: str) -> str:
    return stage.removeprefix(OURS).replace("_", " ").capitalize()
