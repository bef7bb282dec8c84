"""The types of the fields that setup makes: one table, by what the fields are for.

Names are the mapping's: an admin may rename a field there, its type stays. Numbers are as wide as
what we write and no wider, since the service rounds silently and a rounded value read back would
look like somebody's edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm_health.entities import Kind


@dataclass(frozen=True)
class FieldType:
    """A type as the Metadata API takes it: its name, and the elements beside it."""

    name: str
    elements: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.name in ("Text", "LongTextArea"):
            return f"{self.name}({self.elements['length']})"
        if self.name in ("Number", "Currency", "Percent"):
            return f"{self.name}({self.elements['precision']},{self.elements['scale']})"
        if self.name == "Lookup":
            return f"Lookup({self.elements['referenceTo']})"
        return self.name


def text(length: int = 255) -> FieldType:
    """One line of text, at most 255 characters."""
    return FieldType("Text", {"length": str(length)})


def key() -> FieldType:
    """A unique text by which records are found again."""
    return FieldType(
        "Text",
        {"length": "255", "externalId": "true", "unique": "true", "caseSensitive": "false"},
    )


def long_text(length: int) -> FieldType:
    """Several lines; the service takes no length below 256."""
    return FieldType("LongTextArea", {"length": str(max(length, 256)), "visibleLines": "5"})


def number(precision: int, scale: int, name: str = "Number") -> FieldType:
    """A number of `precision` digits, `scale` of them behind the point."""
    return FieldType(name, {"precision": str(precision), "scale": str(scale)})


def picklist(values: Sequence[str]) -> FieldType:
    """A list of words. Never restricted, so that a word taken off the list refuses no write."""
    return FieldType("Picklist", values=tuple(dict.fromkeys(values)))


def lookup(target: str, children: str = "") -> FieldType:
    """A reference; `children` names the list of these records on the target."""
    elements = {"referenceTo": target}
    if children:
        elements |= {"relationshipName": children, "relationshipLabel": children.replace("_", " ")}
    return FieldType("Lookup", elements)


DATE, INSTANT = FieldType("Date"), FieldType("DateTime")
# Only a default is needed: a Checkbox is never empty and can't be required.
BOOLEAN = FieldType("Checkbox", {"defaultValue": "false"})
SCORE, PERCENT = number(3, 0), number(3, 0)
BANDS = picklist(["Green", "Yellow", "Red", "Unknown"])

#: Account outputs.
ACCOUNT: dict[str, FieldType] = {
    "score": SCORE,
    "band": BANDS,
    "band_since": DATE,
    "trend": text(),
    # The one long text on the account: two of them would cut every page that reads it.
    "why": long_text(2000),
    "evidence": text(),
    "score_computed": SCORE,
    "coverage": PERCENT,
    "open_escalations": number(5, 0),
    "last_12_weeks": text(),
    "memory": text(),
    # Words come from the playbook.
    "stage": text(),
    "stage_since": DATE,
    "value_stage": text(),
    "value_stage_since": DATE,
    "tier": text(),
    "tier_since": DATE,
    "top_risk": text(),
    "top_opportunity": text(),
    "open_alerts": text(),
    "next_touch": text(),
    "next_touch_due": DATE,
    "attention": PERCENT,
    "value_at_stake": number(18, 2, "Currency"),
    "licence_use": PERCENT,
    "programmes": text(),
}

#: Fields of the records we write, but for those that the object has anyway.
CASE: dict[str, FieldType] = {"context": text()}
EPISODE: dict[str, FieldType] = {
    "key": key(),
    "account": lookup("Account", "Health_Episodes"),
    "told": text(),
    "opened": DATE,
    "cleared": DATE,
}
ESCALATION: dict[str, FieldType] = {
    "key": key(),
    "seal": text(),
    "account": lookup("Account", "Health_Escalations"),
    "reason": text(),
    "severity": picklist(["S1", "S2", "S3", "S4"]),
    "department": text(),
    "source": text(),
    "opened": DATE,
    "acknowledged": INSTANT,
    "due": INSTANT,
    "next_update": DATE,
    "breached": BOOLEAN,
    "told": INSTANT,
    "resolved": INSTANT,
    "cleared": DATE,
    # The one long text that is read back.
    "log": long_text(2000),
    "evidence": long_text(2000),
    "actions": text(),
    "ends_when": text(),
    "resolution": long_text(2000),
    "score": SCORE,
    "band": BANDS,
    "tier": text(),
    "value": number(18, 2),
}
#: Fields of tasks live on Activity, where nothing says that a unique field is allowed; a second
#: task is kept off by the episode's key.
TASK: dict[str, FieldType] = {
    "key": text(),
    "alert": text(),
    "feedback": picklist(["Useful", "Not Useful", "Knew Already"]),
}

_FIVE = ["1 Critical", "2 Poor", "3 Fair", "4 Good", "5 Great"]
#: Fields that people or other tools fill and that we read: entity and column to type.
READ: dict[tuple[str, str], FieldType] = {
    ("account", "csm_id"): lookup("User"),
    ("account", "contract_value"): number(18, 2, "Currency"),
    ("account", "csm_sentiment"): picklist(_FIVE),
    ("account", "champion_strength"): picklist(_FIVE),
    ("account", "exec_relationship"): picklist(_FIVE),
    ("account", "override_score"): SCORE,
    ("usage", "account_id"): lookup("Account", "Health_Usage"),
    ("usage", "contact_id"): lookup("Contact", "Health_Usage"),
    ("usage", "value"): number(18, 4),
    ("survey", "account_id"): lookup("Account", "Health_Surveys"),
    ("survey", "contact_id"): lookup("Contact", "Health_Surveys"),
    ("survey", "kind"): picklist(["nps", "csat", "ces"]),
    ("survey", "points"): number(5, 2),
}
_BY_KIND: dict[Kind, FieldType] = {
    Kind.TEXT: text(),
    Kind.NUMBER: number(18, 4),
    Kind.BOOLEAN: BOOLEAN,
    Kind.DATE: DATE,
    Kind.INSTANT: INSTANT,
}


def read_type(entity: str, column: str, kind: Kind, words: Sequence[str]) -> FieldType:
    """The type for a column that we read: from the table, its words, or its kind."""
    listed = READ.get((entity, column))
    if listed is not None:
        return listed
    return picklist(words) if words else _BY_KIND[kind]


def fits(wanted: FieldType, there: FieldType) -> str:
    """Why a field that is there can't serve as the wanted one; empty where it can."""
    if there.name != wanted.name:
        return "its type is another"
    if wanted.elements.get("referenceTo") != there.elements.get("referenceTo"):
        return "it leads to another object"
    if wanted.elements.get("unique") == "true" and there.elements.get("unique") != "true":
        return "it is not Unique"
    if wanted.elements.get("externalId") == "true" and there.elements.get("externalId") != "true":
        return "it is not an External ID"
    for name, value in wanted.elements.items():
        if name in ("length", "scale") and int(there.elements.get(name) or 0) < int(value):
            return "it is too short"
    if wanted.name in ("Number", "Currency") and _whole(there) < _whole(wanted):
        return "it is too short"
    return ""


def _whole(kind: FieldType) -> int:
    return int(kind.elements.get("precision") or 0) - int(kind.elements.get("scale") or 0)
