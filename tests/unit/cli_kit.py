"""The command line in this process, on a sandbox with a small company."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import databases
import pytest

from connectors.sandbox.handle import Sandbox, environment
from connectors.sandbox.story import Story, build_story
from crm_health.cli import boundary, cli
from crm_health.cli import context as contexts

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SALESFORCE = EntryPoint("salesforce", "connectors.salesforce", contexts.GROUP)


@dataclass(frozen=True)
class Said:
    """A command that ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its answer, where it was asked for JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs commands as `crm-health` would."""

    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    state: Path

    def __call__(self, *words: str, **variables: str) -> Said:
        """One command with these variables beside those of the fixture."""
        with self.patch.context() as patch:
            for name, value in variables.items():
                patch.setenv(f"CRM_HEALTH_{name}", value)
            self.capture.readouterr()
            code = boundary.run(cli, list(words))
        done = self.capture.readouterr()
        return Said(code, done.out, done.err)


def clean(patch: pytest.MonkeyPatch, state: Path, more: Mapping[str, str] | None = None) -> None:
    """Nothing of this machine's settings, and the connector as if it were installed."""
    for name in [n for n in os.environ if n.startswith(("CRM_HEALTH_", "DATABASE_URL"))]:
        patch.delenv(name)
    for name, value in databases.environment(state).items():
        patch.setenv(name, value)
    patch.setenv("NO_COLOR", "1")
    for name, value in (more or {}).items():
        patch.setenv(name, value)
    patch.setattr(contexts, "entry_points", lambda group: [SALESFORCE])


def company(box: Sandbox) -> Story:
    """Twenty-eight accounts, twenty-one of them customers, in a sandbox."""
    story = build_story(seed=3, accounts=28, customers=21, now=NOW)
    box.load(story.records)
    return story


def variables(box: Sandbox) -> dict[str, str]:
    """Credentials for sync and setup."""
    prefix = "CRM_HEALTH_SALESFORCE_"
    return {
        **environment(box.url),
        f"{prefix}SETUP_CLIENT_ID": "sandbox-admin",
        f"{prefix}SETUP_CLIENT_SECRET": "sandbox-admin",
    }
