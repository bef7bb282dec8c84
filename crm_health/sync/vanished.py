"""Once a week: which rows went without a trace. No change feed is complete by itself.

Rows vanish from a CRM unseen when they are erased for good, merged away or hidden by sharing.
Hidden is not gone: an object that shrank too far stops the run instead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from crm_health.connector import Connector
from crm_health.store import Store
from crm_health.sync.pull import Pulled, shrank
from crm_health.sync.setting import Setting

#: A little less than a week, so that a weekly schedule never skips one.
EVERY = timedelta(days=6, hours=12)


def check(
    connector: Connector,
    store: Store,
    setting: Setting,
    pulled: Pulled,
    *,
    may_shrink: frozenset[str],
) -> None:
    """Compare ids of objects whose last check is a week old; remove what is gone."""
    for stream in setting.reads.streams:
        name = stream.object
        if name in pulled.full:
            # Its rows were all read just now.
            _note(store, name, setting.as_of)
            continue
        if not _due(store, name, setting.as_of):
            continue
        live = pl.concat([pl.Series("id", [], pl.String), *connector.ids(name)])
        known = store.mirror.ids(name)
        gone = known.filter(~known.is_in(live.implode()))
        if shrank(len(gone), len(known), setting) and name not in may_shrink:
            pulled.shrunk[name] = (len(known) - len(gone), len(known))
            continue
        with store.mirror.page() as tx:
            for feed in setting.reads.feeds_of(name):
                tx.remove(feed.entity, gone)
        pulled.deleted[name] = pulled.deleted.get(name, 0) + len(gone)
        _note(store, name, setting.as_of)


def _due(store: Store, name: str, as_of: datetime) -> bool:
    last = store.runs.get_value(f"ids_checked:{name}")
    return last is None or as_of - datetime.fromisoformat(last) >= EVERY


def _note(store: Store, name: str, as_of: datetime) -> None:
    store.runs.set_value(f"ids_checked:{name}", as_of.isoformat())
