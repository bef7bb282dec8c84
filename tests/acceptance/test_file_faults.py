"""The state's file breaks: one word and its code, the CRM unharmed, and the next sync completes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from places import converges, here, told
from sights import Truth
from world import World, ended

from crm_health.store import sqlite

pytestmark = pytest.mark.only("sqlite")


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
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, which may fill up or turn read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _mount(folder, "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"):
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _mount(folder: Path, *words: str) -> bool:
    done = subprocess.run(["mount", *words, str(folder)], check=False, capture_output=True)
    return done.returncode == 0


def test_a_state_of_a_newer_version(world: World, state: Path, expected: Truth) -> None:
    """It is left alone: 65 before any call, with what to do."""
    _say(state, "UPDATE alembic_version SET version_num = '9999'")
    told(world.run(state), 65, str(state), "newer crm-health", "update crm-health")
    assert world.sandbox.counters()["total"] == 0
    _say(state, "UPDATE alembic_version SET version_num = '0002'")
    converges(world, state, expected)


def _say(state: Path, statement: str) -> None:
    with closing(sqlite3.connect(state)) as opened, opened:
        opened.execute(statement)


@pytest.mark.parametrize(
    "room",
    [pytest.param(0, marks=pytest.mark.slow), 100, pytest.param(1_000, marks=pytest.mark.slow)],
)
def test_a_full_disk(world: World, disk: Path, room: int) -> None:
    """With so many KB left a first sync ends with 74; with room again it is made good."""
    world.clean(world.back("fresh"))
    first = world.truth()
    world.back("fresh")
    state = disk / "own" / "state.db"
    state.parent.mkdir(mode=0o700)
    found = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * (found.f_bavail * found.f_frsize - room * 1024))
    done = world.run(state)
    print(f"{room} KB left: {world.writes()} records written")
    told(done, 74, str(state), "disk is full")
    ballast.unlink()
    converges(world, state, first)


def test_a_disk_that_turned_read_only(
    world: World, state: Path, disk: Path, expected: Truth
) -> None:
    """As after an I/O error: 74 with the path, nothing is written to the CRM."""
    moved = disk / "own" / "state.db"
    shutil.copytree(state.parent, moved.parent)
    assert _mount(disk, "-o", "remount,ro")
    done = world.run(moved)
    assert _mount(disk, "-o", "remount,rw")
    told(done, 74, str(moved))
    assert world.writes() == 0
    converges(world, moved, expected)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to whatever the modes say")
@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_state_that_may_not_be_written(
    world: World, state: Path, expected: Truth, which: str
) -> None:
    """A file, or a folder, whose mode forbids it: 74 with the path."""
    path, mode = (state, 0o400) if which == "file" else (state.parent, 0o500)
    before = path.stat().st_mode
    path.chmod(mode)
    done = world.run(state)
    path.chmod(before)
    told(done, 74, str(state))
    assert world.writes() == 0
    converges(world, state, expected)


def test_a_state_that_another_process_writes_to(
    world: World,
    state: Path,
    expected: Truth,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A backup tool holds the write lock: the sync gives up in time with 5."""
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 1.0)
    with closing(sqlite3.connect(state, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = here(world, state, monkeypatch, capsys)
    told(done, 5, "another process", "try again later")
    assert world.writes() == 0
    monkeypatch.undo()
    converges(world, state, expected)


@pytest.mark.slow
def test_a_state_that_another_process_writes_to_for_as_long_as_a_sync_waits(
    world: World, state: Path, expected: Truth
) -> None:
    """The same with a sync's own patience."""
    with closing(sqlite3.connect(state, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        done = world.run(state)
        print(f"locked: exit {done.code} after {time.monotonic() - began:.0f} s")
    told(done, 5, "another process", "try again later")
    converges(world, state, expected)


def test_a_state_that_another_process_holds_for_a_while(
    world: World, state: Path, expected: Truth
) -> None:
    """Held for two seconds in mid-run it is waited for."""
    world.sandbox.faults({"kind": "drip", "times": 0, "seconds": 0.02, "bytes": 50_000})
    process = world.fork(state)
    while not world.sandbox.counters()["total"]:
        assert process.poll() is None
        time.sleep(0.004)
    with closing(sqlite3.connect(state, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(2)
    assert ended(process).code == 0
    world.sandbox.clear_faults()
    world.sandbox.clear_calls()
    converges(world, state, expected)


def test_a_state_cut_short_may_be_moved_away(world: World, state: Path, expected: Truth) -> None:
    """It is refused with 65; moved away, as the message says, the next sync rebuilds it."""
    with closing(sqlite3.connect(state)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(state, state.stat().st_size // 2)
    told(world.run(state), 65, str(state), "cut short", "move it away")
    assert world.writes() == 0
    state.rename(state.with_suffix(".broken"))
    converges(world, state, expected)
