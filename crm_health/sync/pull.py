"""Phase (a): pages become rows, cursor and dirty accounts, in one transaction a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from crm_health.connector import Connector, Page, Request, Stream
from crm_health.store import Store
from crm_health.sync.normalize import normalize
from crm_health.sync.setting import Setting


@dataclass
class Pulled:
    """What came in, by CRM object."""

    rows: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    #: Objects read in full, to the rows of their last complete read (None: never).
    full: dict[str, int | None] = field(default_factory=dict)
    #: Objects whose full read brought far too little: rows now, then. Nothing was removed.
    shrunk: dict[str, tuple[int, int]] = field(default_factory=dict)


def pull(
    connector: Connector,
    store: Store,
    setting: Setting,
    *,
    full: bool,
    allow_shrink: bool,
    tick: Callable[[str, int], None],
) -> Pulled:
    """Bring the mirror up to date.

    Args:
        full: Read everything again, whatever the cursors say.
        allow_shrink: A person said that rows missing from a full read are gone.
        tick: Told the object and its rows after each page.
    """
    mirror, reads = store.mirror, setting.reads
    again = mirror.prepare(reads.shapes, {s.object: _digest(s) for s in reads.streams})
    pulled = Pulled()
    requests = []
    for stream in reads.streams:
        cursor = mirror.cursor(stream.object)
        if full or stream.object in again or not cursor:
            cursor = None
            last = mirror.last_read(stream.object)
            pulled.full[stream.object] = last.rows if last else None
            with mirror.page() as tx:
                tx.begin_full(stream.object)
        requests.append(Request(stream, cursor))
    for page in connector.changes(requests):
        _store_page(page, store, setting, pulled, allow_shrink)
        tick(page.stream.object, page.rows.height)
    return pulled


def _store_page(
    page: Page, store: Store, setting: Setting, pulled: Pulled, allow_shrink: bool
) -> None:
    name = page.stream.object
    gone = int(page.rows["deleted"].sum() or 0)
    pulled.rows[name] = pulled.rows.get(name, 0) + page.rows.height - gone
    pulled.deleted[name] = pulled.deleted.get(name, 0) + gone
    whole = page.last and name in pulled.full
    cursor = page.cursor
    with store.mirror.page() as tx:
        for feed in setting.reads.feeds_of(name):
            found = normalize(page, feed, setting.calendar)
            tx.upsert(feed.entity, name, found.rows)
            tx.remove(feed.entity, found.removed)
            if found.problems.height:
                tx.quarantine(found.problems)
                pulled.quarantined += found.problems.height
        if whole and not allow_shrink and _shrank(name, setting, pulled):
            # Not seen is not gone: keep the rows, and read in full again next time.
            cursor, whole = "", False
        if whole:
            tx.end_full(name)
        tx.save_cursor(
            name,
            cursor,
            complete_at=setting.as_of if page.last else None,
            rows=pulled.rows[name] if whole else None,
        )


def _shrank(name: str, setting: Setting, pulled: Pulled) -> bool:
    before, now = pulled.full[name], pulled.rows[name]
    least = setting.config.playbook.guards.source_min_percent / 100
    if before is None or now >= before * least:
        return False
    pulled.shrunk[name] = (now, before)
    return True


def _digest(stream: Stream) -> str:
    text = json.dumps([stream.object, [(f.path, f.kind.value) for f in stream.fields]])
    return blake2b(text.encode(), digest_size=8).hexdigest()
