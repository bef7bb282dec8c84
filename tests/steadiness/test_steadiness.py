"""Bands, tasks and writes while nothing changes but noise."""

from __future__ import annotations

import pytest

from tests.steadiness import __main__ as steadiness
from tests.steadiness.measure import measure


def test_where_nothing_changes_nothing_is_written() -> None:
    """Days pass and all that is known stays as old as it was: no write, no task."""
    found = measure(customers=40, days=4, share=0.0)
    assert found.written == (0, 0, 0, 0)
    assert (found.moves, found.bare_moves, found.step, found.tasks) == (0, 0, 0, 0)


@pytest.mark.slow
def test_noise_moves_scores_and_leaves_bands() -> None:
    """Five percent on every number and age: scores waver, few accounts are written, bands stay."""
    found = measure(customers=40, days=8, share=0.05)
    assert 0.2 < found.step < 2
    assert 0 < found.a_day < 20
    assert found.moves <= 1 < found.bare_moves
    # Noise of 5 % carries some over the other thresholds: seats of 95 %, dates of 120 days.
    assert found.tasks + found.escalations <= 4


@pytest.mark.slow
def test_the_page_says_what_ninety_days_bring() -> None:
    """`python -m tests.steadiness` would write the same."""
    assert steadiness.written() == steadiness.PAGE.read_text(encoding="utf-8")
