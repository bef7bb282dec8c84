"""One org's database: opening it, its transactions, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crm_health.errors import BrokenInvariant, LocalIOError
from crm_health.store import files, schema, sqlite


class Database:
    """One connection to the file, and transactions that join the one already open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sqlite.engine(path)
        self._lock = RLock()
        self._open: Connection | None = None
        self._writing = False

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open the file, made and migrated as needed.

        Raises:
            ConfigError: the file or its folder is open to others, or is not ours.
            StateError: the file is not a whole database, or of a newer crm-health.
            LocalIOError: the disk is full or broken.
        """
        if not path.is_symlink() and not path.exists():
            files.create(path, _build)
        try:
            files.check_folder(path.parent)
            files.check_private(path)
            sqlite.check_file(path)
        except OSError as error:
            raise LocalIOError(f"can't read the state {path}: {error.strerror}") from error
        database = cls(path)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return database

    def migrate(self) -> None:
        """Bring the schema up to date: all of it or nothing."""
        with self.read() as connection:
            current = schema.is_current(connection, self.path)
        if not current:
            # Two processes may get here: the second one finds the work done.
            with self.write() as connection:
                schema.upgrade(connection, self.path)

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
        with self._errors(), self._engine.connect() as opened:
            connection = opened.execution_options(**{sqlite.WRITES: writes})
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
        except (DBAPIError, sqlite3.Error) as error:
            raise sqlite.translate(error, self.path) from error

    def close(self) -> None:
        """Close the connection; repeatable."""
        self._engine.dispose()


def _build(path: Path) -> None:
    """A new database with today's schema in an empty file."""
    database = Database(path)
    try:
        with database.write() as connection:
            schema.upgrade(connection, path)
    finally:
        database.close()
