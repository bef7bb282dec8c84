"""The mapping: which CRM object and field feeds each entity column, and where outputs go."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from crm_health.config.base import Expression, Frozen, Name, Texts
from crm_health.entities import Kind

Scalar = str | float | int | bool


class Promote(Frozen):
    """Other values where the CRM's picklist has none of the given ones."""

    where_none_of: Texts
    values: dict[str, Scalar]


class Source(Frozen):
    """How one column gets its value. A bare string in YAML means `{field: ...}`."""

    #: CRM field path; dots follow lookups. Several: the first that is not empty.
    field: str | Texts | None = None
    #: The same value for every row.
    constant: Scalar | None = None
    #: The org may lack it: then the column is empty, with a warning, and its facts are missing.
    optional: bool = False
    #: CRM value to ours, compared without regard to case.
    values: dict[str, Scalar] | None = None
    #: CRM value's beginning to ours.
    starts_with: dict[str, Scalar] | None = None
    #: Our value to the words in the text that mean it; the first that holds.
    words: dict[str, Texts] | None = None
    promote: Promote | None = None
    #: The value where none of the above holds; without it such a value is treated as missing.
    otherwise: Scalar | None = None
    #: Linear change of a number: value * times + plus.
    times: float | None = None
    plus: float | None = None
    #: Type of an `extra` column; core columns know theirs.
    type: Annotated[Kind, Field(strict=False)] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The CRM paths it reads."""
        if self.field is None:
            return ()
        return (self.field,) if isinstance(self.field, str) else self.field

    @property
    def translates(self) -> bool:
        """Whether the CRM value is a text that is turned into another value."""
        return any((self.values, self.starts_with, self.words, self.promote))


class Feed(Frozen):
    """One CRM object feeding one entity."""

    object: str
    #: The whole object may be missing in the org.
    optional: bool = False
    columns: dict[Name, Source]
    #: Columns of the company's own, usable in expressions: they need a `type`.
    extra: dict[Name, Source] = Field(default_factory=dict)
    #: Rows of the object that belong to this entity: an expression over its columns.
    keep: Expression | None = None
    #: Hours of business time after opening at which a case without SLA date is due, by priority.
    sla_hours: dict[str, float] | None = None

    @field_validator("columns", "extra", mode="before")
    @classmethod
    def _bare_strings(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: {"field": v} if isinstance(v, str) else v for k, v in value.items()}


class TaskOut(Frozen):
    """The fields of a task of ours.

    Its key ends in a seal of `subject`, `body`, `owner`, `due` and `status`, so that a person's
    change of one of them shows.
    """

    object: str
    key: str
    subject: str
    body: str
    owner: str
    due: str
    priority: str
    status: str
    account: str
    contact: str | None = None
    #: Which alert it tells of, in words.
    alert: str | None = None
    #: Where people say whether it helped; never written.
    feedback: str | None = None
    #: Field to value on every new task, e.g. no reminder.
    constants: dict[str, Scalar] = Field(default_factory=dict)
    open_status: str
    done_status: str
    #: A yes-or-no field that says a task is closed, by whatever status; never written.
    is_closed: str | None = None
    priorities: dict[Literal["high", "medium", "low"], str]


class CaseOut(Frozen):
    """What people who work on a case of a customer see of that customer."""

    #: One line on every open case: who is asking, and for whom.
    context: str


class EpisodeOut(Frozen):
    """Where an episode is kept: its unique key, account, opening and clearing."""

    object: str
    key: str
    account: str
    opened: str
    cleared: str
    #: What else its task tells of, and what is kept of the day when each opened. Without it every
    #: account's further risks are told in its fields only.
    told: str | None = None
    #: A long text of the account where keys are claimed if the CRM takes no unique key there.
    claims: str | None = None


class Mark(Frozen):
    """A field and its value."""

    field: str
    value: str


class EscalationOut(Frozen):
    """The fields of an escalation record."""

    object: str
    #: What makes a record without a key, on an object that holds others as well, an escalation
    #: that people opened. Without it only ours are escalations there.
    people: Mark | None = None
    key: str
    seal: str
    account: str
    #: Where it has a title: account and reason.
    name: str | None = None
    reason: str
    severity: str
    department: str
    owner: str
    status: str
    source: str
    opened: str
    acknowledged: str
    due: str
    #: The day of the next word to the customer.
    next_update: str
    #: Whether due has ever passed, and when leadership was told last.
    breached: str
    told: str
    resolved: str
    cleared: str
    #: Who had it from when on.
    log: str
    evidence: str
    #: The required actions with done marks, what must be true for it to end, and how it ended.
    actions: str | None = None
    ends_when: str | None = None
    resolution: str | None = None
    #: Of the account, at opening.
    score: str
    band: str
    tier: str | None = None
    value: str | None = None
    #: Field to value on every new escalation, e.g. its pipeline.
    constants: dict[str, Scalar] = Field(default_factory=dict)
    #: Ours are opened and resolved; people take them up, and wait on the customer. An open status
    #: of another name counts as taken up.
    statuses: dict[Literal["open", "in_progress", "waiting", "resolved"], str]
    #: Every status that counts as closed.
    closed_statuses: Texts


class Write(Frozen):
    """The only fields crm-health ever writes."""

    account: dict[str, str]
    #: Without it nothing is ever written to a case.
    case: CaseOut | None = None
    task: TaskOut
    episode: EpisodeOut
    escalation: EscalationOut
    #: Output to the words that its picklist must hold, where we know them beforehand. The names
    #: of stages and tiers come from the playbook by themselves.
    words: dict[str, Texts] = Field(default_factory=dict)
    #: What a person's edit of one of our fields means: `ours` puts it back, `theirs` holds it
    #: until the value we want differs from the one that was replaced. Score: a 30-day override.
    edits: dict[str, Literal["ours", "theirs"]] = Field(default_factory=dict)


class Mapping(Frozen):
    """The whole mapping of one CRM."""

    crm: str
    api_version: str
    #: Which accounts are customers: an expression over account columns. Required.
    scope: Expression
    #: Entity to its feeds.
    read: dict[str, tuple[Feed, ...]]
    write: Write
    #: Characters of an id as this CRM reads it back: a shorter form would look like an edit.
    id_length: int | None = Field(default=None, ge=1)
    #: Users by role, as CRM ids, where the account gives none.
    fallback_owner: str | None = None

    @field_validator("read", mode="before")
    @classmethod
    def _one_feed(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: tuple(v) if isinstance(v, list) else (v,) for k, v in value.items()}

    def with_words(self, words: dict[str, tuple[str, ...]]) -> Mapping:
        """The mapping with the words of outputs that it says nothing of itself."""
        write = self.write.model_copy(update={"words": words | self.write.words})
        return self.model_copy(update={"write": write})
