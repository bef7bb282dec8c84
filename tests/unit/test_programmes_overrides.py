"""A person's score: by field, by edit, and its end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from crm_health.config.model import Override
from crm_health.programmes import overrides

DAY = date(2026, 3, 2)


def resolve(
    *,
    field: float | None = None,
    until: date | None = None,
    shown: float | None = 70.0,
    edited: bool = False,
    kept: str | None = None,
    day: date = DAY,
    limits: Override | None = None,
) -> tuple[int | None, str | None, date | None]:
    return resolved(
        field=field, until=until, shown=shown, edited=edited, kept=kept, day=day, limits=limits
    )[:3]


def resolved(
    *,
    field: float | None = None,
    until: date | None = None,
    shown: float | None = 70.0,
    edited: bool = False,
    kept: str | None = None,
    day: date = DAY,
    limits: Override | None = None,
) -> tuple[int | None, str | None, date | None, str | None]:
    accounts = pl.DataFrame(
        {"account_id": ["a"], "override_score": [field], "override_until": [until]}
        | {"shown_score": [shown]},
        schema={
            "account_id": pl.String,
            "override_score": pl.Float64,
            "override_until": pl.Date,
            "shown_score": pl.Float64,
        },
    )
    memories = pl.DataFrame({"override": [kept]}, schema={"override": pl.String})
    edits = pl.DataFrame({"score": [edited]})
    found: Any = overrides.resolve(accounts, memories, edits, day, limits or Override()).row(0)
    return found


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def test_nobody_overrides() -> None:
    """Without a field or an edit there is no override and nothing to remember."""
    assert resolve() == (None, None, None)


def test_a_field_without_an_end_lasts_ninety_days() -> None:
    """It counts from the day it was first seen, and ends for good."""
    value, kept, end = resolve(field=80)
    assert (value, kept, end) == (80, "f:80:2026-03-02", after(90))
    assert resolve(field=80, kept=kept, day=after(90)) == (80, kept, after(90))
    # Over: what the memory keeps says so, or it would begin anew.
    assert resolve(field=80, kept=kept, day=after(91)) == (None, kept, None)
    assert resolve(field=80, kept=kept, day=after(400)) == (None, kept, None)


def test_a_field_with_an_end_lasts_until_then() -> None:
    """The end is the last day; a past one ends it at once."""
    kept = "f:80:2026-03-02"
    assert resolve(field=80, until=after(5)) == (80, kept, after(5))
    assert resolve(field=80, until=after(5), kept=kept, day=after(5))[0] == 80
    assert resolve(field=80, until=after(5), kept=kept, day=after(6))[0] is None
    assert resolve(field=80, until=after(-1))[0] is None


def test_no_field_lasts_longer_than_180_days() -> None:
    """However far away the end is."""
    assert resolve(field=80, until=after(1000))[2] == after(180)
    kept = "f:80:2026-03-02"
    assert resolve(field=80, until=after(1000), kept=kept, day=after(180))[0] == 80
    assert resolve(field=80, until=after(1000), kept=kept, day=after(181))[0] is None


def test_another_value_in_the_field_begins_anew() -> None:
    """A new judgement has its own time."""
    assert resolve(field=75, kept="f:80:2025-01-01") == (75, "f:75:2026-03-02", after(90))


@pytest.mark.parametrize("field", [0, 0.4, -5, 100.5, 101, 1e300, 999999999999999999999.0])
def test_a_field_out_of_range_is_ignored(field: float) -> None:
    """Only 1 to 100 is a score."""
    assert resolve(field=field) == (None, None, None)


def test_an_edit_of_the_score_lasts_thirty_days() -> None:
    """The day it was noticed is its first."""
    value, kept, end = resolve(shown=90, edited=True)
    assert (value, kept, end) == (90, "e:90:2026-03-02", after(30))
    assert resolve(shown=90, kept=kept, day=after(30)) == (90, kept, after(30))
    # Over, and forgotten at once: else the next sync would have a memory to write.
    assert resolve(shown=90, kept=kept, day=after(31)) == (None, None, None)


@pytest.mark.parametrize("shown", [0.0, 101.0, -1.0, 1e300, None])
def test_an_edit_out_of_range_is_ignored(shown: float | None) -> None:
    """It is put back, like an edit of any other field of ours."""
    assert resolve(shown=shown, edited=True) == (None, None, None)


def test_a_field_goes_before_an_edit() -> None:
    """The field is the way people are told to use."""
    assert resolve(field=40, shown=90, edited=True)[:2] == (40, "f:40:2026-03-02")


def test_an_emptied_field_ends_at_once() -> None:
    """Who takes the value away wants the computed score back."""
    assert resolve(kept="f:80:2026-03-01") == (None, None, None)


@pytest.mark.parametrize(
    "kept", ["", "e", "e:x:2026-03-01", "e:80", "e:80:never", "z:80:2026-03-01"]
)
def test_a_broken_memory_overrides_nothing(kept: str) -> None:
    """What can't be read is no override."""
    assert resolve(kept=kept)[0] is None


def test_accounts_keep_their_order() -> None:
    """Every account gets its own override."""
    accounts = pl.DataFrame(
        {
            "account_id": ["b", "a", "c"],
            "override_score": [10.0, None, 30.0],
            "override_until": pl.Series([None] * 3, dtype=pl.Date),
            "shown_score": [1.0, 55.0, 3.0],
        }
    )
    memories = pl.DataFrame({"override": [None, "e:55:2026-03-01", None]})
    edits = pl.DataFrame({"score": [False] * 3})
    found = overrides.resolve(accounts, memories, edits, DAY, Override())
    assert found["override"].to_list() == [10, 55, 30]


def test_the_limits_are_configured() -> None:
    """Default, maximum and the days of an edit; an end that nobody gave is told as such."""
    limits = Override(days=10, max_days=20, edit_days=5)
    assert resolved(field=80, limits=limits)[2:] == (after(10), overrides.NO_END)
    assert resolved(field=80, until=after(15), limits=limits)[2:] == (after(15), None)
    assert resolved(field=80, until=after(20), limits=limits)[2:] == (after(20), None)
    assert resolved(field=80, until=after(21), limits=limits)[2:] == (after(20), overrides.TOO_LONG)
    assert resolved(shown=80, edited=True, limits=limits)[2:] == (after(5), None)
    assert resolved(shown=80, kept="e:80:2026-02-24", limits=limits)[0] is None


def test_a_maximum_below_the_default_is_refused() -> None:
    """One of the two would mean nothing."""
    with pytest.raises(ValueError, match="more than max_days"):
        Override(days=30, max_days=20, edit_days=5)


def test_apart_counts_from_the_first_of_days_in_a_row() -> None:
    """A day on which they agree begins anew; one without a computed score is passed over."""
    today = pl.DataFrame(
        {
            "account_id": ["a", "b", "c", "d", "e"],
            "override": [90.0, 90.0, 90.0, 90.0, None],
            "computed": [75, 75, 76, None, 75],
        }
    )
    days = [after(-n) for n in (4, 3, 2, 1)]
    series = pl.concat(
        pl.DataFrame({"account_id": account, "day": days, "score": [90] * 4, "computed": computed})
        for account, computed in {
            "a": [70, 80, 105, 75],
            "b": [70, 70, 70, None],
            "c": [70, 70, 70, 70],
            "e": [70, 70, 70, 70],
        }.items()
    )
    found = overrides.apart(today, series, DAY, 15)
    assert found.rows() == [
        ("a", after(-2), 2),
        ("b", after(-4), 4),
        ("c", None, 0),
        ("d", None, 0),
        ("e", None, 0),
    ]
