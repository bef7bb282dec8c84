"""The first sync of an org in which much is wrong already: fields say so, hardly a task does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from both import CRMS, Org, configured

from connectors.sandbox.handle import Sandbox
from crm_health import cli

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 23, 15, 0, tzinfo=UTC)
CUSTOMERS = 500
#: Of as many customers the guard lets so many new tasks and escalations pass.
LIMIT = 25


@pytest.fixture(params=CRMS)
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    """Everybody's renewal is near and not prepared; the worst cases of some are past their SLA."""
    with Sandbox.start(now=NOW - timedelta(days=4), frozen=True) as box:
        # Planned touches come by the calendar, and are no condition that stands.
        config = configured(tmp_path, request.param, touches=None)
        made = Org(box, config, tmp_path, monkeypatch)
        soon = NOW.date() + timedelta(days=100)
        made.customers({f"C{n:03d}": {"renewal_at": soon} for n in range(CUSTOMERS)})
        for n in range(LIMIT):
            made.case(f"C{n:03d}")
        box.clock(NOW)
        for name, value in (
            ("CRM", request.param),
            ("CONFIG", tmp_path),
            ("STATE", tmp_path / "s"),
        ):
            monkeypatch.setenv(f"CRM_HEALTH_{name}", str(value))
        yield made


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """A command as an admin types it: its exit code and what it said."""
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    said = capsys.readouterr()
    return int(end.value.code or 0), " ".join(said.err.split())


def _made(org: Org) -> Counter[str]:
    """Our tasks and escalations by the rule or the action that they are of."""
    tasks = (str(row[org.write.task.key]).split("#")[0] for row in org.tasks().values())
    records = (str(row[org.write.escalation.key]) for row in org.escalations().values())
    return Counter(
        key.split(":")[-2] if key.startswith("ch1:") else key.split(":")[-1]
        for key in (*tasks, *records)
    )


def test_five_hundred_standing_conditions_make_no_task(
    org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    """But those that can't wait; one of these too many, and a person is asked before anything."""
    actions = ("owner_named", "customer_called", "cause_written", "told_open")
    org.case(f"C{CUSTOMERS - 1:03d}")
    org.pass_days(2)
    code, said = _run(capsys, "--log-level", "error", "sync")
    assert code == 4
    assert f"Guard: {LIMIT + 1} new tasks and escalations (limit {LIMIT})." in said
    assert "Nothing was written" in said
    assert _made(org) == {}
    assert org.shown("C000", "memory") is None
    *_, approve = said.split()
    code, said = _run(capsys, "--log-level", "error", "sync", "--approve", approve)
    assert code == 0
    assert f"{CUSTOMERS} alerts held already when the account was first synced" in said
    assert f"{LIMIT + 1} escalations open, {4 * (LIMIT + 1)} tasks of escalations" in said
    everything = {"sev1_past_sla": LIMIT + 1, **dict.fromkeys(actions, LIMIT + 1)}
    assert _made(org) == everything
    # What stood there shows in the fields of all; nobody has a task of it, now or later.
    assert "renewal_unready" in org.shown("C000", "open_alerts")
    assert org.shown("C400", "open_alerts").startswith("renewal_unready")
    assert org.shown("C400", "top_risk").startswith("Renewal on 1 Jul 2026")
    code, said = _run(capsys, "--log-level", "error", "sync")
    assert (code, _made(org)) == (0, everything)
    assert "0 writes: the CRM says what it should" in said
    # A week later, on a new database; then one begins that did not stand there. It is their one
    # person's, who has more than enough open by now.
    org.pass_days(7)
    org.give("C400", renewal_at=NOW.date() + timedelta(days=400))
    assert org.clean().waiting == 0
    org.give("C400", renewal_at=NOW.date() + timedelta(days=90))
    org.pass_days()
    assert org.clean().waiting == 1
    later = _made(org) - Counter(everything)
    assert {name.split("_")[0]: count for name, count in later.items()} == {"told": LIMIT + 1}
