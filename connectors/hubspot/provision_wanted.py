"""What the mapping needs of the account: properties, custom objects, the escalations' pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from typing import Any

from connectors.hubspot import provision_types as types
from connectors.hubspot.describe import LINKS, bare_name
from connectors.hubspot.provision_types import PropertyType
from crm_health.config.mapping import Mapping, Source
from crm_health.connector import Step
from crm_health.entities import ENTITIES, HELP, Kind

#: Properties that are only read are made if they have this prefix; others are the customer's.
OURS = "health_"
#: Which of a ticket's properties names its pipeline.
PIPELINE = "hs_pipeline"
TICKETS = "tickets"
#: Objects that need no setup: what is read of them is HubSpot's own.
_NO_PROPERTIES = frozenset({"owners"})
#: Beginnings of names that only HubSpot gives.
_HUBSPOTS = ("hs_", "hubspot_")
#: What the pipeline's open stages are called.
_STAGES = {"open": "Open", "in_progress": "In Progress", "waiting": "Waiting on Customer"}


@dataclass(frozen=True)
class NewProperty:
    """A property that the account must have."""

    object: str
    name: str
    type: PropertyType
    #: What people are told of it.
    help: str = "Made by crm-health."

    @property
    def shown(self) -> str:
        """Its name as people know it: `companies.health_score`."""
        return f"{self.object}.{self.name}"

    @property
    def label(self) -> str:
        """`health_band_since` as `Health band since`."""
        return self.name.replace("_", " ").capitalize()

    def step(self, *, done: bool) -> Step:
        """Making it."""
        listed = self.type.type == "enumeration" and self.type.options
        what = f"property of type {self.type}{' with its options' if listed else ''}"
        return Step(what, self.shown, done=done)

    def definition(self) -> dict[str, Any]:
        """As HubSpot takes it, but for the group."""
        told = {"name": self.name, "label": self.label, "description": self.help}
        return {**told, **self.type.body()}


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
class NewObject:
    """A custom object that the account should have."""

    #: As the mapping has it: `p_health_usage`.
    name: str
    #: Object types that its records hang on.
    ends: tuple[str, ...]
    properties: tuple[NewProperty, ...]
    #: The property that stands for a record.
    title: str
    #: Whether the mapping can't do without it.
    needed: bool

    @property
    def bare(self) -> str:
        """The name that it is made with, which is for ever."""
        return bare_name(self.name)

    @property
    def label(self) -> str:
        """`Health usage`."""
        return self.bare.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Wanted:
    """All of it; properties sorted by name, also those of custom objects."""

    properties: tuple[NewProperty, ...]
    custom: tuple[NewObject, ...]
    #: Of custom objects setup makes no pipeline.
    pipeline: Pipeline | None
    #: Where episodes are claimed if their key can't be unique.
    claims: NewProperty | None
    #: The key of the episodes, which then is no longer unique.
    claimed: str

    def objects(self) -> list[str]:
        """The objects with properties to make."""
        return sorted({new.object for new in self.properties})

    def of(self, name: str) -> list[NewProperty]:
        """The properties of one object."""
        return [new for new in self.properties if new.object == name]


def wanted(mapping: Mapping) -> Wanted:
    """Everything that this mapping needs."""
    made: dict[str, NewProperty] = {}
    for new in (*_written(mapping), *_read(mapping)):
        made.setdefault(new.shown, new)
    episode, companies = mapping.write.episode, mapping.read["account"][0].object
    return Wanted(
        properties=tuple(sorted(made.values(), key=lambda new: new.shown)),
        custom=tuple(_custom(mapping, list(made.values()))),
        pipeline=_pipeline(mapping),
        claims=NewProperty(companies, episode.claims, types.LONG_TEXT) if episode.claims else None,
        claimed=f"{episode.object}.{episode.key}",
    )


def _written(mapping: Mapping) -> Iterator[NewProperty]:
    write = mapping.write
    listed = {output: types.choice(words) for output, words in write.words.items()}
    tables: tuple[tuple[str, MappingABC[str, str | None], dict[str, PropertyType]], ...] = (
        (mapping.read["account"][0].object, dict(write.account), types.ACCOUNT | listed),
        (write.episode.object, write.episode.model_dump(exclude={"object"}), types.EPISODE),
        *(
            [(mapping.read["case"][0].object, write.case.model_dump(), types.CASE)]
            if write.case
            else []
        ),
        (write.task.object, write.task.model_dump(include=set(types.TASK)), types.TASK),
        (write.escalation.object, write.escalation.model_dump(), _escalation_types(mapping)),
    )
    for owner, roles, table in tables:
        for role, name in roles.items():
            if name is not None and role in table:
                yield NewProperty(owner, name, table[role], *_told(mapping, owner, role))


def _escalation_types(mapping: Mapping) -> dict[str, PropertyType]:
    """Of a custom object nothing is there: its title and status are made as well."""
    out = mapping.write.escalation
    bands = mapping.write.words.get("band")
    plain = {**types.ESCALATION, **({"band": types.choice(bands)} if bands else {})}
    if not bare_name(out.object):
        return plain
    words = [*out.statuses.values(), *out.closed_statuses]
    more = {} if _is_hubspots(out.status) else {"status": types.choice(words)}
    return {"name": types.TEXT, **plain, **more}


def _read(mapping: Mapping) -> Iterator[NewProperty]:
    columns = [
        (entity, feed.object, column, source)
        for entity, feeds in mapping.read.items()
        for feed in feeds
        if feed.object not in _NO_PROPERTIES
        for column, source in {**feed.columns, **feed.extra}.items()
    ]
    # A column that is read as it stands says best what type its property has.
    for entity, name, column, source in sorted(columns, key=lambda one: one[-1].translates):
        for path in source.paths:
            if path.startswith(OURS) or (_is_ours(name) and not _is_hubspots(path)):
                kind = _type(entity, column, source)
                yield NewProperty(name, path, kind, *_told(mapping, name, column))


def _told(mapping: Mapping, owner: str, role: str) -> tuple[str, ...]:
    """What people are told of a company's property, where there is something to tell."""
    if owner != mapping.read["account"][0].object or role not in HELP:
        return ()
    return (HELP[role],)


def _custom(mapping: Mapping, properties: list[NewProperty]) -> Iterator[NewObject]:
    """The custom objects that are ours, and that of the escalations whatever its name."""
    feeds = [feed for feeds in mapping.read.values() for feed in feeds]
    out = mapping.write.escalation
    names = {feed.object for feed in feeds if _is_ours(feed.object)}
    if bare_name(out.object):
        names.add(out.object)
    for name in sorted(names):
        mine = [feed for feed in feeds if feed.object == name]
        paths = {path for feed in mine for one in feed.columns.values() for path in one.paths}
        own = tuple(new for new in properties if new.object == name)
        title = next((new.name for new in own if new.type == types.TEXT), own[0].name)
        if name == out.object:
            paths.add(out.account)
            title = out.name or out.reason
        yield NewObject(
            name,
            ends=tuple(end for path, end in LINKS.items() if path in paths),
            properties=own,
            title=title,
            needed=name == out.object or not all(feed.optional for feed in mine),
        )


def _is_ours(name: str) -> bool:
    return bare_name(name).startswith(OURS)


def _is_hubspots(path: str) -> bool:
    return "." in path or path.startswith(_HUBSPOTS)


def _type(entity: str, column: str, source: Source) -> PropertyType:
    kind = ENTITIES[entity].kind(column) or source.type or Kind.TEXT
    words = [*(source.values or {}), *(source.starts_with or {})]
    return types.read_type(entity, column, kind, words)


def _pipeline(mapping: Mapping) -> Pipeline | None:
    out = mapping.write.escalation
    name = out.constants.get(PIPELINE)
    if out.object != TICKETS or name is None:
        return None
    named = {word: stage for word, stage in out.statuses.items() if word != "resolved"}
    stages = [Stage(stage, _STAGES[word], closed=False) for word, stage in named.items()]
    closed = dict.fromkeys((out.statuses["resolved"], *out.closed_statuses))
    stages += [Stage(one, _label(one), closed=True) for one in closed]
    return Pipeline(str(name), tuple(stages))


def _label(stage: str) -> str:
    return stage.removeprefix(OURS).replace("_", " ").capitalize()
