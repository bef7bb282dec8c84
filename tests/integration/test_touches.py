"""The touch plan and the line on cases, on both services: what setup makes is filled and steady."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from both import CRMS, Org, configured

from connectors.sandbox.handle import Sandbox

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(params=CRMS)
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    """A customer that was called on 10 February, with an open case and a closed one."""
    # The plan alone; one customer is no pyramid.
    config = configured(
        tmp_path,
        request.param,
        instead={"alerts": {}, "escalations": {}},
        touches={"digital": None},
        tiers={"unranked": "strategic"},
    )
    with Sandbox.start(now=NOW, frozen=True) as box:
        made = Org(box, config, tmp_path, monkeypatch)
        made.customers({"Acme": {}})
        if made.crm == "salesforce":
            call = {"WhatId": made.ids["Acme"], "Subject": "Call", "TaskSubtype": "Call"}
            made.save("Task", None, {**call, "Status": "Completed", "ActivityDate": "2026-02-10"})
        else:
            call = {"hs_timestamp": "2026-02-10T15:00:00.000Z", "hs_call_title": "Business talk"}
            talk = made.save("calls", None, {**call, "hs_call_status": "COMPLETED"})
            box.hubspot.associate("calls", talk, "companies", made.ids["Acme"])
        made.case("Acme")
        made.close_case(made.case("Acme"))
        yield made


def test_what_is_next_and_who_is_asking(org: Org) -> None:
    """The fields that setup made say it, and nothing is written twice; the task comes in time."""
    org.clean()
    due = [org.shown("Acme", output) for output in ("next_touch", "next_touch_due")]
    assert due == ["Call", "2026-03-16"]
    assert not org.tasks()
    cases, out = org.config.mapping.read["case"][0].object, org.write.case
    assert out is not None
    lines = [row.get(out.context) for row in org.rows(cases).values()]
    line, *others = sorted(lines, key=lambda text: text is None)
    assert line is not None
    assert line.startswith("Strategic customer")
    assert others == [None]
    org.quiet()
    org.pass_days(7)
    org.clean()
    (task,) = org.tasks().values()
    assert ":touch_call:1#" in task[org.write.task.key]
    assert task[org.write.task.subject] == "Acme: call them, last talk 10 Feb 2026"
    org.quiet()
