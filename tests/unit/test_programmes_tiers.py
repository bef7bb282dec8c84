"""Tiers: placed at once, moved at reviews only, and never far."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config.tiers import Tiers
from crm_health.programmes import reviewing, tiers

DAY = date(2026, 10, 1)
CONFIG = Tiers.model_validate(
    {
        "rank": "0.8 * rank_value_now + 0.2 * coalesce(rank_growth_room, 0.5)",
        "value": "value_now",
        "unranked": "growth",
        "steps": [
            {"name": "strategic", "label": "Strategic", "share": 10, "at_least": 5,
             "contact": "named"},
            {"name": "growth", "label": "Growth", "share": 30, "contact": "pool"},
            {"name": "digital", "label": "Digital", "contact": "queue"},
        ],
    }
)  # fmt: skip


class Book:
    """Customers that are placed and reviewed, as a CRM would remember them."""

    def __init__(self, ranks: list[float], day: date = DAY) -> None:
        ids = [f"a{n:03d}" for n in range(len(ranks))]
        self.frame = pl.DataFrame({"account_id": ids, "rank": ranks}).with_columns(
            (1e6 * pl.col("rank")).alias("value"),
            pl.lit(False).alias("edited"),
            *(pl.lit(None, tiers.THEN[n]).alias(n) for n in tiers.THEN.keys() - {
                "account_id", "rank", "value", "edited"}),
            pl.lit(None, pl.String).alias("below"),
        )  # fmt: skip
        self.day = day
        self.sync()

    @property
    def tier(self) -> list[str]:
        return self.frame["tier"].to_list()

    def sync(self, *, review: bool = False) -> pl.DataFrame:
        """One sync; the moves of its review."""
        found = tiers.cuts(CONFIG, self.frame["rank"])
        of = reviewing.period(CONFIG.review, self.day)
        book = self.frame.with_columns(
            (pl.col("pin").is_not_null() | pl.col("edited")).alias("fixed"),
            pl.lit(False).alias("spared"),
        )
        moves = reviewing.review(CONFIG, book, found, of, self.day)
        moves = moves.filter(pl.col("verdict") == reviewing.MOVES) if review else moves.head(0)
        listed = dict(zip(moves["account_id"], moves["to"], strict=True))
        if review:
            self.frame = self.frame.with_columns(reviewing.below(CONFIG, book, found, of))
        now = tiers.place(CONFIG, self.frame, found, listed, of, self.day)
        self.frame = self.frame.with_columns(
            now["tier_now"].alias("tier"),
            now["tier_since"].alias("since"),
            now["moved"],
            now["pin"],
            now["base"],
            pl.lit(False).alias("edited"),
        )
        return moves

    def rank(self, ranks: list[float]) -> None:
        self.frame = self.frame.with_columns(pl.Series("rank", ranks, pl.Float64))

    def choose(self, account: str, tier: str) -> None:
        """A person picks a tier in the CRM."""
        mine = pl.col("account_id") == account
        self.frame = self.frame.with_columns(
            pl.when(mine).then(pl.lit(tier)).otherwise("tier").alias("tier"),
            (pl.col("edited") | mine).alias("edited"),
        )


def falling(count: int) -> list[float]:
    return [1 - n / count for n in range(count)]


def test_shares_fill_the_pyramid_from_the_top() -> None:
    """Of a hundred customers ten are strategic, thirty growth, the rest digital."""
    tier = Book(falling(100)).tier
    assert tier == ["strategic"] * 10 + ["growth"] * 30 + ["digital"] * 60


def test_five_are_strategic_at_least() -> None:
    """Ten percent of thirty customers are three, but five are looked after by name."""
    assert Book(falling(30)).tier.count("strategic") == 5


def test_equals_never_overfill_a_tier() -> None:
    """Where all customers rank alike nobody is above the others, and nobody is lifted."""
    assert set(Book([0.5] * 100).tier) == {"digital"}


def test_without_a_rank_a_customer_is_where_the_playbook_says() -> None:
    """No book, no pyramid: everybody is in the tier for unranked customers."""
    frame = pl.DataFrame({"account_id": ["a"]}).with_columns(
        pl.lit(None, kind).alias(name) for name, kind in tiers.THEN.items() if name != "account_id"
    )
    assert tiers.place(CONFIG, frame, {}, {}, "2026-10", DAY)["tier_now"].to_list() == ["growth"]


def test_nothing_moves_between_reviews() -> None:
    """However the ranks turn over, a placed customer stays until the review."""
    book = Book(falling(100))
    before = book.tier
    book.rank(falling(100)[::-1])
    book.day += timedelta(days=20)
    book.sync()
    assert book.tier == before


def test_a_review_moves_up_the_widest_gap_first_within_its_cap() -> None:
    """Of ten that rank higher than their tier, the five furthest inside move."""
    book = Book(falling(100))
    ranks = falling(100)
    book.rank(ranks[90:] + ranks[:90])
    moves = book.sync(review=True)
    assert moves.height == 5
    assert moves["gap"].is_sorted(descending=True)
    assert all(move["tier"] != "strategic" for move in moves.to_dicts())


def test_a_repeated_review_moves_nobody_else() -> None:
    """A sync the day after, or after the database was lost, finds the review's moves done."""
    book = Book(falling(100))
    ranks = falling(100)
    book.rank(ranks[90:] + ranks[:90])
    book.sync(review=True)
    after = book.frame
    for _ in range(5):
        book.day += timedelta(days=1)
        assert book.sync(review=True).is_empty()
    assert book.frame.equals(after)


def test_nobody_falls_at_the_first_review_or_in_the_first_year() -> None:
    """Down takes a year in the tier, and two reviews running far enough below the share."""
    book = Book(falling(100))
    ranks = falling(100)
    book.rank([0.005, *ranks[1:]])
    seen = {}
    for month in range(9):
        year, at = divmod(9 + 3 * month, 12)
        book.day = date(2026 + year, at + 1, 3)
        book.sync(review=True)
        seen[book.day] = book.tier[0]
    first = next(day for day, tier in seen.items() if tier == "growth")
    assert (first - DAY).days >= 365
    assert next(iter(seen.values())) == "strategic"
    assert "digital" in seen.values(), "one step at a time, a year each"
    second = next(day for day, tier in seen.items() if tier == "digital")
    assert (second - first).days >= 365


def test_a_person_s_choice_stands_for_a_year() -> None:
    """Whatever the rank says, and it counts as nobody's move."""
    book = Book(falling(100))
    book.choose("a099", "strategic")
    book.sync()
    moved: list[str] = []
    for month in range(5):
        year, at = divmod(9 + 3 * month, 12)
        book.day = date(2026 + year, at + 1, 3)
        if (book.day - DAY).days < 365:
            moved += book.sync(review=True)["account_id"].to_list()
            assert book.tier[99] == "strategic"
    assert "a099" not in moved
    assert reviewing.moved_in(book.frame, "2026-10") == 0


def test_worth_half_as_much_again_moves_up_at_once() -> None:
    """A customer that grew needs no review; one whose rank alone rose does."""
    book = Book(falling(100))
    book.rank([*falling(100)[:98], 2.0, 3.0])
    grown = pl.col("account_id") == "a098"
    book.frame = book.frame.with_columns(
        pl.when(grown).then(pl.col("value") * 1.5).otherwise("value").alias("value")
    )
    book.sync()
    assert book.tier[98:] == ["strategic", "digital"]
    assert book.frame["moved"][98] == "2026-10:j"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 1, 1), "2026-01"),
        (date(2026, 3, 31), "2026-01"),
        (date(2026, 12, 31), "2026-10"),
    ],
)
def test_a_period_begins_with_its_review(day: date, expected: str) -> None:
    """Periods are named after the month of their review."""
    assert reviewing.period(CONFIG.review, day) == expected
    assert reviewing.before(CONFIG.review, "2026-01") == "2025-10"


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_no_review_moves_more_than_its_cap(data: Any) -> None:
    """Whatever the ranks become, and however often a review is repeated: one in twenty at most."""
    count = data.draw(st.integers(20, 60))
    places = range(count)

    def ranks() -> list[float]:
        """Every few customers rank alike."""
        few, turn = data.draw(st.integers(1, 9)), data.draw(st.integers(0, count))
        return [(((n * 7 + turn) % count) // few) / count for n in places]

    book = Book(ranks())
    for month in range(6):
        year, at = divmod(9 + 3 * month, 12)
        before = book.tier
        for repeat in range(2):
            book.day = date(2026 + year, at + 1, 1 + repeat)
            book.rank(ranks())
            book.sync(review=True)
        changed = sum(a != b for a, b in zip(before, book.tier, strict=True))
        assert changed <= reviewing.most(CONFIG, count)
