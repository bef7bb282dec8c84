"""All that is peculiar to PostgreSQL: sessions, locks, transactions, error codes.

The rest of the store speaks SQLAlchemy Core. A session belongs to one schema. Writers take turns
as they do on SQLite, by a lock that their transaction holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import errors as pg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateSchema
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from crm_health.errors import ConfigError, CrmHealthError, LeaseLost, Unavailable
from crm_health.location import Postgres
from crm_health.store import pgerrors
from crm_health.store.transactions import WRITES, Backend

_OLDEST = 120000
_CONNECT_SECONDS = 10
#: How long a transaction waits for a server that has gone away.
_AWAY_SECONDS = 60.0
#: How long a run waits for the lock of one whose process has just died.
_LOCK = "2s"
# What was committed must survive a crash of the server: the run that goes on relies on it, and a
# plan row must be there before its batch leaves. A role's or URL's own way of writing bytes and
# numbers would spoil what is read: receipts unreadable, scores with fewer digits.
_SESSION = """
SET search_path TO "{schema}";
SET client_encoding TO 'UTF8';
SET client_min_messages TO warning;
SET bytea_output TO hex;
SET extra_float_digits TO 1;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off';
SET default_transaction_isolation TO 'read committed';
SET lock_timeout TO '{busy}s';
SET statement_timeout TO '15min';
SET idle_in_transaction_session_timeout TO '15min';
"""
# Both ends notice a peer that vanished without a word within about two minutes.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
}
_SERVER_KEEPALIVE = "SET tcp_{name} TO {value};"


class Server:
    """A schema on a server; see `transactions.Backend`."""

    def __init__(self, where: Postgres) -> None:
        self._where = where
        self.name = str(where)
        self.lock = AdvisoryLock(self)
        self._turn = _key("turn", where.schema)
        self.engine = self._engine()
        self._met = False
        self._pid: int | None = None

    def exists(self) -> bool:
        """Whether the schema has tables of ours."""
        self._check_url()
        with self.connect() as connection, connection.begin():
            query = "SELECT to_regclass('alembic_version') IS NOT NULL"
            return bool(connection.exec_driver_sql(query).scalar())

    def check(self, build: Callable[[Backend], None]) -> None:  # noqa: ARG002 - a file needs it
        """See that the URL can be read and the server be reached, without waiting for it.

        Raises:
            ConfigError: the URL is broken, or the server too old or not of UTF-8.
            AuthError: the login is refused.
            Unavailable: the server can't be reached.
        """
        self._check_url()
        with self.connect():
            pass

    def _check_url(self) -> None:
        try:
            psycopg.conninfo.conninfo_to_dict(self._where.dsn)
        except psycopg.Error:
            # Its words quote the URL, password and all.
            raise ConfigError(
                "DATABASE_URL can't be read as a URL of PostgreSQL: a slip after the question "
                "mark? Nothing was run.",
                code="CH-SETTINGS",
            ) from None

    def _engine(self) -> Engine:
        made = create_engine(
            "postgresql+psycopg://",
            creator=self._session,
            poolclass=StaticPool,
            # A session that the server has ended is found out before a transaction relies on it.
            pool_pre_ping=True,
            # An error's text must not carry customers' data.
            hide_parameters=True,
            use_native_hstore=False,
        )
        event.listen(made, "begin", self._begin)
        return made

    def _session(self) -> psycopg.Connection[Any]:
        session = psycopg.connect(
            self._where.dsn,
            autocommit=True,
            application_name="crm-health",
            connect_timeout=_CONNECT_SECONDS,
            **_KEEPALIVE,
        )
        try:
            self._check_server(session)
            settings = _SESSION.format(schema=self._where.schema, busy=int(pgerrors.BUSY_SECONDS))
            mine = (_SERVER_KEEPALIVE.format(name=n, value=v) for n, v in _KEEPALIVE.items())
            # Not as libpq's options: poolers refuse those. The schema's name was checked.
            session.execute(f"{settings}{''.join(mine)}".encode())
            self._pid = _one(session, "SELECT pg_backend_pid()")
            self.lock.renew(session)
            session.autocommit = False
        except BaseException:
            session.close()
            raise
        return session

    def _check_server(self, session: psycopg.Connection[Any]) -> None:
        version, encoding = session.info.server_version, session.info.parameter_status
        if version < _OLDEST:
            raise ConfigError(
                f"the server of the state {self.name} is PostgreSQL {version // 10000}: "
                "crm-health needs 12 or newer. Nothing was run.",
                code="CH-DBVERSION",
            )
        if encoding("server_encoding") != "UTF8":
            raise ConfigError(
                f"the database of the state {self.name} keeps texts as "
                f"{encoding('server_encoding')}: crm-health needs one made with ENCODING 'UTF8'. "
                "Nothing was run.",
                code="CH-DBENCODING",
            )

    def _begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES, False):
            # Before the first look at the data, which then holds until the commit.
            query = f"SELECT pg_backend_pid(), pg_advisory_xact_lock({self._turn})"
            if connection.exec_driver_sql(query).scalar() != self._pid:
                raise ConfigError(
                    "DATABASE_URL leads to a pooler that gives each transaction another session: "
                    "name the server itself, or set the pooler to session mode",
                    code="CH-DBPOOLER",
                )
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """The session, made anew where the server ended it; waits for a server that restarts."""
        patience = _AWAY_SECONDS if self._met else 0
        # Once given up, a run does not wait again to record its own end.
        self._met = False
        for attempt in Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(patience),
            wait=wait_exponential(multiplier=0.25, max=5),
            reraise=True,
        ):
            with attempt:
                connection = self._connected()
        self._met = True
        with connection:
            yield connection

    def _connected(self) -> Connection:
        try:
            return self.engine.connect()
        except (DBAPIError, psycopg.Error) as error:
            raise self.translate(error) from None

    def make(self, connection: Connection) -> None:
        """Make the schema where it is missing."""
        connection.execute(CreateSchema(self._where.schema, if_not_exists=True))

    def translate(self, error: Exception) -> CrmHealthError:
        """Our error for what the driver raised, without the values in its words."""
        return pgerrors.translate(error, self.name)

    def cause(self, error: Exception) -> None:
        """None: the server's words quote rows."""


class AdvisoryLock:
    """The lock of an org's run: of the session that does the work, so neither outlives the other.

    The server drops it when the session ends, however it ends. A new session after a lost one
    takes it again before it does anything.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._key = _key("run", server.name.rpartition("/")[2])
        self.held = False

    def take(self) -> bool:
        """Take the lock if it is free; False where another session or this object has it."""
        if self.held:
            return False
        with self._server.connect() as connection, connection.begin():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout TO '{_LOCK}'")
            try:
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({self._key})")
            except DBAPIError as error:
                if isinstance(error.orig, pg.LockNotAvailable):
                    return False
                raise self._server.translate(error) from None
        self.held = True
        return True

    def renew(self, session: psycopg.Connection[Any]) -> None:
        """Take the lock in a new session, if the one before had it.

        Raises:
            LeaseLost: another run has it by now.
        """
        if self.held and not _one(session, f"SELECT pg_try_advisory_lock({self._key})"):
            self.held = False
            raise LeaseLost(
                "the connection to the state broke, and another run of this org took over: "
                "this one stopped before its next write",
                code="CH-LEASE",
            )

    def release(self) -> None:
        """Let go; harmless when not held, or when the session is gone and the lock with it."""
        if not self.held:
            return
        self.held = False
        try:
            with self._server.engine.connect() as connection, connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({self._key})")
        except (DBAPIError, psycopg.Error):
            self._server.engine.dispose()


def _one(session: psycopg.Connection[Any], query: str) -> Any:
    row = session.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def _key(purpose: str, schema: str) -> int:
    digest = blake2b(f"crm-health {purpose} {schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
