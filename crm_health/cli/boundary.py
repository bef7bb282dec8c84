"""Where errors end: one message on stderr, and the documented exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from crm_health import errors, settings
from crm_health.logs import printable, redact

INTERRUPTED = 130

#: What to do next, for errors whose message does not name a command.
_NEXT: tuple[tuple[type[errors.CrmHealthError], str], ...] = (
    (errors.WrongOrgError, "point CRM_HEALTH_STATE or the login at the right org."),
    (errors.ConfigError, "mend the configuration or the environment, then run the command again."),
    (errors.SetupError, "put that right, then run `crm-health setup`: it makes what is missing."),
    (errors.AuthError, "mend the login or the user's rights, then run the command again."),
    (errors.QuotaExhausted, "run `crm-health sync` again when calls are left."),
    (errors.Unavailable, "run the same command again later."),
    (
        errors.LocalIOError,
        "mind the space on the disk and its rights, then run it again.",
    ),
    (errors.BrokenInvariant, "please report this, with the number of the run."),
)


def run(command: click.Command, argv: Sequence[str] | None) -> int:
    """Run a command line; returns its exit code, whatever happens."""
    args = list(argv) if argv is not None else None
    try:
        code = command.main(args=args, prog_name="crm-health", standalone_mode=False)
    except errors.CrmHealthError as error:
        _say(message(error))
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted. What was written stays; the next sync does the rest.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away, e.g. `| head`; the interpreter must not try again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost boundary: nothing may pass unsaid
        _say(
            f"An unexpected error ({type(error).__name__}) ended this command. What was written "
            "before it is on record: `crm-health runs list` shows it, and the next sync does the "
            f"rest. For a report: {_debug_file(error)}"
        )
        return 1
    return code if isinstance(code, int) else 0


def message(error: errors.CrmHealthError) -> str:
    """An expected error in full: what, where, what was written, what to do next, its code."""
    text = error.message.rstrip()
    if error.code:
        text += f" ({error.code})"
    lines = [text, *getattr(error, "__notes__", ())]
    if "`crm-health" not in text:
        step = next((step for kind, step in _NEXT if isinstance(error, kind)), None)
        if step:
            lines.append(f"Next: {step}")
    return "\n".join(lines)


def _say(text: str) -> None:
    lines = (printable(redact(line)) for line in text.splitlines())
    click.echo("\n".join(lines), err=True)


def _debug_file(error: Exception) -> Path:
    """Where the traceback was put: frames and messages, never the values of variables."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"error-{stamp}-{os.getpid()}.txt"
    text = redact("".join(traceback.format_exception(error)))
    try:
        folder = settings.load().state_path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _private(folder / name, text)
    except (OSError, errors.ConfigError):
        return _private(Path(tempfile.mkdtemp(prefix="crm-health-")) / name, text)


def _private(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as opened:
        opened.write(text)
    return path
