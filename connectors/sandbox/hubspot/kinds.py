"""Object types: their ids, names and habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.sandbox.hubspot.errors import HubError


@dataclass(frozen=True)
class Kind:
    """One object type."""

    type_id: str
    """Such as `0-2`; of a custom object `2-<number>`."""
    singular: str
    plural: str
    shown: tuple[str, ...] = ()
    """The properties that come when a client names none, besides the system's own."""
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"
    page: bool = False
    """Whether a record has a page of its own, and so a `url`."""
    writable: bool = True
    key: str = ""
    """The standard property that is unique, and an `idProperty` from birth."""
    other_names: tuple[str, ...] = ()

    @property
    def constant(self) -> str:
        """The name as error texts have it."""
        return self.singular.upper()

    @property
    def system(self) -> tuple[str, ...]:
        """The properties that always come."""
        return (self.created, "hs_object_id", self.modified)

    @property
    def activity(self) -> bool:
        """Whether it is an engagement: a task, call, meeting, email or note."""
        return self.created == "hs_createdate"


def _activity(type_id: str, singular: str, plural: str) -> Kind:
    return Kind(type_id, singular, plural, created="hs_createdate")


CONTACT = Kind(
    "0-1",
    "contact",
    "contacts",
    ("email", "firstname", "lastname"),
    modified="lastmodifieddate",
    page=True,
    key="email",
)
COMPANY = Kind("0-2", "company", "companies", ("domain", "name"), page=True)
DEAL = Kind(
    "0-3",
    "deal",
    "deals",
    ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    page=True,
)
TICKET = Kind(
    "0-5",
    "ticket",
    "tickets",
    (
        "content",
        "hs_pipeline",
        "hs_pipeline_stage",
        "hs_ticket_category",
        "hs_ticket_priority",
        "subject",
    ),
    page=True,
)
LINE_ITEM = Kind("0-8", "line_item", "line_items", ("amount", "quantity", "name", "price"))
FEEDBACK = Kind(
    "0-19",
    "feedback_submission",
    "feedback_submissions",
    created="hs_createdate",
    writable=False,
)
NOTE = _activity("0-46", "note", "notes")
MEETING = Kind(
    "0-47", "meeting", "meetings", created="hs_createdate", other_names=("meeting_event",)
)
CALL = _activity("0-48", "call", "calls")
EMAIL = _activity("0-49", "email", "emails")
TASK = _activity("0-27", "task", "tasks")
STANDARD = (
    CONTACT,
    COMPANY,
    DEAL,
    TICKET,
    LINE_ITEM,
    FEEDBACK,
    NOTE,
    MEETING,
    CALL,
    EMAIL,
    TASK,
)


class Kinds:
    """The object types of a portal, by any of the names that addresses use."""

    def __init__(self, kinds: Iterable[Kind] = STANDARD) -> None:
        self._by_id = {kind.type_id: kind for kind in kinds}
        self._names: dict[str, str] = {}
        for kind in self._by_id.values():
            self._name(kind)

    def _name(self, kind: Kind) -> None:
        for name in (kind.type_id, kind.singular, kind.plural, *kind.other_names):
            self._names[name.casefold()] = kind.type_id

    def __iter__(self) -> Iterator[Kind]:
        return iter(list(self._by_id.values()))

    def add(self, kind: Kind) -> None:
        """Add an object type, or replace the one of that id."""
        self._by_id[kind.type_id] = kind
        self._name(kind)

    def remove(self, type_id: str) -> None:
        """Forget a custom object."""
        self._by_id.pop(type_id, None)
        self._names = {name: i for name, i in self._names.items() if i != type_id}

    def find(self, name: str) -> Kind | None:
        """The object type of that id or name, singular or plural, in any case."""
        type_id = self._names.get(name.casefold())
        return self._by_id[type_id] if type_id is not None else None

    def need(self, name: str) -> Kind:
        """The same. Raises HubError when there is none."""
        kind = self.find(name)
        if kind is None:
            raise HubError(400, f"Unable to infer object type from: {name}")
        return kind

    def copy(self) -> Kinds:
        """An independent copy."""
        return Kinds(self._by_id.values())
