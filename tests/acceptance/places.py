"""Databases that a test may break, and what must hold of a sync that meets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from databases import Server
from psycopg import sql
from sights import Truth
from world import Done, World, difference, ended

from crm_health import cli
from crm_health.location import Postgres


@dataclass(frozen=True)
class Place:
    """A database that a test may break, as its administrator sees it."""

    where: Postgres
    #: The server, where it may be stopped.
    server: Server | None = None

    @property
    def url(self) -> str:
        return self.where.dsn

    def open(self) -> psycopg.Connection:
        return psycopg.connect(self.where.dsn, autocommit=True)

    def do(self, *statements: str) -> None:
        with self.open() as admin:
            for statement in statements:
                admin.execute(sql.SQL(statement).format(db=sql.Identifier(self.where.database)))

    def other(self, *, login: str | None = None, database: str | None = None) -> str:
        """The URL with another login or database."""
        url = self.url
        if login is not None:
            url = f"postgresql://{login}@{url.partition('@')[2]}"
        return url if database is None else url.replace(f"/{self.where.database}", f"/{database}")


def told(done: Done, code: int, *words: str, secret: str = "") -> None:
    """It ended with this code, in a few lines that hold these words and no secret."""
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    for word in words:
        assert word in done.err, done.err
    assert not secret or secret not in done.out + done.err
    assert len(done.err.splitlines()) <= 5, done.err


def password(url: str) -> str:
    return url.partition("://")[2].partition("@")[0].partition(":")[2]


def converges(world: World, state: Path, truth: Truth, **more: str) -> None:
    """One clean sync gives what an undisturbed one gives, and the next one writes nothing."""
    done = ended(world.fork(state, **more))
    assert done.code == 0, done
    assert world.doubles() == []
    assert difference(world.truth(), truth) == []
    world.sandbox.clear_calls()
    done = ended(world.fork(state, **more))
    assert done.code == 0, done
    assert world.writes() == 0


def here(
    world: World,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    **more: str,
) -> Done:
    """A sync by the command line within this process, whose patience the test has shortened."""
    for name, value in world.environment(state, **more).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended_with:
        cli.main(["sync"])
    said = capsys.readouterr()
    return Done(int(ended_with.value.code or 0), said.out, said.err)


def phase_of(place: Place) -> str | None:
    """Where the run is that is at work."""
    with place.open() as admin:
        found = admin.execute("SELECT to_regclass('crm_health.runs')").fetchone()
        if found is None or found[0] is None:
            return None
        query = "SELECT phase FROM crm_health.runs ORDER BY started_at DESC LIMIT 1"
        row = admin.execute(query).fetchone()
    return None if row is None else str(row[0])
