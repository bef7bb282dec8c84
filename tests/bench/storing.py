"""Storing the pages of a first full read, beside a bare write of the same rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Table, insert, select

from crm_health.location import Postgres
from crm_health.store import Store, bulk, shapes
from tests import databases
from tests.bench.measure import cpu_of, in_turns
from tests.bench.product import Product, given, product, tell

#: Rows of a page, as a Bulk job's results have them.
PAGE = 50_000
ENTITY, OBJECT = "case", "Case"


def ours(made: Product, pages: list[pl.DataFrame]) -> float:
    """The store's own way, into a new state: a transaction a page, with its cursor."""
    store = _new(made)

    def work() -> None:
        with store.mirror.page() as tx:
            tx.begin_full(OBJECT)
        for number, page in enumerate(pages):
            with store.mirror.page() as tx:
                tx.upsert(ENTITY, OBJECT, page)
                if number == len(pages) - 1:
                    tx.end_full(OBJECT)
                tx.save_cursor(OBJECT, str(number), complete_at=made.setting.as_of, rows=0)

    try:
        return cpu_of(work)
    finally:
        store.close()


def bare(made: Product, pages: list[pl.DataFrame]) -> float:
    """executemany or COPY of the rows as they are stored, into the same table."""
    store = _new(made)
    try:
        with store._database.write() as connection:
            table, _ = store.mirror._catalog.get(connection, ENTITY)

        def work() -> None:
            for page in pages:
                with store._database.write() as connection:
                    _put(connection, table, page)

        return cpu_of(work)
    finally:
        store.close()


def _put(connection: Connection, table: Table, page: pl.DataFrame) -> None:
    if connection.dialect.name == "postgresql":
        names = ", ".join(f'"{name}"' for name in page.columns)
        text = page.write_csv(include_header=False, quote_style="non_numeric").encode()
        cursor = connection.connection.cursor()
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT csv)') as copy:
            copy.write(text)
        return
    compiled = insert(table).compile(dialect=connection.dialect, column_keys=page.columns)
    connection.connection.cursor().executemany(
        str(compiled), page.select(compiled.positiontup or []).rows()
    )


def _new(made: Product) -> Store:
    """A state of its own beside the given one, with the same tables."""
    where = made.context.location
    if isinstance(where, Postgres):
        path = Path(tempfile.mkdtemp()) / "state.db"
    else:
        path = Path(tempfile.mkdtemp(dir=where.parent)) / "state.db"
    store = Store.open(databases.located(path))
    reads = made.setting.reads
    fed = {entity: reads.objects_of(entity) for entity in reads.shapes}
    store.mirror.prepare(reads.shapes, {s.object: "1" for s in reads.streams}, fed)
    return store


def main() -> None:
    """The cases of the first sync, once more."""
    asked = given()
    with product() as made:
        columns = made.setting.reads.shapes[ENTITY]
        rows = _stored(made.store)
        physical = rows.select(shapes.ID, *columns)
        typed = shapes.decode(physical, columns)
        pages = [typed.slice(n, PAGE) for n in range(0, typed.height, PAGE)]
        raw = [rows.slice(n, PAGE) for n in range(0, rows.height, PAGE)]
        pair = in_turns(lambda: ours(made, pages), lambda: bare(made, raw), asked["repeats"])
    tell({"ours": pair.ours, "bare": pair.bare, "rows": typed.height, "columns": rows.width})


def _stored(store: Store) -> pl.DataFrame:
    """The table's rows as they lie there, all columns."""
    with store._database.read() as connection:
        table, columns = store.mirror._catalog.get(connection, ENTITY)
        own = {
            shapes.FEED: pl.String,
            shapes.BUCKET: pl.Int64,
            shapes.HASH: pl.Int64,
            shapes.GENERATION: pl.Int64,
        }
        kinds = {name: shapes.PHYSICAL[kind] for name, kind in columns.items()}
        schema = {shapes.ID: pl.String, **own, **kinds}
        return bulk.fetch(connection, select(*(table.c[name] for name in schema)), schema)


if __name__ == "__main__":
    main()
