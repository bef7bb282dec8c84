"""Whole runs on a HubSpot account that is slow, shut, or out of calls: what is waited for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hubspot_portal import Account, escalations, live, writes

from crm_health.errors import AuthError, QuotaExhausted, RateLimited, Unavailable
from crm_health.testing.ports import Log

#: What stands in the addresses of what reads records, and of what writes them.
READS, WRITES = r"/objects/[^/]+/[^/]+$", "/batch/(create|update|upsert)"
#: A fault that passes, and the seconds that are waited for it at least.
PASSING = (
    ({"kind": "locked"}, 2.0),
    ({"kind": "too_many"}, 10.0),
    ({"kind": "too_many", "headers": {"Retry-After": "-5"}}, 10.0),
    ({"kind": "too_many", "headers": {"Retry-After": "Mon, 02 Mar 2026 15:00:25 GMT"}}, 25.0),
    ({"kind": "too_many", "headers": {"Retry-After": "soon"}}, 10.0),
    ({"kind": "moving", "headers": {"Retry-After": "20"}}, 20.0),
    ({"kind": "unavailable", "status": 503}, 0.0),
    ({"kind": "unavailable", "status": 524}, 0.0),
    ({"kind": "html"}, 0.0),
    ({"kind": "truncate"}, 0.0),
)
MIDNIGHT_IN_BERLIN = "2026-03-02T23:00:00+00:00"


def _pauses(log: Log) -> list[float]:
    return [values["wait"] for event, values in log.events if event == "http.retry"]


def _whole(account: Account) -> None:
    """All that a first sync does is done, once; the next sync has nothing to do."""
    assert account.sync()[1] == 0
    assert len(escalations(account.box)) == 1
    assert len(live(account.box, "tasks")) == 1
    account.box.advance(60)
    account.box.clear_calls()
    assert account.sync()[1] == 0
    assert writes(account.box) == []


def _waited(pauses: list[float], least: list[float]) -> None:
    assert len(pauses) == len(least)
    assert all(least <= paused <= least + 30 for paused, least in zip(pauses, least, strict=True))


def test_what_passes_is_waited_for_and_the_run_goes_on(account: Account) -> None:
    """As long as told; as long as such a refusal takes where nothing usable is told."""
    # Each call is refused twice, and then answered.
    account.box.faults(
        *(
            {**fault, "path": READS, "nth": n // 2 * 3 + n % 2 + 1}
            for n, (fault, _) in enumerate(PASSING)
        )
    )
    log = Log()
    assert account.sync(log=log)[1] == 0
    _waited(_pauses(log), [least for _, least in PASSING])
    account.box.advance(3600)
    account.box.hubspot.edit("tickets", "2002", {"hs_ticket_priority": "URGENT"})
    account.box.advance(60)
    account.box.clear_faults()
    account.box.faults(
        *({**fault, "path": WRITES, "nth": 2 * n + 1} for n, (fault, _) in enumerate(PASSING[:4]))
    )
    log = Log()
    assert account.sync(log=log)[1] == 0
    assert len(_pauses(log)) >= 3
    assert len(escalations(account.box)) == len(live(account.box, "tasks")) == 2


def test_a_day_is_not_slept_through(account: Account) -> None:
    """A run that is told to wait too long ends with the time to come again."""
    for kind, header, seconds in (
        ("too_many", "86400", 86_400.0),
        ("too_many", "Tue, 03 Mar 2026 15:00:00 GMT", 86_400.0),
        ("moving", "86400", 86_400.0),
        ("moving", "", 3_600.0),
        ("locked", "7200", 7_200.0),
    ):
        # What was read whole is searched by the next run.
        rule = {"kind": kind, "headers": {"Retry-After": header}, "path": "/objects/", "nth": 3}
        account.box.clear_faults()
        account.box.faults(rule)
        log = Log()
        with pytest.raises(RateLimited) as caught:
            account.sync(log=log)
        assert caught.value.retry_after == seconds
        assert _pauses(log) == []
    assert "24 hours" not in caught.value.message
    assert writes(account.box) == []
    # In the middle of writing what was written has its receipts, and the rest is left for later.
    account.box.clear_faults()
    account.box.faults(
        {"kind": "too_many", "headers": {"Retry-After": "86400"}, "path": WRITES, "nth": 2}
    )
    log = Log()
    assert account.sync(log=log)[1] == 3
    assert _pauses(log) == []
    _whole(account)


def test_what_does_not_pass_ends_the_run_and_writes_nothing(account: Account) -> None:
    """After some attempts, in minutes at most; the next run begins where this one was."""
    for kind in ("unavailable", "html", "locked", "truncate", "server_error"):
        account.box.clear_faults()
        account.box.faults({"kind": kind, "path": "/objects/.*tickets", "times": 0})
        log = Log()
        with pytest.raises(Unavailable):
            account.sync(log=log)
        assert 0 < sum(_pauses(log)) <= 120
        assert writes(account.box) == []
    account.box.clear_faults()
    _whole(account)


def test_a_day_without_calls_left_ends_the_run_and_the_next_day_completes_it(
    account: Account, tmp_path: Path
) -> None:
    """Before reading, in it and in writing: asked once, told until when, nothing made twice."""
    account.box.clear_calls()
    account.sync(tmp_path / "looking.sqlite", dry_run=True)
    reading = len(account.box.calls())
    for left in (0, 5):
        used = 625_000 - left
        account.box.hubspot.settings(limits=True, zone="Europe/Berlin", daily_used=used)
        log = Log()
        with pytest.raises(QuotaExhausted) as caught:
            account.sync(tmp_path / f"{left}.sqlite", log=log)
        # Which zone the account has is what the first answer tells.
        until = caught.value.until.isoformat() if caught.value.until else None
        assert until == (MIDNIGHT_IN_BERLIN if left else None)
        assert _pauses(log) == []
    assert account.box.hubspot.status()["refused"]["daily"] == 2
    # Where it would end while writing a guard holds the plan: others need calls too.
    account.box.hubspot.settings(daily_used=625_000 - reading - 1)
    report, code = account.sync(tmp_path / "held.sqlite")
    assert (code, writes(account.box)) == (4, [])
    assert "API" in " ".join(report.stops)
    # Unless those others are the ones who take the last one meanwhile.
    account.box.hubspot.settings(limits=False, daily_used=0)  # its seconds are real, ours are not
    account.box.faults({"kind": "daily_limit", "path": WRITES, "nth": 2, "times": 0})
    with pytest.raises(QuotaExhausted):
        account.sync()
    assert [*escalations(account.box), *live(account.box, "tasks")], "nothing had been written"
    account.box.clear_faults()
    account.box.advance(timedelta(hours=9).total_seconds())
    _whole(account)


def test_a_token_revoked_in_mid_run_is_not_tried_again(account: Account) -> None:
    """One refused call in each run; with a good token the next run completes."""
    for n, (path, nth) in enumerate((("/account-info/", 1), (READS, 3), (WRITES, 1)), 1):
        account.box.faults({"kind": "invalid_session", "path": path, "nth": nth})
        with pytest.raises(AuthError):
            account.sync()
        assert account.box.counters()["by_status"]["401"] == n
    _whole(account)
