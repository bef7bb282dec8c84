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

from connectors.sandbox.handle import environment

#: What a command may take before the demo gives up on it, in seconds.
_TIMEOUT = 600


class Worker:
    """The crm-health of the demo: its own state file, config folder and org."""

    def __init__(self, url: str, state: Path, config: Path | None = None) -> None:
        admin = environment(url, "sandbox-admin")
        self.variables = {
            **environment(url),
            "CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID": admin["CRM_HEALTH_SALESFORCE_CLIENT_ID"],
            "CRM_HEALTH_SALESFORCE_SETUP_CLIENT_SECRET": admin[
                "CRM_HEALTH_SALESFORCE_CLIENT_SECRET"
            ],
            "CRM_HEALTH_STATE": str(state),
        }
        if config is not None:
            self.variables["CRM_HEALTH_CONFIG"] = str(config)
        # What the caller has set for a real org must not reach the demo's.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CRM_HEALTH_")}
        self._environment = {**clean, **self.variables}

    def json(self, *words: str) -> Any:
        """Run a command with `--json`; its answer.

        Raises:
            click.ClickException: it failed; its own words are shown.
        """
        # On a terminal the command shows its own progress there.
        shown = sys.stderr.isatty()
        done = subprocess.run(
            [sys.executable, "-m", "crm_health", *words, "--json"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or b"").decode(errors="replace").strip()
            raise click.ClickException(
                f"crm-health {' '.join(words)} ended with {done.returncode}. {said}".rstrip()
            )
        return json.loads(done.stdout)


def exports(variables: Mapping[str, str]) -> list[str]:
    """Lines for a shell."""
    return [f"export {name}={value}" for name, value in variables.items()]
