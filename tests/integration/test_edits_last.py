"""What people change on our records stays so: ten days, each with a sync and other data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from both import CRMS, Org, configured

from connectors.sandbox.handle import Sandbox

#: A Monday, 10:00 where the organisation is; the review of the tiers is on the eighth day after.
NOW = datetime(2026, 3, 23, 15, 0, tzinfo=UTC)
TEXT = {"subject": "{account}: few people", "body": "Ask them why."}
ALERTS = {
    "small": {"when": "employees < 50", "severity": "medium", "does": "task", "cool_days": 1,
              "says": "Fewer than 50", "task": TEXT},
    "tiny": {"when": "employees < 10", "severity": "high", "does": "task", "cool_days": 1,
             "says": "Fewer than 10", "task": TEXT},
}  # fmt: skip
#: Whose task is met by what a person does to it.
TASKS = ("closed", "deleted", "rewritten", "ranked", "handed", "dated", "judged", "left alone")
ESCALATED = ("owner", "taken up", "graver", "moved", "declined", "reopened", "gone", "untouched")
PLACED = ("tier", "stage", "value")


@pytest.fixture(params=CRMS)
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    # Each of the many tasks is there on one day; nobody's are for the fields only.
    limits = {"tasks_a_day": 99, "tasks_open": 99, "quiet": None}
    config = configured(
        tmp_path, request.param, alerts=ALERTS, guards={"new_records": 99}, **limits
    )
    with Sandbox.start(now=NOW, frozen=True) as box:
        made = Org(box, config, tmp_path, monkeypatch)
        names = [*TASKS, *ESCALATED, *PLACED, *(f"other {n}" for n in range(8))]
        made.customers(
            {
                name: {"employees": 500, "contract_value": 9e4 - 1e3 * n}
                for n, name in enumerate(names)
            }
        )
        made.use("value")
        yield made


class Held:
    """What people chose, by record and field, and whether it is still there."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.chosen: dict[tuple[str, str], dict[str, Any]] = {}

    def choose(self, object_name: str, record: str, **fields: Any) -> None:
        """A person sets some fields, which from then on must stay so."""
        self.org.save(object_name, record, fields)
        row = self.org.rows(object_name)[record]
        self.chosen.setdefault((object_name, record), {}).update({n: row[n] for n in fields})

    def check(self) -> None:
        objects = {name for name, _ in self.chosen}
        rows = {name: self.org.rows(name) for name in objects}
        for (name, record), fields in self.chosen.items():
            found = rows[name][record]
            assert {field: found.get(field) for field in fields} == fields


def _work(org: Org, held: Held) -> Callable[[], None]:
    """People see what was opened and deal with it; what they do a few days later is returned."""
    task, escalation, account = org.write.task, org.write.escalation, org.write.account

    def on_task(name: str, **fields: Any) -> None:
        (record,) = org.tasks(f":{org.ids[name]}:small:")
        held.choose(task.object, record, **fields)

    def on_escalation(name: str, **fields: Any) -> None:
        (record,) = org.escalations(f":{org.ids[name]}:")
        held.choose(escalation.object, record, **fields)

    on_task("closed", **{task.status: task.done_status})
    (record,) = org.tasks(f":{org.ids['deleted']}:small:")
    org.delete(task.object, record)
    on_task("rewritten", **{task.body: "They are on holiday"})
    on_task("ranked", **{task.priority: task.priorities["low"]})
    on_task("handed", **{task.owner: org.other})
    late = "2026-04-30" if org.crm == "salesforce" else "2026-04-30T16:00:00.000Z"
    on_task("dated", **{task.due: late})
    assert task.feedback is not None
    on_task("judged", **{task.feedback: "Useful"})

    on_escalation("owner", **{escalation.owner: org.other})
    on_escalation("taken up", **{escalation.status: escalation.statuses["in_progress"]})
    on_escalation("graver", **{escalation.severity: "S3"})
    on_escalation("moved", **{escalation.department: "Engineering"})
    on_escalation("declined", **{escalation.status: escalation.closed_statuses[-1]})
    on_escalation("reopened", **{escalation.status: escalation.statuses["resolved"]})
    (record,) = org.escalations(f":{org.ids['gone']}:")
    org.delete(escalation.object, record)

    for name, output, word in (
        ("tier", "tier", "Strategic"),
        ("stage", "stage", "Expand"),
        ("value", "value_stage", "Achieving Goals"),
    ):
        assert org.shown(name, output) not in (None, word)
        held.choose(org.account_object, org.ids[name], **{account[output]: word})

    def later() -> None:
        on_escalation("reopened", **{escalation.status: escalation.statuses["waiting"]})

    return later


def _numbers(org: Org) -> dict[str, int]:
    """How many tasks about small customers, and escalations, each customer has or had."""
    both = [*org.tasks(":small:").values(), *org.escalations().values()]
    keys = [str(row.get(org.write.task.key) or row.get(org.write.escalation.key)) for row in both]
    return {name: sum(f":{org.ids[name]}:" in key for key in keys) for name in (*TASKS, *ESCALATED)}


def test_what_people_change_stays_for_ten_days(org: Org) -> None:
    """Whatever the conditions do meanwhile; what nobody touched goes on as ever."""
    org.clean()
    for name in TASKS:
        org.give(name, employees=40)
    cases = [org.case(name) for name in ESCALATED]
    org.pass_days(2)
    org.clean()
    held = Held(org)
    later = _work(org, held)
    numbers = _numbers(org)
    away = ("deleted", "gone")
    assert numbers == {name: int(name not in away) for name in (*TASKS, *ESCALATED)}
    if org.crm == "hubspot":
        # There the task is all that knows of its episode: deleted, it comes again.
        numbers["deleted"] = 1
    for day in range(1, 11):
        org.pass_days()
        org.use("value")
        org.give("tier", contract_value=9e4 / (day + 1), employees=500 + day)
        org.give("stage", employees=500 + day)
        # Three people more or less; then a graver risk; over; and there again.
        staff = 5 if day in (3, 4) else 500 if day in (6, 7) else 40 + day
        for name in TASKS:
            graver = staff == 5 and name in ("closed", "deleted")
            org.give(name, employees=20 if graver else staff)
        if day == 4:
            later()
        if day == 5:
            for case in cases:
                org.close_case(case)
        if day == 7:
            cases = [org.case(name) for name in ESCALATED]
        report = org.clean()
        assert report.edits.height == (3 if day == 1 else 0)
        held.check()
        told = _numbers(org)
        # What came back after its cause was over is told anew, where no task stands for it.
        again = {"closed", "judged", "left alone", *away} if day >= 8 else set()
        assert told == {name: count + (name in again) for name, count in numbers.items()}, day
    task, out = org.write.task, org.write.escalation
    first = next(iter(org.tasks(f":{org.ids['left alone']}:small:1#").values()))
    assert first[task.status] == task.done_status, "nobody touched it, so it closed by itself"
    (ended,) = org.escalations(f":{org.ids['untouched']}:").values()
    assert ended[out.status] == out.statuses["resolved"]
    org.quiet()
    held.check()
