"""One org's database: opening it, its transactions, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crm_health.errors import BrokenInvariant
from crm_health.location import Location, Postgres
from crm_health.store import postgres, schema, sqlite
from crm_health.store.transactions import WRITES, Backend, Lock


class Database:
    """One connection to the state, and transactions that join the one already open."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = RLock()
        self._open: Connection | None = None
        self._writing = False

    @classmethod
    def open(cls, where: Location) -> Database:
        """Open the state, made and migrated as needed.

        Raises:
            ConfigError: the file is open to others, or the server can't be used.
            AuthError: the server refuses the login, or a right is missing.
            StateError: it is not a whole database of ours, or of a newer crm-health.
            LocalIOError: the disk is full or broken.
            Unavailable: the server can't be reached.
        """
        backend = _backend(where)
        database = cls(backend)
        try:
            backend.check(_build)
            database.migrate()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def exists(cls, where: Location) -> bool:
        """Whether there is a state, without making one. Raises as `open`."""
        database = cls(_backend(where))
        try:
            with database._errors():
                return database._backend.exists()
        finally:
            database.close()

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return self._backend.name

    @property
    def lock(self) -> Lock:
        """The lock of the org's run."""
        return self._backend.lock

    def migrate(self) -> None:
        """Bring the schema up to date: all of it or nothing."""
        with self.read() as connection:
            current = schema.is_current(connection, self.name)
        if not current:
            # Two processes may get here: the second one finds the work done.
            with self.write() as connection:
                self._backend.make(connection)
                schema.upgrade(connection, self.name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of the database; within a transaction, that transaction."""
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            with self._transaction(writes=False) as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end, undone by any exception.

        Writers take turns: nobody else's write comes between its first look and its commit.
        Within another one it is a savepoint of it, and commits with it.
        """
        with self._lock:
            if self._open is None:
                with self._transaction(writes=True) as connection:
                    yield connection
                return
            if not self._writing:
                raise BrokenInvariant("a write was asked for within a read")
            with self._errors(), self._open.begin_nested():
                yield self._open

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        with self._errors(), self._backend.connect() as opened:
            connection = opened.execution_options(**{WRITES: writes})
            with connection.begin():
                self._open, self._writing = connection, writes
                try:
                    yield connection
                finally:
                    self._open, self._writing = None, False

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error, psycopg.Error) as error:
            raise self._backend.translate(error) from self._backend.cause(error)

    def close(self) -> None:
        """Close the connection; repeatable."""
        self._backend.engine.dispose()


def _backend(where: Location) -> Backend:
    return postgres.Server(where) if isinstance(where, Postgres) else sqlite.File(where)


def _build(backend: Backend) -> None:
    database = Database(backend)
    try:
        database.migrate()
    finally:
        database.close()
