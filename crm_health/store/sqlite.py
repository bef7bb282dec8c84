"""All that is peculiar to SQLite: opening, pragmas, transactions, error codes, the file's header.

The rest of the store speaks SQLAlchemy Core. Only Python's own `sqlite3` ever opens the file:
a second SQLite library in the same process breaks the first one's locks and loses rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from crm_health.errors import BrokenInvariant, Busy, CrmHealthError, LocalIOError, StateError
from crm_health.store import files
from crm_health.store.transactions import WRITES, Backend

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_BUSY_SECONDS = 30.0
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_mode = WAL",
    # A plan row must survive a power cut before its batch leaves; NORMAL may lose it in WAL mode.
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    # What was erased on request must not linger in free pages.
    "PRAGMA secure_delete = ON",
    # 16 MiB. With 64 storing a million rows took a twentieth less CPU, and 50 MiB more.
    "PRAGMA cache_size = -16384",
)

_FULL = {sqlite3.SQLITE_FULL}
_IO = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class File:
    """A database file; see `transactions.Backend`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self.engine = _engine(path)
        self.lock = files.FileLock(path.with_name(path.name + ".lock"))

    def exists(self) -> bool:
        """Whether there is a file, right or wrong."""
        return self._path.exists()

    def check(self, build: Callable[[Backend], None]) -> None:
        """See that the file is whole and ours alone, and make it where there is none.

        Raises:
            ConfigError: the file or its folder is open to others, or is not ours.
            StateError: the file is not a whole database.
            LocalIOError: the disk is full or broken.
        """
        path = self._path
        if not path.is_symlink() and not path.exists():
            files.create(path, lambda new: build(File(new)))
        try:
            files.check_folder(path.parent)
            files.check_private(path)
            check_file(path)
        except OSError as error:
            raise LocalIOError(f"can't read the state {path}: {error.strerror}") from error

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """The connection to the file."""
        with self.engine.connect() as connection:
            yield connection

    def make(self, connection: Connection) -> None:
        """Nothing: the file is there."""

    def translate(self, error: Exception) -> CrmHealthError:
        """Our error for what the driver raised."""
        return translate(error, self._path)

    def cause(self, error: Exception) -> Exception:
        """The driver's error: SQLite's words name columns, never values."""
        return error


def _engine(path: Path) -> Engine:
    """An engine with one connection to an existing file; it never creates one."""
    uri = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri,
            uri=True,
            timeout=_BUSY_SECONDS,
            # We say BEGIN ourselves: the driver's own way commits before some statements.
            isolation_level=None,
            check_same_thread=False,
        )

    # hide_parameters: an error's text must not carry customers' data.
    made = create_engine(
        "sqlite+pysqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True
    )
    event.listen(made, "connect", _set_up)
    event.listen(made, "begin", _begin)
    return made


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def check_file(path: Path) -> None:
    """See that the file is a whole SQLite database, without opening it as one.

    Raises:
        StateError: it is empty, something else, or shorter than its own header says.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    size = path.stat().st_size
    if not head:
        raise StateError(_unusable(path, "is empty"), code="CH-STATE")
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        raise StateError(_unusable(path, "is not a SQLite database"), code="CH-STATE")
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        # The last pages may still be in the log: SQLite itself will judge.
        return
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    pages_valid = head[24:28] == head[92:96]
    if pages_valid and size < page * int.from_bytes(head[28:32], "big"):
        raise StateError(_unusable(path, "is cut short"), code="CH-STATE")


def _unusable(path: Path, what: str) -> str:
    return (
        f"the state {path} {what}: restore it, or move it away and let the next sync "
        "rebuild it from the CRM"
    )


def translate(error: Exception, path: Path) -> CrmHealthError:
    """Our error for what the driver raised."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _FULL:
        return LocalIOError(f"can't write the state {path}: the disk is full", code="CH-FULL")
    if code in _IO:
        return LocalIOError(f"can't read or write the state {path}: {cause}", code="CH-IO")
    if code in _UNUSABLE:
        return StateError(_unusable(path, f"is damaged ({cause})"), code="CH-STATE")
    if code in _LOCKED:
        return Busy(
            f"another process has been writing to the state {path} for "
            f"{_BUSY_SECONDS:.0f} seconds: try again later",
            code="CH-LOCKED",
        )
    return BrokenInvariant(f"the state {path} refused a statement: {cause}", code="CH-SQL")
