"""History: one reading a day, receipts, thinning, the book's figures."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import NOW, opened

from crm_health.store import BUCKETS, Scope, Store

TODAY = NOW.date()


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def save(store: Store, account: str = "a", day: date = TODAY, band: str = "green", **more) -> None:
    row = {
        "account_id": account,
        "day": day,
        "as_of": NOW,
        "score": 71,
        "computed": 71,
        "band_now": band,
        "band": band,
        "coverage": 80.0,
        "model": "standard",
        "digest": "d",
        "receipt": json.dumps({"score": 71}),
        **more,
    }
    store.history.save(pl.DataFrame([row]))


def days(store: Store, account: str = "a") -> list[date]:
    series = store.history.series(date(2000, 1, 1), Scope.accounts(pl.Series([account])))
    return series["day"].to_list()


def test_series(store: Store) -> None:
    """Readings come by account and day, typed, from the day asked for."""
    save(store, "b", score=None, computed=None, band="unknown")
    save(store, "a", TODAY - timedelta(days=2))
    save(store, "a", TODAY, score=60, was=64)
    series = store.history.series(TODAY - timedelta(days=1), Scope.all())
    assert series.rows() == [
        ("a", TODAY, 60, 71, "green", "standard", 64),
        ("b", TODAY, None, None, "unknown", "standard", None),
    ]
    assert series.schema == {
        "account_id": pl.String,
        "day": pl.Date,
        "score": pl.Int64,
        "computed": pl.Int64,
        "band": pl.String,
        "model": pl.String,
        "was": pl.Int64,
    }


def test_changes_of_model_are_kept(store: Store) -> None:
    """They outlast thinning, and each account's last configuration before a day is known."""
    long_ago = TODAY - timedelta(days=100)
    monday = long_ago - timedelta(days=long_ago.weekday())
    for number in range(7):
        save(store, day=monday + timedelta(days=number), digest=f"d{number}")
    save(store, day=monday + timedelta(days=2), score=60, was=64, as_of=NOW + timedelta(hours=1))
    store.history.thin(TODAY)
    assert store.history.changes("a", long_ago - timedelta(days=9), TODAY) == [
        {"day": monday + timedelta(days=2), "score": 71, "was": 64}
    ]
    save(store, day=TODAY, digest="new")
    save(store, "b", day=TODAY, digest="new")
    assert store.history.digests(monday, TODAY, Scope.all()).rows() == [("a", "d6")]


def test_receipts_of_many_accounts_at_once(store: Store) -> None:
    """More readings than are written row by row keep their receipts, or keep none."""
    count = 700
    readings = pl.DataFrame(
        {
            "account_id": [f"a{n}" for n in range(count)],
            "score": range(count),
            "receipt": [None if n % 7 == 0 else json.dumps({"score": n}) for n in range(count)],
        }
    ).with_columns(
        pl.lit(TODAY).alias("day"),
        pl.lit(NOW).alias("as_of"),
        pl.lit(71).alias("computed"),
        pl.lit(80.0).alias("coverage"),
        *(pl.lit("x").alias(name) for name in ("band_now", "band", "model", "digest")),
    )
    store.history.stage(readings)
    store.history.keep_staged()
    assert store.history.receipt("a1") == {"score": 1, "day": TODAY}
    assert store.history.receipt("a699") == {"score": 699, "day": TODAY}
    assert store.history.receipt("a7") is None


def test_series_by_scope(store: Store) -> None:
    """Buckets divide the readings; ids pick them."""
    for account in "abcdef":
        save(store, account)
    parts = [
        store.history.series(TODAY, Scope.buckets(range(n, n + 64))) for n in range(0, BUCKETS, 64)
    ]
    assert sorted(pl.concat(parts)["account_id"]) == list("abcdef")
    picked = store.history.series(TODAY, Scope.accounts(pl.Series(["b", "x"])))
    assert picked["account_id"].to_list() == ["b"]


def test_later_reading_of_the_day_stays(store: Store) -> None:
    """Of two readings of a day the later one stays, whichever is saved last."""
    save(store, score=70, as_of=NOW)
    save(store, score=60, as_of=NOW + timedelta(hours=1))
    save(store, score=50, as_of=NOW - timedelta(hours=1))
    assert store.history.series(TODAY, Scope.all())["score"].to_list() == [60]


def test_receipt_of_the_nearest_day(store: Store) -> None:
    """A day without receipt gives the nearest one, of two the earlier, and says its day."""
    early, late = TODAY - timedelta(days=10), TODAY - timedelta(days=2)
    for day in (early, late):
        save(store, day=day, receipt=json.dumps({"of": day.isoformat(), "word": "é"}))
    save(store, day=TODAY, receipt=None)
    first = {"of": early.isoformat(), "word": "é", "day": early}
    assert store.history.receipt("a", early) == first
    assert store.history.receipt("a", early - timedelta(days=1)) == first
    assert store.history.receipt("a", early + timedelta(days=4)) == first
    for asked in (early + timedelta(days=5), TODAY, None):
        assert store.history.receipt("a", asked)["day"] == late
    assert store.history.receipt("nobody") is None


def test_receipts_of_some_accounts_and_days(store: Store) -> None:
    """They come by account and day; one account's newest of a span can be asked for."""
    for account in ("a", "b", "c"):
        for ago in (1, 5, 9):
            text = json.dumps({"account": account})
            save(store, account, TODAY - timedelta(days=ago), receipt=text)
    first, last = TODAY - timedelta(days=9), TODAY - timedelta(days=4)
    found = store.history.receipts(pl.Series(["b", "a"]), first, last)
    assert [(r["account"], (TODAY - r["day"]).days) for r in found] == [
        ("a", 9), ("a", 5), ("b", 9), ("b", 5),
    ]  # fmt: skip
    assert store.history.receipt_between("a", first, last)["day"] == TODAY - timedelta(days=5)
    assert store.history.receipt_between("a", TODAY, TODAY) is None


def test_the_last_receipts_of_some_accounts(store: Store) -> None:
    """Of each the newest within the days, by account; who has none is left out."""
    for account, ago in (("a", 9), ("a", 2), ("a", 0), ("b", 5), ("c", 9)):
        day = TODAY - timedelta(days=ago)
        save(store, account, day, receipt=json.dumps({"account": account}))
    first, last = TODAY - timedelta(days=8), TODAY - timedelta(days=1)
    found = store.history.last_receipts(pl.Series(["c", "b", "a", "x"]), first, last)
    assert [(r["account"], (TODAY - r["day"]).days) for r in found] == [("a", 2), ("b", 5)]


def test_receipts_are_small(store: Store) -> None:
    """A receipt is stored deflated."""
    save(store, receipt=json.dumps({"facts": ["the same words"] * 1000}))
    with store._database.read() as connection:
        size = connection.exec_driver_sql("SELECT length(receipt) FROM readings").scalar_one()
    assert size < 500


def test_not_a_number_is_never_stored(store: Store) -> None:
    """A coverage that is no number is missing."""
    save(store, coverage=float("nan"))
    with store._database.read() as connection:
        assert connection.exec_driver_sql("SELECT coverage FROM readings").scalar_one() is None


def test_thin(store: Store) -> None:
    """After 90 days a week keeps its last reading, and a change of band its day."""
    monday = date(2026, 6, 1)
    for n in range(14):
        save(store, day=monday + timedelta(days=n), band="red" if n == 3 else "green")
    first = monday + timedelta(days=14 + 90)
    assert store.history.thin(first) == 14 - 5
    kept = [monday + timedelta(days=n) for n in (0, 3, 4, 6, 13)]
    assert days(store) == kept
    assert store.history.thin(first) == 0


def test_ninety_days_stay(store: Store) -> None:
    """Nothing of the last 90 days goes."""
    for n in range(91):
        save(store, day=TODAY - timedelta(days=n))
    assert store.history.thin(TODAY) == 0
    assert store.history.thin(TODAY + timedelta(days=8)) > 0


def test_thinning_goes_on_where_it_ended(store: Store) -> None:
    """What was old at the last thinning is not looked at again, but for its unfinished week."""
    monday = date(2026, 6, 1)
    for n in range(14):
        save(store, day=monday + timedelta(days=n))
    today = monday + timedelta(days=90 + 10)
    assert store.history.thin(today, since=monday + timedelta(days=90 + 9)) == 2
    assert days(store) == [monday + timedelta(days=n) for n in (*range(7), *range(9, 14))]
    assert store.history.thin(today) == 5
    assert days(store) == [monday + timedelta(days=n) for n in (0, 6, *range(9, 14))]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["red", "green", None]), min_size=1, max_size=30))
def test_thinning_bit_by_bit(store: Store, bands: list[str | None]) -> None:
    """Thinned daily or all at once, the days at which the band changed are the same, and kept."""
    first = date(2026, 6, 3)
    old = [first + timedelta(days=n + 91) for n in range(len(bands))]
    kept = []
    for steps in ([*zip(old, [None, *old], strict=False)], [(old[-1], None)]):
        with store._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM readings")
        frame = pl.DataFrame(
            {
                "account_id": "a",
                "day": [first + timedelta(days=n) for n in range(len(bands))],
                "as_of": NOW,
                "band": bands,
            },
            schema_overrides={"band": pl.String},
        )
        rest = ("score", "computed", "band_now", "coverage", "model", "digest", "receipt")
        store.history.save(frame.with_columns(pl.lit(None).alias(name) for name in rest))
        for today, since in steps:
            store.history.thin(today, since)
        kept.append([(day - first).days for day in days(store)])
    changes = {n for n, band in enumerate(bands) if n and band != bands[n - 1]}
    assert changes <= set(kept[1])
    assert kept[0] == kept[1]


def test_figures_are_fixed_for_the_day(store: Store) -> None:
    """The first value of a day stays; new figures join it; another config has its own."""
    assert store.history.figures(TODAY, "d") is None
    store.history.save_figures(TODAY, "d", {"book_tickets": 1.5, "book_seats": None})
    store.history.save_figures(TODAY, "d", {"book_tickets": 9.0, "book_logins": 2.0})
    assert store.history.figures(TODAY, "e") is None
    assert store.history.figures(TODAY, "d") == {
        "book_tickets": 1.5,
        "book_seats": None,
        "book_logins": 2.0,
    }
    assert store.history.figures(TODAY - timedelta(days=1), "d") is None


def test_staged_readings_count_only_when_kept(store: Store) -> None:
    """A held plan's readings leave no trace; a kept one's replace the day's."""
    save(store, "a", TODAY, score=60)
    staged = store.history.series(TODAY, Scope.all()).select(
        "account_id",
        "day",
        pl.lit(NOW).alias("as_of"),
        pl.lit(10).alias("score"),
        "computed",
        pl.lit("red").alias("band_now"),
        "band",
        pl.lit(80.0).alias("coverage"),
        "model",
        pl.lit("d").alias("digest"),
        pl.lit("{}").alias("receipt"),
    )
    store.history.stage(staged)
    store.history.drop_staged()
    store.history.keep_staged()
    assert store.history.series(TODAY, Scope.all())["score"].to_list() == [60]
    store.history.stage(staged)
    store.history.keep_staged()
    assert store.history.series(TODAY, Scope.all())["score"].to_list() == [10]
    store.history.keep_staged()
    assert store.history.series(TODAY, Scope.all())["score"].to_list() == [10]
