"""Leadership hears of each due once, wherever a run ends and whatever it forgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from both import Org, configured

from connectors.sandbox.handle import Sandbox
from crm_health.errors import QuotaExhausted

#: A Monday, 10:00 where the organisation is.
NOW = datetime(2026, 3, 23, 15, 0, tzinfo=UTC)
#: More calls than writing takes here.
_MOST = 20


#: On HubSpot `make test` kills at random (tests/acceptance/test_escalation_kills.py).
@pytest.fixture(params=["salesforce", pytest.param("hubspot", marks=pytest.mark.slow)])
def org(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    config = configured(tmp_path, request.param)
    with Sandbox.start(now=NOW, frozen=True) as box:
        made = Org(box, config, tmp_path, monkeypatch)
        made.customers({"Acme": {}})
        made.clean()
        made.case("Acme")
        yield made


def _cut(org: Org, calls: int, said: list[str]) -> bool:
    """A run of so many calls at most; whether it came to its end."""
    try:
        org.clean(max_calls=calls, notice=lambda title, _: said.append(title))
    except QuotaExhausted:
        return False
    return True


def _cut_everywhere(org: Org, tasks: int, away: int) -> int:
    """From this moment on a run that ends after its first call, after its second, and so on.

    After each days may pass; the next run, on a new database, makes all good. What that leaves
    behind the last of them stays.

    Args:
        org: Whose moment it is.
        tasks: That have told leadership by the end of each.
        away: Days without a sync.

    Returns:
        How many of them broke off while writing.
    """
    now, before, state = org.box.clock(), len(org.box.calls()), org.state
    org.box.snapshot("moment")
    org.copy_state(state)
    org.sync(dry_run=True)
    reading = len(org.box.calls()) - before
    for more in range(1, _MOST):
        org.box.restore("moment")
        org.box.clock(now)
        org.copy_state(state)
        told, said = len(org.told()), list[str]()
        ended = _cut(org, reading + more, said)
        org.pass_days(away)
        org.lose_state()
        _cut(org, 1_000, said)
        assert len(org.told()) == len(set(org.told())) == tasks, f"after {more} calls more"
        # A message is sent by the run that made its task, or not at all.
        assert max(Counter(said).values(), default=0) <= 1
        assert len(said) <= tasks - told
        if ended:
            assert len(said) == tasks - told
            return more
    raise AssertionError("no run came to its end")


def test_leadership_hears_once_wherever_a_run_ends(org: Org) -> None:
    """Of an opening, at once; of a due that passed, though syncs come back days later."""
    org.pass_days(2)
    assert _cut_everywhere(org, tasks=1, away=0) > 1
    org.quiet()
    org.pass_days(3)
    assert _cut_everywhere(org, tasks=2, away=5) > 1
    (found,) = org.escalations().values()
    assert found[org.write.escalation.breached] in (True, "true")
    org.quiet()
