"""History: one reading an account and day, its receipt, and the book's figures of each day."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import orjson
import polars as pl
from sqlalchemy import ColumnElement, and_, delete, exists, func, select, tuple_

from crm_health.store import bulk, hashing
from crm_health.store.database import Database
from crm_health.store.scope import Scope
from crm_health.store.tables import FIGURES, READINGS, STAGED, from_days, to_days

#: Accounts whose readings one statement takes over.
_AT_ONCE = 5_000
#: Every reading is kept this long, then one a week and those at which the band changed.
DAILY = timedelta(days=90)

_SAVED: dict[str, Any] = {
    "account_id": pl.String,
    "day": pl.Date,
    "as_of": pl.Datetime("ms", "UTC"),
    "score": pl.Int64,
    "computed": pl.Int64,
    "band_now": pl.String,
    "band": pl.String,
    "coverage": pl.Float64,
    "model": pl.String,
    "digest": pl.String,
    "was": pl.Int64,
    "receipt": pl.String,
}
SERIES_SCHEMA: dict[str, Any] = {
    "account_id": pl.String,
    "day": pl.Date,
    "score": pl.Int64,
    "computed": pl.Int64,
    "band": pl.String,
    "model": pl.String,
    "was": pl.Int64,
}
#: 1970 began on a Thursday: this makes weeks begin on Monday.
_TO_MONDAY = 3


class History:
    """Readings of the accounts over time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, readings: pl.DataFrame) -> None:
        """Keep readings; of one account and day the one with the later `as_of` stays.

        Shapes:
            readings: as `stage` takes them.
        """
        with self._database.write() as connection:
            bulk.upsert(connection, READINGS, _stored(readings), unless_older="as_of")

    def stage(self, readings: pl.DataFrame) -> None:
        """Put readings aside until `keep_staged` or `drop_staged` says what they are worth.

        Shapes:
            readings: `account_id`, `day`, `as_of`, `score`, `computed` (1..100 or null),
                `band_now`, `band`, `coverage` (percent), `model`, `digest`, `receipt` (JSON text);
                where a model changed also `was`, the score by the one before.
        """
        with self._database.write() as connection:
            bulk.upsert(connection, STAGED, _stored(readings))

    def keep_staged(self) -> None:
        """Make what was put aside the readings of their days."""
        names = [column.name for column in STAGED.columns]
        staged = STAGED.c.account_id
        with self._database.write() as connection:
            after = ""
            # In slices: SQLite keeps the pages that a statement changes in memory.
            while True:
                following = select(staged).where(staged > after).order_by(staged)
                ids = connection.execute(following.limit(_AT_ONCE)).scalars().all()
                if not ids:
                    break
                slice_ = and_(staged >= ids[0], staged <= ids[-1])
                days = select(staged, STAGED.c.day).where(slice_)
                replaced = tuple_(READINGS.c.account_id, READINGS.c.day).in_(days)
                connection.execute(delete(READINGS).where(replaced))
                these = select(STAGED).where(slice_)
                connection.execute(READINGS.insert().from_select(names, these))
                after = ids[-1]
            connection.execute(delete(STAGED))

    def drop_staged(self) -> None:
        """Forget what was put aside: the run before died, or its plan was held."""
        with self._database.write() as connection:
            connection.execute(delete(STAGED))

    def series(self, since: date, scope: Scope) -> pl.DataFrame:
        """Readings from that day on, by account and day (`SERIES_SCHEMA`)."""
        return self._read(READINGS.c.day >= to_days(since), SERIES_SCHEMA, scope)

    def _read(
        self, which: ColumnElement[bool], schema: Mapping[str, Any], scope: Scope
    ) -> pl.DataFrame:
        """Columns of some readings, by account and day."""
        query = select(*(READINGS.c[name] for name in schema)).where(which)
        physical = {**schema, "day": pl.Int64}
        with self._database.read() as connection:
            if scope.ids is not None:
                with bulk.picked(connection, scope.ids) as ids:
                    query = query.where(READINGS.c.account_id.in_(select(ids.c.id)))
                    found = bulk.fetch(connection, query, physical)
            else:
                if scope.bucket_range is not None:
                    query = query.where(READINGS.c.bucket.between(*scope.bucket_range))
                found = bulk.fetch(connection, query, physical)
        return found.with_columns(pl.col("day").cast(pl.Date)).sort("account_id", "day")

    def receipt(self, account_id: str, day: date | None = None) -> dict[str, Any] | None:
        """The account's receipt of that day, else of the kept day that is nearest to it.

        Its `day` is the date it stands for; of two that are as near, the earlier. Without `day`,
        the newest one.
        """
        order = READINGS.c.day.desc()
        if day is None:
            return self._receipt(account_id, order)
        return self._receipt(account_id, func.abs(READINGS.c.day - to_days(day)), READINGS.c.day)

    def receipt_between(self, account_id: str, first: date, last: date) -> dict[str, Any] | None:
        """The account's newest receipt of these days, both included."""
        when = READINGS.c.day.between(to_days(first), to_days(last))
        return self._receipt(account_id, READINGS.c.day.desc(), where=when)

    def _receipt(
        self, account_id: str, *order: ColumnElement[Any], where: ColumnElement[bool] | None = None
    ) -> dict[str, Any] | None:
        query = select(READINGS.c.day, READINGS.c.receipt).where(
            READINGS.c.account_id == account_id, READINGS.c.receipt.is_not(None)
        )
        if where is not None:
            query = query.where(where)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(*order).limit(1)).one_or_none()
        return None if row is None else _unpacked(row.day, row.receipt)

    def receipts(self, ids: pl.Series, first: date, last: date) -> Iterator[dict[str, Any]]:
        """The receipts of some accounts and days (both included), by account and day."""
        query = (
            select(READINGS.c.day, READINGS.c.receipt)
            .where(READINGS.c.receipt.is_not(None))
            .where(READINGS.c.day.between(to_days(first), to_days(last)))
            .order_by(READINGS.c.account_id, READINGS.c.day)
        )
        with self._database.read() as connection, bulk.picked(connection, ids) as picked:
            rows = connection.execute(
                query.where(READINGS.c.account_id.in_(select(picked.c.id)))
            ).all()
        return (_unpacked(row.day, row.receipt) for row in rows)

    def last_receipts(self, ids: pl.Series, first: date, last: date) -> list[dict[str, Any]]:
        """Of some accounts the newest receipt of these days (both included)."""
        mine = READINGS.c
        with self._database.read() as connection, bulk.picked(connection, ids) as picked:
            newest = (
                select(mine.account_id, func.max(mine.day).label("day"))
                .where(mine.account_id.in_(select(picked.c.id)), mine.receipt.is_not(None))
                .where(mine.day.between(to_days(first), to_days(last)))
                .group_by(mine.account_id)
                .subquery()
            )
            rows = connection.execute(
                select(mine.day, mine.receipt)
                .join(
                    newest,
                    and_(mine.account_id == newest.c.account_id, mine.day == newest.c.day),
                )
                .order_by(mine.account_id)
            ).all()
        return [_unpacked(row.day, row.receipt) for row in rows]

    def digests(self, since: date, day: date, scope: Scope) -> pl.DataFrame:
        """Of each account the configuration of its last reading before a day: account_id, digest.

        Args:
            since: Older readings are not looked at.
            day: This one and later ones neither.
            scope: Which accounts.
        """
        which = READINGS.c.day.between(to_days(since), to_days(day) - 1)
        schema = {"account_id": pl.String, "day": pl.Date, "digest": pl.String}
        found = self._read(which, schema, scope)
        return found.group_by("account_id").agg(pl.col("digest").last())

    def changes(self, account_id: str, first: date, last: date) -> list[dict[str, Any]]:
        """The days (both included) on which an account came under another model.

        Returns:
            `day`, `score` (computed), and `was`, the same by the model before; None: not known.
        """
        query = (
            select(READINGS.c.day, READINGS.c.computed, READINGS.c.was)
            .where(READINGS.c.account_id == account_id, READINGS.c.was.is_not(None))
            .where(READINGS.c.day.between(to_days(first), to_days(last)))
            .order_by(READINGS.c.day)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [{"day": from_days(r.day), "score": r.computed, "was": r.was or None} for r in rows]

    def thin(self, today: date, since: date | None = None) -> int:
        """Drop readings that need not be kept any more; how many.

        Kept are 90 days, then the last reading of each week and each at which the band or the model
        changed.

        Args:
            today: The org's day.
            since: The day of the last thinning: what was old then is not looked at again.
        """
        # Before SQL sees a reading: the rest of its week may have been old already.
        old = [READINGS.c.day < to_days(today - DAILY)]
        if since is not None:
            old.append(READINGS.c.day >= _monday(to_days(since - DAILY) - 1))
        before, later = READINGS.alias("before").c, READINGS.alias("later").c
        mine = READINGS.c
        band_before = (
            select(before.band)
            .where(before.account_id == mine.account_id, before.day < mine.day)
            .order_by(before.day.desc())
            .limit(1)
            .scalar_subquery()
        )
        ends_its_week = ~exists().where(
            later.account_id == mine.account_id,
            later.day.between(mine.day + 1, mine.day + 6),
            later.day < to_days(today - DAILY),
            # Days count from 1970, long before any reading: whole numbers divide downwards.
            (later.day + _TO_MONDAY) // 7 == (mine.day + _TO_MONDAY) // 7,
        )
        kept = mine.band.is_distinct_from(band_before) | mine.was.is_not(None) | ends_its_week
        with self._database.write() as connection:
            return connection.execute(delete(READINGS).where(*old, ~kept)).rowcount

    def figures(self, day: date, digest: str) -> dict[str, Any] | None:
        """The book's figures of the day under a configuration, None where none were saved."""
        query = select(FIGURES.c.figures).where(
            FIGURES.c.day == to_days(day), FIGURES.c.digest == digest
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else dict(found)

    def save_figures(self, day: date, digest: str, figures: Mapping[str, Any]) -> None:
        """Fix the book's figures for the day: those already saved stay, new ones are added."""
        with self._database.write() as connection:
            saved = self.figures(day, digest)
            where = (FIGURES.c.day == to_days(day), FIGURES.c.digest == digest)
            connection.execute(delete(FIGURES).where(*where))
            row = {"day": to_days(day), "digest": digest, "figures": {**figures, **(saved or {})}}
            connection.execute(FIGURES.insert().values(row))


def _stored(readings: pl.DataFrame) -> pl.DataFrame:
    if "was" not in readings.columns:
        readings = readings.with_columns(pl.lit(None).alias("was"))
    typed = readings.select(pl.col(n).cast(t) for n, t in _SAVED.items())
    return typed.with_columns(
        pl.col("day").to_physical().cast(pl.Int64),
        pl.col("as_of").to_physical(),
        pl.when(pl.col("coverage").is_finite()).then("coverage").alias("coverage"),
        hashing.bucket(typed.get_column("account_id")).alias("bucket"),
        _deflate(typed.get_column("receipt")),
    )


def _unpacked(day: int, packed: bytes) -> dict[str, Any]:
    """A receipt as it was made, and the `day` it stands for."""
    return {**orjson.loads(zlib.decompress(packed)), "day": from_days(day)}


def _deflate(receipts: pl.Series) -> pl.Series:
    return pl.Series(
        "receipt",
        [None if text is None else _packed(text.encode()) for text in receipts],
        dtype=pl.Binary,
    )


def _packed(text: bytes) -> bytes:
    # A receipt has two or three thousand bytes: setting up zlib's usual window of 32 kB takes
    # three times as long as packing it. What comes out is of the same size.
    packer = zlib.compressobj(wbits=12, memLevel=5)
    return packer.compress(text) + packer.flush()


def _monday(day: int) -> int:
    """The Monday of a day's week, both in days since 1970."""
    return (day + _TO_MONDAY) // 7 * 7 - _TO_MONDAY
