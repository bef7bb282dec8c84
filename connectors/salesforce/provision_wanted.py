"""What the mapping needs of the org: objects and fields to make, and rights to give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.salesforce import fields as types
from connectors.salesforce.fields import FieldType
from crm_health.config.mapping import Feed, Mapping, Source
from crm_health.entities import ACCOUNT_OUTPUTS, ENTITIES, HELP, Kind

#: Custom things with this prefix are made by setup; others belong to the customer.
OURS = "Health_"
_ACTIVITY = frozenset({"Task", "Event"})


@dataclass(frozen=True)
class NewField:
    """A field that the org must have."""

    object: str
    name: str
    type: FieldType
    #: What people are told of it.
    help: str = ""

    @property
    def full_name(self) -> str:
        """Its name in the Metadata API: what tasks and events have is defined on Activity."""
        return f"{'Activity' if self.object in _ACTIVITY else self.object}.{self.name}"

    @property
    def shown(self) -> str:
        """Its name as people and permissions know it."""
        return f"{self.object}.{self.name}"

    @property
    def label(self) -> str:
        """`Health_Band_Since__c` as `Health Band Since`."""
        return self.name.removesuffix("__c").replace("_", " ")


@dataclass
class Wanted:
    """All of it. Paths are `Object.Field`; those written are read as well."""

    objects: list[str] = field(default_factory=list)
    fields: list[NewField] = field(default_factory=list)
    #: Objects that rows are read from, and those whose records we create or change.
    read_objects: set[str] = field(default_factory=set)
    create: set[str] = field(default_factory=set)
    edit: set[str] = field(default_factory=set)
    #: Field paths as the mapping has them: lookups still to be followed.
    reads: set[tuple[str, str]] = field(default_factory=set)
    writes: set[tuple[str, str]] = field(default_factory=set)


def wanted(mapping: Mapping) -> Wanted:
    """Everything that this mapping needs, sorted by name."""
    found = Wanted()
    made: dict[str, NewField] = {}

    accounts = mapping.read["account"][0].object

    def add(object_name: str, path: str, kind: FieldType, role: str = "") -> None:
        told = HELP.get(role, "") if object_name == accounts else ""
        new = NewField(object_name, path, kind, told)
        if path.endswith("__c"):
            made.setdefault(new.full_name, new)

    for object_name, outputs, table in _outputs(mapping):
        found.edit.add(object_name)
        for role, path in outputs.items():
            found.writes.add((object_name, path))
            if role in table:
                add(object_name, path, table[role], role)
    found.create = {mapping.write.task.object} | {
        mapping.write.episode.object,
        mapping.write.escalation.object,
    }
    for entity, feed in _feeds(mapping):
        found.read_objects.add(feed.object)
        for column, source in {**feed.columns, **feed.extra}.items():
            for path in source.paths:
                found.reads.add((feed.object, path))
                if path.startswith(OURS) or feed.object.startswith(OURS):
                    add(feed.object, path, _read_type(entity, column, source), column)
    feedback = mapping.write.task.feedback
    if feedback is not None:
        # People's: made and read, never written.
        found.reads.add((mapping.write.task.object, feedback))
        add(mapping.write.task.object, feedback, types.TASK["feedback"])
    found.read_objects |= found.edit | found.create
    found.objects = sorted(o for o in found.read_objects if _is_ours(mapping, o))
    found.fields = sorted(made.values(), key=lambda new: new.full_name)
    return found


def _is_ours(mapping: Mapping, name: str) -> bool:
    kept = {mapping.write.episode.object, mapping.write.escalation.object}
    return name.endswith("__c") and (name.startswith(OURS) or name in kept)


def _feeds(mapping: Mapping) -> Iterator[tuple[str, Feed]]:
    for entity, feeds in mapping.read.items():
        for feed in feeds:
            yield entity, feed


def _read_type(entity: str, column: str, source: Source) -> FieldType:
    output = ACCOUNT_OUTPUTS.get(column.removeprefix("shown_"))
    kind = ENTITIES[entity].kind(column) or source.type or output or Kind.TEXT
    words = [*(source.values or {}), *(source.starts_with or {})]
    return types.read_type(entity, column, kind, words)


def _outputs(mapping: Mapping) -> Iterator[tuple[str, dict[str, str], dict[str, FieldType]]]:
    """Object, role to field path, and the types of the roles that setup makes fields for."""
    write = mapping.write
    account = mapping.read["account"][0].object
    listed = {output: types.picklist(words) for output, words in write.words.items()}
    yield account, dict(write.account), types.ACCOUNT | listed
    if write.case is not None:
        yield mapping.read["case"][0].object, write.case.model_dump(), types.CASE
    task = write.task
    roles = task.model_dump(
        include={"key", "subject", "body", "owner", "due", "priority", "status", "account"}
    )
    roles |= {name: path for name in ("contact", "alert") if (path := getattr(task, name))}
    yield task.object, roles | {name: name for name in task.constants}, types.TASK
    # Without `claims`: here a key can always be unique.
    episode = write.episode.model_dump(exclude={"object", "claims"}, exclude_none=True)
    yield write.episode.object, episode, types.EPISODE
    escalation = write.escalation
    roles = escalation.model_dump(exclude={"object", "people", "statuses", "closed_statuses"})
    words = [*escalation.statuses.values(), *escalation.closed_statuses]
    lists = {"status": types.picklist(words), "band": listed.get("band", types.BANDS)}
    yield (
        escalation.object,
        {role: path for role, path in roles.items() if path},
        types.ESCALATION | lists,
    )
