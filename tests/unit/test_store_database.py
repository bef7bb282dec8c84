"""Transactions, migrations and what the driver's errors become."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import located
from sqlalchemy import select, text
from store_kit import frame, opened, put, python, start

from crm_health.errors import BrokenInvariant, Busy, LocalIOError, StateError, WrongOrgError
from crm_health.store import Scope, schema, sqlite
from crm_health.store.database import Database
from crm_health.store.tables import METADATA, READINGS


@pytest.fixture
def database(tmp_path: Path):
    made = Database.open(located(tmp_path / "org.db"))
    yield made
    made.close()


def test_migrations_make_the_tables(database: Database) -> None:
    """The migrated database has exactly the tables that the code describes."""
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_head_is_the_newest_migration() -> None:
    """The version that counts as current is the last one in the folder."""
    heads = ScriptDirectory.from_config(schema._config()).get_heads()
    assert heads == [schema.HEAD]


def test_failed_migration_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    """A migration that breaks half-way leaves no table and no version: the next one makes all."""

    def break_down(connection, name) -> None:
        METADATA.create_all(connection)
        raise BrokenInvariant("half-way")

    monkeypatch.setattr(schema, "upgrade", break_down)
    where = located(tmp_path / "org.db")
    with pytest.raises(BrokenInvariant):
        Database.open(where)
    assert not Database.exists(where)
    monkeypatch.undo()
    Database.open(where).close()
    assert Database.exists(where)


def test_old_schema_is_migrated_in_place(database: Database) -> None:
    """A database without tables is brought up to date, once; a second time nothing happens."""
    with database.write() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    database.migrate()
    database.migrate()
    with database.read() as connection:
        assert schema.version(connection) == schema.HEAD


def test_readings_of_an_older_schema_are_kept(database: Database) -> None:
    """What the first schema held is there after the migration, without a former model."""
    with database.write() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        given = {"account_id": "a", "day": 1, "bucket": 2, "as_of": 3, "score": 71}
        connection.execute(READINGS.insert().values(given))
    database.migrate()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        row = connection.execute(select(READINGS)).one()
        assert (row.account_id, row.score, row.was) == ("a", 71, None)


@pytest.mark.only("sqlite")
def test_pragmas(database: Database) -> None:
    """The connection writes ahead, syncs fully, keeps foreign keys and wipes what it deletes."""
    with database.read() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_inner_write_is_undone_alone(tmp_path: Path) -> None:
    """A write within a transaction that fails is undone; the rest of the transaction stays."""
    store = opened(tmp_path)
    with store.mirror.page() as page:
        page.upsert("account", "Account", frame("account", id=["a"]))
        with pytest.raises(BrokenInvariant), store._database.write() as connection:  # noqa: PT012
            connection.execute(text("DELETE FROM m_account"))
            raise BrokenInvariant("inner")
    assert store.mirror.account_ids().to_list() == ["a"]
    store.close()


def test_write_within_a_read_is_a_bug(database: Database) -> None:
    """A read never turns into a write: its lock would come too late."""
    with database.read(), pytest.raises(BrokenInvariant), database.write():
        pass


def test_writers_take_turns(tmp_path: Path) -> None:
    """Processes that read and then write in one transaction never overtake each other."""
    opened(tmp_path).close()
    code = (
        "from pathlib import Path; from store_kit import opened\n"
        "from crm_health.store import bulk; from crm_health.store.tables import COUNTERS\n"
        "database = opened(Path(sys.argv[1]), prepare=False)._database\n"
        "for _ in range(50):\n"
        "    with database.write() as connection:\n"
        "        bulk.next_number(connection, COUNTERS, 'turns')"
    )
    processes = [python(code, tmp_path) for _ in range(3)]
    ended = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], ended
    store = opened(tmp_path, prepare=False)
    with store._database.read() as connection:
        sql = "SELECT value FROM counters WHERE name = 'turns'"
        assert connection.exec_driver_sql(sql).scalar_one() == 150
    store.close()


def test_several_processes_create_at_once(tmp_path: Path) -> None:
    """Processes that open a new state at the same time all use the same one."""
    code = (
        "from pathlib import Path; from store_kit import opened\n"
        "store = opened(Path(sys.argv[1])); store.runs.set_value(sys.argv[2], 'here')\n"
        "store.close()"
    )
    started = [python(code, tmp_path, name) for name in "abcd"]
    ended = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], ended
    store = opened(tmp_path)
    assert [store.runs.get_value(name) for name in "abcd"] == ["here"] * 4
    store.close()
    assert {p.name for p in tmp_path.iterdir()} <= {"org.db", "org.db.lock"}


@pytest.mark.only("sqlite")
def test_disk_full(tmp_path: Path) -> None:
    """A full disk is told as such, and what did not fit is undone as a whole."""
    store = opened(tmp_path)
    put(store, "account", "Account", id=["a"])
    with store._database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(LocalIOError, match="the disk is full"):
        put(store, "account", "Account", id=["b", "c"], name=["x" * 1_000_000, "y"])
    assert store.mirror.account_ids().to_list() == ["a"]
    store.close()


@pytest.mark.only("sqlite")
def test_damage_found_later(tmp_path: Path) -> None:
    """Damage that shows only when a page is read is told as an unusable state."""
    store = opened(tmp_path)
    names = [f"{n}" * 200 for n in range(2000)]
    put(store, "account", "Account", id=[str(n) for n in range(2000)], name=names)
    store.close()
    path = tmp_path / "org.db"
    whole = path.read_bytes()
    keep = 4096 * (len(whole) // 4096 // 4)
    path.write_bytes(whole[:keep] + b"\xa5" * (len(whole) - keep))
    with pytest.raises(StateError, match="damaged"):  # noqa: PT012
        store = opened(tmp_path)
        store.mirror.account_ids()
        store.mirror.load("account", ["name"], Scope.all())


def test_errors_carry_no_values(tmp_path: Path) -> None:
    """Neither a refused statement nor a value of the wrong kind puts customers' data in errors."""
    store = opened(tmp_path)
    with pytest.raises(BrokenInvariant) as refused, store._database.write() as connection:
        connection.execute(text("INSERT INTO org (nowhere) VALUES (:name)"), {"name": "Secret Ltd"})
    bad = pl.DataFrame({"id": ["a"], "contract_value": ["Secret Ltd"]})
    with pytest.raises(BrokenInvariant) as mistyped, store.mirror.page() as page:
        page.upsert("account", "Account", bad)
    for error in (refused, mistyped):
        assert "Secret" not in str(error.value)
        assert "Secret" not in str(error.value.__cause__)
    store.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_FULL, LocalIOError),
        (sqlite3.SQLITE_IOERR_WRITE, LocalIOError),
        (sqlite3.SQLITE_READONLY_DBMOVED, LocalIOError),
        (sqlite3.SQLITE_CANTOPEN, LocalIOError),
        (sqlite3.SQLITE_CORRUPT_VTAB, StateError),
        (sqlite3.SQLITE_NOTADB, StateError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Busy),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, BrokenInvariant),
    ],
)
def test_codes(code: int, error: type[Exception]) -> None:
    """Each family of SQLite's codes has one error of ours, extended codes included."""
    cause = sqlite3.OperationalError("words")
    cause.sqlite_errorcode = code
    assert type(sqlite.translate(cause, Path("org.db"))) is error


def test_pin(tmp_path: Path) -> None:
    """The first org is remembered; another one, or another CRM, is refused from then on."""
    store = opened(tmp_path)
    assert store.pinned() is None
    store.pin("00D1", "salesforce")
    store.close()
    store = opened(tmp_path)
    store.pin("00D1", "salesforce")
    assert store.pinned() == ("00D1", "salesforce")
    for org_id, crm in (("00D2", "salesforce"), ("00D1", "hubspot")):
        with pytest.raises(WrongOrgError, match="nothing was written"):
            store.pin(org_id, crm)
    with pytest.raises(WrongOrgError):
        start(store, "00D2")
    assert start(store, "00D1").fence == 1
    store.close()
