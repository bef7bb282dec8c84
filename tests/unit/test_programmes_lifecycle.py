"""The stages of the lifecycle and of the value ladder: moves are sane."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config.lifecycle import Lifecycle, ValueLadder
from crm_health.programmes import lifecycle, value

DAY = date(2026, 3, 2)
LAER = Lifecycle.model_validate(
    {
        "stages": [
            {"name": "renew", "label": "Renew", "when": "a", "hears": ".", "at_once": True},
            {"name": "land", "label": "Land", "when": "b", "hears": ".", "never_again": True,
             "stuck_after_days": 90},
            {"name": "expand", "label": "Expand", "when": "c", "hears": ".",
             "leave_after_days": 30},
            {"name": "adopt", "label": "Adopt", "when": "true", "hears": "."},
        ]
    }
)  # fmt: skip
LADDER = ValueLadder.model_validate(
    {
        "stages": [
            {"label": "Actively Using", "when": "a", "means": ".", "stuck_after_days": 180},
            {"label": "Established", "when": "b", "means": "."},
            {"label": "Achieving Goals", "when": "c", "means": "."},
            {"label": "Embedded", "when": "d", "means": "."},
            {"label": "Transformational", "means": "."},
        ]
    }
)
TRUTH = st.sampled_from([True, False, None])


class Stages:
    """One customer's stage, day by day, as the CRM remembers it."""

    def __init__(self, day: date = DAY) -> None:
        self.day = day
        self.then: dict[str, Any] = dict.fromkeys(lifecycle.THEN)
        self.now: dict[str, Any] = {}

    def sync(
        self,
        renew: bool | None = False,
        land: bool | None = False,
        expand: bool | None = False,
        *,
        days: int = 0,
        edit: str | None = None,
    ) -> str:
        self.day += timedelta(days=days)
        if edit is not None:
            self.then |= {"stage": edit, "edited": True}
        holds = pl.DataFrame(
            {"renew": [renew], "land": [land], "expand": [expand], "adopt": [True]}
        )
        then = pl.DataFrame([self.then], schema=lifecycle.THEN)
        self.now = lifecycle.settle(LAER, then, holds, self.day).row(0, named=True)
        self.then = {
            "stage": self.now["stage"],
            "since": self.now["stage_since"],
            "edited": False,
            "held": self.now["held"],
            "out_since": self.now["out_since"],
        }
        return str(self.now["stage"])


class Ladder:
    """One customer's step, day by day."""

    def __init__(self) -> None:
        self.day = DAY
        self.then: dict[str, Any] = dict.fromkeys(value.THEN)
        self.now: dict[str, Any] = {}

    def sync(self, *holds: bool | None, days: int = 0, edit: int | None = None) -> int | None:
        self.day += timedelta(days=days)
        if edit is not None:
            self.then |= {"level": edit, "edited": True}
        whole = [*holds, *[False] * (4 - len(holds)), None]
        frame = pl.DataFrame(
            {str(n): [one] for n, one in enumerate(whole, 1)},
            schema={str(n): pl.Boolean for n in range(1, 6)},
        )
        then = pl.DataFrame([self.then], schema=value.THEN)
        self.now = value.settle(LADDER, then, frame, self.day).row(0, named=True)
        level = self.now["value_stage"]
        self.then = {
            "level": level,
            "since": self.now["value_stage_since"],
            "edited": False,
            **{name: self.now[name] for name in ("held", "next", "next_since")},
        }
        return None if level is None else int(level)


def test_a_new_customer_is_in_the_first_stage_that_holds() -> None:
    """In the order of the playbook."""
    assert Stages().sync(land=True, expand=True) == "land"
    assert Stages().sync(renew=True, land=True) == "renew"
    assert Stages().sync() == "adopt"


def test_a_stage_lasts_a_fortnight_but_renewal_goes_by_its_dates() -> None:
    """Land ends after fourteen days at the earliest; renew begins and ends on its day."""
    one = Stages()
    one.sync(land=True)
    assert one.sync(days=13) == "land"
    assert one.sync(renew=True, days=0) == "renew"
    assert one.sync(renew=True, days=1) == "renew"
    assert one.sync(expand=True, days=1) == "expand"


def test_nobody_lands_twice() -> None:
    """Once live, a customer that looks new again adopts."""
    one = Stages()
    one.sync(land=True)
    assert one.sync(days=14) == "adopt"
    assert one.sync(land=True, days=60) == "adopt"


def test_expand_ends_after_thirty_days_of_not_holding() -> None:
    """A day on which it holds starts the count anew."""
    one = Stages()
    one.sync(expand=True)
    assert one.sync(days=20) == "expand"
    assert one.sync(expand=True, days=20) == "expand"
    assert one.sync(days=1) == "expand"
    assert one.sync(days=29) == "expand"
    assert one.sync(days=1) == "adopt"
    assert one.now["stage_since"] == one.day


def test_what_nobody_can_tell_moves_no_stage() -> None:
    """A feed that is away neither ends a stage nor begins one."""
    one = Stages()
    one.sync(expand=True)
    assert one.sync(expand=None, days=100) == "expand"
    other = Stages()
    other.sync()
    assert other.sync(expand=None, days=100) == "adopt"


def test_a_person_s_stage_holds_until_the_conditions_say_something_new() -> None:
    """However long that takes; then it moves as ever, after its fortnight."""
    one = Stages()
    one.sync()
    assert one.sync(edit="expand", days=20) == "expand"
    assert one.now["stage_since"] == one.day
    assert one.sync(days=300) == "expand"
    assert one.sync(expand=None, days=1) == "expand", "nobody can tell: nothing new"
    assert one.sync(renew=True, days=1) == "renew"
    assert one.sync(days=1) == "adopt"


def test_too_long_in_the_first_stage_is_stuck() -> None:
    """From the day after the limit."""
    one = Stages()
    one.sync(land=True)
    one.sync(land=True, days=90)
    assert one.now["stage_stuck"] is False
    one.sync(land=True, days=1)
    assert one.now["stage_stuck"] is True
    assert one.now["stage_days"] == 91


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TRUTH, TRUTH, TRUTH, st.integers(0, 20)), min_size=2, max_size=10))
def test_moves_never_bounce(days: list[tuple[bool | None, bool | None, bool | None, int]]) -> None:
    """Two moves are a fortnight apart unless one has to do with renewal, and none leads to land."""
    one = Stages()
    before = one.sync(*days[0][:3])
    since = one.day
    for renew, land, expand, passed in days[1:]:
        after = one.sync(renew, land, expand, days=passed)
        again = one.then
        assert one.sync(renew, land, expand) == after
        assert one.then == again, "settling what is settled changes nothing"
        if after != before:
            assert "renew" in (before, after) or (one.day - since).days >= 14
            assert after != "land"
            since = one.day
        before = after


def test_a_first_step_is_given_at_once_and_off_without_use() -> None:
    """And none to whom nobody can tell anything of."""
    assert Ladder().sync(True, True, True) == 3
    assert Ladder().sync(None) is None
    one = Ladder()
    one.sync(True, True)
    assert one.sync(False, True, days=1) is None
    assert one.now["value_stage_since"] is None


def test_up_after_thirty_days_to_what_held_all_the_time() -> None:
    """The lowest of the steps that held in the meantime."""
    one = Ladder()
    one.sync(True)
    assert one.sync(True, True, days=1) == 1
    assert one.sync(True, True, True, True, days=29) == 1
    assert one.sync(True, True, True, True, days=1) == 2
    assert one.sync(True, True, True, True, days=1) == 2
    assert one.sync(True, True, True, True, days=30) == 4


def test_down_a_step_after_ninety_days() -> None:
    """And the next one after ninety more."""
    one = Ladder()
    one.sync(True, True, True)
    one.sync(True, days=1)
    assert one.sync(True, days=89) == 3
    assert one.sync(True, days=1) == 2
    assert one.sync(True, days=89) == 2
    assert one.sync(True, days=1) == 1


def test_only_a_person_gives_the_last_step_and_gives_it_again_each_year() -> None:
    """After a year it no longer holds by itself, and falls as any other does."""
    one = Ladder()
    one.sync(True, True, True, True)
    assert one.sync(True, True, True, True, days=300) == 4
    assert one.sync(True, True, True, True, days=1, edit=5) == 5
    assert one.sync(True, True, True, True, days=300) == 5
    assert one.sync(True, True, True, True, days=100, edit=5) == 5
    assert one.now["value_stage_since"] == one.day
    assert one.sync(True, True, True, None, days=300) == 5
    one.sync(True, True, True, days=70)
    assert one.sync(True, True, True, days=89) == 5
    assert one.sync(True, True, True, days=1) == 4


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TRUTH, TRUTH, TRUTH, st.integers(0, 50)), min_size=2, max_size=10))
def test_steps_are_taken_slowly(
    days: list[tuple[bool | None, bool | None, bool | None, int]],
) -> None:
    """Up takes thirty days since the last move, down ninety and one step; off is off at once."""
    one = Ladder()
    before = one.sync(*days[0][:3])
    since = one.day
    for first, second, third, passed in days[1:]:
        after = one.sync(first, second, third, days=passed)
        again = one.then
        assert one.sync(first, second, third) == after
        assert one.then == again
        if after != before:
            waited = (one.day - since).days
            if after is not None and before is not None:
                assert waited >= 30 if after > before else waited >= 90 and after == before - 1
            elif after is None:
                assert first is False
            since = one.day
        before = after
