"""Escalations on both services: one sync makes all of it, the next ones nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from both import CRMS, Org, configured

from connectors.sandbox.handle import Sandbox

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture(params=CRMS)
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    """A customer whose worst case is late, and the packaged defaults."""
    with Sandbox.start(now=NOW, frozen=True) as box:
        made = Org(box, configured(tmp_path, request.param), tmp_path, monkeypatch)
        made.customers({"Acme": {}})
        yield made


def days(org: Org, count: int) -> None:
    for _ in range(count):
        org.pass_days()
        org.clean()


def records(org: Org) -> list[dict[str, Any]]:
    """The escalations of whomever, by our own names."""
    out = org.write.escalation
    names = {path: role for role, path in out.model_dump().items() if isinstance(path, str)}
    words: dict[Any, str] = {stage: word for word, stage in out.statuses.items()}
    pipeline = out.constants
    rows = org.rows(out.object).items()
    mine = [(i, row) for i, row in rows if all(row.get(n) == v for n, v in pipeline.items())]
    told = [{"id": i, **{role: row.get(path) for path, role in names.items()}} for i, row in mine]
    return [{**one, "status": words.get(one["status"], one["status"])} for one in told]


def work(org: Org, word: Literal["waiting", "resolved"]) -> None:
    """A person moves the one escalation on."""
    (one,) = records(org)
    out = org.write.escalation
    org.save(out.object, one["id"], {out.status: out.statuses[word]})


#: Both say the same of it in tests/acceptance/test_parity.py.
@pytest.mark.parametrize(
    "org", [pytest.param("salesforce", marks=pytest.mark.slow), "hubspot"], indirect=True
)
def test_an_escalation_runs_to_its_end(org: Org) -> None:
    """Opened with its actions, breached and told once, worked on by people, and left to them."""
    case = org.case("Acme")
    org.pass_days(4)
    org.clean()
    (found,) = records(org)
    assert (found["status"], found["reason"]) == ("open", "Support issue")
    assert found["actions"].count("[ ]") == 3
    assert len(org.tasks()) == 4
    assert [key.split(":")[-1] for key in org.told()] == ["told_open"]
    org.quiet()
    days(org, 4)
    assert str(records(org)[0]["breached"]).lower() == "true"
    assert len(org.told()) == 2
    org.quiet()
    work(org, "waiting")
    org.clean()
    (found,) = records(org)
    assert found["acknowledged"] is not None
    assert "waiting on customer" in found["log"]
    days(org, 3)
    assert len(org.told()) == 2
    # A person's own: the rule's end is no end of it.
    org.close_case(case)
    org.clean()
    assert records(org)[0]["status"] == "waiting"
    org.quiet()
    work(org, "resolved")
    org.clean()
    out = org.write.task
    assert {task[out.status] for task in org.tasks().values()} == {out.done_status}
    org.quiet()


def test_what_a_person_opens_is_run_as_well(org: Org) -> None:
    """It gets its clock and its actions, and keeps what the person wrote."""
    org.clean()
    out = org.write.escalation
    fields = {out.reason: "Product gap", out.severity: "S2", **out.constants}
    if org.crm == "salesforce":
        org.save(out.object, None, {**fields, out.account: org.ids["Acme"]})
    else:
        opened = {out.status: out.statuses["open"], "subject": "Please help"}
        made = org.save(out.object, None, {**fields, **opened})
        org.box.hubspot.associate(out.object, made, "companies", org.ids["Acme"])
    org.clean()
    (own,) = records(org)
    assert (own["key"], own["reason"]) == (None, "Product gap")
    assert own["log"].startswith("Product 2026-03-")
    assert own["actions"].startswith("[ ] Product: name one owner and one date")
    subjects = [task[org.write.task.subject] for task in org.tasks().values()]
    assert any("name one owner" in subject for subject in subjects)
    org.quiet()
