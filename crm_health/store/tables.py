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

    impl = Text
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
    Column("org_id", Text, nullable=False),
    Column("crm", Text, nullable=False),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("fence", Integer, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("heartbeat", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("phase", Text, nullable=False),
    Column("outcome", Text),
    Column("exit_code", Integer),
    Column("counts", Json, nullable=False),
    Column("calls", Json, nullable=False),
    Column("message", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
)

#: Small state, by name.
VALUES = Table(
    "run_values",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

#: The rows of a plan, and what the CRM answered to each.
PLAN_ROWS = Table(
    "plan_rows",
    METADATA,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("op", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("account_id", Text),
    Column("record_id", Text),
    Column("key_field", Text),
    Column("key", Text),
    Column("fields", Text, nullable=False),
    Column("before", Text),
    Column("claim_object", Text),
    Column("claim_key_field", Text),
    Column("claim_fields", Text),
    Column("why", Text),
    Column("basis", Text),
    #: Fingerprint of `fields`, to know the same input again.
    Column("fields_hash", Text, nullable=False),
    Column("status", Text, nullable=False),
    #: Target of the row: the record's id, or the key where it has none yet.
    Column("target", Text, nullable=False),
    Column("receipt_id", Text),
    Column("created", Boolean),
    Column("code", Text),
    Column("field", Text),
    Column("message", Text),
    Column("retry_after", Float),
    Index("plan_rows_target", "object", "target", "kind"),
    Index("plan_rows_status", "status"),
)

#: Plans that a guard stopped and that a person may approve.
HOLDS = Table(
    "holds",
    METADATA,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("message", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    #: The run that applied it.
    Column("used_by", Text, ForeignKey("runs.id")),
)

#: What the mirror's tables look like; `columns` is column name to kind.
ENTITY_TABLES = Table(
    "entity_tables",
    METADATA,
    Column("entity", Text, primary_key=True),
    Column("shape", Text, nullable=False),
    Column("columns", Json, nullable=False),
)

#: Each CRM object that is read, and how far.
STREAMS = Table(
    "streams",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("shape", Text),
    Column("cursor", Text),
    Column("complete_at", Moment),
    Column("rows", BigInteger),
    #: Grows with each full read; rows that one did not see are swept at its end.
    Column("generation", Integer, nullable=False),
    Column("full", Boolean, nullable=False),
)

#: Which entities an object has fed.
FEEDS = Table(
    "feeds",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
)

#: Accounts to assess again. `seq` tells what came after a reader looked.
DIRTY = Table(
    "dirty",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("problem", Text, nullable=False),
)


def _readings(name: str, *more: SchemaItem) -> Table:
    return Table(
        name,
        METADATA,
        Column("account_id", Text, primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("as_of", BigInteger, nullable=False),
        Column("bucket", Integer, nullable=False),
        Column("score", Integer),
        Column("computed", Integer),
        Column("band_now", Text),
        Column("band", Text),
        Column("coverage", Float),
        Column("model", Text),
        Column("digest", Text),
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
    Column("digest", Text, primary_key=True),
    Column("figures", Json, nullable=False),
)
