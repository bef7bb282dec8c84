"""What the book and the comparison of the year find, so that they can be believed."""

from __future__ import annotations

from typing import Any

from crm_health.config.load import load
from tests.year.book import Book
from tests.year.equal import both
from tests.year.findings import Findings
from tests.year.living import Day


def _day(day: str = "2026-03-02", **more: Any) -> Day:
    changed = {
        "account": {},
        "task": {},
        "episode": {},
        "escalation": {},
        **more.pop("changed", {}),
    }
    common: dict[str, Any] = {
        "closed": [], "meddled": [], "scores": {}, "written": {}, "waiting": 0, "expired": 0,
        "stops": [], "again": None, "took": 0.0,
    }  # fmt: skip
    return Day(day=day, changed=changed, **{**common, **more})


def _task(owner: str = "7", priority: str = "medium", *, is_open: bool = True) -> dict[str, Any]:
    return {"owner": owner, "priority": priority, "due": "2026-03-09", "open": is_open}


def _faults(*days: Day, holders: dict[str, str] | None = None) -> list[str]:
    book = Book(load(), holders or {})
    for day in days:
        book.add(day)
    return book.faults


def test_two_open_risks_of_an_account_are_found() -> None:
    """Also of two accounts whose contract one of them holds; not of a risk and a touch."""
    risk, other, touch = "ch1:1:fell_red:1", "ch1:1:usage_drop:1", "ch1:1:touch_call:1"
    assert _faults(_day(changed={"task": {risk: _task(), touch: _task()}})) == []
    (found,) = _faults(_day(changed={"task": {risk: _task(), other: _task(is_open=False)}}), _day(
        "2026-03-03", changed={"task": {other: _task()}}
    ))[:1]  # fmt: skip
    assert "account 1 has 2 open risk tasks" in found
    kin = {risk: _task(), "ch1:2:fell_red:1": _task()}
    (found,) = _faults(_day(changed={"task": kin}), holders={"2": "1"})
    assert "group 1 has 2" in found


def test_a_day_beyond_the_budget_is_found() -> None:
    """Four tasks of which one can wait; four urgent ones are no fault."""
    four = [f"ch1:{n}:fell_red:1" for n in range(4)]
    assert _faults(_day(changed={"task": {key: _task(priority="high") for key in four}})) == []
    (found,) = _faults(_day(changed={"task": dict.fromkeys(four, _task())}))
    assert "7 got 4 tasks" in found


def test_a_second_write_and_a_review_beyond_its_cap_are_found() -> None:
    """One of twenty may move in the review of a quarter; a person's choice is none of its moves."""
    assert _faults(_day(again={"done": 3})) == ["2026-03-02: a second sync wrote {'done': 3}"]
    growth = {str(n): {"tier": "Growth"} for n in range(20)}
    two = {str(n): {"tier": "Digital"} for n in range(2)}
    first = _day("2026-03-31", changed={"account": growth})
    (found,) = _faults(first, _day("2026-04-01", changed={"account": two}))
    assert "2 tiers moved" in found
    chosen = _day("2026-04-01", changed={"account": two}, meddled=[("1", ["tier"])])
    assert _faults(first, chosen) == []
    assert _faults(first, _day("2026-04-20", changed={"account": two})) == []


def test_what_the_two_say_differently_is_told_once() -> None:
    """A task that one lacks, another band, another score; a text that lags is only counted."""
    one = {"1": {"band": "Red", "why": "a", "score": 50.0}}
    other = {"1": {"band": "Green", "why": "b", "score": 51.0}}
    days = [
        _day(
            changed={"account": one, "task": {"ch1:1:fell_red:1": _task()}}, scores={"1": [50, "r"]}
        ),
        _day("2026-03-03", scores={"1": [50, "r"]}),
    ]
    twins = [
        _day(changed={"account": other}, scores={"1": [51, "r"]}),
        _day("2026-03-03", scores={"1": [51, "r"]}),
    ]
    found = both(days, twins)
    assert [line.split(": ", 1)[1] for line in found.found] == [
        "computed 1 score: [50, 'r'], [51, 'r']",
        "account 1 band: 'Red', 'Green'",
        "task ch1:1:fell_red:1 is there: True, False",
    ]
    assert (found.days, found.lags) == (2, 2)
    assert both(days, days).found == []
    assert both(days, days[:1]).found == ["a day is missing on one side"]


def test_what_lingers_and_what_goes_back_is_counted() -> None:
    """A drop that was over in a week, old news, a band that went there and back, a chosen tier."""
    drop, news = "ch1:1:usage_drop:1", "ch1:1:promoter:1"
    found = Findings(load())
    there = {"1": {"band": "Green", "tier": "Digital"}}
    found.add(
        _day("2026-01-01", changed={"account": there, "task": {drop: _task(), news: _task()}})
    )
    done = {drop: _task(is_open=False)}
    fell = {"1": {"band": "Red", "tier": "Strategic"}, "2": {"tier": "Strategic"}}
    chosen = [("1", ["tier"])]
    found.add(_day("2026-01-06", changed={"account": fell, "task": done}, meddled=chosen))
    raised = {"ch1:1:usage_collapse:1": {"status": "open"}, "by hand:1": {"status": "open"}}
    back = {"1": {"band": "Green", "tier": "Strategic"}}
    found.add(_day("2026-01-20", changed={"account": back}))
    found.add(_day("2026-03-02", changed={"escalation": raised}))
    assert list(found.lines()) == [
        "A drop in use: 1 tasks, 1 closed by us, 1 of these within a week, and 1 escalations.",
        "Open for more than 45 days at the end: 1 tasks, 1 of them news that no cause ends.",
        "Stages moved 0 times, and went back within 30 days 0 times.",
        "Tiers moved 1 times, and went back within 30 days 0 times.",
        "Bands moved 2 times, and went back within 30 days 1 times.",
        "Strategic at the end: 2, of whom people put 1 there, and 1 came as new customers.",
        "Escalations: 2, open at the end 2.",
    ]
