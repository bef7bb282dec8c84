"""Alerts on both services: one open risk task an account, wherever a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from both import CRMS, Org, configured

from connectors.sandbox.handle import Sandbox
from crm_health.errors import QuotaExhausted

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def _alert(when: str, severity: str, subject: str, **values: Any) -> dict[str, Any]:
    text = {"subject": subject, "body": "What we saw:\nfew & fewer people."}
    given = {"when": when, "severity": severity, "does": "task", "task": text, "cool_days": 1}
    return {**given, "on_first_sync": True, **values}


ALERTS = {
    "small": _alert("employees < 50", "medium", "{account}: small", says="Small <50"),
    "tiny": _alert("employees < 10", "high", "{account}: tiny"),
    "shrunk": _alert(
        "employees < 80",
        "low",
        "{account}: shrunk",
        says="Shrunk",
        baseline="employees",
        clear="employees >= 1.5 * baseline",
    ),
}


@pytest.fixture(params=CRMS)
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    """A customer of five hundred people, and these alerts alone."""
    own = {"alerts": ALERTS, "quiet": None, "touches": None}
    with Sandbox.start(now=NOW, frozen=True) as box:
        made = Org(box, configured(tmp_path, request.param, instead=own), tmp_path, monkeypatch)
        made.customers({"Acme": {"employees": 500}})
        yield made


def task(org: Org) -> dict[str, Any]:
    """The one task of ours, by our own words."""
    ((record, row),) = org.tasks().items()
    out, episode = org.write.task, org.write.episode
    base = row[out.key].split("#")[0]
    assert episode.told is not None
    told = {
        one.get(episode.key): one.get(episode.told) for one in org.rows(episode.object).values()
    }
    priorities = {word: name for name, word in out.priorities.items()}
    return {
        "id": record,
        "subject": row[out.subject],
        "body": row[out.body],
        "priority": priorities[row[out.priority]],
        "open": row[out.status] != out.done_status,
        "told": told[base],
    }


@pytest.mark.parametrize(
    "org", [pytest.param("salesforce", marks=pytest.mark.slow), "hubspot"], indirect=True
)
def test_a_further_risk_is_a_line_wherever_a_run_ends(org: Org) -> None:
    """Each run may make one call more than the one before, and knows nothing of it."""
    org.sync()
    org.quiet()
    org.give("Acme", employees=40)
    org.sync()
    assert (task(org)["subject"], task(org)["priority"]) == ("Acme: small", "medium")
    assert task(org)["told"] == "shrunk:1:2026-03-02::40"
    org.quiet()
    org.give("Acme", employees=5)
    org.lose_state()
    before = org.box.calls()
    org.sync(dry_run=True)
    allowed = len(org.box.calls()) - len(before)
    for more in range(12):
        org.lose_state()
        try:
            done, _ = org.sync(max_calls=allowed + more)
        except QuotaExhausted:
            continue
        finally:
            assert len(org.tasks()) == 1
        if done.outcomes == {}:
            break
    found = task(org)
    assert (found["subject"], found["priority"], found["open"]) == ("Acme: tiny", "high", True)
    assert found["told"] == "shrunk:1:2026-03-02::40;tiny:1:2026-03-02::"
    assert found["body"].count("Shrunk") == found["body"].count("Small") == 1
    org.quiet()
    # Written by people: never again by us, while it is open.
    out = org.write.task
    org.save(out.object, found["id"], {out.body: "I wrote to them"})
    org.give("Acme", employees=500)
    org.sync()
    assert (task(org)["open"], task(org)["body"]) == (True, "I wrote to them")
    org.quiet()


def test_a_task_closes_when_all_that_it_tells_is_over(org: Org) -> None:
    """Nobody touched it, so it says when and why it was closed."""
    org.give("Acme", employees=5)
    org.sync()
    org.give("Acme", employees=8)
    assert org.clean().outcomes.get("done", 0) <= 1
    assert task(org)["open"]
    org.give("Acme", employees=90)
    org.sync()
    assert not task(org)["open"]
    assert task(org)["body"].startswith("Cleared on 2 Mar 2026: ")
    org.quiet()
