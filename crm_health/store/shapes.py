"""Mirror tables: made from the mapping's columns, and the values they hold.

Columns of the mapping start with a letter; the store's own start with an underscore, so that no
company's `extra` column can meet them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table
from sqlalchemy.types import TypeEngine

from crm_health.entities import POLARS, Kind
from crm_health.errors import BrokenInvariant
from crm_health.store import bulk, hashing
from crm_health.store.tables import TEXT

ID = "id"
FEED = "_feed"
BUCKET = "_bucket"
HASH = "_input_hash"
GENERATION = "_generation"

ACCOUNT = "account"
CONTACT = "contact"
ACCOUNT_ID = "account_id"
CONTACT_ID = "contact_id"
CONTACT_ROLE = "contact_role"

#: Grows when the tables or the fingerprint of a row change: every mirror is then read again.
_LAYOUT = 1

_SQL: dict[Kind, type[TypeEngine[Any]] | TypeEngine[Any]] = {
    Kind.TEXT: TEXT,
    Kind.NUMBER: Double,
    Kind.BOOLEAN: Integer,
    Kind.DATE: Integer,
    Kind.INSTANT: BigInteger,
}

#: How a value lies in the table.
PHYSICAL: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.NUMBER: pl.Float64,
    Kind.BOOLEAN: pl.Int64,
    Kind.DATE: pl.Int64,
    Kind.INSTANT: pl.Int64,
}

Columns = dict[str, Kind]


def shape_hash(columns: Mapping[str, Kind]) -> str:
    """A fingerprint of a table's columns, whatever their order."""
    text = json.dumps([_LAYOUT, sorted((n, str(k)) for n, k in columns.items())])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def table(entity: str, columns: Mapping[str, Kind]) -> Table:
    """The entity's mirror table."""
    name = f"m_{entity}"
    made = Table(
        name,
        MetaData(),
        Column(ID, TEXT, primary_key=True),
        Column(FEED, TEXT),
        Column(BUCKET, Integer),
        Column(HASH, BigInteger, nullable=False),
        Column(GENERATION, Integer, nullable=False),
        *(Column(column, _SQL[kind]) for column, kind in columns.items()),
    )
    Index(f"{name}_bucket", made.c[BUCKET])
    if ACCOUNT_ID in columns:
        Index(f"{name}_account", made.c[ACCOUNT_ID])
    return made


def account_column(entity: str, columns: Mapping[str, Kind]) -> str | None:
    """The column that holds the row's own account, None where the entity has none."""
    if entity == ACCOUNT:
        return ID
    return ACCOUNT_ID if ACCOUNT_ID in columns else None


def encode(frame: pl.DataFrame, columns: Mapping[str, Kind]) -> pl.DataFrame:
    """`id` and the given columns as the table holds them; NaN and infinities become null.

    Raises:
        BrokenInvariant: a value is not of its column's kind.
    """
    try:
        encoded = [_encoded(name, kind) for name, kind in columns.items()]
        # Cleaned before it is fingerprinted, or what is stored would differ from what came.
        return bulk.clean(frame.select(pl.col(ID).cast(pl.String), *encoded))
    except pl.exceptions.PolarsError as error:
        # Polars quotes the values it could not convert, and they are customers' data.
        raise BrokenInvariant(
            f"values are not of the kinds that the mirror keeps ({type(error).__name__}); "
            f"columns: {', '.join(frame.columns)}"
        ) from None


def _encoded(name: str, kind: Kind) -> pl.Expr:
    value = pl.col(name).cast(POLARS[kind])
    if kind is Kind.NUMBER:
        # -0.0 equals 0.0, but its digits and fingerprint do not; Polars drops an added zero.
        plain = pl.when(value == 0).then(0.0).otherwise(value)
        return pl.when(value.is_finite()).then(plain).alias(name)
    return value if kind is Kind.TEXT else value.to_physical().cast(pl.Int64)


def decode(frame: pl.DataFrame, columns: Mapping[str, Kind]) -> pl.DataFrame:
    """The frame with those of its columns as the contract types them."""
    return frame.with_columns(
        pl.col(name).cast(POLARS[kind]) for name, kind in columns.items() if name in frame.columns
    )


def with_own_columns(rows: pl.DataFrame, entity: str, columns: Columns) -> pl.DataFrame:
    """Physical rows with the fingerprint and the bucket that their values give."""
    account = account_column(entity, columns)
    return rows.with_columns(
        hashing.row_hash(rows.select(list(columns))).alias(HASH),
        pl.lit(None, pl.Int64).alias(BUCKET)
        if account is None
        else hashing.bucket(rows.get_column(account)).alias(BUCKET),
    )
