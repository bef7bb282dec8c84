"""The tables that do not depend on the mapping. Mirror tables are made by `shapes`.

Dates are whole days and instants whole milliseconds since 1970 (UTC): frames take them as they
are, and the years 1 and 9999 fit. JSON is text.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()

#: Text in the order of its bytes, on both databases.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ONE = _EPOCH.date()
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware instant, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def to_days(day: date) -> int:
    """Days since 1970."""
    return (day - _DAY_ONE).days


def from_days(days: int) -> date:
    """The date of days since 1970."""
    return _DAY_ONE + timedelta(days=days)


class Moment(TypeDecorator[datetime]):
    """An aware instant, kept as milliseconds."""

    impl = BigInteger
    cache_ok = True

    # The dialect is part of SQLAlchemy's signature.
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else to_ms(value)

    # The dialect is part of SQLAlchemy's signature.
    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else _EPOCH + value * _MILLISECOND


class Json(TypeDecorator[Any]):
    """Plain values as JSON text."""

    impl = TEXT
    cache_ok = True

    # The dialect is part of SQLAlchemy's signature.
    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    # The dialect is part of SQLAlchemy's signature.
    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """From the database."""
        return None if value is None else orjson.loads(value)


#: Which org the database belongs to: at most one row.
ORG = Table(
    "org",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("org_id", TEXT, nullable=False),
    Column("crm", TEXT, nullable=False),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("fence", Integer, nullable=False, unique=True),
    Column("org_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("heartbeat", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("phase", TEXT, nullable=False),
    Column("outcome", TEXT),
    Column("exit_code", Integer),
    Column("counts", Json, nullable=False),
    Column("calls", Json, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", TEXT, nullable=False),
)

#: Small state, by name.
VALUES = Table(
    "run_values",
    METADATA,
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)

#: The rows of a plan, and what the CRM answered to each.
PLAN_ROWS = Table(
    "plan_rows",
    METADATA,
    Column("run_id", TEXT, ForeignKey("runs.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    #: `drafted` while the run is still at work on its plan: its number is then below zero.
    Column("status", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("op", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    #: Names of the CRM fields in `fields`: rows of one shape can share a batch.
    Column("shape", TEXT, nullable=False),
    Column("account_id", TEXT),
    Column("record_id", TEXT),
    Column("key_field", TEXT),
    Column("key", TEXT),
    #: Target of the row: the record's id, or the key where it has none yet.
    Column("target", TEXT, nullable=False),
    Column("basis", TEXT),
    Column("why", TEXT),
    # Long texts last: what only counts or orders rows does not read so far.
    Column("fields", TEXT, nullable=False),
    Column("before", TEXT),
    Column("claim_object", TEXT),
    Column("claim_key_field", TEXT),
    Column("claim_fields", TEXT),
    Column("receipt_id", TEXT),
    Column("created", Boolean),
    Column("code", TEXT),
    Column("field", TEXT),
    Column("message", TEXT),
    Column("retry_after", Float),
    Index("plan_rows_target", "object", "target", "kind"),
    Index("plan_rows_status", "status", "run_id"),
)

#: Plans that a guard stopped and that a person may approve.
HOLDS = Table(
    "holds",
    METADATA,
    Column("run_id", TEXT, ForeignKey("runs.id"), primary_key=True),
    Column("message", TEXT, nullable=False),
    Column("expires_at", Moment, nullable=False),
    #: The run that applied it.
    Column("used_by", TEXT, ForeignKey("runs.id")),
)

#: What the mirror's tables look like; `columns` is column name to kind.
ENTITY_TABLES = Table(
    "entity_tables",
    METADATA,
    Column("entity", TEXT, primary_key=True),
    Column("shape", TEXT, nullable=False),
    Column("columns", Json, nullable=False),
)

#: Each CRM object that is read, and how far.
STREAMS = Table(
    "streams",
    METADATA,
    Column("object", TEXT, primary_key=True),
    Column("shape", TEXT),
    Column("cursor", TEXT),
    Column("complete_at", Moment),
    Column("rows", BigInteger),
    #: Grows with each full read; rows that one did not see are swept at its end.
    Column("generation", Integer, nullable=False),
    Column("full", Boolean, nullable=False),
    #: Whether no full read has ended since the mirror held nothing of it: its rows are new.
    Column("fresh", Boolean, nullable=False),
)

#: Which entities an object has fed.
FEEDS = Table(
    "feeds",
    METADATA,
    Column("object", TEXT, primary_key=True),
    Column("entity", TEXT, primary_key=True),
)

#: Accounts to assess again. `seq` tells what came after a reader looked.
DIRTY = Table(
    "dirty",
    METADATA,
    Column("account_id", TEXT, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: Some of the rows that could not be used; see `quarantine`.
QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("object", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("path", TEXT, primary_key=True),
    Column("problem", TEXT, nullable=False),
)

#: How many more of them there are.
QUARANTINE_MORE = Table(
    "quarantine_more",
    METADATA,
    Column("object", TEXT, primary_key=True),
    Column("problem", TEXT, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)


def _readings(name: str, *more: SchemaItem) -> Table:
    return Table(
        name,
        METADATA,
        Column("account_id", TEXT, primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("as_of", BigInteger, nullable=False),
        Column("bucket", Integer, nullable=False),
        Column("score", Integer),
        Column("computed", Integer),
        Column("band_now", TEXT),
        Column("band", TEXT),
        Column("coverage", Float),
        Column("model", TEXT),
        Column("digest", TEXT),
        #: On the day of a change of model: what the one before would compute; 0: nobody knows.
        Column("was", Integer),
        #: JSON text, deflated by zlib.
        Column("receipt", LargeBinary),
        *more,
    )


#: One reading an account and day.
READINGS = _readings("readings", Index("readings_day", "day"))

#: Readings of the run under way, which count once its plan has passed the guards.
STAGED = _readings("readings_staged")

#: Figures over the whole book, fixed for the day; JSON.
FIGURES = Table(
    "figures",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("digest", TEXT, primary_key=True),
    Column("figures", Json, nullable=False),
)
