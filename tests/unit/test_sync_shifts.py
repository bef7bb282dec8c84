"""Inputs that shift for most accounts at once: held back, by their names."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from sync_kit import Org, config

from crm_health.health.profile import Profile, Profiler, resized, retold

#: How much they use it; no measure reads it, so no score moves.
SUM = {"used": {"from": "usage", "where": "age_days < 28", "take": "sum(value)"}}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    org = Org(tmp_path, config(model={"facts": SUM}))
    org.crm.is_sandbox = False
    return org


def times(org: Org, factor: float, share: float = 1.0) -> None:
    """Multiply the usage of some accounts, from the first on."""
    rows = list(org.crm.tables["Usage"].rows.items())
    for row_id, row in rows[: round(share * len(rows))]:
        org.edit("Usage", row_id, Value=row.values["Value"] * factor)


def held(org: Org) -> list[str]:
    report, code = org.perform()
    assert code == (4 if report.stops else 0)
    return report.stops


def test_a_source_that_changes_its_unit_is_held(org: Org) -> None:
    """The message names the input, before and after; a person's word makes it the new measure."""
    org.book(30)
    org.sync()
    times(org, 60)
    # Whether it is the day's first assessment or not.
    org.pass_time(hours=1)
    report, code = org.perform()
    assert code == 4
    assert report.stops == [
        "the input used is about 300 for a typical account, and was about 5 on 2026-03-02"
    ]
    # Nothing of it was kept: it is held again, until somebody says that it is right.
    assert held(org) == report.stops
    assert org.perform(approve=report.run.id)[1] == 0
    assert held(org) == []
    org.pass_time(days=1)
    assert held(org) == []


@pytest.mark.parametrize(("factor", "share"), [(2, 1.0), (0.5, 1.0), (2, 0.3), (1.5, 1.0)])
def test_twice_as_much_for_all_is_a_shift_for_some_is_not(
    org: Org, factor: float, share: float
) -> None:
    """A third of the customers may double their use, and all may use it half as much again."""
    org.book(30)
    org.sync()
    times(org, factor, share)
    org.pass_time(days=1)
    assert bool(held(org)) is (factor != 1.5 and share == 1.0)


def test_a_source_that_grows_by_and_by_is_held(org: Org) -> None:
    """From the day on from which it is nearly twice as much as four weeks ago."""
    org.book(30)
    org.sync()
    for _ in range(6):
        org.pass_time(days=4)
        times(org, 1.11)
        for row_id in list(org.crm.tables["Usage"].rows):
            org.edit("Usage", row_id, Day=org.crm.clock.now().date())
        stops = held(org)
        if stops:
            break
    assert stops == [
        "the input used is about 9.4 for a typical account, and was about 5 on 2026-03-02"
    ]


def test_a_source_that_falls_silent_is_held(org: Org) -> None:
    """Nobody has any usage of the last four weeks, where everybody had."""
    org.book(30)
    org.sync()
    for row_id in list(org.crm.tables["Usage"].rows):
        org.edit("Usage", row_id, Day=org.ago(days=100).date())
    org.pass_time(days=1)
    assert held(org) == [
        "the input used is there for 0 % of the accounts, and was for 100 % on 2026-03-02"
    ]


def test_another_definition_is_no_shift(org: Org) -> None:
    """Who writes another fact under the old name means it."""
    org.book(30)
    org.sync()
    other = {"used": {**SUM["used"], "take": "sum(value * 100)"}}
    org.config = config(model={"facts": other})
    assert held(org) == []


def test_parts_of_a_book_add_up() -> None:
    """The profile is the same in one part or in many, and days since something have no size."""
    frame = pl.DataFrame(
        {
            "size": [float(n % 7) for n in range(200)],
            "left_days": [None if n % 2 else n for n in range(200)],
            "flag": [n % 4 == 0 for n in range(200)],
        }
    )

    def counted(*parts: pl.DataFrame) -> Profile:
        profiler = Profiler(dict.fromkeys(frame.columns, "x"), {"left_days"})
        for part in parts:
            profiler.add(part)
        return profiler.profile()

    whole = counted(frame)
    assert counted(*frame.iter_slices(13)) == whole
    assert {name: shape.told for name, shape in whole.shapes.items()} == {
        "flag": 50,
        "left_days": 100,
        "size": 171,
    }
    assert whole.shapes["left_days"].quartiles == ()
    later = counted(frame.with_columns(pl.col("left_days") * 9 + 1, pl.lit(True).alias("flag")))
    assert list(resized(whole, later, 1.8, 20)) == []
    assert [shift.name for shift in retold(whole, later, 20)] == ["flag"]
