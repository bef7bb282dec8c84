"""Runs crm-health as an admin would: one process a command, settings in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from connectors.sandbox.demo_text import Screen

#: What a command may take before the demo gives up on it, in seconds.
_TIMEOUT = 600
#: Exit code of a plan that waits for approval.
_HELD = 4
#: Stands for the id of a run, which is another one each time.
_ID = "RUN_ID"


class Worker:
    """The crm-health of the demo: its own state file, config folder and org."""

    def __init__(
        self, variables: Mapping[str, str], state: Path, config: Path | None = None
    ) -> None:
        """`variables` point at the org, with the rights that setup needs."""
        self.variables = {**variables, "CRM_HEALTH_STATE": str(state)}
        if config is not None:
            self.variables["CRM_HEALTH_CONFIG"] = str(config)
        # What the caller has set for a real org must not reach the demo's.
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("CRM_HEALTH_", "DATABASE_URL"))
        }
        self._environment = {**clean, **self.variables}

    def sync(self, screen: Screen) -> dict[str, Any]:
        """Sync as a person would: a plan that a guard holds is read, then approved."""
        screen.command("crm-health sync")
        result: dict[str, Any] = self.json("sync")
        if result["exit"] == _HELD:
            for stop in result["stops"]:
                screen.say(f"A guard holds the plan: {stop}.")
            screen.command(f"crm-health sync --approve {_ID}")
            result = self.json("sync", "--approve", result["run"])
        return result

    def json(self, *words: str) -> Any:
        """Run a command with `--json`; its answer.

        Raises:
            click.ClickException: it failed; its own words are shown.
        """
        # On a terminal the command shows its own progress there.
        shown = sys.stderr.isatty()
        done = subprocess.run(  # noqa: S603 - this Python, and words of the demo itself
            [sys.executable, "-m", "crm_health", *words, "--json"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode not in (0, _HELD):
            said = (done.stderr or b"").decode(errors="replace").strip()
            raise click.ClickException(
                f"crm-health {' '.join(words)} ended with {done.returncode}. {said}".rstrip()
            )
        return json.loads(done.stdout)


def exports(variables: Mapping[str, str]) -> list[str]:
    """Lines for a shell."""
    return [f"export {name}={value}" for name, value in variables.items()]
