"""The contract between the core and a CRM: two Protocols and the shapes that cross them.

A connector satisfies `Connector` by having these members; it inherits nothing. What crosses is
columnar: rows come as Polars frames whose columns are the CRM's own field paths, typed by what
the mapping asked for, and leave as frames with one column a CRM field. The core maps values to
entity columns itself, so that a value means the same whichever CRM it came from.

`crm_health.testing.conformance` is the contract as a test suite.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import polars as pl

from crm_health.entities import POLARS, Kind
from crm_health.errors import QuotaExhausted


@dataclass(frozen=True)
class FieldRead:
    """A field the mapping wants: a CRM path (dots follow a lookup) and the type wanted."""

    path: str
    kind: Kind


@dataclass(frozen=True)
class Stream:
    """One CRM object and all that the mapping reads of it, whatever entities it feeds."""

    object: str
    fields: tuple[FieldRead, ...]

    def schema(self) -> dict[str, Any]:
        """Column name to Polars type of a page's rows."""
        return {
            "id": pl.String,
            "deleted": pl.Boolean,
            "merged_into": pl.String,
            **{f.path: POLARS[f.kind] for f in self.fields},
        }


@dataclass(frozen=True)
class Request:
    """Read one stream from a cursor; None reads it from the beginning."""

    stream: Stream
    cursor: str | None = None


@dataclass(frozen=True)
class Page:
    """Some rows of one stream, and the cursor that is right once they are stored.

    Shapes:
        rows: columns of `Stream.schema()`; ids unique within the page. A deleted row has only
            its id, `deleted` true and, where a merge ate it, `merged_into`: what hung on it is
            then hung on that one, whether or not its own rows come again.
        bad: `id`, `path`, `problem` of cells that could not be typed (their value is null).
        cursor: opaque to the core; never ahead of the rows delivered so far. Empty on the last
            page where the CRM tells of no change: the next read is whole again, and rows that a
            whole read did not bring are gone.
        last: nothing more follows for this stream in this read.
    """

    stream: Stream
    rows: pl.DataFrame
    cursor: str
    last: bool
    bad: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BAD_SCHEMA))


BAD_SCHEMA: dict[str, Any] = {"id": pl.String, "path": pl.String, "problem": pl.String}


@dataclass(frozen=True)
class Identity:
    """Which org this is, and what time it has."""

    org_id: str
    #: The CRM's clock, aware, UTC.
    now: datetime
    is_sandbox: bool = False
    #: Name of an IANA zone; None where the CRM does not tell.
    time_zone: str | None = None


@dataclass(frozen=True)
class FieldInfo:
    """What `describe` says of one field, as the running user sees it."""

    name: str
    type: str
    readable: bool = True
    createable: bool = True
    updateable: bool = True
    #: No second record is made with the same value: the CRM refuses it, or, where the CRM can't,
    #: the connector finds the first one in a read that sees every earlier write.
    unique: bool = False
    #: Largest number of characters; 0 where it has no meaning.
    length: int = 0
    values: tuple[str, ...] = ()
    #: It takes none but these values.
    restricted: bool = False


@dataclass(frozen=True)
class ObjectInfo:
    """What `describe` says of one object; `fields` is keyed by the exact API name."""

    name: str
    fields: Mapping[str, FieldInfo]
    createable: bool = True
    updateable: bool = True
    #: Lookups: relationship name to the objects it may lead to.
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Why this user may not see it, and what would change that; `fields` are empty then.
    hidden: str = ""


class Op(StrEnum):
    """What a batch does."""

    UPDATE = "update"  #: rows carry `id`
    UPSERT = "upsert"  #: rows carry the unique `key_field`; repeating changes nothing
    CREATE_ONCE = "create_once"  #: rows are created together with their claim, or not at all


@dataclass(frozen=True)
class Ledger:
    """Where claims are written down for a CRM that may have no unique field to keep them.

    A long text of the records that the claimed ones hang on; its form is the connector's own.
    """

    object: str
    field: str
    #: Column of the batch with the id of the record whose text it is.
    by: str


@dataclass(frozen=True)
class Batch:
    """Writes of one kind to one object.

    Shapes:
        rows: `seq` (Int64, the plan row's number, unique), for UPDATE `id`, then one column a
            CRM field. A null clears the field.
        claim: for CREATE_ONCE the object, its unique field and rows with the same `seq`s. A
            claim that exists already means that the row was created before: its receipt is
            `done`, created false.
        ledger: for CREATE_ONCE, where the mapping names one: used where the claim's field turns
            out not to be unique, and else left alone.
    """

    op: Op
    object: str
    rows: pl.DataFrame
    key_field: str | None = None
    claim: Batch | None = None
    ledger: Ledger | None = None


class Outcome(StrEnum):
    """What became of one write."""

    DONE = "done"
    REJECTED = "rejected"  #: refused for its content; the same input is not sent again
    RETRY = "retry"  #: a passing cause: locks, load
    UNKNOWN = "unknown"  #: sent, no answer: settled by the next read, never by memory
    GONE = "gone"  #: deleted, or hidden where the CRM tells no difference; nothing was written


RECEIPT_SCHEMA: dict[str, Any] = {
    "seq": pl.Int64,
    "outcome": pl.String,
    "id": pl.String,
    "created": pl.Boolean,
    "code": pl.String,
    "field": pl.String,
    "message": pl.String,
    "retry_after": pl.Float64,
}


@dataclass(frozen=True)
class Usage:
    """API calls: ours since the connector was made, and the org's as the service last said."""

    calls: int
    by_kind: Mapping[str, int]
    org_used: int | None = None
    org_limit: int | None = None
    #: Whether a call was refused because none was left, by the run's budget or by the org.
    exhausted: bool = False


class Budget:
    """Counts every HTTP request, retries and logins included, and refuses the one too many."""

    def __init__(self, max_calls: int | None = None) -> None:
        self.max_calls = max_calls
        self.spent = 0

    def spend(self) -> None:
        """Take one call.

        Raises:
            QuotaExhausted: all calls that this run may make are made.
        """
        if self.max_calls is not None and self.spent >= self.max_calls:
            raise QuotaExhausted(
                f"all {self.max_calls} API calls allowed for this run are used",
                code="CH-BUDGET",
            )
        self.spent += 1


class Notes(Protocol):
    """A few short texts that outlive a crash: what the connector left under way in the CRM.

    They may be lost with the local database, so nothing may be concluded from an absent one.
    """

    def get(self, name: str) -> str | None: ...

    # Durable when it returns. None forgets it.
    def set(self, name: str, text: str | None) -> None: ...


@dataclass(frozen=True)
class Ports:
    """What a connector gets from outside, so that tests own time and money."""

    budget: Budget
    #: Monotonic seconds.
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    #: Structured log: event name and plain values; never names, addresses or free text.
    log: Callable[..., None]
    notes: Notes
    #: Asked every few seconds of a long wait, outside any call; raises where the run is to end.
    stopping: Callable[[], object] = lambda: False
    #: A few hexadecimal digits, others at each call and in each process: names that can't clash.
    nonce: Callable[[], str] = lambda: secrets.token_hex(6)


class Connector(Protocol):
    """A CRM, as the core sees it."""

    # One cheap authenticated call. Raises AuthError, Unavailable.
    def identity(self) -> Identity: ...

    # Ends what a run before left under way in the CRM, or waits until it has ended; called once,
    # before anything is read, so that the read meets no change of ours that is still to come.
    # Makes no call where nothing was left.
    def settle(self) -> None: ...

    # Objects that the org lacks are absent from the answer. So are those that the user may not
    # see, or they say so by `hidden` where the CRM tells why.
    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]: ...

    # Every row that changed since each request's cursor, and deletes; every row where the CRM does
    # not tell (see `Page.cursor`). A row may come again (overlap); none may be missed. Pages of a
    # stream come in order, the last one is marked, and a stream with nothing new still gives one
    # empty last page. Any page may be empty: its cursor counts all the same. Pages of several
    # streams may come in turns. Rows read must match what the service counted, or Unavailable is
    # raised: a partial read is never presented as whole.
    def changes(self, requests: Sequence[Request]) -> Iterator[Page]: ...

    # Ids of all live rows, as String series: the weekly check for rows that vanished unseen.
    def ids(self, object: str) -> Iterator[pl.Series]: ...

    # One receipt (RECEIPT_SCHEMA) for each row, matched by id or key, never by place alone.
    # Content errors are receipts. Raises only what ends the run: AuthError, QuotaExhausted,
    # SetupError; an answer that was lost gives UNKNOWN receipts.
    def write(self, batch: Batch) -> pl.DataFrame: ...

    # The most rows to hand to one write() where `rows` alike of one object are waiting.
    def batch_size(self, op: Op, rows: int) -> int: ...

    # API calls that writing that many rows takes, retries and look-ups apart.
    def calls_for(self, op: Op, rows: int) -> int: ...

    def usage(self) -> Usage: ...

    # May be called twice.
    def close(self) -> None: ...


@dataclass(frozen=True)
class Step:
    """One thing setup does or would do, in words and as a name: `Account.Health_Score__c`."""

    what: str
    name: str
    done: bool
    #: Why this CRM can't have it, in words: what needs it does without.
    not_here: str = ""


class Provisioner(Protocol):
    """Makes the fields, objects and rights that the mapping needs. Run twice, it does nothing."""

    # What is missing and what is there, without changing anything.
    def missing(self) -> list[Step]: ...

    # Creates what is missing; refuses to change the type of what is there (SetupError).
    def apply(self) -> list[Step]: ...

    def close(self) -> None: ...


class Plugin(Protocol):
    """What an entry point of the group `crm_health.connectors` names: a module with these."""

    # Reads its own settings from the environment. Raises ConfigError naming what is missing.
    def connect(self, ports: Ports, api_version: str) -> Connector: ...

    # `mapping` is a `crm_health.config.mapping.Mapping`.
    def provisioner(self, ports: Ports, api_version: str, mapping: Any) -> Provisioner: ...
