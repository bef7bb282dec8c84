"""`sync` and `plan` against a sandbox: what they write, say, and answer as JSON."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_kit import NOW, Shell, clean, company, variables

from connectors.sandbox.handle import Sandbox
from crm_health.cli import boundary, cli, sync
from crm_health.cli.stopping import Interrupted, Stop
from crm_health.sync.apply import Stopped

CUSTOMERS = 21


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A company that is set up and was never synced."""
    with Sandbox.start(now=NOW, frozen=True) as started, pytest.MonkeyPatch.context() as patch:
        company(started)
        clean(patch, tmp_path_factory.mktemp("setup") / "x.db", variables(started))
        assert boundary.run(cli, ["setup"]) == 0
        started.snapshot("fresh")
        yield started


@pytest.fixture
def shell(
    box: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Shell:
    """Commands with a state of their own, on the company as it was."""
    box.clear_faults()
    box.restore("fresh")
    box.clock(NOW)
    box.clear_calls()
    state = tmp_path / "state" / "x.db"
    clean(monkeypatch, state, variables(box))
    return Shell(capsys, monkeypatch, state)


def _scores(box: Sandbox) -> list[float]:
    rows = box.records("Account")
    return [row["Health_Score__c"] for row in rows if row.get("Health_Band__c")]


def test_setup_again_has_nothing_to_do(shell: Shell) -> None:
    """A second setup finds all there, with and without --dry-run."""
    answer = shell("setup", "--json").json()
    assert answer == {"changed": False, "missing": [], "not_here": [], "there": 88}
    assert "Nothing is missing" in shell("setup", "--dry-run").err


def test_plan_shows_all_and_writes_nothing(box: Sandbox, shell: Shell) -> None:
    """A plan names every customer it would change, and the CRM stays as it is."""
    done = shell("plan")
    assert done.code == 0
    assert f"{CUSTOMERS} of 28 accounts in scope" in done.out
    assert "Nothing was written: crm-health sync does it." in done.out
    answer = shell("plan", "--json").json()
    fields = [row for row in answer["rows"] if row["kind"] == "fields"]
    assert len(fields) == CUSTOMERS
    assert all(row["band"][1] and row["reason"] and row["name"] for row in fields)
    assert box.counters()["writes"] == 0


def test_sync_writes_and_the_next_one_has_nothing_to_write(box: Sandbox, shell: Shell) -> None:
    """The first sync fills the fields, the second writes nothing; JSON counts both exactly."""
    first = shell("sync", "--json")
    assert first.code == 0
    answer = first.json()
    assert answer["exit"] == 0
    assert answer["retryable"] is False
    assert answer["customers"] == CUSTOMERS
    assert answer["kinds"]["fields"] == {"done": CUSTOMERS}
    assert answer["counts"] == {"done": sum(k["done"] for k in answer["kinds"].values())}
    assert len(_scores(box)) == CUSTOMERS
    box.clear_calls()
    second = shell("sync", "--json").json()
    assert second["counts"] == {}
    counted = box.counters()
    assert counted["writes"] == 0
    assert counted["total"] == second["calls_used"]


def test_what_is_said_goes_to_stderr_and_holds_no_names(box: Sandbox, shell: Shell) -> None:
    """Without --json stdout stays empty off a terminal; logs and talk name no customer."""
    done = shell("sync")
    assert done.out == ""
    assert "rows written" in done.err.splitlines()[-1]
    names = [row["Name"] for row in box.records("Account")]
    mails = [row["Email"] for row in box.records("Contact") if row.get("Email")]
    assert names
    assert mails
    assert not [text for text in names + mails if text in done.err]


def test_every_receipt_adds_up_and_equals_what_the_crm_shows(box: Sandbox, shell: Shell) -> None:
    """`explain --json` of each customer: the parts sum to the score, which the CRM shows."""
    shell("sync")
    accounts = shell("accounts", "--json").json()
    assert len(accounts) == CUSTOMERS
    shown = {row["Id"]: row.get("Health_Score__c") for row in box.records("Account")}
    for account in accounts:
        told = shell("explain", account["account_id"], "--json").json()
        total = sum(driver["share"] for driver in told["drivers"])
        total += sum(told[name] for name in ("cap_h", "override_h", "clamp_h", "rounding_h"))
        if told["score"] is not None:
            assert total == 100 * told["score"]
        assert told["score"] == shown[account["account_id"]]


def test_explain_shows_the_sum_and_what_is_missing(shell: Shell) -> None:
    """The text has a line for each measure, the sum, and the CRM's value beside ours."""
    shell("sync")
    worst = shell("accounts", "--json").json()[0]
    told = shell("explain", worst["account_id"][:15])
    assert told.code == 0
    assert f"{worst['score']}.00" in told.out
    assert "in the CRM" in told.out
    assert worst["name"] in told.out
    assert shell("explain", "001000000000000AAA").code == 2


def test_accounts_can_be_filtered_and_mistakes_get_a_hint(shell: Shell) -> None:
    """--where takes an expression over readings and account columns, and checks it."""
    shell("sync")
    everyone = shell("accounts", "--json").json()
    bands = {account["band"] for account in everyone}
    assert len(bands) > 1
    parts = [shell("accounts", "--json", "--where", f"band = '{band}'").json() for band in bands]
    assert sorted(a["account_id"] for part in parts for a in part) == sorted(
        a["account_id"] for a in everyone
    )
    wrong = shell("accounts", "--where", "scroe < 60")
    assert wrong.code == 2
    assert "did you mean 'score'?" in wrong.err
    assert shell("accounts", "--where", "score + 1").code == 2


def test_runs_and_status_tell_what_was_done(shell: Shell) -> None:
    """The run's rows carry the CRM's answers; status names the next step."""
    run = shell("sync", "--json").json()["run"]
    shown = shell("runs", "show", "last", "--json").json()
    assert shown["id"] == run
    assert {row["status"] for row in shown["rows"]} == {"done"}
    assert shown["states"] == {"done": len(shown["rows"])}
    listed = shell("runs", "list", "--json").json()
    assert [one["id"] for one in listed] == [run]
    status = shell("status", "--json").json()
    assert status["last_run"]["id"] == run
    assert status["rows"]["account"] == 28
    assert status["dirty"] == 0
    assert "run" in shell("status").out


def test_a_row_that_the_crm_refuses_makes_exit_3(box: Sandbox, shell: Shell) -> None:
    """The others are written; the refused one shows its code and never the CRM's words."""
    box.faults(
        {
            "kind": "row_error",
            "path": "composite/sobjects",
            "method": "PATCH",
            "rows": [0],
            "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "secret words of Acme",
        }
    )
    done = shell("sync", "--json")
    assert done.code == 3
    answer = done.json()
    assert answer["counts"]["rejected"] == 1
    assert len(_scores(box)) == CUSTOMERS - 1
    told = shell("runs", "show", "last").out
    assert "1 row rejected: FIELD_CUSTOM_VALIDATION_EXCEPTION" in told
    assert "Acme" not in told + done.err


def test_a_used_up_budget_ends_with_6_and_says_what_was_written(box: Sandbox, shell: Shell) -> None:
    """No call more than allowed is made; the JSON says that a later run helps."""
    done = shell("sync", "--max-calls", "4", "--json")
    assert done.code == 6
    answer = done.json()
    assert (answer["exit"], answer["retryable"], answer["calls_used"]) == (6, True, 4)
    assert box.counters()["total"] == 4
    assert "Nothing was written to the CRM." in done.err
    assert shell("sync", MAX_CALLS="4").code == 6


def test_wrong_credentials_end_with_77(box: Sandbox, shell: Shell) -> None:
    """One clear message, nothing written, and the secret is not repeated."""
    done = shell("sync", SALESFORCE_CLIENT_SECRET="not-the-secret-7731")
    assert done.code == 77
    assert "not-the-secret-7731" not in done.err
    assert box.counters()["writes"] == 0


def test_json_is_said_however_a_run_ends(shell: Shell, tmp_path: Path) -> None:
    """Also a run that never began, for a mistake in its configuration, answers as JSON."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "model.yaml").write_text("facts: {}\n")
    done = shell("sync", "--json", CONFIG=str(folder))
    assert done.code == 78
    answer = done.json()
    assert (answer["exit"], answer["run"], answer["calls_used"]) == (78, None, 0)
    assert answer["error"]["code"] == "CH-CONFIG"


def test_each_run_leaves_one_line_in_the_log(shell: Shell) -> None:
    """The end of a run is logged with its id, exit code and counts, well or not."""
    for given in ({}, {"SALESFORCE_CLIENT_SECRET": "wrong"}):
        done = shell("sync", **given)
        lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
        (ended,) = [line for line in lines if line["event"] == "run.ended"]
        assert ended["exit"] == done.code
        assert ended["run"]


def test_a_crm_that_is_not_there_ends_with_75(shell: Shell) -> None:
    """A closed port is `unavailable`, worth another try."""
    done = shell("sync", "--json", "--max-calls", "2", SALESFORCE_BASE_URL="http://127.0.0.1:9")
    assert done.code in (6, 75)
    assert done.json()["retryable"] is True


def _guarded(folder: Path) -> str:
    packaged = (Path(__file__).parents[2] / "mappings" / "playbook.yaml").read_text()
    strict = packaged.replace("moved_points: 25", "moved_points: 1").replace(
        "moved_percent: 20", "moved_percent: 0"
    )
    assert strict != packaged
    folder.mkdir()
    (folder / "playbook.yaml").write_text(strict)
    return str(folder)


def test_a_guard_holds_the_plan_until_it_is_approved(
    box: Sandbox, shell: Shell, tmp_path: Path
) -> None:
    """A plan beyond a limit writes nothing, exit 4; --approve applies just it, once."""
    config = _guarded(tmp_path / "config")
    assert shell("sync", CONFIG=config).code == 0
    # Nobody uses anything any more: most scores fall.
    for row in box.records("Health_Usage__c"):
        box.delete("Health_Usage__c", row["Id"])
    box.clear_calls()
    held = shell("sync", "--json", CONFIG=config)
    assert held.code == 4
    answer = held.json()
    assert answer["stops"]
    assert box.counters()["writes"] == 0
    assert f"crm-health sync --approve {answer['run']}" in held.err
    assert shell("status", "--json", CONFIG=config).json()["last_run"]["outcome"] == "held"
    approved = shell("sync", "--approve", answer["run"], CONFIG=config)
    assert approved.code == 0
    assert box.counters()["writes"] > 0
    assert shell("sync", "--approve", answer["run"], CONFIG=config).code == 4


def test_dry_run_and_approve_exclude_each_other(shell: Shell) -> None:
    """One writes and the other does not: usage error, no call."""
    assert shell("sync", "--dry-run", "--approve", "x").code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_cleanly(
    box: Sandbox, shell: Shell, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    """A signal while writing: the batch in flight is finished, the rest follows next time."""

    @contextmanager
    def counting() -> Iterator[Callable[[str, int], None]]:
        def tick(name: str, _: int) -> None:
            if name == "assess":
                os.kill(os.getpid(), number)

        yield tick

    with monkeypatch.context() as patch:
        patch.setattr(sync, "counting", counting)
        done = shell("sync", "--json")
    assert done.code == code
    answer = done.json()
    assert (answer["exit"], answer["outcome"]) == (code, "stopped")
    assert _scores(box) == []
    assert shell("sync").code == 0
    assert len(_scores(box)) == CUSTOMERS


def test_stop_raises_by_signal_and_a_second_ctrl_c_at_once() -> None:
    """SIGTERM, Ctrl-C and an impatient Ctrl-C are told apart; handlers come back after."""
    before = signal.getsignal(signal.SIGTERM)
    for number, kind in ((signal.SIGTERM, Stopped), (signal.SIGINT, Interrupted)):
        stop = Stop()
        with stop.listening():
            assert stop() is False
            os.kill(os.getpid(), number)
            with pytest.raises(Stopped) as caught:
                stop()
            assert type(caught.value) is kind
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_two_runs_at_once_one_is_told_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sync during the first ends at once with 5 and names the run."""
    inner: list[Any] = []

    @contextmanager
    def counting() -> Iterator[Callable[[str, int], None]]:
        def tick(name: str, _: int) -> None:
            if name == "assess" and not inner:
                inner.append(None)
                with monkeypatch.context() as patch:
                    patch.setattr(sync, "counting", _silent)
                    inner.append(shell("sync"))

        yield tick

    monkeypatch.setattr(sync, "counting", counting)
    assert shell("sync").code == 0
    second = inner[1]
    assert second.code == 5
    assert "active since" in second.err


@contextmanager
def _silent() -> Iterator[Callable[[str, int], None]]:
    yield lambda name, rows: None
