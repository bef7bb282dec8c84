"""Small pieces of text: counts, exact points, movements, the first reason of Why."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_health.report.words import counted, hundredths, moved, number, top_reason


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("58, down 11 since 23 Oct 2026. -8 Usage is low. -6 Renewal near.", "Usage is low"),
        (
            "59. At most 59: A severity 1 case is past its SLA since 16 Nov 2026. -3 Used 4 days.",
            "A severity 1 case is past its SLA since 16 Nov 2026",
        ),
        ("90. +21 The next renewal is far off or well prepared.",
         "The next renewal is far off or well prepared"),
        ("70. -8 Cases weigh 1.5 times. more. -2 Other.", "Cases weigh 1.5 times. more"),
        (
            "Unknown: evidence for 15 % of the model, 60 % is needed. +11 No open case.",
            "Unknown: evidence for 15 % of the model, 60 % is needed",
        ),
        ("no such form", "no such form"),
        (None, None),
    ],
)  # fmt: skip
def test_the_top_reason_is_the_first_line(why: str | None, reason: str | None) -> None:
    """The cap or the strongest line; of an unknown score, what it lacks."""
    assert pl.select(top_reason(pl.lit(why, pl.String))).item() == reason


@given(st.integers(-100_000, 100_000))
def test_hundredths_are_exact(value: int) -> None:
    """The text read back is the number, to the last digit and with its sign."""
    whole, _, rest = hundredths(abs(value)).partition(".")
    assert int(whole) * 100 + int(rest) == abs(value)
    assert hundredths(value).startswith("-") == (value < 0)


def test_numbers_carry_no_noise() -> None:
    """Whole numbers lose their .0, others keep four digits, nothing is a dash."""
    assert [number(v) for v in (12.0, 2.1923, 1234567.8, None, "Red", 0)] == [
        "12", "2.192", "1,234,568", "-", "Red", "0",
    ]  # fmt: skip


def test_movements() -> None:
    """From and to where something moved, one value where not or where nothing was before."""
    assert [moved(72.0, 58), moved(58.0, 58), moved(None, 58), moved("Green", "Red")] == [
        "72 -> 58", "58", "58", "Green -> Red",
    ]  # fmt: skip
    assert moved(72, None) == "72 -> -"


def test_counts_have_a_plural() -> None:
    """One task, two tasks, 1,200 things of an irregular plural."""
    assert counted(1, "task") == "1 task"
    assert counted(2, "task") == "2 tasks"
    assert counted(1200, "entry", "entries") == "1,200 entries"
