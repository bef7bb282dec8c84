"""The database's file: made whole, kept private, refused when it is not right."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from store_kit import opened, python

from crm_health.errors import ConfigError, LocalIOError, StateError
from crm_health.store import Store, schema

pytestmark = pytest.mark.only("sqlite")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A closed database with a value in it."""
    store = opened(tmp_path)
    store.runs.set_value("kept", "yes")
    store.close()
    return tmp_path / "org.db"


def test_new_state_is_private(tmp_path: Path) -> None:
    """The folder, the file and the files beside it are the owner's alone, whatever the umask."""
    before = os.umask(0)
    try:
        store = opened(tmp_path / "state")
        with store.mirror.page():
            beside = [p for p in (tmp_path / "state").iterdir() if p.name.startswith("org.db")]
            modes = {p.name: mode(p) for p in beside}
    finally:
        os.umask(before)
    store.close()
    assert mode(tmp_path / "state") == 0o700
    assert set(modes) == {"org.db", "org.db-wal", "org.db-shm"}
    assert set(modes.values()) == {0o600}


def test_open_twice(made: Path) -> None:
    """A second opening finds what the first one left, and migrates nothing."""
    before = contents(made)
    store = Store.open(made)
    assert store.runs.get_value("kept") == "yes"
    assert store.schema_version() == schema.HEAD
    store.close()
    store.close()
    assert contents(made) == before


def test_wide_mode_is_refused(made: Path) -> None:
    """A state that others may read is refused with the command that mends it."""
    made.chmod(0o640)
    with pytest.raises(ConfigError, match=f"chmod 600 {made}"):
        Store.open(made)
    made.chmod(0o600)
    Store.open(made).close()


def test_open_folder_is_refused(made: Path) -> None:
    """A folder in which others may replace the state is refused."""
    made.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="chmod 700"):
        Store.open(made)


def test_link_is_refused(made: Path) -> None:
    """A symbolic link, dangling or not, is never followed."""
    link = made.with_name("link.db")
    for target in (made, made.with_name("nowhere.db")):
        link.symlink_to(target)
        with pytest.raises(ConfigError, match="symbolic link"):
            Store.open(link)
        link.unlink()
    assert not made.with_name("nowhere.db").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_foreign_owner_is_refused(made: Path) -> None:
    """Another user's state is refused."""
    os.chown(made, 12345, -1)
    with pytest.raises(ConfigError, match="another user"):
        Store.open(made)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda whole: b"", "is empty"),
        (lambda whole: b"name,score\nAcme,71\n", "not a SQLite database"),
        (lambda whole: b"\x00" * len(whole), "not a SQLite database"),
        (lambda whole: whole[:60], "not a SQLite database"),
        (lambda whole: whole[: len(whole) // 2], "cut short"),
        (lambda whole: whole[:-1], "cut short"),
        (lambda whole: whole[:100] + b"\xff" * (len(whole) - 100), "damaged"),
    ],
)
def test_broken_state_is_kept(made: Path, spoil: object, said: str) -> None:
    """A state that is not a whole database is refused and left as it is."""
    broken = spoil(contents(made))  # type: ignore[operator]
    made.write_bytes(broken)
    with pytest.raises(StateError, match=said):
        Store.open(made)
    assert contents(made) == broken


def test_newer_schema_is_refused(made: Path) -> None:
    """A state of a newer crm-health is refused and left as it is."""
    with sqlite3.connect(made) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StateError, match=r"newer crm-health \(schema 9999"):
        Store.open(made)


def test_other_database_is_refused(tmp_path: Path) -> None:
    """A SQLite database of another program gets no tables of ours."""
    path = tmp_path / "org.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StateError, match="not one of crm-health"):
        Store.open(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    connection.close()


def test_log_of_a_deleted_state_is_not_replayed(tmp_path: Path) -> None:
    """What a deleted database left beside it does not come into the new one."""
    code = (
        "import os, signal; from pathlib import Path; from store_kit import opened\n"
        "store = opened(Path(sys.argv[1])); store.runs.set_value('old', 'yes')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    python(code, tmp_path).communicate()
    assert (tmp_path / "org.db-wal").stat().st_size
    (tmp_path / "org.db").unlink()
    store = opened(tmp_path)
    assert store.runs.get_value("old") is None
    store.close()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the folder should be is an I/O error with the path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(LocalIOError, match=r"file/org\.db"):
        Store.open(tmp_path / "file" / "org.db")


def test_only_one_sqlite_library() -> None:
    """Using the store brings no SQLite library but Python's own into the process."""
    code = (
        "import tempfile; from pathlib import Path; from store_kit import opened, put\n"
        "store = opened(Path(tempfile.mkdtemp())); put(store, 'account', 'Account', id=['1'])\n"
        "store.close()\n"
        "others = ('adbc_driver_sqlite', 'apsw', 'pysqlite3', 'sqlcipher3', 'connectorx',\n"
        "          'duckdb', 'libsql')\n"
        "print([name for name in others if name in sys.modules])\n"
        "lines = open('/proc/self/maps').read().splitlines() if sys.platform == 'linux' else []\n"
        "files = {line.split()[-1] for line in lines if 'sqlite' in line}\n"
        "print(len({name for name in files if '_sqlite3' not in name}) <= 1)"
    )
    process = python(code)
    out, err = process.communicate()
    assert out.split("\n")[:2] == ["[]", "True"], err
