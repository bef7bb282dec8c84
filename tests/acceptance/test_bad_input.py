"""Bad input: what can't work ends with one clear message, what can be set aside is counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson
import pytest
from world import Done, World, difference

import mappings

_PACKAGED = Path(mappings.__file__).parent


def _refused(world: World, done: Done, code: int, *names: str) -> None:
    """It ended with this code, said what is wrong by name in a few lines, and wrote nothing."""
    assert done.code == code, done
    assert done.out == ""
    for name in names:
        assert name in done.err, done.err
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("Warning:")]
    assert len(lines) <= 4, done.err
    assert world.writes() == 0


def _config(tmp_path: Path, change: Callable[[str], str]) -> str:
    """A folder with the packaged mapping, changed."""
    shutil.copy(_PACKAGED / "salesforce.yaml", tmp_path)
    file = tmp_path / "salesforce.yaml"
    before = file.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    file.write_text(after, encoding="utf-8")
    return str(tmp_path)


# -- what can't work ----------------------------------------------------------------------------


def test_a_wrong_secret_is_one_message_and_77(world: World) -> None:
    """The message names the variables to mend, and not the secret."""
    state = world.back("second")
    done = world.run(state, CRM_HEALTH_SALESFORCE_CLIENT_SECRET="not-the-right-one")
    _refused(world, done, 77)
    assert "not-the-right-one" not in done.err
    logins = world.sandbox.counters()["total"]
    assert logins <= 2, "a refused login is not tried again and again"


def test_missing_credentials_are_named_and_78(world: World) -> None:
    """Without a client id nothing is asked of the CRM."""
    state = world.back("second")
    done = world.run(state, CRM_HEALTH_SALESFORCE_CLIENT_ID="")
    _refused(world, done, 78, "CRM_HEALTH_SALESFORCE_CLIENT_ID")
    assert world.sandbox.counters()["total"] == 0


@pytest.mark.parametrize(
    ("name", "field", "mode"),
    [
        ("Account", "Health_Score__c", "hidden"),
        ("Account", "Health_Band__c", "readonly"),
        ("Case", "Priority", "hidden"),
        ("Task", "Health_Key__c", "hidden"),
    ],
)
def test_a_missing_right_is_named_and_78(world: World, name: str, field: str, mode: str) -> None:
    """A field that the sync user may not see or edit: setup or an admin helps, not a retry."""
    state = world.back("second")
    world.sandbox.call("POST", "hide", {"object": name, "field": field, "mode": mode})
    _refused(world, world.run(state), 78, f"{name}.{field}", "crm-health setup")


def test_a_right_lost_in_mid_run_writes_nothing(world: World) -> None:
    """A field hidden between describe and the read: the answer names it, nothing was written."""
    state = world.back("second")
    # The first call that names cases is the describe, the second one reads them.
    rule = {"kind": "hide_field", "object": "Case", "nth": 2, "field": "Case.Priority"}
    world.sandbox.faults(rule)
    _refused(world, world.run(state), 78, "Priority")


def test_an_unknown_object_in_the_mapping_is_named_and_78(world: World, tmp_path: Path) -> None:
    """It may be a typing error, or an object that this org lacks: the message says which."""
    state = world.back("second")
    folder = _config(
        tmp_path, lambda text: text.replace("object: Opportunity\n", "object: Opportunitty\n")
    )
    _refused(world, world.run(state, CRM_HEALTH_CONFIG=folder), 78, "Opportunitty")


def test_mistakes_in_a_mapping_come_all_at_once_and_78(world: World, tmp_path: Path) -> None:
    """With file and line, before the CRM is asked anything."""
    state = world.back("second")

    def spoil(text: str) -> str:
        return text.replace("owner_id: OwnerId", "ownr_id: OwnerId").replace(
            "industry: Industry", "industrie: Industry"
        )

    done = world.run(state, CRM_HEALTH_CONFIG=_config(tmp_path, spoil))
    assert done.code == 78, done
    assert "ownr_id" in done.err
    assert "industrie" in done.err
    assert "salesforce.yaml:" in done.err
    assert "Traceback" not in done.err
    assert world.sandbox.counters()["total"] == 0


# -- what can be set aside ----------------------------------------------------------------------


def _customers(world: World) -> list[str]:
    rows = world.sandbox.records("Account")
    return sorted(row["Id"] for row in rows if (row.get("Type") or "").startswith("Customer"))


def _dirt(accounts: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows that a real org has too, each on an account of its own.

    The years are the first and the last that the service takes.
    """
    case = {"Subject": "?", "Status": "New", "Origin": "Web"}
    deal = {"Name": "?", "StageName": "Closed Won", "Amount": 1000}
    usage = {"Metric__c": "active_users", "Day__c": "2026-11-10"}
    return {
        "Case": [
            {**case, "Priority": "High"},
            {**case, "Priority": "Whatever", "AccountId": accounts[0]},
        ],
        "Opportunity": [
            {**deal, "CloseDate": "1700-01-01", "AccountId": accounts[1]},
            {**deal, "CloseDate": "4000-12-31", "AccountId": accounts[2]},
        ],
        "Health_Usage__c": [
            {**usage, "Account__c": accounts[3], "Value__c": 9_999_999_999_999},
            {**usage, "Account__c": accounts[3], "Value__c": -9_999_999_999_999},
            {**usage, "Value__c": 3},
            {"Account__c": accounts[4], "Metric__c": "active_users", "Day__c": "1700-01-01"},
        ],
    }


def test_dirty_rows_are_set_aside_counted_and_shown(world: World) -> None:
    """Whoever has clean rows gets what an undisturbed sync gives; the rest is in `status`."""
    state = world.back("fresh")
    world.clean(state)
    expected = world.truth()
    state = world.back("fresh")
    accounts = _customers(world)
    world.sandbox.load(_dirt(accounts))
    world.sandbox.edit("Account", accounts[6], {"ParentId": accounts[7]})
    world.sandbox.edit("Account", accounts[7], {"ParentId": accounts[6]})
    world.sandbox.edit("Account", accounts[8], {"Health_Tier__c": "Platinum"})
    done = world.clean(state, "sync", "--json")
    answer = orjson.loads(done.out)
    assert answer["quarantined"] == 8
    after = world.truth()
    clean = set(accounts) - set(accounts[:9])
    touched = {line.split()[1] for line in difference(after, expected)}
    assert not touched & clean, "nobody else's health may change"
    for account in accounts[:9]:
        assert after["Account"][account]["Health_Memory__c"], "they are assessed all the same"
    assert after["Account"][accounts[8]]["Health_Tier__c"] in {"Strategic", "Growth", "Digital"}

    shown = orjson.loads(world.clean(state, "status", "--json").out)["quarantine"]
    found = {(row["object"], row["problem"]): row["rows"] for row in shown}
    print(found)
    assert found["Case", "no account"] == 1
    assert found["Health_Usage__c", "no account"] == 1
    assert found["Case", "value not usable"] == 1
    assert found["Opportunity", "value not usable"] == 2
    assert found["Health_Usage__c", "value not usable"] == 1
    assert any(name == "Account" and "cycle" in problem for name, problem in found), found
    plain = world.clean(state, "status")
    assert "no account" in plain.out + plain.err
    world.sandbox.clear_calls()
    world.clean(state)
    assert world.writes() == 0, "dirt makes no unrest"


def _survey_page(world: World, *odd: dict[str, Any]) -> str:
    """The answer to a read of all surveys, with some more that no screen would let in."""
    names = ("Id", "Account__c", "Contact__c", "Answered_On__c", "Kind__c", "Points__c")
    stamp = "2026-11-01T00:00:00.000+0000"
    rows = [{n: row.get(n) for n in names} for row in world.sandbox.records("Health_Survey__c")]
    blank = dict.fromkeys(names)
    rows += [{**blank, **row} for row in odd]
    records = [
        {
            "attributes": {"type": "Health_Survey__c", "url": f"/{row['Id']}"},
            "IsDeleted": False,
            "SystemModstamp": stamp,
            **row,
        }
        for row in sorted(rows, key=lambda row: row["Id"])
    ]
    return orjson.dumps({"totalSize": len(records), "done": True, "records": records}).decode()


def _answer_surveys(world: World, body: str, times: int) -> None:
    """Give this answer to reads of all surveys; `times` 0 gives it every time."""
    name = "Health_Survey__c"
    rule = {"kind": "status", "status": 200, "path": "queryAll", "object": name, "times": times}
    world.sandbox.faults({**rule, "body": body})


def _of(account: str, surveys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The account's answers, if all of them are of the last year."""
    mine = [row for row in surveys if row["Account__c"] == account]
    return mine if all(str(row["Answered_On__c"]) >= "2025-12-01" for row in mine) else []


def test_values_that_no_screen_would_let_in_are_set_aside(world: World) -> None:
    """Year 1, year 9999, a megabyte of text, no account, the same id twice."""
    state = world.back("fresh")
    world.clean(state)
    expected = world.truth()
    state = world.back("fresh")
    surveys = world.sandbox.records("Health_Survey__c")
    account = next(name for name in _customers(world) if any(_of(name, surveys)))
    others = [name for name in _customers(world) if name != account]
    # Of its own average: the medians that others are held against stay as they are.
    points = fmean(row["Points__c"] for row in _of(account, surveys))
    one = {"Account__c": account, "Kind__c": "nps", "Answered_On__c": "2026-11-01"}
    one |= {"Points__c": points}
    odd = [
        {**one, "Answered_On__c": "0001-01-01"},
        {**one, "Answered_On__c": "9999-12-31"},
        {**one, "Kind__c": "x" * 1_000_000},
        {**one, "Account__c": None},
        {**one, "Answered_On__c": "soon"},
        {**one, "Points__c": "many"},
        one,
        one,
    ]
    ids = [f"a0S5g00000009{min(n, 6):02}EAA" for n in range(len(odd))]
    page = _survey_page(world, *({**row, "Id": i} for row, i in zip(odd, ids, strict=True)))
    _answer_surveys(world, page, times=1)
    answer = orjson.loads(world.clean(state, "sync", "--json").out)
    assert world.sandbox.faults()[0]["fired"] == 1
    assert answer["quarantined"] == 6
    touched = {line.split()[1] for line in difference(world.truth(), expected)}
    assert not touched & set(others), "nobody else's health may change"
    shown = orjson.loads(world.clean(state, "status", "--json").out)["quarantine"]
    found = {row["problem"]: row["rows"] for row in shown if row["object"] == "Health_Survey__c"}
    print(found)
    assert found.pop("no account") == 1
    assert found.pop("text cut") == 1
    assert sum(found.values()) == 4


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_an_answer_that_is_no_json_is_no_answer(world: World, number: str) -> None:
    """A number without a value breaks the page: nothing is written, and nothing is lost."""
    state = world.back("fresh")
    page = _survey_page(world)
    broken = page.replace('"Points__c":', f'"Points__c":{number},"x":', 1)
    assert broken != page
    _answer_surveys(world, broken, times=0)
    _refused(world, world.run(state), 75)
    world.sandbox.clear_faults()
    world.clean(state)
    assert world.writes() > 0
