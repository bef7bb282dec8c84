"""`touches` and `capacity`: how the plan is kept, and whom it needs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml
from desk_kit import Shell, desk
from standing_kit import customers
from sync_kit import Org
from touch_kit import talk, touching_org

from crm_health.config.touches import is_touch


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return touching_org(tmp_path)


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    found, folder = desk(org, capsys, monkeypatch)
    playbook = org.config.playbook
    alerts = {rule: alert for rule, alert in playbook.alerts.items() if not is_touch(rule)}
    steps = playbook.tiers.steps if playbook.tiers else ()
    held = playbook.model_copy(update={"alerts": alerts}).model_dump(mode="json", by_alias=True)
    for step, most in zip(held["tiers"]["steps"][: len(steps)], (2, 6), strict=False):
        step["accounts_per_csm"] = most
    files = {"salesforce": org.config.mapping, "model": org.config.model}
    parts = {name: part.model_dump(mode="json", by_alias=True) for name, part in files.items()}
    for name, part in (parts | {"playbook": held}).items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(part, sort_keys=False))
    return found


def test_the_plan_is_counted_with_its_denominator(org: Org, shell: Shell) -> None:
    """Asked, overdue, on plan and done, by tier and by person; and what the talks were about."""
    ids = customers(org)
    other = org.crm.put("User", {"IsActive": True})
    org.edit("Account", ids[2], OwnerId=other)
    org.sync()
    org.pass_time(days=40)
    for account in ids[:2]:
        talk(org, account, 3)
    org.case(ids[0], Priority="Low", CreatedDate=org.ago(days=5))
    org.sync()
    told = shell("touches", "--format", "json").json()
    rows = {(row["group"], row["touch"]): row for row in told["plan"]}
    call = rows["top", "call"]
    assert (call["due"], call["overdue"], call["done"]) == (3, 1, 2)
    assert call["on_plan"] == pytest.approx(2 / 3)
    assert rows["middle", "queue"]["overdue"] == 9
    assert rows["top", None]["due"] == 3
    assert told["conversations"] == [
        {"tier": "top", "talks": 2, "reactive": 1, "expansion": 0, "planned": 1}
    ]
    by_csm = shell("touches", "--by", "csm", "--format", "csv").out
    mine = [row for row in csv.DictReader(by_csm.splitlines()) if row["csm"] == other]
    assert [(row["touch"], row["due"], row["overdue"]) for row in mine] == [
        ("call", "1", "1"), ("", "1", "1")
    ]  # fmt: skip
    text = " ".join(shell("touches").out.split())
    assert "top Call 3 1 67 % 2" in text


def test_capacity_is_held_against_the_tiers_ratios(org: Org, shell: Shell) -> None:
    """Three at the top need one and a half people, nine in the middle as many: three in all."""
    ids = customers(org)
    gone = org.crm.put("User", {"IsActive": False})
    org.edit("Account", ids[0], OwnerId=gone)
    org.sync()
    told = shell("capacity", "--format", "json").json()
    assert [(row["customers"], row["posts"], row["unassigned"]) for row in told["tiers"]] == [
        (3, 1.5, 1), (9, 1.5, 0), (18, None, None)
    ]  # fmt: skip
    assert (told["people_needed"], told["people_there"]) == (3, 1)
    (person,) = told["people"]
    assert (person["person"], person["customers"]) == (org.owner, 29)
    assert person["load"] == pytest.approx(2 / 2 + 9 / 6)
    assert person["value"] == sum(1000.0 * n for n in range(1, 30))
    assert "It needs 3 people; 1 have such customers now: 2 too few." in shell("capacity").out
    header, line = shell("capacity", "--format", "csv").out.splitlines()
    assert header == "person,top,middle,rest,customers,value,load"
    assert line.startswith(f"{org.owner},2,9,18,29,")
