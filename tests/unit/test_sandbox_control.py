"""The control API, the handle on it, and the commands that use it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from sandbox_help import NOW, Client

from connectors.sandbox import ids
from connectors.sandbox.cli import sandbox
from connectors.sandbox.handle import ControlError, Sandbox


@pytest.fixture(params=["thread", "http"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The same sandbox, controlled directly and over HTTP."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running if request.param == "thread" else Sandbox(running.url)


def port(box: Sandbox) -> str:
    """Its port, for the commands."""
    return box.url.rsplit(":", 1)[1]


def test_the_clock_is_set_moved_and_stopped(box: Sandbox) -> None:
    """A frozen clock moves only when told; let go, it runs on from there."""
    assert box.clock() == NOW
    assert box.advance(86_400) == NOW + timedelta(days=1)
    assert box.clock(NOW) == NOW
    box.freeze(frozen=False)
    assert NOW < box.clock() < NOW + timedelta(seconds=30)
    box.freeze()
    assert box.clock() == box.clock()


def test_records_go_in_and_come_out_as_they_are(box: Sandbox) -> None:
    """Preset ids and stamps are kept, the rest is filled; the dump shows the recycle bin."""
    account = ids.sf_id("001", 1)
    created = NOW - timedelta(days=30)
    row = {"Id": account, "Name": "A", "CreatedDate": created, "IsDeleted": True}
    task = {"WhatId": account, "Status": "Completed", "ActivityDate": created.date()}
    box.load({"Task": [task], "Account": [row]})
    found = box.records("Account")[0]
    assert (found["Id"], found["IsDeleted"]) == (account, True)
    assert found["CreatedDate"] == found["SystemModstamp"] == created.isoformat()
    assert found["LastActivityDate"] == created.date().isoformat()
    assert box.status()["records"]["User"] == 3


def test_records_come_out_that_were_saved_since(box: Sandbox) -> None:
    """With an instant the dump has those saved at it or later, in both services."""
    old = box.edit("Account", None, {"Name": "Old"})
    kept = box.hubspot.edit("companies", None, {"name": "Old"})
    box.advance(60)
    new = box.edit("Account", None, {"Name": "New"})
    made = box.hubspot.edit("companies", None, {"name": "New"})
    now = box.clock()
    assert [row["Id"] for row in box.records("Account", now)] == [new]
    assert {row["Id"] for row in box.records("Account", NOW)} == {old, new}
    assert made in {row["id"] for row in box.hubspot.records("companies", now)} - {kept}


def test_fields_that_the_org_had_before_are_open_to_all(box: Sandbox) -> None:
    """`schema` declares them; loaded values are there and the integration user reads them."""
    field = {"name": "Region__c", "type": "picklist", "length": 40, "picklist": ["N", "S"]}
    usage = {
        "name": "Usage__c",
        "fields": [{"name": "Value__c", "type": "double", "precision": 18}],
    }
    answer = box.load(
        {"Account": [{"Name": "A", "Region__c": "N"}], "Usage__c": [{"Value__c": 2}]},
        schema=[{"name": "Account", "fields": [field]}, usage],
    )
    assert answer["waiting"] == {}
    crm = Client(box)
    assert crm.query("SELECT Region__c FROM Account")["records"][0]["Region__c"] == "N"
    assert crm.query("SELECT Value__c FROM Usage__c")["records"][0]["Value__c"] == 2.0


def test_a_person_edits_behind_the_clients_back(box: Sandbox) -> None:
    """Another author, new stamps, no call in the log."""
    account = box.edit("Account", None, {"Name": "A"})
    box.advance(60)
    box.edit("Account", account, {"Rating": "Hot"})
    row = Client(box).query("SELECT Rating, LastModifiedById FROM Account")["records"][0]
    assert (row["Rating"], row["LastModifiedById"][:3]) == ("Hot", "005")
    assert next(c["path"] for c in box.calls()) == "/services/oauth2/token"
    box.delete("Account", account)
    box.call("POST", "undelete", {"object": "Account", "id": account})
    assert box.records("Account")[0]["IsDeleted"] is False
    with pytest.raises(ControlError, match="Nope"):
        box.edit("Account", account, {"Nope": 1})


def test_a_snapshot_brings_the_org_back(box: Sandbox) -> None:
    """Named ones stand side by side; an unknown name is an error."""
    account = box.edit("Account", None, {"Name": "one"})
    box.snapshot("first")
    box.edit("Account", account, {"Name": "two"})
    box.snapshot()
    box.restore("first")
    assert [r["Name"] for r in box.records("Account")] == ["one"]
    box.restore()
    assert [r["Name"] for r in box.records("Account")] == ["two"]
    with pytest.raises(ControlError):
        box.restore("nope")


def test_a_reset_empties_everything(box: Sandbox) -> None:
    """Records, faults, log and tokens; a client must log in again."""
    crm = Client(box)
    crm.account()
    box.faults({"kind": "too_many", "times": 0})
    box.reset()
    assert box.records("Account") == []
    assert box.calls() == []
    assert crm.send("GET", "limits").status_code == 401
    assert Client(box).send("GET", "limits").status_code == 200


def test_calls_are_counted_by_kind(box: Sandbox) -> None:
    """Addresses are counted without ids; the log can be read from a point on, and cleared."""
    crm = Client(box)
    for _ in range(2):
        crm.send("GET", f"sobjects/Account/{crm.account()}")
    counters = box.counters()
    assert counters["by_path"]["sobjects/Account/*"] == 2
    assert counters["by_method"] == {"POST": 3, "GET": 2}
    assert counters["writes"] == 2
    assert [c["n"] for c in box.calls(after=4)] == [5]
    box.clear_calls()
    assert box.calls() == []


def test_an_org_feature_brings_its_objects(box: Sandbox) -> None:
    """CaseMilestone is unknown until entitlements are switched on."""
    crm = Client(box)
    assert crm.send("GET", "sobjects/CaseMilestone/describe").status_code == 404
    box.load({}, features=["entitlements"])
    assert crm.send("GET", "sobjects/CaseMilestone/describe").status_code == 200


def test_the_control_api_is_apart_from_the_service(box: Sandbox) -> None:
    """Unknown commands are told with the known ones; its calls are not in the log."""
    answer = requests.get(f"{box.url}/_sandbox/nope", timeout=5)
    assert answer.status_code == 404
    assert "GET /_sandbox/calls" in answer.json()["known"]
    box.status()
    assert box.calls() == []


def test_it_runs_in_a_process_of_its_own() -> None:
    """Started, filled and read over HTTP; gone after close, which may be repeated."""
    running = Sandbox.start_process(now=NOW, frozen=True)
    try:
        assert running.clock() == NOW
        running.load({"Account": [{"Name": "A"}]})
        assert Client(running).query("SELECT COUNT() FROM Account")["totalSize"] == 1
    finally:
        running.close()
    running.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.url}/_sandbox/", timeout=2)


def test_the_environment_points_the_connector_here(box: Sandbox) -> None:
    """The four variables, with the public credentials."""
    assert box.environment == {
        "CRM_HEALTH_SALESFORCE_DOMAIN": "sandbox.my",
        "CRM_HEALTH_SALESFORCE_CLIENT_ID": "sandbox-sync",
        "CRM_HEALTH_SALESFORCE_CLIENT_SECRET": "sandbox-sync",
        "CRM_HEALTH_SALESFORCE_BASE_URL": box.url,
    }


def test_the_commands_load_and_reset_a_running_sandbox(box: Sandbox) -> None:
    """`load` fills it with the story, `reset` empties it; both say what they did."""
    run = CliRunner()
    loaded = run.invoke(sandbox, ["load", "--port", port(box), "--accounts", "12", "--seed", "3"])
    assert loaded.exit_code == 0, loaded.output
    assert "12 Account" in loaded.output
    assert box.status()["records"]["Account"] == 12
    emptied = run.invoke(sandbox, ["reset", "--port", port(box)])
    assert (emptied.exit_code, emptied.output) == (0, "The sandbox is empty.\n")
    assert "Account" not in box.status()["records"]


def test_the_story_is_loaded_into_either_crm(box: Sandbox) -> None:
    """`load --crm hubspot` fills the portal, and leaves the Salesforce side empty."""
    words = ["load", "--port", port(box), "--accounts", "12", "--crm", "hubspot"]
    loaded = CliRunner().invoke(sandbox, words)
    assert loaded.exit_code == 0, loaded.output
    assert box.hubspot.status()["records"]["companies"] == 12
    assert "Account" not in box.status()["records"]
    refused = CliRunner().invoke(sandbox, [*words, "--data", "."])
    assert (refused.exit_code, "--data goes without --crm" in refused.output) == (2, True)


def test_a_command_without_a_sandbox_says_how_to_start_one() -> None:
    """One line, exit code 1."""
    with Sandbox.start() as gone:
        number = port(gone)
    failed = CliRunner().invoke(sandbox, ["reset", "--port", number])
    assert failed.exit_code == 1
    assert "crm-health sandbox start" in failed.output


def test_start_serves_until_it_is_interrupted() -> None:
    """It prints the variables to export, answers, and ends cleanly on Ctrl-C."""
    command = "from connectors.sandbox.cli import sandbox; sandbox()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "start", "--empty", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        said = ""
        while "BASE_URL" not in said:
            line = process.stdout.readline()
            assert line, "it ended before it was ready"
            said += line
        url = said.rsplit("=", 1)[1].strip()
        assert Client(Sandbox(url)).send("GET", "limits").status_code == 200
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    assert "export CRM_HEALTH_SALESFORCE_CLIENT_ID=sandbox-sync" in said
    assert rest.endswith("Sandbox stopped.\n")
