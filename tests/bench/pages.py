"""From pages of a list into the mirror, beside `get_page` of HubSpot's own client, stored nowhere.

Ours reads everything and stores it, as a first sync does. Theirs parses a part of the same
records: its cost a record does not depend on how many there are, and it takes its time.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from hubspot import HubSpot

from connectors.hubspot.describe import LINKS
from crm_health.connector import Stream
from crm_health.location import Postgres
from crm_health.store import Store
from crm_health.sync.pull import pull
from tests import databases
from tests.bench.measure import cpu_of, in_turns
from tests.bench.product import Product, given, product, tell


def theirs(stream: Stream, records: int) -> int:
    """Page through an object's list with hubspot-api-client, at least so far; how many records."""
    client = HubSpot(
        access_token=os.environ["CRM_HEALTH_HUBSPOT_TOKEN"],
        host=os.environ["CRM_HEALTH_HUBSPOT_BASE_URL"],
    )
    # Held: each use of the accessors would open a connection of its own.
    api = getattr(client.crm, stream.object).basic_api
    paths = [field.path for field in stream.fields]
    properties = [path for path in paths if path not in LINKS]
    links = [target for path, target in LINKS.items() if path in paths]
    read, after = 0, None
    while read < records:
        page = api.get_page(limit=100, after=after, properties=properties, associations=links)
        read += len(page.results)
        if page.paging is None:
            break
        after = page.paging.next.after
    return read


def ours(made: Product, stream: Stream) -> tuple[float, int]:
    """CPU seconds of the first read of one object into a new state; how many records."""
    setting = replace(made.setting, reads=replace(made.setting.reads, streams=(stream,)))
    store = _new(made)
    read = 0

    def tick(_: str, rows: int) -> None:
        nonlocal read
        read += rows

    def work() -> None:
        pull(made.connector, store, setting, full=False, may_shrink=frozenset(), tick=tick)

    try:
        return cpu_of(work), read
    finally:
        store.close()


def _new(made: Product) -> Store:
    where = made.context.location
    folder = None if isinstance(where, Postgres) else where.parent
    return Store.open(databases.located(Path(tempfile.mkdtemp(dir=folder)) / "state.db"))


def main() -> None:
    """CPU a record of both."""
    asked = given()
    with product() as made:
        stream = next(s for s in made.setting.reads.streams if s.object == asked["object"])
        theirs(stream, 1)
        read = {"ours": 0, "theirs": 0}

        def our_share() -> float:
            seconds, read["ours"] = ours(made, stream)
            return seconds / read["ours"]

        def their_share() -> float:
            def work() -> None:
                read["theirs"] = theirs(stream, asked["sample"])

            seconds = cpu_of(work)
            return seconds / read["theirs"]

        pair = in_turns(our_share, their_share, asked["repeats"])
    tell({"ours": pair.ours, "theirs": pair.bare, "rows": read["ours"], "sample": read["theirs"]})


if __name__ == "__main__":
    main()
