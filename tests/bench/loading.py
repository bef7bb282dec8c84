"""Loading an entity's rows of some buckets, beside a bare read of the same columns."""

from __future__ import annotations

import polars as pl
from sqlalchemy import select

from crm_health.store import Scope, shapes
from crm_health.sync import population
from tests.bench.measure import cpu_of, in_turns
from tests.bench.product import Product, given, product, tell

ENTITIES = ("case", "activity", "contact", "opportunity", "account")


def bare(made: Product, entity: str, scope: Scope) -> pl.DataFrame:
    """The driver's rows, or COPY's text, as a frame: no join, no types of ours."""
    assert scope.bucket_range is not None
    with made.store._database.read() as connection:
        table, columns = made.store.mirror._catalog.get(connection, entity)
        names = [shapes.ID, *columns]
        query = select(*(table.c[name] for name in names))
        query = query.where(table.c[shapes.BUCKET].between(*scope.bucket_range))
        schema = {name: shapes.PHYSICAL[kind] for name, kind in columns.items()}
        schema = {shapes.ID: pl.String, **schema}
        if connection.dialect.name == "postgresql":
            text = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY ({text}) TO STDOUT (FORMAT csv)") as copy:
                lines = b"".join(bytes(part) for part in copy)
            return pl.read_csv(lines, has_header=False, schema=schema)
        compiled = query.compile(dialect=connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(str(compiled), tuple(compiled.params[n] for n in compiled.positiontup or ()))
        return pl.DataFrame(cursor.fetchall(), schema=schema, orient="row")


def main() -> None:
    """The first part of a full assessment."""
    asked, answer = given(), {}
    with product() as made:
        shapes_of = made.setting.reads.shapes
        scope = population.parts(made.store, made.setting)[0]
        for entity in ENTITIES:
            columns = [name for name in shapes_of[entity] if name != "account_id"]

            def load(entity: str = entity, columns: list[str] = columns) -> object:
                return made.store.mirror.load(entity, columns, scope)

            def read(entity: str = entity) -> object:
                return bare(made, entity, scope)

            rows = made.store.mirror.load(entity, columns, scope).height
            pair = in_turns(lambda f=load: cpu_of(f), lambda f=read: cpu_of(f), asked["repeats"])
            answer[entity] = {"ours": pair.ours, "bare": pair.bare, "rows": rows}
    tell(answer)


if __name__ == "__main__":
    main()
