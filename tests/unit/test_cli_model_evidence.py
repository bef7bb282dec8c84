"""`model evidence`: the measures on those who left, from kept readings alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import Shell, desk
from sync_kit import Org, config

MAPPING = {
    "read": {
        "account": {
            "object": "Account",
            "columns": {
                "name": "Name", "owner_id": "OwnerId", "status": {
                    "field": "Type", "starts_with": {"Customer": "customer"}, "otherwise": "other"},
                "churned_at": "Churned", "override_score": "Override",
                "override_until": "OverrideUntil", "contract_value": "Value",
            },
            "extra": {"given": {"field": "Given", "type": "number"},
                      "second": {"field": "Second", "type": "number"}},
        }
    }
}  # fmt: skip


@pytest.fixture
def org(tmp_path: Path) -> Org:
    """A hundred and twenty customers; `given` tells who will leave, `second` tells nothing."""
    org = Org(tmp_path, config(mapping=MAPPING))
    for place in range(120):
        low = place % 2 == 0
        org.account(
            30.0 + place / 4 if low else 65.0 + place / 4,
            Second=50.0 + place % 11,
            Name=f"C{place}",
        )
    org.sync()
    return org


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return desk(org, capsys, monkeypatch)[0]


def leave(org: Org, count: int) -> None:
    """The first so many of the customers with a low `given` leave, 40 days later."""
    org.pass_time(days=40)
    names = {f"C{2 * place}" for place in range(count)}
    for row_id, row in org.crm.tables["Account"].rows.items():
        if row.values["Name"] in names:
            org.edit("Account", row_id, Churned=org.crm.clock.now().date().isoformat(), Type="Gone")
    org.pass_time(days=50)
    org.sync()


def test_each_measure_gets_its_sign_area_and_lead(org: Org, shell: Shell) -> None:
    """From the readings of 90 days ago; what tells nothing is said to."""
    leave(org, 55)
    told = shell("model", "evidence", "--format", "json").json()
    assert (told["enough"], told["left"], told["judged"]) == (True, 55, 55)
    assert told["landmarks"] == ["2026-03-02"]
    found = {row["measure"]: row for row in told["measures"]}
    assert found["given"]["sign"] == "as meant"
    assert found["given"]["auc"] > 0.9
    assert found["given"]["lead_days"] == 40
    assert found["second"]["sign"] == "none shown"
    low, high = found["second"]["interval"]
    assert low < 0.5 < high
    assert (found["score"]["left"], found["score"]["stayed"]) == (55, 65)
    assert told["bands"]["lift_of_worst"] > 1
    text = " ".join(shell("model", "evidence").out.split())
    assert "Too good to trust: " in text
    assert "55 of 55 customers who left can be judged" in text


def test_below_fifty_it_says_so(org: Org, shell: Shell) -> None:
    """No area, no sign, no hint of one."""
    leave(org, 49)
    told = shell("model", "evidence", "--format", "json").json()
    assert (told["enough"], told["measures"], told["bands"]) == (False, [], None)
    text = shell("model", "evidence").out
    assert "Not enough data: 50 customers who left are needed. Of 49 customers who left" in text
