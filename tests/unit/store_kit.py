"""What the store's tests share: a clock that stands still, shapes and small frames."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from databases import located

from crm_health.entities import ENTITIES, POLARS, Kind
from crm_health.store import Run, Store

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]

SHAPES: dict[str, dict[str, Kind]] = {
    name: {column.name: column.kind for column in ENTITIES[name].columns}
    for name in ("account", "contact", "case", "user", "activity", "task")
}
STREAMS = dict.fromkeys(("Account", "Contact", "Case", "User", "Task", "Event"), "v1")
FEEDS = {
    "account": ["Account"],
    "contact": ["Contact"],
    "case": ["Case"],
    "user": ["User"],
    "activity": ["Task", "Event"],
    "task": ["Task"],
}


def opened(folder: Path, *, prepare: bool = True) -> Store:
    """A store in the folder."""
    store = Store.open(located(folder / "org.db"))
    if prepare:
        store.mirror.prepare(SHAPES, STREAMS, FEEDS)
    return store


def frame(entity: str, **columns: list[object]) -> pl.DataFrame:
    """A frame of some of the entity's columns, typed."""
    types = {"id": pl.String, **{n: POLARS[k] for n, k in SHAPES[entity].items()}}
    return pl.DataFrame(columns, schema={name: types[name] for name in columns})


def put(store: Store, entity: str, feed: str, **columns: list[object]) -> int:
    """Upsert one page; how many rows were new or changed."""
    with store.mirror.page() as page:
        return page.upsert(entity, feed, frame(entity, **columns))


def settle(store: Store) -> None:
    """Nothing is dirty any more."""
    token = store.mirror.dirty_token()
    store.mirror.clear_dirty(store.mirror.dirty(), token)


def start(store: Store, org_id: str = "00D1") -> Run:
    """A run of the org."""
    return store.runs.start(org_id=org_id, as_of=NOW, now=NOW, digest="d1", kind="sync")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs the code with the project and this folder to import from."""
    folders = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]
    search = f"import sys; sys.path[:0] = {folders!r}\n"
    return subprocess.Popen(
        [sys.executable, "-c", search + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
