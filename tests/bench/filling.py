"""A state as the first full read of a company of that size would leave it, made without a CRM."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_health import settings
from crm_health.cli.context import Context
from crm_health.store import Store
from crm_health.sync import streams
from crm_health.sync.due import INSTANT
from crm_health.sync.run import ZONE
from crm_health.testing.clock import FixedClock
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.memory_schema import define_for
from crm_health.testing.ports import make_ports
from tests.bench.product import given, tell
from tests.bench.rows import EACH, pages

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def fill(store: Store, context: Context, accounts: int) -> dict[str, int]:
    """Put the rows into the mirror, with what a run remembers; how many by entity."""
    mapping = context.config.mapping
    crm = MemoryCrm(FixedClock(NOW))
    define_for(crm, mapping)
    described = InMemoryConnector(crm, make_ports(crm.clock)).describe(streams.objects(mapping))
    reads = streams.resolve(mapping, described)
    fed = {entity: reads.objects_of(entity) for entity in reads.shapes}
    store.mirror.prepare(reads.shapes, {s.object: "1" for s in reads.streams}, fed)
    counts = {}
    for entity in EACH:
        name, counts[entity] = min(fed[entity]), 0
        for page in pages(entity, dict(reads.shapes[entity]), accounts, NOW):
            with store.mirror.page() as tx:
                counts[entity] += tx.upsert(entity, name, page)
    for stream in reads.streams:
        with store.mirror.page() as tx:
            tx.save_cursor(stream.object, "1", complete_at=NOW, rows=0)
    store.runs.set_value(INSTANT, NOW.isoformat())
    store.runs.set_value(ZONE, "UTC")
    return counts


def main() -> None:
    """Fill the state that the environment names."""
    context = Context(settings.load())
    with context.store() as store:
        tell(fill(store, context, given()["accounts"]))


if __name__ == "__main__":
    main()
