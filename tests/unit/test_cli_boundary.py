"""The boundary: each way a command ends has its exit code and one message on stderr."""

from __future__ import annotations

import stat
from pathlib import Path

import click
import pytest

from crm_health import errors
from crm_health.cli import boundary


def _failing(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("x", callback=fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 78),
        (errors.WrongOrgError("x"), 78),
        (errors.SetupError("x"), 78),
        (errors.AuthError("x"), 77),
        (errors.GuardStopped("x"), 4),
        (errors.Busy("x"), 5),
        (errors.QuotaExhausted("x"), 6),
        (errors.Unavailable("x"), 75),
        (errors.RateLimited("x"), 75),
        (errors.Rejected("x"), 78),
        (errors.StateError("x"), 65),
        (errors.LocalIOError("x"), 74),
        (errors.BrokenInvariant("x"), 70),
        (click.UsageError("x"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is the documented one, and something is said about it on stderr only."""
    assert boundary.run(_failing(error), []) == code
    said = capsys.readouterr()
    assert said.err
    assert not said.out


def test_a_message_says_what_code_notes_and_next_step() -> None:
    """What, the stable code, what was written, what to do next: each on its line."""
    error = errors.AuthError("the login was refused", code="CH-X")
    error.add_note("Nothing was written.")
    assert boundary.message(error).splitlines() == [
        "the login was refused (CH-X)",
        "Nothing was written.",
        "Next: mend the login or the user's rights, then run the command again.",
    ]


def test_a_message_that_names_its_command_gets_no_second_advice() -> None:
    """Where the error itself says what to run, nothing is added."""
    error = errors.SetupError("run `crm-health setup`")
    assert boundary.message(error) == "run `crm-health setup`"


def test_a_bug_leaves_a_private_file_without_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error ends with 1 and a file: frames, no variables, no secrets, mode 0600."""
    monkeypatch.setenv("CRM_HEALTH_STATE", str(tmp_path / "state" / "x.db"))

    def fail() -> None:
        customer = "Very Private Customer"
        raise ValueError(f"Bearer abcdefghijkl {len(customer)}")

    assert boundary.run(click.Command("x", callback=fail), []) == 1
    (path,) = (tmp_path / "state").iterdir()
    said = capsys.readouterr().err
    assert str(path) in said
    assert "Traceback" not in said
    text = path.read_text()
    assert "in fail" in text
    assert "abcdefghijkl" not in text
    assert "Private Customer\n" not in text.replace('"Very Private Customer"\n', "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_text_from_outside_does_not_command_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Escape sequences and secrets in a message are spelled out or hidden."""
    boundary.run(_failing(errors.Unavailable("a\x1b[2J Bearer abcdefghijkl")), [])
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "abcdefghijkl" not in said


def test_the_answer_of_a_command_is_the_exit_code() -> None:
    """A command returns its code; one that returns nothing ended well."""
    assert boundary.run(click.Command("x", callback=lambda: 3), []) == 3
    assert boundary.run(click.Command("x", callback=lambda: None), []) == 0
