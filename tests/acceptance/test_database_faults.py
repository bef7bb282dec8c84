"""PostgreSQL refuses a sync: its code, its words, and the next one makes it good."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from databases import located
from places import Place, converges, here, password, told
from psycopg import sql
from sights import Truth
from world import World, ended

from crm_health.location import Postgres
from crm_health.store import pgerrors

pytestmark = pytest.mark.only("postgres")


@pytest.fixture(scope="module")
def expected(company: World) -> Truth:
    """What an undisturbed sync of the second day makes of the CRM."""
    company.clean(company.back("second"))
    return company.truth()


@pytest.fixture
def state(world: World) -> Path:
    """The second day's state, which has much to write."""
    return world.back("second")


@pytest.fixture
def place(state: Path) -> Place:
    """The database of that state, on the session's server."""
    where = located(state)
    assert isinstance(where, Postgres)
    return Place(where)


# -- the server refuses ----------------------------------------------------------------------------


def test_read_only(world: World, state: Path, place: Place, expected: Truth) -> None:
    """A standby, or a database made read-only: 74, and nothing is written to the CRM."""
    place.do("ALTER DATABASE {db} SET default_transaction_read_only = on")
    done = world.run(state)
    told(done, 74, "read-only", str(place.where), secret=password(place.url))
    assert world.writes() == 0
    with place.open() as admin:
        admin.execute("SET default_transaction_read_only = off")
        query = sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only")
        admin.execute(query.format(sql.Identifier(place.where.database)))
    converges(world, state, expected)


def test_a_newer_schema(world: World, state: Path, place: Place, expected: Truth) -> None:
    """A state of a newer crm-health is left alone: 65 before any call."""
    place.do("UPDATE crm_health.alembic_version SET version_num = '9999'")
    done = world.run(state)
    told(done, 65, "newer crm-health", "update crm-health", secret=password(place.url))
    assert world.sandbox.counters()["total"] == 0
    place.do("UPDATE crm_health.alembic_version SET version_num = '0002'")
    converges(world, state, expected)


@pytest.mark.parametrize("login", ["tester:wr0ngw0rd", "stranger:wr0ngw0rd"])
def test_a_refused_login(
    world: World, state: Path, place: Place, expected: Truth, login: str
) -> None:
    """A wrong password, and a user that does not exist: 77 without a word of the login."""
    done = ended(world.fork(state, DATABASE_URL=place.other(login=login)))
    told(done, 77, "refuses the login", "DATABASE_URL", secret="wr0ngw0rd")
    assert world.sandbox.counters()["total"] == 0
    converges(world, state, expected)


@pytest.mark.parametrize("granted", ["nothing", "reading"])
def test_a_missing_right(
    world: World, state: Path, place: Place, expected: Truth, granted: str
) -> None:
    """A user who may not use the schema, or only read it: 77 before the CRM is written."""
    role = f"guest_{place.where.database}"
    place.do(f"CREATE ROLE {role} LOGIN PASSWORD 'gu3stw0rd'")
    if granted == "reading":
        place.do(
            f"GRANT USAGE ON SCHEMA crm_health TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA crm_health TO {role}",
        )
    try:
        done = ended(world.fork(state, DATABASE_URL=place.other(login=f"{role}:gu3stw0rd")))
    finally:
        place.do(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    told(done, 77, "lacks a right", "docs/postgresql.md", secret="gu3stw0rd")
    assert world.writes() == 0
    converges(world, state, expected)


def test_no_such_database(world: World, state: Path, place: Place, expected: Truth) -> None:
    """It is named: 78."""
    done = ended(world.fork(state, DATABASE_URL=place.other(database="nowhere_db")))
    told(done, 78, "no such database", "nowhere_db", secret=password(place.url))
    assert world.sandbox.counters()["total"] == 0
    converges(world, state, expected)


def test_another_encoding(world: World, state: Path, place: Place, expected: Truth) -> None:
    """A database that can't hold every text: 78, with how to make one that can."""
    name = f"{place.where.database}_latin"
    place.do(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        done = ended(world.fork(state, DATABASE_URL=place.other(database=name)))
    finally:
        place.do(f"DROP DATABASE {name} WITH (FORCE)")
    told(done, 78, "LATIN1", "ENCODING 'UTF8'", secret=password(place.url))
    assert world.sandbox.counters()["total"] == 0
    converges(world, state, expected)


# -- locked, and full ------------------------------------------------------------------------------


def test_locked_by_another(
    world: World,
    state: Path,
    place: Place,
    expected: Truth,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody's session holds the plan's table: the sync gives up in time with 5."""
    monkeypatch.setattr(pgerrors, "BUSY_SECONDS", 1)
    with place.open() as other, other.transaction():
        other.execute("LOCK TABLE crm_health.plan_rows IN ACCESS EXCLUSIVE MODE")
        done = here(world, state, monkeypatch, capsys)
    told(done, 5, "another process", "try later", secret=password(place.url))
    assert world.writes() == 0
    monkeypatch.undo()
    converges(world, state, expected)


@pytest.mark.slow
def test_locked_by_another_for_as_long_as_a_sync_waits(
    world: World, state: Path, place: Place, expected: Truth
) -> None:
    """The same with a sync's own patience."""
    with place.open() as other, other.transaction():
        other.execute("LOCK TABLE crm_health.plan_rows IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        done = world.run(state)
        print(f"locked: exit {done.code} after {time.monotonic() - began:.0f} s")
    told(done, 5, "another process", "try later", secret=password(place.url))
    converges(world, state, expected)
