"""What the mapping needs of the org: custom fields, and their types.

Names are the mapping's: an admin may rename a field there, its type stays. BottleCRM knows no
instants: those are texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from connectors.bottlecrm.objects import CUSTOM, MARK, OBJECTS
from crm_health.config.mapping import Mapping, Source
from crm_health.entities import ENTITIES, Kind

#: Fields that are only read are made if they have this prefix; others are the customer's.
OURS = f"{CUSTOM}health_"


@dataclass(frozen=True)
class FieldType:
    """A type as the custom fields' API takes it."""

    type: str
    options: tuple[str, ...] = ()


def choice(words: MappingABC[str, object] | tuple[str, ...]) -> FieldType:
    """One of some words. BottleCRM refuses any other."""
    return FieldType("dropdown", tuple(dict.fromkeys(words)))


TEXT = FieldType("text")
LONG = FieldType("textarea")
NUMBER = FieldType("number")
DATE = FieldType("date")
BANDS = choice(("Green", "Yellow", "Red", "Unknown"))
FIVE = choice(("1 Critical", "2 Poor", "3 Fair", "4 Good", "5 Great"))

ACCOUNT: dict[str, FieldType] = {
    "score": NUMBER,
    "band": BANDS,
    "band_since": DATE,
    "trend": TEXT,
    "why": LONG,
    "evidence": TEXT,
    "score_computed": NUMBER,
    "coverage": NUMBER,
    "open_escalations": NUMBER,
    "last_12_weeks": TEXT,
    "memory": TEXT,
    # Words come from the playbook.
    "stage": TEXT,
    "stage_since": DATE,
    "value_stage": TEXT,
    "value_stage_since": DATE,
    "tier": TEXT,
    "tier_since": DATE,
    "top_risk": TEXT,
    "top_opportunity": TEXT,
    "open_alerts": TEXT,
    "next_touch": TEXT,
    "next_touch_due": DATE,
    "attention": NUMBER,
    "value_at_stake": NUMBER,
    "licence_use": NUMBER,
    "programmes": TEXT,
}
TASK: dict[str, FieldType] = {
    "key": TEXT,
    "alert": TEXT,
    "feedback": choice(("Useful", "Not Useful", "Knew Already")),
}
EPISODE: dict[str, FieldType] = {"key": TEXT, "told": TEXT, "opened": DATE, "cleared": DATE}
ESCALATION: dict[str, FieldType] = {
    "key": TEXT,
    "seal": TEXT,
    "reason": TEXT,
    "severity": choice(("S1", "S2", "S3", "S4")),
    "department": TEXT,
    "source": TEXT,
    "opened": DATE,
    "acknowledged": TEXT,
    "due": TEXT,
    "next_update": DATE,
    "breached": FieldType("checkbox"),
    "told": TEXT,
    "resolved": TEXT,
    "cleared": DATE,
    "log": LONG,
    "evidence": LONG,
    "actions": TEXT,
    "ends_when": TEXT,
    "resolution": LONG,
    "score": NUMBER,
    "band": BANDS,
    "tier": TEXT,
    "value": NUMBER,
}
_READ: dict[tuple[str, str], FieldType] = {
    ("account", "csm_sentiment"): FIVE,
    ("account", "champion_strength"): FIVE,
    ("account", "exec_relationship"): FIVE,
}
_BY_KIND: dict[Kind, FieldType] = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: NUMBER,
    Kind.BOOLEAN: FieldType("checkbox"),
    Kind.DATE: DATE,
    Kind.INSTANT: TEXT,
}


@dataclass(frozen=True)
class NewField:
    """A custom field that the org must have."""

    object: str
    #: With the prefix that mappings use.
    name: str
    type: FieldType

    @property
    def shown(self) -> str:
        """Its name as people know it: `accounts.cf_health_score`."""
        return f"{self.object}.{self.name}"

    @property
    def key(self) -> str:
        """Its name in the custom fields' API."""
        return self.name.removeprefix(CUSTOM)

    @property
    def target(self) -> str:
        """How that API names its object."""
        return OBJECTS[self.object].target

    @property
    def label(self) -> str:
        """`cf_health_band_since` as `Health band since`."""
        return self.key.replace("_", " ").capitalize()


def wanted(mapping: Mapping) -> tuple[NewField, ...]:
    """Every custom field that this mapping needs, sorted by name."""
    made: dict[str, NewField] = {}
    for new in (*_written(mapping), *_read(mapping)):
        if new.name.startswith(CUSTOM) and new.object in OBJECTS and new.target:
            made.setdefault(new.shown, new)
    return tuple(sorted(made.values(), key=lambda new: new.shown))


def _written(mapping: Mapping) -> Iterator[NewField]:
    write = mapping.write
    listed = {output: choice(words) for output, words in write.words.items()}
    tables: tuple[tuple[str, MappingABC[str, str | None], dict[str, FieldType]], ...] = (
        (mapping.read["account"][0].object, dict(write.account), ACCOUNT | listed),
        (write.episode.object, write.episode.model_dump(exclude={"object"}), EPISODE),
        (write.task.object, write.task.model_dump(include=set(TASK)), TASK),
        (
            write.escalation.object,
            {role: getattr(write.escalation, role) for role in ESCALATION},
            ESCALATION | {"band": listed.get("band", BANDS)},
        ),
    )
    for owner, roles, table in tables:
        for role, name in roles.items():
            if name is not None and role in table:
                yield NewField(owner, name, table[role])
    for owner in {write.task.object, write.escalation.object, write.episode.object}:
        if owner in OBJECTS and not OBJECTS[owner].shows_custom:
            yield NewField(owner, MARK, TEXT)


def _read(mapping: Mapping) -> Iterator[NewField]:
    for entity, feeds in mapping.read.items():
        for feed in feeds:
            for column, source in {**feed.columns, **feed.extra}.items():
                for path in source.paths:
                    if path.startswith(OURS):
                        yield NewField(feed.object, path, _type(entity, column, source))


def _type(entity: str, column: str, source: Source) -> FieldType:
    listed = _READ.get((entity, column))
    if listed is not None:
        return listed
    words = (*(source.values or {}), *(source.starts_with or {}))
    kind = ENTITIES[entity].kind(column) or source.type or Kind.TEXT
    return choice(words) if words else _BY_KIND[kind]
