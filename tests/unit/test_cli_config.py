"""`crm-health config check`, help, and what needs no CRM."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import click
import databases
import pytest
from cli_kit import Shell, clean

from crm_health.cli import cli, commands
from crm_health.cli import context as contexts
from crm_health.store.schema import HEAD


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    """Commands without a CRM."""
    state = tmp_path / "state" / "x.db"
    clean(monkeypatch, state)
    return Shell(capsys, monkeypatch, state)


def test_the_packaged_configuration_is_fine(shell: Shell) -> None:
    """Without a folder of one's own all three defaults are checked, and say so."""
    done = shell("config", "check")
    assert done.code == 0
    assert "salesforce.yaml: fine (packaged default)" in done.out
    assert shell("config", "check", "--format", "json").json()["ok"] is True
    assert shell("config", "check", "--json").json()["ok"] is True


def test_all_mistakes_show_with_place_and_caret(shell: Shell, tmp_path: Path) -> None:
    """Two mistakes of one file come together, as text and as JSON, with exit 78."""
    folder = tmp_path / "config"
    folder.mkdir()
    packaged = (Path(__file__).parents[2] / "mappings" / "playbook.yaml").read_text()
    wrong = packaged.replace("cool_days: 30", "cool_dyas: 30", 1).replace(
        "severity: high", "severity: hihg", 1
    )
    (folder / "playbook.yaml").write_text(wrong)
    done = shell("--config", str(folder), "config", "check")
    assert done.code == 78
    assert done.out.count("playbook.yaml:") == 2
    assert "    ^" in done.out or "  ^" in done.out
    answer = shell("config", "check", "--format", "json", CONFIG=str(folder)).json()
    assert answer["exit"] == 78
    assert {p["path"] for p in answer["problems"]} == {
        "alerts.went_silent.cool_dyas",
        "alerts.sev1_past_sla.severity",
    }
    assert all(p["line"] > 0 and p["column"] > 0 for p in answer["problems"])


def test_every_command_has_a_short_help() -> None:
    """Each command and subcommand says in one line what it does, and each option too."""
    root = click.Context(cli)
    seen = 0
    todo = [(name, cli.get_command(root, name)) for name in commands._OURS]
    while todo:
        name, command = todo.pop()
        assert command is not None, name
        assert command.get_short_help_str(), name
        seen += 1
        if isinstance(command, click.Group):
            todo += [(f"{name} {n}", c) for n, c in command.commands.items()]
    assert seen >= len(commands._OURS) + 3


def test_help_names_the_environment(shell: Shell) -> None:
    """Options that may come from the environment say from which variable."""
    said = shell("--help").out
    for name in ("CRM_HEALTH_CRM", "CRM_HEALTH_CONFIG", "CRM_HEALTH_STATE"):
        assert name in said
    assert "CRM_HEALTH_MAX_CALLS" in shell("sync", "--help").out


def test_an_added_command_that_breaks_spares_the_others(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that can't be loaded shows as such in the help, and fails only when used."""
    broken = EntryPoint("extra", "no_such_package.cli:extra", commands.GROUP)
    monkeypatch.setattr(commands, "entry_points", lambda group: [broken])
    assert "extra" in shell("--help").out
    used = shell("extra")
    assert used.code == 1
    assert "no_such_package.cli:extra" in used.err


@pytest.mark.parametrize("command", ["accounts", "explain 001", "runs list", "runs show last"])
def test_reading_commands_need_a_sync_first(shell: Shell, command: str) -> None:
    """Without a state they say what to run, and make no file."""
    done = shell(*command.split())
    assert done.code == 65
    assert "crm-health sync" in done.err
    assert not databases.exists(shell.state)


def test_status_before_anything_names_the_first_step(shell: Shell) -> None:
    """There is nothing yet, which is no error."""
    done = shell("status")
    assert (done.code, "crm-health plan" in done.err) == (0, True)
    assert shell("status", "--json").json()["last_run"] is None


def test_migrate_makes_the_state(shell: Shell) -> None:
    """It says where the state is and of which schema, and a second time changes nothing."""
    first = shell("migrate")
    assert first.code == 0
    assert first.out == f"{databases.located(shell.state)}: schema {HEAD}\n"
    assert databases.exists(shell.state)
    assert shell("migrate").out == first.out


@pytest.mark.only("sqlite")
def test_migrate_makes_a_private_file(shell: Shell) -> None:
    """The file and its folder are the user's alone."""
    shell("migrate")
    assert shell.state.stat().st_mode & 0o077 == 0


def test_a_file_and_a_database(shell: Shell) -> None:
    """Both at once are refused before either is touched, without the URL."""
    shell.patch.setenv("DATABASE_URL", "postgresql://u:s3cret@localhost/db")
    done = shell("--state", "/nowhere/x.db", "status")
    assert done.code == 78
    assert "DATABASE_URL" in done.err
    assert "CRM_HEALTH_STATE" in done.err
    assert "s3cret" not in done.err


def test_a_database_that_is_away(shell: Shell) -> None:
    """It ends with the code for what may pass, without a traceback or the password."""
    shell.patch.delenv("CRM_HEALTH_STATE", raising=False)
    shell.patch.setenv("DATABASE_URL", "postgresql://u:s3cret@localhost:1/db")
    done = shell("status")
    assert done.code == 75
    assert "localhost:1/db/crm_health is away (it refuses connections)" in done.err
    assert "s3cret" not in done.err
    assert "Traceback" not in done.err


def test_no_installed_connector_is_explained(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare checkout says which command registers its connectors."""
    monkeypatch.setattr(contexts, "entry_points", lambda group: [])
    done = shell("plan")
    assert done.code == 78
    assert "pip install -e ." in done.err
    assert not databases.exists(shell.state)


def test_an_unknown_connector_names_the_known_ones(shell: Shell) -> None:
    """A misspelt name gets a hint."""
    done = shell("--crm", "salesfroce", "plan")
    assert done.code == 78
    assert "salesforce" in done.err


def test_missing_credentials_are_named_together(shell: Shell) -> None:
    """All variables that the login needs come in one message, and nothing is written."""
    done = shell("sync")
    assert done.code == 78
    for name in ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET"):
        assert f"CRM_HEALTH_SALESFORCE_{name}" in done.err
    assert "Nothing was written" in done.err
