"""Logs of events folded to cases: each trap of the two logs, and the real ones at full size."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import datasets
from connectors.sandbox.datasets import Dataset, Finding, UnknownDatasetError

Make = Callable[..., Dataset]

HELPDESK = (
    "Case ID,Activity,Resource,Complete Timestamp,Variant,Variant index,Variant,seriousness,"
    "customer,product,responsible_section,seriousness_2,service_level,service_type,"
    "support_section,workgroup"
)
INCIDENT = (
    "number,incident_state,active,reopen_count,sys_mod_count,made_sla,caller_id,opened_at,"
    "sys_updated_at,contact_type,location,category,subcategory,priority,resolved_at,closed_at"
)


def real(name: str) -> Dataset:
    root = Path(os.environ.get("CRM_HEALTH_DATA", "../shared/data"))
    if not (root / name / "events.csv.gz").is_file():
        pytest.skip(f"no {name} log at {root / name}")
    return datasets.load(root / name)


@pytest.fixture(scope="module")
def desk() -> Dataset:
    return real("helpdesk")


@pytest.fixture(scope="module")
def audit() -> Dataset:
    return real("incident")


@pytest.fixture
def helped(tmp_path: Path) -> Make:
    """A help desk's log of (case, activity, time, customer, severity)."""

    def make(*events: tuple[str, str, str, str, str]) -> Dataset:
        lines = [
            f"{case},{activity},r,{at}.000,Variant 1,1,Variant 1,Value 1,{customer},Value 3,s,"
            f"{severity},l,t,p,w"
            for case, activity, at, customer, severity in events
        ]
        # Polars reads a plain file under a .gz name as well: it looks at the bytes.
        (tmp_path / "events.csv.gz").write_text("\n".join([HELPDESK, *lines]) + "\n")
        return datasets.load(tmp_path)

    return make


@pytest.fixture
def audited(tmp_path: Path) -> Make:
    """An incident log: each event is what differs from a plain one."""

    def make(*events: dict[str, Any]) -> Dataset:
        plain = {
            "number": "0000045", "incident_state": "New", "active": "true", "reopen_count": 0,
            "sys_mod_count": 0, "made_sla": "true", "caller_id": 7, "opened_at": "1/3/2016 08:00",
            "sys_updated_at": "1/3/2016 08:00", "contact_type": "Phone", "location": 143,
            "category": 55, "subcategory": 170, "priority": 3, "resolved_at": "?",
            "closed_at": "9/3/2016 12:00",
        }  # fmt: skip
        assert list(plain) == INCIDENT.split(",")
        lines = [",".join(str(cell) for cell in {**plain, **one}.values()) for one in events]
        (tmp_path / "events.csv.gz").write_text("\n".join([INCIDENT, *lines]) + "\n")
        return datasets.load(tmp_path)

    return make


def case(data: Dataset) -> dict[str, Any]:
    """The only case."""
    (one,) = data.records["Case"]
    return one


def found(data: Dataset, what: str) -> Finding:
    (one,) = [finding for finding in data.findings if finding.what.startswith(what)]
    return one


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year to minute


TAKEN = ("Case 1", "Take in charge ticket", "2013/05/02 10:30:00", "Value 9", "Value 1")
OPENED = ("Case 1", "Assign seriousness", "2013/05/02 09:00:00", "Value 9", "Value 1")
RESOLVED = ("Case 1", "Resolve ticket", "2013/05/06 09:00:00", "Value 9", "Value 1")
CLOSED = ("Case 1", "Closed", "2013/06/20 09:00:00", "Value 9", "Value 1")


def test_a_case_ends_with_its_last_resolution(helped: Make) -> None:
    """`Closed` comes by itself weeks later: the resolution is the end."""
    data = helped(OPENED, TAKEN, RESOLVED, CLOSED)
    assert case(data)["CreatedDate"] == at(2013, 5, 2, 9)
    assert case(data)["ClosedDate"] == at(2013, 5, 6, 9)
    assert case(data)["IsClosed"] is True
    assert found(data, "cases were closed a day or more").rows == 1


def test_resolved_twice_is_over_the_second_time(helped: Make) -> None:
    """The last of several resolutions counts; with nothing between them nothing was reopened."""
    again = ("Case 1", "Resolve ticket", "2013/05/08 09:00:00", "Value 9", "Value 1")
    data = helped(OPENED, RESOLVED, again)
    assert case(data)["ClosedDate"] == at(2013, 5, 8, 9)
    assert case(data)["Reopen_Count__c"] == 0


def test_work_after_a_resolution_reopens(helped: Make) -> None:
    """Resolved, taken up, resolved: reopened once; taken up and left: open."""
    later = ("Case 1", "Take in charge ticket", "2013/05/07 09:00:00", "Value 9", "Value 1")
    again = ("Case 1", "Resolve ticket", "2013/05/08 09:00:00", "Value 9", "Value 1")
    data = helped(OPENED, RESOLVED, later, again, CLOSED)
    assert case(data)["Reopen_Count__c"] == 1
    assert case(data)["IsClosed"] is True
    left = helped(OPENED, RESOLVED, later)
    assert case(left)["Reopen_Count__c"] == 1
    assert case(left)["IsClosed"] is False
    assert case(left)["ClosedDate"] is None


def test_never_resolved_is_open(helped: Make) -> None:
    """A case that only waits is open, and one that was shut without a word ended then."""
    wait = ("Case 1", "Wait", "2013/05/03 09:00:00", "Value 9", "Value 1")
    assert case(helped(OPENED, wait))["IsClosed"] is False
    assert case(helped(OPENED, CLOSED))["ClosedDate"] == at(2013, 6, 20, 9)


def test_the_first_answer_is_the_first_to_take_it(helped: Make) -> None:
    """Ninety minutes from the first event; none where nobody took it in charge."""
    assert case(helped(OPENED, TAKEN, RESOLVED))["First_Response_Hours__c"] == 1.5
    assert case(helped(OPENED, RESOLVED))["First_Response_Hours__c"] is None


def test_rows_may_stand_in_any_order(helped: Make) -> None:
    """Events are folded by their time, not by their place in the file."""
    events = (OPENED, TAKEN, RESOLVED, CLOSED)
    assert helped(*reversed(events)).records == helped(*events).records


def test_the_last_customer_and_severity_own_the_case(helped: Make) -> None:
    """A case that changes hands belongs to whom it had last, and the change is counted."""
    moved = ("Case 1", "Resolve ticket", "2013/05/06 09:00:00", "Value 22", "Value 4")
    data = helped(OPENED, moved)
    assert [a["Name"] for a in data.records["Account"]] == ["Customer 22"]
    assert case(data)["Priority"] == "Value 4"
    assert found(data, "cases changed their customer").rows == 1
    assert found(data, "cases changed their severity").rows == 1


def test_columns_that_stand_twice_are_no_trouble(helped: Make) -> None:
    """`Variant` stands twice in the header; it is told."""
    assert found(helped(OPENED), "columns stand twice in the header: Variant").rows == 1


def test_the_constant_severity_is_not_the_severity(helped: Make) -> None:
    """`seriousness` is the same in all rows: `seriousness_2` is read."""
    data = helped((*OPENED[:4], "Value 2"))
    assert case(data)["Priority"] == "Value 2"
    assert found(data, "severities (seriousness) are one and the same").rows == 1


def test_events_without_a_time_are_left_out(helped: Make) -> None:
    """An event whose time can't be read does not move the case, and is counted."""
    data = helped(OPENED, ("Case 1", "Resolve ticket", "yesterday", "Value 9", "Value 1"))
    assert case(data)["IsClosed"] is False
    assert found(data, "timestamps that are none").rows == 1
    assert [(s.read, s.used) for s in data.sources] == [(2, 1)]


def test_the_clock_stands_at_the_end_of_the_log(helped: Make) -> None:
    """The minute after the last event, so that nothing lies ahead."""
    assert helped(OPENED, TAKEN).as_of == at(2013, 5, 2, 10, 31)


def test_an_incident_is_its_last_event(audited: Make) -> None:
    """By time and number of changes, wherever it stands in the file."""
    end = {
        "incident_state": "Closed", "sys_updated_at": "9/3/2016 12:00", "sys_mod_count": 3,
        "resolved_at": "4/3/2016 09:00", "made_sla": "false", "reopen_count": 1, "priority": 1,
    }  # fmt: skip
    data = audited(end, {}, {"incident_state": "Active", "sys_updated_at": "1/3/2016 10:00"})
    assert case(data)["ClosedDate"] == at(2016, 3, 4, 9)
    assert case(data)["Reopen_Count__c"] == 1
    assert case(data)["SLA_Missed__c"] is True
    assert case(data)["Priority"] == "Critical"


def test_dates_are_day_first_and_numbers_keep_their_zeros(audited: Make) -> None:
    """1/3/2016 is the first of March, and 0000045 is a name, not 45."""
    data = audited({})
    assert case(data)["CreatedDate"] == at(2016, 3, 1, 8)
    assert case(data)["CaseNumber"] == "0000045"


def test_a_question_mark_is_no_value(audited: Make) -> None:
    """The last known location owns the incident; with none at all it has no account."""
    lost = {"location": "?", "sys_updated_at": "2/3/2016 08:00", "sys_mod_count": 1}
    data = audited({}, lost)
    assert [a["Name"] for a in data.records["Account"]] == ["Location 143"]
    assert case(data)["AccountId"] == data.records["Account"][0]["Id"]
    nowhere = audited(lost)
    assert case(nowhere)["AccountId"] is None
    assert nowhere.records["Account"] == []
    assert found(nowhere, "incidents name no location").rows == 1


def test_a_future_closing_time_closes_nothing(audited: Make) -> None:
    """The log knows from its first event when an incident will be closed: it is open until then."""
    data = audited({})
    assert case(data)["IsClosed"] is False
    assert case(data)["ClosedDate"] is None
    assert found(data, "events know when").rows == 1


def test_without_a_resolution_the_closing_ends_it(audited: Make) -> None:
    """A resolution time of `?` leaves the closing time."""
    data = audited({"incident_state": "Closed", "sys_updated_at": "9/3/2016 12:00"})
    assert case(data)["ClosedDate"] == at(2016, 3, 9, 12)


def test_the_first_answer_needs_a_log_from_the_start(audited: Make) -> None:
    """From New to another state; an incident that enters the log later has lost it."""
    active = {"incident_state": "Active", "sys_updated_at": "1/3/2016 10:00", "sys_mod_count": 1}
    assert case(audited({}, active))["First_Response_Hours__c"] == 2
    assert case(audited(active))["First_Response_Hours__c"] is None


def test_an_event_before_the_opening_is_no_answer(audited: Make) -> None:
    """Where the log says so, the first answer is unknown, not negative."""
    early = {"sys_updated_at": "1/3/2016 05:00"}
    active = {**early, "incident_state": "Active", "sys_mod_count": 1}
    data = audited(early, active)
    assert case(data)["First_Response_Hours__c"] is None
    assert found(data, "incidents have an event before").rows == 1


def test_callers_from_several_places_are_counted(audited: Make) -> None:
    """They are not loaded: a contact has one account."""
    data = audited({}, {"number": "0000046", "location": 9})
    assert found(data, "callers called from several").rows == 1
    assert "Contact" not in data.records


def test_the_logs_are_told_apart_by_their_columns(helped: Make, audited: Make) -> None:
    """Both files are called events.csv.gz; one with other columns is refused by both names."""
    assert helped(OPENED).records["Account"][0]["Name"] == "Customer 9"
    assert audited({}).records["Account"][0]["Name"] == "Location 143"


def test_another_log_is_refused(tmp_path: Path) -> None:
    """The error says which columns each log is known by."""
    (tmp_path / "events.csv.gz").write_text("a,b\n1,2\n")
    with pytest.raises(UnknownDatasetError, match="seriousness_2"):
        datasets.load(tmp_path)


def test_the_real_help_desk_is_folded_in_full(desk: Dataset) -> None:
    """21,348 events are 4,580 cases; most are solved in a week, nearly all within two months."""
    assert [(s.read, s.used) for s in desk.sources] == [(21_348, 21_348)]
    cases = desk.records["Case"]
    assert len(cases) == 4_580
    assert 394 <= len(desk.records["Account"]) <= 397
    days = sorted(
        (c["ClosedDate"] - c["CreatedDate"]).total_seconds() / 86400 for c in cases if c["IsClosed"]
    )
    assert round(days[len(days) // 2], 1) == 6.7
    assert round(days[int(len(days) * 0.9)]) == 30
    assert desk.as_of == at(2014, 1, 3, 13, 21)
    assert max(c["SystemModstamp"] for c in cases) < desk.as_of
    assert not any("SLA_Missed__c" in c for c in cases)


def test_the_real_incidents_are_folded_in_full(audit: Dataset) -> None:
    """141,712 events are 24,918 incidents; 36.6 % missed their promise, 1.1 % were reopened."""
    assert [(s.read, s.used) for s in audit.sources] == [(141_712, 141_712)]
    cases = audit.records["Case"]
    assert len(cases) == len({c["CaseNumber"] for c in cases}) == 24_918
    missed, reopened = found(audit, "incidents missed"), found(audit, "incidents were reopened")
    assert missed.rows == sum(c["SLA_Missed__c"] for c in cases)
    assert round(100 * missed.rows / missed.of, 1) == 36.6
    assert reopened.rows == sum(c["Reopen_Count__c"] > 0 for c in cases)
    assert round(100 * reopened.rows / reopened.of, 1) == 1.1
    assert sum(c["AccountId"] is None for c in cases) == found(audit, "incidents name no").rows == 6
    assert all(c["IsClosed"] for c in cases)
    assert audit.as_of == at(2017, 2, 18, 15, 1)
