"""The clock of escalations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.businesstime import Calendar
from crm_health.config.escalations import Clock, Grade
from crm_health.programmes import escalation_log as logs
from crm_health.programmes.escalations import RECORD, WANTED, Clocks, wanted

SEVERITIES: dict[Grade, Clock] = {
    "S1": Clock(acknowledge=4, due=16, update_days=1, tell_at_opening=True),
    "S2": Clock(acknowledge=8, due=40, update_days=2),
    "S3": Clock(acknowledge=16, due=80, update_days=5),
    "S4": Clock(acknowledge=40, due=160, update_days=10),
}
BERLIN = Calendar.of("Europe/Berlin", "DE")
UTC_DAYS = Calendar("UTC")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def clocks(now: datetime, calendar: Calendar = UTC_DAYS) -> Clocks:
    day = now.astimezone(ZoneInfo(calendar.time_zone)).date()
    return Clocks(SEVERITIES, 10, calendar, now, day)


class Record:
    """An escalation as the CRM holds it, and a clock that is asked now and then."""

    def __init__(self, now: str, calendar: Calendar = UTC_DAYS, **values: Any) -> None:
        self.calendar = calendar
        first: dict[str, Any] = {"id": "e1", "state": "open", "grade": "S2", "holder": "Support"}
        first |= {"handled": False, "silent": False}
        self.values: dict[str, Any] = dict.fromkeys(RECORD) | first | values
        self.tells: list[str] = []
        self.look(now)

    def look(self, now: str, **values: Any) -> dict[str, Any]:
        """People change some values, then a sync looks: once more, and nothing is to do."""
        self.values |= values
        moment = at(now, self.calendar.time_zone)
        found = self._asked(moment)
        if found["tell"]:
            self.tells.append(found["tell"])
        self.values |= {name: found[name] for name in WANTED}
        again = self._asked(moment)
        assert {name: again[name] for name in WANTED} == {n: self.values[n] for n in WANTED}
        assert again["tell"] is None
        return found

    def _asked(self, moment: datetime) -> dict[str, Any]:
        frame = pl.DataFrame([self.values], schema=RECORD)
        return wanted(frame, clocks(moment, self.calendar)).row(0, named=True)

    @property
    def due(self) -> datetime:
        due = self.values["due_at"].astimezone(ZoneInfo(self.calendar.time_zone))
        assert isinstance(due, datetime)
        return due.replace(tzinfo=None)


def test_a_new_record_gets_its_clock() -> None:
    """Due by severity, the next word by its cadence, and the log begins; 2 March is a Monday."""
    record = Record("2026-03-02 10:00", grade="S2")
    assert record.values["opened_at"] == date(2026, 3, 2)
    assert record.due == datetime(2026, 3, 9, 10, 0)
    assert record.values["next_update_at"] == date(2026, 3, 4)
    assert record.values["log"] == "Support 2026-03-02 10:00"
    assert record.values["acknowledged_at"] is None
    assert record.tells == []


@pytest.mark.parametrize(
    ("grade", "due", "update"),
    [
        ("S1", "2026-03-04 10:00", "2026-03-03"),
        ("S2", "2026-03-09 10:00", "2026-03-04"),
        ("S3", "2026-03-16 10:00", "2026-03-09"),
        ("S4", "2026-03-30 10:00", "2026-03-16"),
    ],
)
def test_the_clock_is_that_of_the_severity(grade: str, due: str, update: str) -> None:
    """16, 40, 80 and 160 hours of eight a day; a word daily up to every second week."""
    record = Record("2026-03-02 10:00", grade=grade)
    assert record.due == datetime.fromisoformat(due)
    assert record.values["next_update_at"] == date.fromisoformat(update)


def test_dates_that_people_set_are_left_alone() -> None:
    """Only what is empty is filled."""
    due = at("2026-03-05 12:00")
    given_dates: dict[str, Any] = {"due_at": due, "next_update_at": date(2026, 3, 3)}
    record = Record("2026-03-02 10:00", opened_at=date(2026, 2, 27), **given_dates)
    assert record.values["due_at"] == due
    assert record.values["next_update_at"] == date(2026, 3, 3)
    assert record.values["opened_at"] == date(2026, 2, 27)


@pytest.mark.parametrize("change", [{"state": "in_progress"}, {"handled": True}])
def test_it_is_acknowledged_when_a_person_takes_it_up(change: dict[str, Any]) -> None:
    """By its status or owner, once."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-02 13:00", **change)
    assert record.values["acknowledged_at"] == at("2026-03-02 13:00")
    record.look("2026-03-03 13:00", state="waiting")
    assert record.values["acknowledged_at"] == at("2026-03-02 13:00")


def test_the_log_says_who_had_it() -> None:
    """Each department's hours, and the customer's, add up to the time it took."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-03 10:00", holder="Engineering", state="in_progress")
    record.look("2026-03-04 12:00", state="waiting")
    record.look("2026-03-05 12:00", state="in_progress")
    record.look("2026-03-06 09:00", state="closed")
    assert record.values["resolved_at"] == at("2026-03-06 09:00")
    frame = pl.DataFrame([record.values], schema=RECORD)
    held = logs.held(logs.entries(frame, UTC_DAYS), UTC_DAYS, pl.lit(at("2026-04-01 09:00")))
    hours = dict(held.select("holder", "hours").iter_rows())
    assert hours == {"Support": 8.0, "Engineering": 10.0 + 5.0, "waiting on customer": 8.0}


def test_waiting_on_the_customer_stops_the_clock() -> None:
    """While it waits it is not late, and afterwards it is due as much later."""
    record = Record("2026-03-02 10:00", grade="S1")  # due on the 4th at 10:00
    assert record.tells == ["opening"]
    record.look("2026-03-03 10:00", state="waiting")
    found = record.look("2026-03-05 10:00")
    assert not found["overdue"]
    assert record.due == datetime(2026, 3, 4, 10, 0)
    record.look("2026-03-06 10:00", state="in_progress")
    assert record.due == datetime(2026, 3, 9, 10, 0)
    assert not record.look("2026-03-09 10:00")["overdue"]
    assert record.look("2026-03-09 10:01")["overdue"]
    assert record.tells == ["opening", "breach"]


def test_waiting_stops_it_for_ten_business_days_in_all() -> None:
    """Over all waits together; then the clock runs on though it still waits."""
    record = Record("2026-03-02 10:00", grade="S2")  # due on the 9th at 10:00
    record.look("2026-03-03 10:00", state="waiting")
    record.look("2026-03-10 10:00", state="in_progress")  # five days
    assert record.due == datetime(2026, 3, 16, 10, 0)
    record.look("2026-03-11 10:00", state="waiting")
    # Five more are left: till the 18th at 10:00, and due moves to the 23rd.
    assert not record.look("2026-03-23 10:00")["overdue"]
    assert record.look("2026-03-23 10:01")["overdue"]
    assert record.values["breached"]


def test_what_is_late_already_has_no_clock_to_stop() -> None:
    """Waiting does not undo a breach, and moves no due that has passed."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-10 10:00")
    record.look("2026-03-11 10:00", state="waiting")
    assert record.look("2026-03-12 10:00")["overdue"]
    record.look("2026-03-13 10:00", state="in_progress")
    assert record.due == datetime(2026, 3, 9, 10, 0)
    assert record.tells == ["breach"]


def test_leadership_is_told_once_for_each_due_that_passes() -> None:
    """A new date that a person promises and that passes as well is told again."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-09 11:00")
    record.look("2026-03-09 12:00")
    record.look("2026-03-20 12:00", state="in_progress", holder="Product")
    assert record.tells == ["breach"]
    record.look("2026-03-20 13:00", due_at=at("2026-03-25 12:00"))
    assert record.tells == ["breach"]
    assert record.values["breached"]
    record.look("2026-03-25 12:01")
    record.look("2026-03-26 12:00")
    assert record.tells == ["breach", "breach"]


def test_nobody_is_told_of_what_stood_at_the_first_sync() -> None:
    """Neither that an S1 is open nor that its date had passed; of a new date that passes, yes."""
    standing: dict[str, Any] = {"grade": "S1", "silent": True, "due_at": at("2026-02-02 10:00")}
    record = Record("2026-03-02 10:00", **standing)
    record.look("2026-03-05 10:00")
    assert record.values["breached"]
    assert record.tells == []
    record.look("2026-03-05 11:00", due_at=at("2026-03-06 12:00"))
    record.look("2026-03-06 13:00")
    assert record.tells == ["breach"]


def test_a_graver_severity_by_hand_is_told_at_once() -> None:
    """S1 is leadership's from the moment it is one."""
    record = Record("2026-03-02 10:00", grade="S3")
    record.look("2026-03-02 11:00", grade="S1")
    assert record.tells == ["opening"]


def test_a_reopened_record_has_a_new_clock() -> None:
    """It is due anew from then on, and its end is taken back."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-04 10:00", state="closed")
    record.look("2026-04-01 10:00")
    record.look("2026-04-15 10:00", state="in_progress")
    assert record.values["resolved_at"] is None
    assert record.due == datetime(2026, 4, 22, 10, 0)
    assert record.tells == []
    record.look("2026-04-16 10:00", state="closed")
    assert record.values["resolved_at"] == at("2026-04-16 10:00")


def test_what_was_over_before_we_looked_stays_as_it_is() -> None:
    """A closed record without a log is history: nothing of it is written."""
    record = Record("2026-03-02 10:00", state="closed", opened_at=date(2025, 1, 1))
    assert [record.values[n] for n in ("resolved_at", "log", "due_at", "acknowledged_at")] == [
        None
    ] * 4


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-03-27 16:00", "2026-03-31 16:00"),  # over the night with an hour less
        ("2026-10-23 16:00", "2026-10-27 16:00"),  # and with an hour more
        ("2026-04-02 16:00", "2026-04-08 16:00"),  # over Good Friday and Easter Monday
        ("2026-12-24 16:00", "2026-12-29 16:00"),  # over Christmas, on a Friday, and a weekend
    ],
)
def test_holidays_and_changes_of_the_clocks_are_no_working_time(opened: str, due: str) -> None:
    """16 hours are two working days on the wall clock, whatever lies between."""
    record = Record(opened, BERLIN, grade="S1")
    assert record.due == datetime.fromisoformat(due)
    # Waiting over the same days moves it by the same count.
    record.look(opened, state="waiting")
    record.look(due, state="in_progress")
    expected = Record(due, BERLIN, grade="S1")
    assert record.due == expected.due


def test_a_log_that_people_wrote_in_goes_on() -> None:
    """What is no entry is left where it is; a log without any entry begins anew."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-03 10:00", log="Support 2026-03-02 10:00 > rang them, no answer")
    assert record.values["log"].endswith("rang them, no answer")
    record.look("2026-03-03 11:00", log="(cleaned up)")
    assert record.values["log"] == "(cleaned up) > Support 2026-03-03 11:00"


def test_a_log_has_an_end() -> None:
    """Of very many entries the first and the last ones are kept, whole."""
    record = Record("2026-03-02 10:00")
    for n in range(120):
        moment = at("2026-03-03 10:00") + timedelta(minutes=n)
        record.look(f"{moment:%Y-%m-%d %H:%M}", holder=f"Department {n}")
    log = record.values["log"]
    assert len(log) <= logs.LONGEST
    found = logs.entries(pl.DataFrame({"id": ["e1"], "log": [log]}), UTC_DAYS)
    assert found["holder"][0] == "Support"
    assert found["holder"][-1] == "Department 119"
    assert found.height == log.count(" > ") + 1


def test_a_story_in_a_log_leaves_room_for_what_follows() -> None:
    """Its end is kept: a text too long would be refused, and the clock would stand still."""
    record = Record("2026-03-02 10:00")
    record.look("2026-03-03 10:00", log="So " * 660 + "it ended")
    assert record.values["log"].endswith("it ended > Support 2026-03-03 10:00")
    assert len(record.values["log"]) <= logs.LONGEST


@pytest.mark.parametrize("name", [logs.CLOSED, logs.CUSTOMER])
def test_a_department_may_have_the_name_of_nobody(name: str) -> None:
    """It neither ends an escalation nor stops its clock: `look` has nothing to do again."""
    record = Record("2026-03-02 10:00", holder=name)
    due = record.due
    record.look("2026-03-05 10:00")
    assert record.due == due
    assert record.values["log"] == f"{name} (department) 2026-03-02 10:00"


STATES = st.sampled_from(["open", "in_progress", "waiting", "closed"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@settings(max_examples=40, deadline=None)
@given(
    start=st.datetimes(datetime(2026, 1, 5), datetime(2026, 12, 20)),
    steps=st.lists(st.tuples(st.integers(1, 60 * 72), STATES), min_size=1, max_size=8),
    zone=ZONES,
    grade=st.sampled_from(["S1", "S2", "S3", "S4"]),
)
def test_whatever_people_do_the_clock_is_settled_by_one_look(
    start: datetime, steps: list[tuple[int, str]], zone: str, grade: str
) -> None:
    """A second look wants nothing, and nobody is told of one due twice (`Record.look`)."""
    calendar = Calendar(zone)
    record = Record(f"{start:%Y-%m-%d %H:%M}", calendar, grade=grade)
    moment = start
    dues = set()
    for minutes, state in steps:
        moment += timedelta(minutes=minutes)
        before = len(record.tells)
        record.look(f"{moment:%Y-%m-%d %H:%M}", state=state)
        if record.tells[before:] == ["breach"]:
            assert record.values["due_at"] not in dues
            dues.add(record.values["due_at"])
    waited = logs.held(
        logs.entries(pl.DataFrame([record.values], schema=RECORD), calendar),
        calendar,
        pl.lit(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)),
    )
    assert (waited["hours"] >= 0).all()
