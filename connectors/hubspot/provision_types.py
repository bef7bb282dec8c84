"""The types of the properties that setup makes: one table, by what the properties are for.

Names are the mapping's: an admin may rename a property there, its type stays. `fieldType` is how
HubSpot shows a property and says nothing of its values; what is there already may show it as it
likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_health.entities import Kind


@dataclass(frozen=True)
class PropertyType:
    """A type as HubSpot's property API takes it."""

    type: str
    field_type: str
    unique: bool = False
    options: tuple[str, ...] = ()
    #: What its options are where they stand elsewhere: `OWNER`, the account's users.
    referenced: str = ""

    def __str__(self) -> str:
        if self.referenced:
            return "HubSpot user"
        return f"unique {self.type}" if self.unique else self.type

    def body(self) -> dict[str, Any]:
        """Its part of the definition of a property."""
        made: dict[str, Any] = {"type": self.type, "fieldType": self.field_type}
        if self.unique:
            made["hasUniqueValue"] = True
        if self.options:
            made["options"] = option_bodies(self.options)
        if self.referenced:
            made |= {"externalOptions": True, "referencedObjectType": self.referenced}
        return made


def option_bodies(words: Sequence[str], start: int = 0) -> list[dict[str, Any]]:
    """Options whose labels are their values, ordered from `start` on."""
    return [
        {"label": word, "value": word, "displayOrder": n, "hidden": False}
        for n, word in enumerate(words, start)
    ]


def choice(words: Sequence[str]) -> PropertyType:
    """One of some words. HubSpot refuses any other."""
    return PropertyType("enumeration", "select", options=tuple(dict.fromkeys(words)))


TEXT = PropertyType("string", "text")
LONG_TEXT = PropertyType("string", "textarea")
KEY = PropertyType("string", "text", unique=True)
NUMBER = PropertyType("number", "number")
DATE = PropertyType("date", "date")
INSTANT = PropertyType("datetime", "date")
BOOLEAN = PropertyType("bool", "booleancheckbox", options=("true", "false"))
USER = PropertyType("enumeration", "select", referenced="OWNER")
BANDS = choice(["Green", "Yellow", "Red", "Unknown"])

#: Account outputs.
ACCOUNT: dict[str, PropertyType] = {
    "score": NUMBER,
    "band": BANDS,
    "band_since": DATE,
    "trend": TEXT,
    "why": LONG_TEXT,
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
TASK: dict[str, PropertyType] = {
    "key": TEXT,
    "alert": TEXT,
    "feedback": choice(["Useful", "Not Useful", "Knew Already"]),
}
CASE: dict[str, PropertyType] = {"context": TEXT}
EPISODE: dict[str, PropertyType] = {"key": KEY, "told": TEXT, "opened": DATE, "cleared": DATE}
ESCALATION: dict[str, PropertyType] = {
    "key": KEY,
    "seal": TEXT,
    "reason": TEXT,
    "severity": choice(["S1", "S2", "S3", "S4"]),
    "department": TEXT,
    "source": TEXT,
    "opened": DATE,
    "acknowledged": INSTANT,
    "due": INSTANT,
    "next_update": DATE,
    "breached": BOOLEAN,
    "told": INSTANT,
    "resolved": INSTANT,
    "cleared": DATE,
    "log": LONG_TEXT,
    "evidence": LONG_TEXT,
    "actions": TEXT,
    "ends_when": TEXT,
    "resolution": LONG_TEXT,
    "score": NUMBER,
    "band": BANDS,
    "tier": TEXT,
    "value": NUMBER,
}

_FIVE = choice(["1 Critical", "2 Poor", "3 Fair", "4 Good", "5 Great"])
#: Properties that people or other tools fill and that we read: entity and column to type.
_READ: dict[tuple[str, str], PropertyType] = {
    ("account", "csm_sentiment"): _FIVE,
    ("account", "champion_strength"): _FIVE,
    ("account", "exec_relationship"): _FIVE,
    ("account", "owner_id"): USER,
    ("account", "csm_id"): USER,
}
_BY_KIND: dict[Kind, PropertyType] = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: NUMBER,
    Kind.BOOLEAN: BOOLEAN,
    Kind.DATE: DATE,
    Kind.INSTANT: INSTANT,
}


def read_type(entity: str, column: str, kind: Kind, words: Sequence[str]) -> PropertyType:
    """The type for a column that we read: from the table, its words, or its kind."""
    listed = _READ.get((entity, column))
    if listed is not None:
        return listed
    return choice(words) if words else _BY_KIND[kind]


def fits(wanted: PropertyType, there: dict[str, Any]) -> str:
    """Why a property that is there can't serve as the wanted one; empty where it can."""
    if there.get("type") != wanted.type:
        return f"its type is {there.get('type')}"
    if wanted.referenced and there.get("referencedObjectType") != wanted.referenced:
        return "its values are no users"
    if wanted.unique and there.get("hasUniqueValue") is not True:
        return "its values are not unique, which HubSpot can't change later"
    if there.get("calculated") or (there.get("modificationMetadata") or {}).get("readOnlyValue"):
        return "its values can't be set"
    return ""
