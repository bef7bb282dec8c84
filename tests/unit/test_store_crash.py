"""kill -9 at any moment: each page is in the mirror whole or not at all."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest
from databases import located
from store_kit import frame, opened, python

from crm_health.store import Scope, Store

STEPS = ("upsert", "remove", "cursor", "quarantine", "flush", "commit")

CRASH = """
import os, signal
from pathlib import Path
import polars as pl
from store_kit import NOW, frame, opened, put
from crm_health.store.page import PageTx

step = sys.argv[2]
store = opened(Path(sys.argv[1]))
put(store, "account", "Account", id=["a", "b"], name=["old", "old"])
token = store.mirror.dirty_token()
store.mirror.clear_dirty(store.mirror.dirty(), token)

def die(at):
    if at == step:
        os.kill(os.getpid(), signal.SIGKILL)

flush = PageTx.flush
def flush_and_die(self):
    flush(self)
    die("flush")
PageTx.flush = flush_and_die

with store.mirror.page() as page:
    page.upsert("account", "Account", frame("account", id=["a", "c"], name=["new", "new"]))
    die("upsert")
    page.remove("account", pl.Series(["b"]))
    die("remove")
    page.save_cursor("Account", "c1", complete_at=NOW, rows=2)
    die("cursor")
    bad = {"object": ["Account"], "id": ["x"], "path": ["Name"], "problem": ["none"]}
    page.quarantine(pl.DataFrame(bad))
    die("quarantine")
die("commit")
"""


@pytest.mark.parametrize("step", STEPS)
def test_killed_within_a_page(tmp_path: Path, step: str) -> None:
    """Rows, cursor, dirty marks and quarantine agree whenever the process dies."""
    process = python(CRASH, tmp_path, step)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err
    store = opened(tmp_path)
    accounts = store.mirror.load("account", ["name"], Scope.all())
    found = (
        dict(accounts.select("id", "name").iter_rows()),
        store.mirror.cursor("Account"),
        sorted(store.mirror.dirty().to_list()),
        store.mirror.quarantined().height,
    )
    store.close()
    if step == "commit":
        assert found == ({"a": "new", "c": "new"}, "c1", ["a", "b", "c"], 1)
    else:
        assert found == ({"a": "old", "b": "old"}, None, [], 0)
    if isinstance(located(tmp_path / "org.db"), Path):
        with sqlite3.connect(tmp_path / "org.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()


def test_killed_while_creating(tmp_path: Path) -> None:
    """A process that dies while it makes the state leaves none, and the next one makes it."""
    code = (
        "import os, signal; from pathlib import Path; from databases import located\n"
        "from crm_health.store import Store, schema\n"
        "upgrade = schema.upgrade\n"
        "def die(*given):\n"
        "    upgrade(*given); os.kill(os.getpid(), signal.SIGKILL)\n"
        "schema.upgrade = die\n"
        "Store.open(located(Path(sys.argv[1])))"
    )
    process = python(code, tmp_path / "org.db")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    where = located(tmp_path / "org.db")
    assert not Store.exists(where)
    opened(tmp_path).close()
    assert Store.exists(where)
    assert {p.name for p in tmp_path.iterdir()} <= {"org.db"}


def test_reader_sees_whole_pages(tmp_path: Path) -> None:
    """While a page is being written another process reads the state before it, without waiting."""
    store = opened(tmp_path)
    code = (
        "from pathlib import Path; from store_kit import opened\n"
        "print(opened(Path(sys.argv[1]), prepare=False).mirror.count('account'))"
    )
    with store.mirror.page() as page:
        page.upsert("account", "Account", frame("account", id=["a"]))
        assert python(code, tmp_path).communicate()[0] == "0\n"
    assert python(code, tmp_path).communicate()[0] == "1\n"
    store.close()
