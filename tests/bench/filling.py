"""A state as the first full read of a company of that size would leave it, made without a CRM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import polars as pl

from crm_health import settings
from crm_health.cli.context import Context
from crm_health.entities import Kind
from crm_health.store import Scope, Store
from crm_health.sync.due import INSTANT
from crm_health.sync.pull import CHECKED, pull
from crm_health.sync.run import ZONE, read_setting
from crm_health.sync.setting import Setting
from tests.bench import lived, rows
from tests.bench.echo import Echo
from tests.bench.product import given, tell
from tests.bench.scene import NOW

Pages = Callable[[str, dict[str, Kind], int, datetime], Iterator[pl.DataFrame]]


def fill(store: Store, context: Context, accounts: int, *, used: bool) -> dict[str, int]:
    """Put the rows into the mirror, with what a run remembers; how many by entity.

    Args:
        store: An empty state.
        context: Of this process.
        accounts: How many there are.
        used: The programmes have run for two years.
    """
    echo = Echo(context.config.mapping, NOW)
    setting = read_setting(echo, context.config, echo.identity())
    # What it finds is nothing; what it leaves are the tables.
    pull(echo, store, setting, full=False, may_shrink=frozenset(), tick=lambda *_: None)
    counts = {name: _fill(store, setting, name, accounts, rows.pages) for name in rows.EACH}
    if used:
        counts |= {name: _fill(store, setting, name, accounts, lived.pages) for name in lived.EACH}
        ids = store.mirror.account_ids(Scope.all())
        for start in range(0, len(ids), rows.PAGE):
            part = lived.memories(ids.slice(start, rows.PAGE))
            store.mirror.write_through("account", part)
    for stream in setting.reads.streams:
        store.runs.set_value(f"{CHECKED}{stream.object}", NOW.isoformat())
    store.runs.set_value(INSTANT, NOW.isoformat())
    store.runs.set_value(ZONE, "UTC")
    return counts


def _fill(store: Store, setting: Setting, entity: str, accounts: int, pages: Pages) -> int:
    shape, name = setting.reads.shapes[entity], min(setting.reads.objects_of(entity))
    count = 0
    for page in pages(entity, dict(shape), accounts, NOW):
        with store.mirror.page() as tx:
            count += tx.upsert(entity, name, page)
    return count


def main() -> None:
    """Fill the state that the environment names."""
    context = Context(settings.load())
    asked = given()
    with context.store() as store:
        tell(fill(store, context, asked["accounts"], used=asked.get("used", False)))


if __name__ == "__main__":
    main()
