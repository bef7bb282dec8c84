"""Whole runs on a HubSpot account that takes no unique property on tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hubspot_portal
import pytest
from hubspot_portal import COMPANIES, LATE, Account, live, writes

from connectors.hubspot.transport import Transport
from crm_health.errors import QuotaExhausted
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_help import Hub

HORIZON = 900


@pytest.fixture
def claiming(bare: Account) -> Account:
    """It was set up like that, and has three customers; the first has a late ticket."""
    bare.box.hubspot.settings(unique_tasks=False)
    bare.setup()
    hubspot_portal.fill(bare.box)
    return bare


def _claims(account: Account) -> list[str]:
    rows = str(account.company().get("health_claims") or "").splitlines()
    return [row.split("@")[0] for row in rows]


def test_a_task_is_claimed_made_and_closed(claiming: Account) -> None:
    """One claim, one task; then nothing to write; closed when its cause is over."""
    _, code = claiming.sync()
    assert code == 0
    (task,) = live(claiming.box, "tasks").values()
    assert task["health_episode_key"] == f"ch1:{COMPANIES[0]}:call_them:1"
    assert _claims(claiming) == [task["health_episode_key"]]
    claiming.box.advance(120)
    claiming.sync()
    claiming.box.advance(120)
    before = len(claiming.box.calls())
    claiming.sync()
    assert writes(claiming.box, before) == []
    claiming.box.hubspot.edit("tickets", LATE, {"hs_pipeline_stage": "4"})
    claiming.box.advance(120)
    claiming.sync()
    assert live(claiming.box, "tasks")[task["id"]]["hs_task_status"] == "COMPLETED"


def test_a_person_who_empties_the_claims_gets_no_second_task(
    claiming: Account, tmp_path: Path
) -> None:
    """Nor does a state that was lost at the same time."""
    claiming.sync()
    claiming.box.hubspot.edit("companies", COMPANIES[0], {"health_claims": ""})
    claiming.box.advance(120)
    _, code = claiming.sync(tmp_path / "other.sqlite")
    assert code == 0
    assert len(live(claiming.box, "tasks")) == 1


def test_a_run_that_ends_between_any_two_calls_makes_one_task(
    claiming: Account, tmp_path: Path
) -> None:
    """Each run may make one call more, every second one has lost the state before it."""
    box = claiming.box
    before = len(box.calls())
    claiming.sync(tmp_path / "looking.sqlite", dry_run=True)
    allowed = len(box.calls()) - before
    ends: list[int | None] = []
    for more in range(15):
        box.advance(HORIZON)
        place = tmp_path / f"{more}.sqlite" if more % 2 else claiming.place
        try:
            ends.append(claiming.sync(place, max_calls=allowed + more)[1])
        except QuotaExhausted:
            ends.append(None)
        assert len(live(box, "tasks")) <= 1
        assert len(hubspot_portal.escalations(box)) <= 1
    assert (ends[0], ends[-1]) == (None, 0)
    assert len(live(box, "tasks")) == 1
    assert len(_claims(claiming)) > 1, "no run ended behind a claim"
    ours = {"tasks": [*live(box, "tasks")], "tickets": [hubspot_portal.escalations(box)[0]["id"]]}
    for kind, (row,) in ours.items():
        found = Hub(box).get(f"/crm/v4/objects/{kind}/{row}/associations/companies")["results"]
        assert [str(to["toObjectId"]) for to in found] == [COMPANIES[0]]


@dataclass
class _Second:
    """Lets another sync, with a state of its own, run in the middle of the first one's calls."""

    account: Account
    place: Path
    code: int | None = None

    def run(self) -> None:
        if self.code is None:
            self.code = -1
            self.code = self.account.sync(self.place)[1]


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("/companies/batch/read", True),
        ("/companies/batch/update", True),
        ("/tasks/batch/create", False),
    ],
)
def test_two_syncs_at_once_make_one_task(
    claiming: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, *, after: bool
) -> None:
    """The second runs whole before or after one call of the first; later runs find one task."""
    second = _Second(claiming, tmp_path / "second.sqlite")
    request: Callable[..., object] = Transport.request

    def hooked(self: Transport, method: str, url: str, **more: object) -> object:
        hit = url.endswith(path)
        if hit and not after:
            second.run()
        answer = request(self, method, url, **more)
        if hit and after:
            second.run()
        return answer

    # The wait of one is time for the other as well.
    clock = FixedClock()
    monkeypatch.setattr(hubspot_portal, "make_ports", lambda **more: make_ports(clock, **more))
    monkeypatch.setattr(Transport, "request", hooked)
    _, code = claiming.sync()
    assert second.code is not None, "the second sync never ran"
    assert {code, second.code} <= {0, 3}
    assert len(live(claiming.box, "tasks")) <= 1
    claiming.box.advance(HORIZON)
    assert claiming.sync()[1] == 0
    assert len(live(claiming.box, "tasks")) == 1
