"""What the suite asks of a CRM under test: fill it, change it, break it, tell the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from crm_health.connector import Connector, Ledger, Ports, Stream

#: As many times as a test can ask.
FOREVER = 10_000


class Unsupported(Exception):
    """This CRM can't be broken in that way: the test is skipped, with this reason."""


class Wire(StrEnum):
    """What may happen to a call on its way."""

    LOGIN_EXPIRED = "login_expired"  #: the service no longer knows the session
    RATE_LIMITED = "rate_limited"  #: slow down
    UNAVAILABLE = "unavailable"  #: 503, nothing applied
    HTML = "html"  #: success, but a page for people
    TRUNCATED = "truncated"  #: the answer ends early
    LOST = "lost"  #: applied, then the connection broke without an answer
    REDIRECT = "redirect"  #: sent to another host
    NEXT_HOST = "next_host"  #: a page that says the next one is on another host
    QUOTA = "quota"  #: the org's allowance for the day is used up
    REORDERED = "reordered"  #: the answers to a batch come in another order
    SHORT = "short"  #: the answers to a batch lack the first


@dataclass(frozen=True)
class Subject:
    """The object that the suite works on; it has no rows when a test starts.

    The claim is another object with a unique text field, free to be filled; where the CRM can't
    save two objects at once, another unique field of the same object.
    """

    #: Reads `text`, `number`, `day` and `key`.
    stream: Stream
    text: str
    number: str
    day: str
    #: A unique text field.
    key: str
    claim: Stream
    claim_key: str
    #: A field of the object that the running user may not read.
    unreadable: str
    #: A value of `text` that the CRM refuses for its content.
    refused_text: str
    #: Where the claim's field is not unique: where claims are written down instead, the id of a
    #: record of that object, and how long a creation stays open that nobody answered.
    ledger: Ledger | None = None
    account: str = ""
    settles_within: timedelta = timedelta(0)
    #: Whether the connector looks for a record whose creation went unanswered: only then may a
    #: write of which every answer was lost be called done.
    looks_up: bool = False


class Rig(Protocol):
    """One CRM per test. Row values are keyed by the CRM's field names; days are `date`s."""

    subject: Subject
    #: Rows in a full page of the connectors that `connect` makes.
    page: int
    #: A read this long after a delete reports it.
    deletes_within: timedelta

    # A new connector; the suite closes it.
    def connect(self, ports: Ports) -> Connector: ...

    # Save rows as a person would, all with the stamp `at` (now); their ids, in order.
    def seed(self, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> list[str]: ...

    # Save a row in a transaction that has not ended: invisible until `release`, stamp of now.
    # Raises Unsupported.
    def hold(self, row: Mapping[str, Any]) -> None: ...

    # End such transactions; the ids of what they saved.
    def release(self) -> list[str]: ...

    def edit(self, row_id: str, values: Mapping[str, Any]) -> None: ...

    def delete(self, row_id: str) -> None: ...

    # A person merges two rows into one; the id of that one, which may be new. Raises Unsupported.
    def merge(self, winner: str, loser: str) -> str: ...

    # From now on changes can be found only so long after they were made. Raises Unsupported.
    def lag(self, by: timedelta) -> None: ...

    # The CRM's clock: what it says, and moving it, backwards too. Does nothing else.
    def now(self) -> datetime: ...

    def move_clock(self, by: timedelta) -> None: ...

    # Break the next calls of one kind ("read", "write"), or of any; `after` calls go well first.
    # Raises Unsupported.
    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None: ...

    # Forget every fault and lock that is still to come.
    def heal(self) -> None: ...

    # Let the next `times` saves of a row fail because somebody else has it. Raises Unsupported.
    def lock(self, row_id: str, times: int) -> None: ...

    # Calls that the CRM has seen, logins included; and those that REDIRECT or NEXT_HOST led away.
    def calls(self) -> int: ...

    def strayed(self) -> int: ...

    # Live rows by id, with the values of every field that the subject or its claim names.
    def truth(self, object: str) -> dict[str, dict[str, Any]]: ...
