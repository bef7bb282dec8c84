"""Whole runs on a HubSpot account: setup, first sync, quiet sync, and what closes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from connectors.hubspot import connect, provisioner
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import Config, load
from crm_health.connector import Connector, Notes
from crm_health.errors import QuotaExhausted
from crm_health.location import Location
from crm_health.store import Store
from crm_health.sync import session
from crm_health.sync.options import Options
from crm_health.sync.run import Report
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_help import Hub

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
OWNER = "31871900"
PLAYBOOK = Path(__file__).parents[2] / "mappings" / "playbook.yaml"
COMPANIES = ("1001", "1002", "1003")


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def _config(folder: Path) -> Config:
    """The packaged defaults, and a task beside the escalation of a late ticket."""
    playbook = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    late = playbook["alerts"]["sev1_past_sla"]
    shared = {name: value for name, value in late.items() if name not in ("does", "escalation")}
    text = {"subject": "{account}: call about the late ticket", "body": "Call them."}
    playbook["alerts"]["call_them"] = {**shared, "does": "task", "due_days": 3, "task": text}
    (folder / "playbook.yaml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    return load(folder, crm="hubspot")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """See `_config`."""
    return _config(tmp_path)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, config: Config) -> Iterator[Sandbox]:
    """Three customers and a prospect; setup was run. The first customer has a late ticket."""
    with Sandbox.start(now=NOW, frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)
        setup = provisioner(make_ports(), config.mapping.api_version, config.mapping)
        setup.apply()
        setup.close()
        _fill(box)
        yield box


def _fill(box: Sandbox) -> None:
    made = {"createdate": _stamp(NOW - timedelta(days=900))}
    made["hs_lastmodifieddate"] = _stamp(NOW - timedelta(days=40))
    ticket = {"hs_pipeline": "0", "hs_pipeline_stage": "1", "subject": "Down"}
    past = _stamp(NOW - timedelta(days=20))
    call = {"hs_timestamp": past, "hs_createdate": past, "hs_call_title": "Business review"}
    customers = [
        {"id": i, "name": f"Customer {i}", "lifecyclestage": "customer", **made} for i in COMPANIES
    ]
    box.hubspot.load(
        {
            "companies": [
                *({**one, "hubspot_owner_id": OWNER} for one in customers),
                {"id": "1009", "name": "Prospect", "lifecyclestage": "lead", **made},
            ],
            "tickets": [
                {"id": "2001", **ticket, "hs_ticket_priority": "URGENT", "createdate": past},
                {"id": "2002", **ticket, "hs_ticket_priority": "LOW", "createdate": past},
            ],
            "calls": [{"id": f"30{i}", **call} for i in COMPANIES],
        },
        links=[
            {
                "from": "tickets",
                "to": "companies",
                "types": [339, 26],
                "pairs": [["2001", COMPANIES[0]], ["2002", COMPANIES[1]]],
            },
            {
                "from": "calls",
                "to": "companies",
                "types": [182],
                "pairs": [[f"30{i}", i] for i in COMPANIES],
            },
        ],
    )


@pytest.fixture
def place(tmp_path: Path) -> Location:
    """Where the state is kept."""
    return tmp_path / "state.sqlite"


def _sync(
    sandbox: Sandbox,
    config: Config,
    place: Location,
    max_calls: int | None = None,
    *,
    dry_run: bool = False,
) -> tuple[Report, int]:
    def made(notes: Notes) -> Connector:
        ports = make_ports(notes=notes, max_calls=max_calls)
        return connect(ports, config.mapping.api_version)

    store = Store.open(place)
    try:
        return session.perform(made, store, config, Options(dry_run=dry_run), sandbox.clock)
    finally:
        store.close()


def _live(sandbox: Sandbox, kind: str) -> dict[str, dict[str, Any]]:
    return {r["id"]: r for r in sandbox.hubspot.records(kind) if not r["archived"]}


def _escalations(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [t for t in _live(sandbox, "tickets").values() if t.get("health_escalation_key")]


def _writes(sandbox: Sandbox, since: int) -> list[str]:
    calls = sandbox.calls()[since:]
    ends = ("/batch/create", "/batch/update", "/batch/upsert", "/associate/default")
    return [c["path"] for c in calls if c["path"].endswith(ends) or c["method"] in ("PATCH", "PUT")]


def test_a_first_sync_scores_customers_and_opens_what_is_due(
    sandbox: Sandbox, config: Config, place: Location
) -> None:
    """Scores on customers only; one ticket in our pipeline and one task, both on the company."""
    _, code = _sync(sandbox, config, place)
    assert code == 0
    companies = _live(sandbox, "companies")
    assert all(companies[i]["health_memory"] for i in COMPANIES)
    assert "health_memory" not in companies["1009"]
    (escalation,) = _escalations(sandbox)
    assert escalation["health_escalation_key"] == "ch1:1001:sev1_past_sla:1"
    assert escalation["hs_pipeline"] == "health_escalations"
    assert escalation["hs_pipeline_stage"] == "health_open"
    assert escalation["subject"] == "Support issue"
    (task,) = _live(sandbox, "tasks").values()
    assert task["health_episode_key"] == "ch1:1001:call_them:1"
    assert task["hs_task_subject"] == "Customer 1001: call about the late ticket"
    assert task["hubspot_owner_id"] == OWNER
    for kind, row in (("tickets", escalation), ("tasks", task)):
        path = f"/crm/v4/objects/{kind}/{row['id']}/associations/companies"
        (found,) = Hub(sandbox).get(path)["results"]
        assert str(found["toObjectId"]) == COMPANIES[0]


def test_a_second_sync_with_nothing_new_writes_nothing(
    sandbox: Sandbox, config: Config, place: Location
) -> None:
    """Our own tickets, tasks and scores are no news: no write, one search an object."""
    _sync(sandbox, config, place)
    sandbox.advance(120)
    _sync(sandbox, config, place)
    sandbox.advance(120)
    before = len(sandbox.calls())
    _, code = _sync(sandbox, config, place)
    assert code == 0
    assert _writes(sandbox, before) == []
    searches = [c["path"] for c in sandbox.calls()[before:] if c["path"].endswith("/search")]
    assert len(searches) == len(set(searches))


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_day_that_is_due_is_the_same_day_in_every_zone(
    sandbox: Sandbox, config: Config, place: Location, zone: str
) -> None:
    """HubSpot keeps due dates as instants: read back they are no edit of a person's."""
    sandbox.hubspot.settings(zone=zone)
    _sync(sandbox, config, place)
    (task,) = _live(sandbox, "tasks").values()
    due = datetime.fromisoformat(task["hs_timestamp"]).astimezone(ZoneInfo(zone))
    assert (due.hour, due.weekday() < 5) == (12, True)
    sandbox.advance(120)
    sandbox.hubspot.edit("tickets", "2001", {"hs_pipeline_stage": "4"})
    sandbox.advance(120)
    _sync(sandbox, config, place)
    assert _live(sandbox, "tasks")[task["id"]]["hs_task_status"] == "COMPLETED"


def test_a_lost_state_opens_nothing_twice(
    sandbox: Sandbox, config: Config, place: Location, tmp_path: Path
) -> None:
    """With a new local database everything is known again from the CRM."""
    _sync(sandbox, config, place)
    before = {kind: _live(sandbox, kind) for kind in ("tickets", "tasks")}
    sandbox.advance(120)
    _, code = _sync(sandbox, config, tmp_path / "other.sqlite")
    assert code == 0
    for kind, known in before.items():
        assert set(_live(sandbox, kind)) == set(known)


@pytest.mark.parametrize("lost", [False, True])
def test_a_run_that_ends_between_any_two_calls_opens_nothing_twice(
    sandbox: Sandbox, config: Config, place: Location, tmp_path: Path, *, lost: bool
) -> None:
    """Each run may make one call more than the one before; the local state may be lost as well."""
    before = len(sandbox.calls())
    _sync(sandbox, config, tmp_path / "looking.sqlite", dry_run=True)
    allowed = len(sandbox.calls()) - before
    ends: list[int | None] = []
    for more in range(10):
        state = tmp_path / f"{more}.sqlite" if lost else place
        sandbox.advance(60)
        try:
            ends.append(_sync(sandbox, config, state, max_calls=allowed + more)[1])
        except QuotaExhausted:
            ends.append(None)
        assert len(_escalations(sandbox)) <= 1
        assert len(_live(sandbox, "tasks")) <= 1
    assert (ends[0], ends[-1]) == (None, 0)
    assert (len(_escalations(sandbox)), len(_live(sandbox, "tasks"))) == (1, 1)


def test_what_nobody_touched_closes_when_its_cause_is_over(
    sandbox: Sandbox, config: Config, place: Location
) -> None:
    """The late ticket is closed: our ticket goes to Resolved, our task is completed."""
    _sync(sandbox, config, place)
    sandbox.advance(120)
    sandbox.hubspot.edit("tickets", "2001", {"hs_pipeline_stage": "4"})
    sandbox.advance(120)
    _, code = _sync(sandbox, config, place)
    assert code == 0
    (task,) = _live(sandbox, "tasks").values()
    assert task["hs_task_status"] == "COMPLETED"
    (ours,) = _escalations(sandbox)
    assert ours["hs_pipeline_stage"] == "health_resolved"


def test_what_a_person_changed_is_left_alone(
    sandbox: Sandbox, config: Config, place: Location
) -> None:
    """A task with another subject is somebody's own: it stays open when its cause is over."""
    _sync(sandbox, config, place)
    sandbox.advance(120)
    (task,) = _live(sandbox, "tasks")
    sandbox.hubspot.edit("tasks", task, {"hs_task_subject": "I take this"})
    sandbox.hubspot.edit("tickets", "2001", {"hs_pipeline_stage": "4"})
    sandbox.advance(120)
    _sync(sandbox, config, place)
    assert _live(sandbox, "tasks")[task]["hs_task_status"] == "NOT_STARTED"


def test_the_scopes_of_the_guide_suffice(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setup and sync with those that `docs/hubspot.md` lists, and without surveys and e-mails."""
    guide = (Path(__file__).parents[2] / "docs" / "hubspot.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith(("| reading", "| writing"))]
    daily = re.findall(r"`([a-z._]+)`", " ".join(rows))
    admin = re.findall(r"`([a-z._]+)`", next(r for r in guide.splitlines() if "| setup only" in r))
    with Sandbox.start(now=NOW, frozen=True) as box, TemporaryDirectory() as folder:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)
        box.hubspot.tokens(scopes=[*daily, *admin])
        setup = provisioner(make_ports(), config.mapping.api_version, config.mapping)
        assert all(step.done for step in setup.apply())
        setup.close()
        _fill(box)
        box.hubspot.tokens(scopes=daily)
        _, code = _sync(box, config, Path(folder) / "state.sqlite")
        assert code == 0
        assert len(_escalations(box)) == 1
