"""PostgreSQL: sessions that end, locks, rights, and what the server's errors become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import polars as pl
import psycopg
import pytest
from databases import Server, located
from psycopg import errors as pg
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Select, literal_column, select
from store_kit import frame, opened, put, start

from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    Busy,
    ConfigError,
    CrmHealthError,
    LeaseLost,
    LocalIOError,
    StateError,
    Unavailable,
)
from crm_health.location import Postgres
from crm_health.store import Store, bulk, pgerrors, postgres

pytestmark = pytest.mark.only("postgres")


@pytest.fixture
def where(tmp_path: Path) -> Postgres:
    place = located(tmp_path / "org.db")
    assert isinstance(place, Postgres)
    return place


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    server = Server()
    server.start()
    yield server
    server.remove()


def admin(where: Postgres) -> psycopg.Connection:
    return psycopg.connect(where.dsn, autocommit=True)


def cut(where: Postgres) -> None:
    """End all sessions of the database's stores, as a restart would."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with admin(where) as connection:
        connection.execute(query)


def with_login(where: Postgres, login: str) -> Postgres:
    _, _, rest = where.dsn.partition("@")
    return Postgres(SecretStr(f"postgresql://{login}@{rest}"), where.schema)


def test_a_session_that_ended_is_made_anew(store: Store, where: Postgres) -> None:
    """Between transactions the server may end the session: the next one has a new one."""
    put(store, "account", "Account", id=["a"])
    cut(where)
    put(store, "account", "Account", id=["b"])
    assert store.mirror.account_ids().to_list() == ["a", "b"]


def test_a_session_that_ends_within_a_page(store: Store, where: Postgres) -> None:
    """A page whose session ends is undone as a whole, and told as a database that is away."""
    with pytest.raises(Unavailable, match="is away"), store.mirror.page() as page:  # noqa: PT012
        page.upsert("account", "Account", frame("account", id=["a"]))
        cut(where)
        page.save_cursor("Account", "c1")
    assert store.mirror.account_ids().is_empty()
    assert store.mirror.cursor("Account") is None


def test_a_session_that_ends_while_ids_are_compared(store: Store, where: Postgres) -> None:
    """What was seen goes with its session: then nothing counts as gone, and a later run asks."""
    put(store, "account", "Account", id=["a", "b"])

    def pages() -> Iterator[pl.Series]:
        yield pl.Series(["a"])
        cut(where)
        yield pl.Series(["b"])

    with pytest.raises(Unavailable, match="run again"):
        store.mirror.vanished("Account", pages())
    gone, known = store.mirror.vanished("Account", [pl.Series(["a", "b"])])
    assert (gone.is_empty(), known) == (True, 2)


def test_a_run_keeps_its_lock_through_a_new_session(
    store: Store, where: Postgres, tmp_path: Path
) -> None:
    """The new session takes the run's lock before anything else, so the run goes on."""
    run = start(store)
    cut(where)
    store.runs.check(run)
    other = opened(tmp_path, prepare=False)
    with pytest.raises(Busy, match=run.id):
        start(other)
    other.close()


def test_a_run_whose_lock_was_taken_stops(store: Store, where: Postgres, tmp_path: Path) -> None:
    """Where another run has the lock by then, the first stops before its next transaction."""
    start(store)
    other = opened(tmp_path, prepare=False)
    cut(where)
    newer = start(other)
    with pytest.raises(LeaseLost, match="took over"):
        put(store, "account", "Account", id=["a"])
    other.runs.check(newer)
    assert other.mirror.account_ids().is_empty()
    other.close()


def test_a_run_overtaken_and_left_alone_stops(
    store: Store, where: Postgres, tmp_path: Path
) -> None:
    """A later run that has already ended stops the first one too, by its fence."""
    run = start(store)
    other = opened(tmp_path, prepare=False)
    cut(where)
    newer = start(other)
    other.runs.finish(newer, outcome="done", exit_code=0, counts={}, calls={})
    with pytest.raises(LeaseLost, match=run.id):
        store.runs.check(run)
    other.close()


def test_a_restart_is_waited_for(own: Server) -> None:
    """A transaction waits for a server that comes back."""
    store = Store.open(Postgres(SecretStr(own.url)))
    store.runs.set_value("kept", "yes")
    own.stop("fast")
    back = Timer(1, own.start)
    back.start()
    try:
        assert store.runs.get_value("kept") == "yes"
    finally:
        back.join()
        store.close()


def test_a_server_that_stays_away(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting has an end, and a first connection does not wait."""
    monkeypatch.setattr(postgres, "_AWAY_SECONDS", 0.5)
    where = Postgres(SecretStr(own.url))
    store = Store.open(where)
    own.stop("fast")
    with pytest.raises(Unavailable, match=r"is away \(nothing listens there\)"):
        store.runs.get_value("kept")
    monkeypatch.setattr(postgres, "_AWAY_SECONDS", 600)
    with pytest.raises(Unavailable):
        Store.open(where)
    store.close()
    own.start()


def test_a_writer_that_takes_too_long(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits too long for another writer is told so; readers wait for nobody."""
    monkeypatch.setattr(pgerrors, "BUSY_SECONDS", 1)
    other = opened(tmp_path, prepare=False)
    with store.mirror.page() as page:
        page.upsert("account", "Account", frame("account", id=["a"]))
        assert other.mirror.account_ids().is_empty()
        with pytest.raises(Busy, match="another process"):
            other.runs.set_value("x", "y")
    other.runs.set_value("x", "y")
    other.close()


@pytest.mark.parametrize(
    ("login", "error"),
    [("tester:wr0ng", AuthError), ("nobody:wr0ng", AuthError)],
)
def test_a_refused_login(where: Postgres, login: str, error: type[CrmHealthError]) -> None:
    """A login that the server refuses is told without its password."""
    with pytest.raises(error) as caught:
        Store.open(with_login(where, login))
    shown = f"{caught.value} {caught.value.__cause__} {where!r} {where}"
    assert "refuses the login" in shown
    assert "wr0ng" not in shown
    assert "tester:" not in shown


def test_no_such_database(where: Postgres) -> None:
    """A database that is not there is named."""
    missing = Postgres(SecretStr(where.dsn.replace(where.database, "nowhere")))
    with pytest.raises(ConfigError, match=r"no such database: .*/nowhere/crm_health"):
        Store.open(missing)


def test_a_url_that_only_libpq_refuses(where: Postgres) -> None:
    """libpq quotes the URL in its complaint; we don't."""
    bad = Postgres(SecretStr("postgresql://u:s3cret@localhost/db?nonsense=1"))
    with pytest.raises(ConfigError) as caught:
        Store.open(bad)
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


def test_missing_rights(where: Postgres) -> None:
    """A user who may not make the schema is told which right is missing."""
    login = f"guest_{where.database}"
    with admin(where) as connection:
        role = sql.Identifier(login)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'w0rd'").format(role))
        try:
            with pytest.raises(AuthError, match="lacks a right"):
                Store.open(with_login(where, f"{login}:w0rd"))
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_read_only(store: Store, where: Postgres, tmp_path: Path) -> None:
    """A database that takes no writes, as a standby, is told as such; reads go on."""
    name = sql.Identifier(where.database)
    with admin(where) as connection:
        query = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        connection.execute(query.format(name))
    other = opened(tmp_path, prepare=False)
    assert other.runs.get_value("x") is None
    with pytest.raises(LocalIOError, match="read-only"):
        other.runs.set_value("x", "y")
    other.close()


def test_other_encodings_are_refused(where: Postgres) -> None:
    """A database that can't hold every text is refused before anything is made in it."""
    name = f"{where.database}_latin"
    with admin(where) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").format(
                sql.Identifier(name)
            )
        )
        try:
            with pytest.raises(ConfigError, match=r"LATIN1.* ENCODING 'UTF8'"):
                Store.open(Postgres(SecretStr(where.dsn.replace(where.database, name))))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_old_servers_are_refused(where: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server older than we know is named with its version."""
    monkeypatch.setattr(postgres, "_OLDEST", 990000)
    with pytest.raises(ConfigError, match=r"is PostgreSQL \d+: "):
        Store.open(where)


def test_a_pooler_by_transactions_is_refused(store: Store) -> None:
    """A transaction in another session than the one that was set up does nothing."""
    store._database._backend._pid = 1
    with pytest.raises(ConfigError, match="session mode"):
        store.runs.set_value("x", "y")
    assert store.runs.get_value("x") is None


def test_a_databases_own_ways_of_writing_change_nothing(where: Postgres) -> None:
    """Bytes and numbers come back as they were kept, whatever its defaults are."""
    with admin(where) as connection:
        name = sql.Identifier(where.database)
        connection.execute(sql.SQL("ALTER DATABASE {} SET bytea_output TO 'escape'").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} SET extra_float_digits TO 0").format(name))
    made = Store.open(where)
    query: Select[Any] = select(
        literal_column("1 / 3::float8"), literal_column("decode('ff00', 'hex')")
    )
    with made._database.read() as connection:
        found = bulk.fetch(connection, query, {"n": pl.Float64, "bytes": pl.Binary})
    made.close()
    assert found.rows() == [(1 / 3, b"\xff\x00")]


def test_a_schema_an_org(where: Postgres) -> None:
    """Orgs have schemas of their own in one database, with locks of their own."""
    stores = [Store.open(Postgres(where.url, f"org_{n}")) for n in range(2)]
    for number, made in enumerate(stores):
        made.pin(f"00D{number}", "salesforce")
        start(made, f"00D{number}")
    assert [made.pinned() for made in stores] == [("00D0", "salesforce"), ("00D1", "salesforce")]
    for made in stores:
        made.close()


def test_other_tables_are_left_alone(where: Postgres) -> None:
    """A schema that another program uses gets no tables of ours."""
    with admin(where) as connection:
        connection.execute("CREATE TABLE public.songs (title text)")
        with pytest.raises(StateError, match="not one of crm-health"):
            Store.open(Postgres(where.url, "public"))
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchall() == [("songs",)]


def test_newer_schema_is_refused(store: Store, where: Postgres) -> None:
    """A state of a newer crm-health is refused and left as it is."""
    with admin(where) as connection:
        connection.execute("UPDATE crm_health.alembic_version SET version_num = '9999'")
    with pytest.raises(StateError, match=r"newer crm-health \(schema 9999"):
        Store.open(where)


def test_errors_carry_no_values_of_copied_rows(store: Store) -> None:
    """The server quotes the row that it refuses; we don't."""
    ids = [f"{n}" for n in range(600)]
    with pytest.raises(BrokenInvariant) as caught, store._database.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("ALTER TABLE m_account ADD CHECK (name <> 'Secret Ltd')")
        with store.mirror.page() as page:
            page.upsert("account", "Account", frame("account", id=ids, name=["Secret Ltd"] * 600))
    assert "Secret" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (pg.DiskFull("secret"), LocalIOError),
        (pg.ReadOnlySqlTransaction("secret"), LocalIOError),
        (pg.AdminShutdown("secret"), Unavailable),
        (pg.CannotConnectNow("secret"), Unavailable),
        (pg.TooManyConnections("secret"), Unavailable),
        (pg.QueryCanceled("secret"), Unavailable),
        (pg.IdleInTransactionSessionTimeout("secret"), Unavailable),
        (psycopg.OperationalError("server closed the connection unexpectedly"), Unavailable),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), Unavailable),
        (psycopg.OperationalError("failed to resolve host 'secret'"), Unavailable),
        (psycopg.OperationalError('root certificate file "secret" does not exist'), ConfigError),
        (psycopg.OperationalError("server does not support SSL, but it was required"), ConfigError),
        (psycopg.OperationalError("SSL error: certificate verify failed"), ConfigError),
        (psycopg.OperationalError("SSL SYSCALL error: EOF detected"), Unavailable),
        (pg.SerializationFailure("secret"), Busy),
        (pg.DeadlockDetected("secret"), Busy),
        (pg.InvalidPassword("secret"), AuthError),
        (pg.InsufficientPrivilege("secret"), AuthError),
        (pg.InvalidCatalogName("secret"), ConfigError),
        (pg.DataCorrupted("secret"), StateError),
        (pg.InvalidSchemaName("secret"), StateError),
        (pg.UniqueViolation("secret"), BrokenInvariant),
        (psycopg.ProgrammingError("secret"), BrokenInvariant),
    ],
)
def test_codes(cause: Exception, error: type[Exception]) -> None:
    """Each family of the server's codes has one error of ours, without its words."""
    found = pgerrors.translate(cause, "db/org/crm_health")
    assert type(found) is error
    assert "db/org/crm_health" in found.message
    assert "secret" not in found.message
