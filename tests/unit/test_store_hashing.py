"""Fingerprints and buckets: the same everywhere, for ever."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from store_kit import python

from crm_health.store import BUCKETS, bucket, text_hash
from crm_health.store.hashing import row_hash

FRAME = pl.DataFrame(
    {
        "text": ["Acme", "", None, "é\x1f-"],
        "number": [0.1, -5e-324, None, 1e300],
        "day": [0, -719162, None, 2932896],
    },
    schema={"text": pl.String, "number": pl.Float64, "day": pl.Int64},
)


def test_pinned() -> None:
    """Buckets and fingerprints of texts are those of earlier releases: stored rows rely on them."""
    ids = pl.Series(["001000000000001AAA", "a", "", "12345678901", None])
    assert bucket(ids).to_list() == [200, 245, 0, 221, None]
    assert text_hash(pl.Series(["{}", None])).to_list() == ["01e7b720ff566d53", None]


def test_the_same_in_every_process() -> None:
    """A row's fingerprint depends on its values alone: on no process, batch or place in it."""
    code = (
        "import polars as pl; from crm_health.store.hashing import row_hash\n"
        "print(row_hash(pl.DataFrame({'a': ['x', None], 'b': [1, 2]})).to_list())"
    )
    out, err = python(code).communicate()
    rows = pl.DataFrame({"b": [0, 1, 2], "a": ["", "x", None]})
    assert out.strip() == str(row_hash(rows)[1:].to_list()), err
    assert row_hash(rows.tail(1)).to_list() == row_hash(rows)[2:].to_list()


def test_columns_in_any_order() -> None:
    """The order of columns and rows does not matter."""
    turned = FRAME.select(reversed(FRAME.columns)).reverse()
    assert row_hash(turned).reverse().to_list() == row_hash(FRAME).to_list()


ROWS = st.lists(
    st.tuples(st.none() | st.text(max_size=5), st.none() | st.text(max_size=5)), max_size=20
)


@given(ROWS)
def test_different_rows_differ(rows: list[tuple[str | None, str | None]]) -> None:
    """Rows have the same fingerprint only if they are equal."""
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    assert row_hash(frame).n_unique() == len(set(rows))


@given(st.lists(st.none() | st.text(max_size=20), max_size=30))
def test_bucket_of_an_id(ids: list[str | None]) -> None:
    """A bucket depends on the id alone, never on the ids beside it."""
    alone = [bucket(pl.Series([i], dtype=pl.String)).item() for i in ids]
    assert bucket(pl.Series(ids, dtype=pl.String)).to_list() == alone
    assert all((n is None) == (i is None) for n, i in zip(alone, ids, strict=True))
    assert all(0 <= n < BUCKETS for n in alone if n is not None)


def test_buckets_are_even() -> None:
    """Accounts spread over all buckets, none far above its share."""
    ids = pl.Series([f"001Qy00000{n:05d}IAM" for n in range(25_600)])
    sizes = bucket(ids).value_counts()["count"]
    assert len(sizes) == BUCKETS
    assert sizes.max() < 200
