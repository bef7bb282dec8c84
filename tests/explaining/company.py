"""The demo's company in a sandbox, set up and synced, and the command line on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from connectors.sandbox.crms import CRMS
from connectors.sandbox.demo_worker import Worker
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.story import build_story

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ACCOUNTS, CUSTOMERS = 400, 300


@dataclass(frozen=True)
class Shell:
    """Runs crm-health in processes of its own."""

    variables: Mapping[str, str]
    folder: Path

    def __call__(self, *words: str) -> str:
        """What a command prints on stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "crm_health", *words],
            env=self.variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 4):
            raise RuntimeError(f"crm-health {' '.join(words)}: {done.stderr}")
        return done.stdout


@contextmanager
def synced(
    folder: Path, crm: str = "salesforce", accounts: int = ACCOUNTS, customers: int = CUSTOMERS
) -> Iterator[Shell]:
    """The company after its first sync; what a guard holds is approved."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRM_HEALTH_", "DATABASE_"))}
    with Sandbox.start(now=NOW, frozen=True) as box:
        story = build_story(seed=1, accounts=accounts, customers=customers, now=NOW)
        made = CRMS[crm]
        # Nobody waits for an allowance here.
        box.hubspot.settings(limits=False)
        made.load(box, story)
        worker = Worker(made.variables(box.url), folder / "state" / "demo.db")
        root = str(Path(__file__).parents[2])
        shell = Shell({**clean, **worker.variables, "PYTHONPATH": root}, folder)
        shell("setup")
        result = orjson.loads(shell("sync", "--json"))
        if result["stops"]:
            shell("sync", "--approve", result["run"])
        yield shell
