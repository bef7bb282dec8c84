"""The server goes away, or has no room: a sync waits, or ends with a word; the next completes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import Server
from forks import Fork
from places import Place, converges, here, password, phase_of, told
from psycopg import sql
from pydantic import SecretStr
from sights import Truth
from world import World, ended

from crm_health.location import Postgres
from crm_health.store import Store, postgres

pytestmark = pytest.mark.only("postgres")

_ESCALATIONS = "sobjects/Health_Escalation__c"


@pytest.fixture(scope="module")
def first(company: World) -> Truth:
    """What an undisturbed first sync makes of it."""
    company.clean(company.back("fresh"))
    return company.truth()


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that may be stopped."""
    server = Server()
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture
def mortal(own: Server) -> Iterator[Place]:
    """An empty database on that server."""
    name = f"org_{time.monotonic_ns()}"
    with psycopg.connect(own.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield Place(Postgres(SecretStr(own.url.replace("/postgres", f"/{name}"))), own)
    with psycopg.connect(own.url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# -- the server goes away --------------------------------------------------------------------------


def _reached(world: World, place: Place, process: Fork, phase: str) -> None:
    """Wait until the run is in the midst of this phase."""
    begun = None
    while process.poll() is None:
        counters = world.sandbox.counters()
        if phase == "apply":
            there = counters["writes"]
        elif begun is None and counters["total"] and phase_of(place) == phase:
            begun = counters["total"]
            there = phase == "assess"
        else:
            # So that some pages are stored.
            there = begun is not None and counters["total"] >= begun + 3
        if there:
            return
        time.sleep(0.004)
    raise AssertionError(f"it ended before {phase}: {ended(process)}")


def _crash(place: Place) -> None:
    """The whole server dies, and is started again a second later."""
    assert place.server is not None
    place.server.stop("immediate")
    time.sleep(1)
    place.server.start()


def _kill_session(place: Place) -> None:
    """`kill -9` of the process that serves us: the server throws everybody out, and recovers."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'crm-health'"
    with place.open() as admin:
        row = admin.execute(query).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGKILL)
    for _ in range(100):
        try:
            place.open().close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return


def _restart(place: Place) -> None:
    """As an administrator does it: in order, and at once."""
    assert place.server is not None
    place.server.stop("fast")
    place.server.start()


_ENDS = [_crash, _kill_session, _restart]
_PHASES = ["pull", "assess", "apply"]
_ONE_EACH = list(zip(_PHASES, _ENDS, strict=True))


#: In `make test` one end a phase, in the soak each end in each phase.
@pytest.mark.parametrize(
    ("phase", "how"),
    [
        pytest.param(phase, how, marks=[] if (phase, how) in _ONE_EACH else pytest.mark.slow)
        for phase in _PHASES
        for how in _ENDS
    ],
)
def test_the_server_goes_and_comes_back_in_mid_run(
    world: World, mortal: Place, first: Truth, phase: str, how: Callable[[Place], None]
) -> None:
    """The sync goes on where it can, ends with 75 where a transaction broke; the next completes."""
    state = world.back("fresh")
    if phase == "pull":
        world.sandbox.faults({"kind": "drip", "times": 0, "seconds": 0.02, "bytes": 50_000})
    if phase == "apply":
        world.sandbox.faults({"kind": "drip", "path": _ESCALATIONS, "seconds": 0.02, "bytes": 64})
    process = world.fork(state, DATABASE_URL=mortal.url)
    _reached(world, mortal, process, phase)
    how(mortal)
    done = ended(process)
    if done.code:
        told(done, 75, "the database of the state", "is away", secret=password(mortal.url))
    print(f"{how.__name__} in {phase}: exit {done.code}")
    world.sandbox.clear_faults()
    converges(world, state, first, DATABASE_URL=mortal.url)


def test_what_was_committed_survives_a_crash(mortal: Place) -> None:
    """Even where the server is set up to lose it: a run that goes on relies on what it stored."""
    with mortal.open() as admin:
        assert admin.execute("SHOW synchronous_commit").fetchone() == ("off",)
    with closing(Store.open(mortal.where)) as store:
        for n in range(3):
            store.runs.set_value("kept", f"{n}")
            _crash(mortal)
            assert store.runs.get_value("kept") == f"{n}"


@contextmanager
def _gone(place: Place) -> Iterator[None]:
    assert place.server is not None
    place.server.stop("immediate")
    try:
        yield
    finally:
        place.server.start()


@pytest.mark.slow
def test_the_server_stays_away_longer_than_a_run_waits(
    world: World, mortal: Place, first: Truth
) -> None:
    """The run waits a minute, once, and ends with 75; when the server is back all is made good."""
    state = world.back("fresh")
    world.sandbox.faults({"kind": "drip", "times": 0, "seconds": 0.02, "bytes": 50_000})
    process = world.fork(state, DATABASE_URL=mortal.url)
    _reached(world, mortal, process, "pull")
    with _gone(mortal):
        began = time.monotonic()
        done = ended(process)
        took = time.monotonic() - began
    told(done, 75, "is away", "again later", secret=password(mortal.url))
    assert took < 90
    print(f"away for long: exit {done.code} after {took:.0f} s")
    world.sandbox.clear_faults()
    converges(world, state, first, DATABASE_URL=mortal.url)


def test_no_server_there(world: World, mortal: Place, first: Truth) -> None:
    """A first connection is not waited for; nothing is asked of the CRM."""
    state = world.back("fresh")
    began = time.monotonic()
    with _gone(mortal):
        done = ended(world.fork(state, DATABASE_URL=mortal.url))
    told(done, 75, "is away", "again later", secret=password(mortal.url))
    assert time.monotonic() - began < 30
    assert world.sandbox.counters()["total"] == 0
    converges(world, state, first, DATABASE_URL=mortal.url)


def test_a_server_lost_for_good_ends_the_run_in_one_wait(
    world: World,
    mortal: Place,
    first: Truth,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It does not wait again to say so, and what it says is the cause."""
    state = world.back("fresh")
    monkeypatch.setattr(postgres, "_AWAY_SECONDS", 3)
    stopped = False
    real = postgres.Server.connect

    def connect(server: postgres.Server) -> Any:
        nonlocal stopped
        if world.sandbox.counters()["total"] > 3 and not stopped:
            stopped = True
            assert mortal.server is not None
            mortal.server.stop("immediate")
        return real(server)

    monkeypatch.setattr(postgres.Server, "connect", connect)
    began = time.monotonic()
    try:
        done = here(world, state, monkeypatch, capsys, DATABASE_URL=mortal.url)
        took = time.monotonic() - began
    finally:
        assert stopped, "the server was meant to go"
        assert mortal.server is not None
        mortal.server.start()
    told(done, 75, "is away", "again later", secret=password(mortal.url))
    print(f"lost for good: {took:.1f} s with a patience of 3 s")
    monkeypatch.undo()
    converges(world, state, first, DATABASE_URL=mortal.url)


# -- full ----


@pytest.fixture
def small_disk(own: Server) -> Iterator[Path]:
    """A disk of 40 MB for one database."""
    disk = own.folder / f"disk-{time.monotonic_ns()}"
    disk.mkdir(mode=0o700)
    user = (own.folder / "data").stat().st_uid
    options = f"size=40m,uid={user},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


#: Pages of 8 KB that are left when the sync begins.
@pytest.mark.parametrize(
    "pages",
    [pytest.param(20, marks=pytest.mark.slow), 150, pytest.param(600, marks=pytest.mark.slow)],
)
def test_a_full_disk(world: World, own: Server, small_disk: Path, first: Truth, pages: int) -> None:
    """The server's disk has no room for what the sync stores: 74; with room again it is stored."""
    state, name = world.back("fresh"), f"full_{time.monotonic_ns()}"
    with psycopg.connect(own.url, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk}'")
        admin.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
    place = Place(Postgres(SecretStr(own.url.replace("/postgres", f"/{name}"))), own)
    try:
        place.do("CREATE TABLE public.ballast (page text)")
        _fill(place, small_disk, pages)
        done = ended(world.fork(state, DATABASE_URL=place.url))
        print(f"full, {pages} pages left: exit {done.code}, {phase_of(place)}, {world.writes()}")
        told(done, 74, "disk is full", secret=password(place.url))
        place.do("DROP TABLE public.ballast")
        converges(world, state, first, DATABASE_URL=place.url)
    finally:
        with psycopg.connect(own.url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.execute(f"DROP TABLESPACE {name}")


def _fill(place: Place, disk: Path, left: int) -> None:
    """Leave room for so many pages."""
    # A row takes a page. A new database is in memory only, until a checkpoint.
    place.do("ALTER TABLE public.ballast ALTER page SET STORAGE PLAIN", "CHECKPOINT")
    found = os.statvfs(disk)
    pages = found.f_bavail * found.f_frsize // 8192 - left
    with place.open() as admin:
        admin.execute(
            "INSERT INTO public.ballast SELECT repeat('x', 8000) FROM generate_series(1, %s)",
            [pages],
        )
