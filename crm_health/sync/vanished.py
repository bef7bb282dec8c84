"""Once a week: which rows went without a trace. No change feed is complete by itself.

Rows vanish from a CRM unseen when they are erased for good, merged away or hidden by sharing. The
check comes last in a run, so that a tight allowance of calls goes to the writes first; what it
finds is assessed by the next run.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from crm_health.connector import Connector
from crm_health.store import Store
from crm_health.sync.pull import CHECKED, shrank
from crm_health.sync.setting import Setting

#: A little less than a week, so that a weekly schedule never skips one.
EVERY = timedelta(days=6, hours=12)


def check(connector: Connector, store: Store, setting: Setting) -> int:
    """Compare ids of objects whose last check is a week old; how many rows were gone.

    Hidden is not gone: an object that shrank too far is read in full by the next run instead,
    where a guard speaks.
    """
    found = 0
    for stream in setting.reads.streams:
        name = stream.object
        if not _due(store, name, setting.as_of):
            continue
        gone, known = store.mirror.vanished(name, connector.ids(name))
        with store.mirror.page() as tx:
            if shrank(len(gone), known, setting):
                tx.save_cursor(name, "")
            else:
                for feed in setting.reads.feeds_of(name):
                    tx.remove(feed.entity, gone)
                found += len(gone)
        store.runs.set_value(f"{CHECKED}{name}", setting.as_of.isoformat())
    return found


def _due(store: Store, name: str, as_of: datetime) -> bool:
    last = store.runs.get_value(f"{CHECKED}{name}")
    return last is None or as_of - datetime.fromisoformat(last) >= EVERY
