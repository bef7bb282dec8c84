"""Phase (a): pages become rows, cursor and dirty accounts, in one transaction a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl

from crm_health.connector import Connector, Page, Request, Stream
from crm_health.store import Store
from crm_health.sync.normalize import Normalized, normalize
from crm_health.sync.setting import Setting

#: Small state of the store: when all ids of an object were last seen, by the object's name.
CHECKED = "ids_checked:"
#: Fewer vanished rows than this are no pattern, however small the object.
FEW = 5


@dataclass
class Pulled:
    """What came in, by CRM object."""

    rows: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    #: Objects whose full read came to its end in this run.
    full: set[str] = field(default_factory=set)
    #: Objects of which far too few rows can be seen: now, before. Nothing was removed.
    shrunk: dict[str, tuple[int, int]] = field(default_factory=dict)


def pull(
    connector: Connector,
    store: Store,
    setting: Setting,
    *,
    full: bool,
    may_shrink: frozenset[str],
    tick: Callable[[str, int], None],
) -> Pulled:
    """Bring the mirror up to date.

    Args:
        full: Read everything again, whatever the cursors say.
        may_shrink: Objects whose rows that a full read did not meet count as gone.
        tick: Told the object and its rows after each page.
    """
    mirror, reads = store.mirror, setting.reads
    fed = {entity: reads.objects_of(entity) for entity in reads.shapes}
    again = mirror.prepare(reads.shapes, {s.object: _digest(s) for s in reads.streams}, fed)
    pulled = Pulled()
    requests = []
    for stream in reads.streams:
        cursor = mirror.cursor(stream.object)
        # A full read that was interrupted goes on from its cursor instead.
        if full or stream.object in again or not cursor:
            cursor = None
            with mirror.page() as tx:
                tx.begin_full(stream.object)
        requests.append(Request(stream, cursor))
    for page in connector.changes(requests):
        _store_page(page, store, setting, pulled, may_shrink)
        tick(page.stream.object, page.rows.height)
    return pulled


def _store_page(
    page: Page, store: Store, setting: Setting, pulled: Pulled, may_shrink: frozenset[str]
) -> None:
    name = page.stream.object
    gone = int(page.rows["deleted"].sum() or 0)
    pulled.rows[name] = pulled.rows.get(name, 0) + page.rows.height - gone
    pulled.deleted[name] = pulled.deleted.get(name, 0) + gone
    cursor, whole = page.cursor, False
    with store.mirror.page() as tx:
        # Most pages of a quiet day are empty, and so are those of a job that is still at work:
        # their cursor counts all the same.
        for entity, parts in _entities(page, setting).items():
            kept = pl.concat([found.rows["id"] for found in parts])
            for found in parts:
                tx.upsert(entity, name, found.rows)
                if found.problems.height:
                    tx.quarantine(found.problems)
                    pulled.quarantined += found.problems.height
            # What one feed of an entity leaves may be another's.
            removed = pl.concat([found.removed for found in parts])
            tx.remove(entity, removed.filter(~removed.is_in(kept.implode())).unique())
            merged = page.rows.filter(pl.col("merged_into").is_not_null())
            tx.move(entity, merged.select("id", "merged_into"))
        if page.last and name in store.mirror.full_reads():
            unseen, known = tx.unseen(name), store.mirror.known(name)
            if name in may_shrink or not shrank(unseen, known, setting):
                tx.end_full(name)
                pulled.full.add(name)
                whole = True
            else:
                # Not seen is not gone: keep the rows, and read in full again next time.
                pulled.shrunk[name] = (known - unseen, known)
                cursor = ""
        tx.save_cursor(
            name,
            cursor,
            complete_at=setting.as_of if page.last else None,
            rows=known - unseen if whole else None,
        )
    if whole:
        store.runs.set_value(f"{CHECKED}{name}", setting.as_of.isoformat())


def _entities(page: Page, setting: Setting) -> dict[str, list[Normalized]]:
    """What a page means for each entity: nothing where it has no rows."""
    found: dict[str, list[Normalized]] = {}
    for feed in setting.reads.feeds_of(page.stream.object) if page.rows.height else ():
        part = normalize(page, feed, setting.calendar)
        found.setdefault(feed.entity, []).append(part)
    return found


def shrank(unseen: int, known: int, setting: Setting) -> bool:
    """Whether so many rows vanished that sharing or a filter is likelier than people."""
    least = setting.config.playbook.guards.source_min_percent / 100
    return unseen > max(FEW, known * (1 - least))


def _digest(stream: Stream) -> str:
    text = json.dumps([stream.object, [(f.path, f.kind.value) for f in stream.fields]])
    return blake2b(text.encode(), digest_size=8).hexdigest()
